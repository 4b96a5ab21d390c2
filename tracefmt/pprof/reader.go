package pprof

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/google/pprof/profile"
	"github.com/spanstack/spanstack/tracefmt"
	"google.golang.org/protobuf/encoding/protowire"
)

// DefaultMaxSize is the size of the largest profile that a Reader takes in, unpacked, in bytes. In memory it becomes
// several times as large.
const DefaultMaxSize = 256 << 20

// Reader reads a profile: protobuf, packed with gzip or not, or one of pprof's older formats. It holds the whole profile
// in memory.
type Reader struct {
	// MaxSize bounds the size of the profile in bytes, unpacked. 0 means DefaultMaxSize.
	MaxSize int64

	in     io.Reader
	err    error
	losses tracefmt.Losses

	profile *profile.Profile
	next    int      // the sample that comes next
	value   int      // the index of the value that is read
	unit    int64    // ns
	tracks  trackSet // that samples are on, by their labels
	queue   []tracefmt.Event
	queued  int // how many of them are returned already
}

// NewReader returns a Reader of in.
func NewReader(in io.Reader) *Reader { return &Reader{in: in} }

// Losses returns what had to be skipped so far.
func (r *Reader) Losses() []tracefmt.Loss { return r.losses.List() }

// Next returns the next event. The slices of a sample have the same start, from the outermost to the innermost.
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
		switch {
		case r.profile == nil:
			r.err = r.load()
		case r.next == len(r.profile.Sample):
			r.profile.Sample, r.next = nil, 0
			r.err = io.EOF
		default:
			r.next++
			r.sample(r.profile.Sample[r.next-1])
		}
	}
}

// load reads the whole input.
func (r *Reader) load() error {
	data, size, err := r.content()
	if err != nil {
		return err
	}
	if len(data) == 0 {
		return r.syntax(size, tracefmt.ErrTruncated)
	}
	if isProtobuf(data) {
		if at, err := checkFields(data); err != nil {
			return r.syntax(at, err)
		}
	}
	p, err := profile.ParseData(data)
	if err != nil && isProtobuf(data) {
		// Its fields are whole, but refer to others that aren't there: strings come last, so they are cut off first.
		return r.syntax(size, fmt.Errorf("%w, or broken: %w", tracefmt.ErrTruncated, err))
	}
	if err != nil {
		return r.syntax(0, err)
	}
	r.profile = p
	return r.start()
}

// content returns the unpacked input, and how many bytes were read of it.
func (r *Reader) content() (data []byte, size int64, err error) {
	limit := r.MaxSize
	if limit <= 0 {
		limit = DefaultMaxSize
	}
	counted := &counter{in: r.in}
	in := bufio.NewReader(counted)
	var content io.Reader = in
	if magic, _ := in.Peek(2); len(magic) > 0 && bytes.HasPrefix([]byte("\x1f\x8b"), magic) {
		if content, err = gzip.NewReader(in); err != nil {
			return nil, 0, r.failed(counted.n, err)
		}
	}
	data, err = io.ReadAll(io.LimitReader(content, limit+1))
	if err != nil {
		return nil, 0, r.failed(counted.n, err)
	}
	if int64(len(data)) > limit {
		return nil, 0, r.syntax(limit, fmt.Errorf("larger than %d bytes, which is too large for memory", limit))
	}
	return data, counted.n, nil
}

// counter counts the bytes that are read.
type counter struct {
	in io.Reader
	n  int64
}

func (c *counter) Read(p []byte) (n int, err error) {
	n, err = c.in.Read(p)
	c.n += int64(n)
	return n, err
}

// failed turns the input's error into ours.
func (r *Reader) failed(offset int64, err error) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF) || err == io.EOF:
		return r.syntax(offset, tracefmt.ErrTruncated)
	case errors.Is(err, tracefmt.ErrTruncated) || errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum):
		return r.syntax(offset, err)
	}
	return fmt.Errorf("read profile: at byte %d: %w", offset, err)
}

func (r *Reader) syntax(offset int64, err error) error {
	return &tracefmt.SyntaxError{Format: Format.Name, Offset: offset, Err: err}
}

// checkFields looks for the place where a message is cut off, or isn't one.
func checkFields(data []byte) (at int64, err error) {
	for rest := data; len(rest) > 0; {
		_, _, n := protowire.ConsumeField(rest)
		switch {
		case n >= 0:
			rest = rest[n:]
		case errors.Is(protowire.ParseError(n), io.ErrUnexpectedEOF):
			return int64(len(data)), tracefmt.ErrTruncated
		default:
			return int64(len(data) - len(rest)), errors.New("no field of a protobuf message")
		}
	}
	return 0, nil
}

// start declares what the samples are of, and chooses the value that is read.
func (r *Reader) start() error {
	p := r.profile
	if len(p.SampleType) == 0 {
		return r.syntax(0, errors.New("a profile without sample types"))
	}
	r.value, _ = p.SampleIndexByName("") // no error for the default
	t := p.SampleType[r.value]
	var isTime bool
	if r.unit, isTime = units[t.Unit]; !isTime {
		r.unit = 1
		r.losses.Add(fmt.Sprintf("values in %q, read as if they were nanoseconds", t.Unit))
	}
	for i, other := range p.SampleType {
		if i != r.value {
			r.losses.Add(fmt.Sprintf("values of the type %q, beside those of %q", other.Type, t.Type))
		}
	}
	if p.TimeNanos != 0 {
		r.emit(tracefmt.Clock, 0).Unix = p.TimeNanos
	}
	return nil
}

// sample turns a sample into a tower of slices.
func (r *Reader) sample(s *profile.Sample) {
	v := s.Value[r.value]
	switch {
	case v == 0:
		return // it has values of other types
	case v < 0:
		r.losses.Add("sample with a negative value, as in the difference of two profiles")
		return
	case len(s.Location) == 0:
		r.losses.Add("sample without a stack")
		return
	}
	id := r.place(s)
	t := r.tracks.list[id-1]
	if v > (math.MaxInt64-t.time)/r.unit {
		r.losses.Add("sample beyond 64 bits of nanoseconds")
		return
	}
	for i := len(s.Location) - 1; i >= 0; i-- { // the innermost comes first, in lines, too
		l := s.Location[i]
		for j := len(l.Line) - 1; j >= 0; j-- {
			r.slice(id, t.time, v*r.unit).Name = functionName(l, l.Line[j].Function)
		}
		if len(l.Line) == 0 {
			r.slice(id, t.time, v*r.unit).Name = functionName(l, nil)
		}
	}
	t.time += v * r.unit
}

func (r *Reader) slice(track tracefmt.TrackID, start, dur int64) *tracefmt.Event {
	e := r.emit(tracefmt.Complete, track)
	e.Time, e.Dur = start, dur
	return e
}

// functionName returns a frame's name, or its address if that is all that is known.
func functionName(l *profile.Location, f *profile.Function) string {
	if f != nil {
		if name := cmp.Or(f.Name, f.SystemName); name != "" {
			return name
		}
	}
	return "0x" + strconv.FormatUint(l.Address, 16)
}

// emit adds an event to the queue. It is valid until the next is added.
func (r *Reader) emit(kind tracefmt.Kind, track tracefmt.TrackID) *tracefmt.Event {
	r.queue = append(r.queue, tracefmt.Event{Kind: kind, Track: track})
	return &r.queue[len(r.queue)-1]
}
