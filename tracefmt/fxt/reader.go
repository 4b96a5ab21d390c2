package fxt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/intern"
)

// Limits of what an input can make the Reader hold.
const (
	maxProviders = 1 << 8
	maxTracks    = 1 << 20
	maxNames     = 1 << 16 // of threads of which it isn't known what process they are of
	maxExtra     = 64 << 20
)

const (
	bufferSize = 64 << 10 // twice the longest record
	maxIdle    = 100      // reads without a byte
)

// Reader reads a Fuchsia trace. Its memory is bounded by the number of tracks and by the tables of strings and threads
// that each provider of the trace has.
//
// Records say how long they are, so that one which is malformed inside is skipped and counted. Reading ends at a record
// without a length, and where the input stops.
type Reader struct {
	in      io.Reader
	inErr   error // from in; io.EOF at its end
	buf     []byte
	pos     int   // buf[:pos] is done with
	offset  int64 // of buf[0] in the input
	err     error
	records int64
	losses  tracefmt.Losses

	queue  []tracefmt.Event // what Next returns before it reads on
	queued int              // how many of them are returned already

	providers map[uint32]*provider
	current   *provider
	tracks    trackTable
	last      int64 // the latest time

	at       int64           // where the current record begins
	attrs    []tracefmt.Attr // of the current record
	own      ownArgs         // of the current record
	extra    []byte          // for the record that follows
	hasExtra bool
	strings  intern.Strings
	digits   []byte
}

// NewReader returns a Reader of in.
func NewReader(in io.Reader) *Reader {
	r := &Reader{in: in, providers: make(map[uint32]*provider)}
	r.current = newProvider()
	r.providers[0] = r.current // that of a trace that names none
	r.tracks.init()
	return r
}

// Losses returns what had to be skipped so far.
func (r *Reader) Losses() []tracefmt.Loss { return r.losses.List() }

// Next returns the next event.
func (r *Reader) Next() (*tracefmt.Event, error) {
	for {
		if r.queued < len(r.queue) {
			r.queued++
			return &r.queue[r.queued-1], nil
		}
		if r.err != nil {
			return nil, r.err
		}
		r.queue, r.queued = r.queue[:0], 0
		r.err = r.step()
	}
}

// step reads the next record ("Record header", "Large record header").
func (r *Reader) step() error {
	if err := r.fill(wordSize); err != nil {
		return r.ended(err)
	}
	r.records++
	r.at = r.offset + int64(r.pos)
	header := binary.LittleEndian.Uint64(r.buf[r.pos:])
	if r.records == 1 {
		if err := r.first(header); err != nil {
			return err
		}
	}
	if header&15 == recordLarge {
		return r.large(int64(header >> 4 & (1<<32 - 1)))
	}
	words := int(header >> 4 & maxWords)
	if words == 0 {
		return r.syntax(r.at, errors.New("a record without a length"))
	}
	if err := r.fill(words * wordSize); err != nil {
		return r.failed(err)
	}
	record := r.buf[r.pos : r.pos+words*wordSize]
	r.pos += words * wordSize
	r.record(header, cursor{b: record, pos: wordSize})
	return nil
}

// ended returns what the end of the input between two records means.
func (r *Reader) ended(err error) error {
	if err == io.EOF && r.pos == len(r.buf) && r.records > 0 && !r.hasExtra {
		return io.EOF
	}
	return r.failed(err)
}

// first looks at the first record. Producers of before 2020 wrote no magic number.
func (r *Reader) first(header uint64) error {
	switch kind := header & 15; {
	case header == magic:
		return nil
	case header == swapped:
		return r.syntax(r.at, errors.New("a big-endian trace, which isn't read"))
	case kind != recordMetadata && kind != recordInit || header>>4&maxWords == 0:
		return r.syntax(r.at, errors.New("neither the magic number of a trace nor metadata"))
	}
	return nil
}

// large skips a large record, whose length has 32 bits.
func (r *Reader) large(words int64) error {
	if words == 0 {
		return r.syntax(r.at, errors.New("a large record without a length"))
	}
	r.losses.AddAt("large record", r.at)
	for left := words * wordSize; ; {
		n := min(left, int64(len(r.buf)-r.pos))
		r.pos += int(n)
		if left -= n; left == 0 {
			return nil
		}
		if err := r.more(); err != nil {
			return r.failed(err)
		}
	}
}

// fill sees to it that n bytes are there at r.pos.
func (r *Reader) fill(n int) error {
	for len(r.buf)-r.pos < n {
		if err := r.more(); err != nil {
			return err
		}
	}
	return nil
}

// more reads more bytes behind those that aren't done with. It returns the input's error if there are none.
func (r *Reader) more() error {
	if r.pos > 0 {
		r.offset += int64(r.pos)
		r.buf = r.buf[:copy(r.buf, r.buf[r.pos:])]
		r.pos = 0
	}
	if r.buf == nil {
		r.buf = make([]byte, 0, bufferSize)
	}
	for range maxIdle {
		if r.inErr != nil {
			return r.inErr
		}
		var n int
		n, r.inErr = r.in.Read(r.buf[len(r.buf):cap(r.buf)])
		if r.buf = r.buf[:len(r.buf)+n]; n > 0 {
			return nil
		}
	}
	r.inErr = io.ErrNoProgress
	return r.inErr
}

// failed turns the input's error at a place where more is needed into ours.
func (r *Reader) failed(err error) error {
	end := r.offset + int64(len(r.buf))
	if err == io.EOF {
		err = tracefmt.ErrTruncated
	}
	if errors.Is(err, tracefmt.ErrTruncated) {
		return r.syntax(end, err)
	}
	return fmt.Errorf("read fxt trace: at byte %d: %w", end, err)
}

func (r *Reader) syntax(offset int64, err error) error {
	return &tracefmt.SyntaxError{Format: Format.Name, Event: r.records, Offset: offset, Err: err}
}

// emit adds an event to the queue. It is valid until the next is added.
func (r *Reader) emit(kind tracefmt.Kind, track tracefmt.TrackID) *tracefmt.Event {
	if len(r.queue) < cap(r.queue) {
		r.queue = r.queue[:len(r.queue)+1]
	} else {
		r.queue = append(r.queue, tracefmt.Event{})
	}
	e := &r.queue[len(r.queue)-1]
	e.Reset()
	e.Kind, e.Track = kind, track
	return e
}

// skip counts a record that can't be used.
func (r *Reader) skip(what string) {
	r.losses.AddAt(what, r.at)
	r.dropExtra()
}

func (r *Reader) dropExtra() { r.extra, r.hasExtra = r.extra[:0], false }
