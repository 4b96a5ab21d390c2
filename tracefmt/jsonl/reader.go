package jsonl

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
)

// DefaultMaxLine is the length of the longest line that a Reader accepts, in bytes.
const DefaultMaxLine = 16 << 20

// Reader reads JSON lines. Its memory is bounded by the longest line, by the number of processes and tracks, and by a
// cache of strings.
type Reader struct {
	// MaxLine bounds the length of a line in bytes. 0 means DefaultMaxLine.
	MaxLine int

	in      *bufio.Reader
	long    []byte // a line that doesn't fit into in
	offset  int64  // of what follows the line
	lines   int64
	err     error
	losses  tracefmt.Losses
	decoder jsontext.Decoder

	line    line
	queue   []tracefmt.Event // what Next returns before it reads on
	queued  int              // how many of them are returned already
	settled bool             // it is known on which clock times are
	shift   int64            // what makes a time since 1970 one on the trace's own clock
	tracks  map[ident]tracefmt.TrackID
	process ident // the last one, and its track
	current tracefmt.TrackID
	track   ident
	now     tracefmt.TrackID
}

// ident is what tells a process or track from all others.
type ident struct {
	process string
	pid     tracefmt.Value
	isTrack bool
	track   string
	tid     tracefmt.Value
}

// NewReader returns a Reader of in.
func NewReader(in io.Reader) *Reader {
	return &Reader{in: bufio.NewReaderSize(in, 64<<10), tracks: make(map[ident]tracefmt.TrackID)}
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

// step reads a line.
func (r *Reader) step() error {
	at := r.offset
	text, err := r.readLine()
	r.offset += int64(len(text))
	if err != nil && (err != io.EOF || len(text) == 0) {
		return r.failed(at, err)
	}
	if at == 0 {
		if bom := []byte("\ufeff"); bytes.HasPrefix(text, bom) {
			text, at = text[len(bom):], int64(len(bom))
		}
	}
	begin := jsontext.SkipSpace(text, 0)
	if begin == len(text) {
		return nil
	}
	r.lines++
	switch n, parseErr := r.line.parse(text, begin, &r.decoder); {
	case parseErr == jsontext.ErrShort && err == io.EOF:
		return r.syntax(r.offset, tracefmt.ErrTruncated)
	case parseErr == jsontext.ErrShort:
		return r.syntax(at+int64(begin), errors.New("the line ends inside of its object"))
	case parseErr != nil:
		bad := 0
		if b, ok := errors.AsType[*jsontext.Bad](parseErr); ok {
			bad = b.At
		}
		return r.syntax(at+int64(bad), parseErr)
	case jsontext.SkipSpace(text, n) < len(text):
		return r.syntax(at+int64(n), errors.New("more text after the object"))
	}
	r.convert(at + int64(begin))
	return nil
}

// readLine returns the next line with its line feed, which it lacks with io.EOF.
func (r *Reader) readLine() ([]byte, error) {
	text, err := r.in.ReadSlice('\n')
	if err != bufio.ErrBufferFull {
		return text, err
	}
	limit := r.MaxLine
	if limit <= 0 {
		limit = DefaultMaxLine
	}
	r.long = append(r.long[:0], text...)
	for err == bufio.ErrBufferFull {
		if len(r.long) > limit {
			return nil, r.syntax(r.offset, fmt.Errorf("longer than %d bytes", limit))
		}
		text, err = r.in.ReadSlice('\n')
		r.long = append(r.long, text...)
	}
	text = r.long
	if cap(r.long) > 1<<20 { // a rare one, whose memory isn't kept
		r.long = nil
	}
	return text, err
}

// failed words an error of the input, at a place where a line began.
func (r *Reader) failed(at int64, err error) error {
	_, isSyntax := errors.AsType[*tracefmt.SyntaxError](err)
	switch {
	case err == io.EOF || isSyntax:
		return err
	case errors.Is(err, tracefmt.ErrTruncated):
		return r.syntax(r.offset, err)
	}
	return fmt.Errorf("read jsonl trace: line at byte %d: %w", at, err)
}

func (r *Reader) syntax(offset int64, err error) error {
	return &tracefmt.SyntaxError{Format: Format.Name, Event: r.lines, Offset: offset, Err: err}
}
