package chrome

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
)

// DefaultMaxEvent is the length of the longest event that a Reader accepts, in bytes. Real events with pictures in
// them reach a few MiB.
const DefaultMaxEvent = 16 << 20

const firstBuffer = 256 << 10

// Reader reads Chrome trace events as JSON, in the array or the object container. It scans the text itself, one event
// at a time; its memory is bounded by the longest event, the number of distinct tracks, and a cache of strings.
//
// An array may end anywhere between two events. Events that are valid JSON but make no sense, such as a slice without
// a time, are skipped and counted; where the text isn't JSON, reading ends.
type Reader struct {
	// MaxEvent bounds the length of an event in bytes. 0 means DefaultMaxEvent.
	MaxEvent int

	in      io.Reader
	inErr   error // from in; io.EOF at its end
	buf     []byte
	pos     int   // buf[:pos] is done with
	offset  int64 // of buf[0] in the input
	err     error
	state   state
	inside  bool // the array is a member of the object container
	seen    bool // the object had "traceEvents"
	events  int64
	phased  bool // an event had a phase
	strange bool // one had none
	losses  tracefmt.Losses

	parser parser
	raw    rawEvent
	queue  []tracefmt.Event // what Next returns before it reads on
	queued int              // how many of them are returned already

	tracks trackTable
	unix   int64 // the anchor, if anchored
	anchor bool
	timed  bool
}

type state uint8

const (
	atStart state = iota
	inArray
	inObject
	atEnd
)

// NewReader returns a Reader of in.
func NewReader(in io.Reader) *Reader {
	r := &Reader{in: in}
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

// step reads on by one event or one member of the object container.
func (r *Reader) step() error {
	c, err := r.peek()
	switch r.state {
	case atStart:
		return r.start(c, err)
	case inArray:
		if err == io.EOF && !r.inside {
			return r.end() // its "]" is optional
		}
		return r.element(c, err)
	case inObject:
		return r.member(c, err)
	}
	if err == io.EOF {
		return r.end()
	}
	if err != nil {
		return r.failed(err)
	}
	return r.syntax(0, r.pos, fmt.Errorf("more text after the end of the trace"))
}

// end returns io.EOF, unless the input was an array of something else, such as Zipkin's spans.
func (r *Reader) end() error {
	if r.strange && !r.phased {
		return r.syntax(0, r.pos, fmt.Errorf("no trace events in it: none has a phase (\"ph\")"))
	}
	return io.EOF
}

// start reads the beginning of the container.
func (r *Reader) start(c byte, err error) error {
	if bom := []byte("\ufeff"); err == nil && c == bom[0] && r.fill(len(bom)) && bytes.HasPrefix(r.buf[r.pos:], bom) {
		r.pos += len(bom)
		c, err = r.peek()
	}
	switch {
	case err != nil:
		return r.failed(err)
	case c == '[':
		r.state = inArray
	case c == '{':
		r.state = inObject
	default:
		return r.syntax(0, r.pos, fmt.Errorf("unexpected %q: neither an array nor an object", c))
	}
	r.pos++
	return nil
}

// element reads an element of the array of events.
func (r *Reader) element(c byte, err error) error {
	switch {
	case err != nil:
		return r.failed(err)
	case c == ',': // trailing ones are common
		r.pos++
		return nil
	case c == ']':
		r.pos++
		r.state = atEnd
		if r.inside {
			r.state = inObject
		}
		return nil
	}
	r.events++
	n, err := r.whole(func(b []byte) (int, error) {
		if c == '{' {
			return r.raw.parse(b, &r.parser)
		}
		return jsontext.ScanValue(b, 0, 0)
	})
	if err != nil {
		return err
	}
	at := r.pos
	r.pos += n
	if c != '{' {
		r.losses.AddAt("array element that isn't an event", r.offset+int64(at))
		return nil
	}
	r.convert(r.offset + int64(at))
	return nil
}

// member reads a member of the object container.
func (r *Reader) member(c byte, err error) error {
	switch {
	case err != nil:
		return r.failed(err)
	case c == ',':
		r.pos++
		return nil
	case c == '}':
		r.pos++
		r.state = atEnd
		if !r.seen {
			return r.syntax(0, r.pos-1, fmt.Errorf("no \"traceEvents\" in it"))
		}
		return nil
	}
	var key string
	n, err := r.whole(func(b []byte) (int, error) {
		from, to, value, err := jsontext.ScanKey(b, 0)
		if err == nil {
			key = string(jsontext.AppendDecoded(nil, b[from:to]))
		}
		return value, err
	})
	if err != nil {
		return err
	}
	at := r.offset + int64(r.pos)
	r.pos += n
	if key == "traceEvents" && r.buf[r.pos] == '[' {
		r.seen, r.inside, r.state = true, true, inArray
		r.pos++
		return nil
	}
	empty, err := r.skip()
	if what := lostKeys[key]; what != "" && !empty {
		r.losses.AddAt(what, at)
	} else if !empty && !quietKeys[key] {
		r.losses.AddAt("remark about the file ("+fmt.Sprintf("%.40q", key)+")", at)
	}
	if key == "traceEvents" {
		r.seen = true
	}
	return err
}

// whole calls scan with the bytes at r.pos, again with more of them until it doesn't return jsontext.ErrShort.
func (r *Reader) whole(scan func([]byte) (int, error)) (n int, err error) {
	for {
		n, err = scan(r.buf[r.pos:])
		if err == nil {
			return n, nil
		}
		if badText, isBad := err.(*jsontext.Bad); isBad {
			return 0, r.syntax(r.events, r.pos+badText.At, badText)
		}
		limit := r.MaxEvent
		if limit <= 0 {
			limit = DefaultMaxEvent
		}
		if have := len(r.buf) - r.pos; have >= limit {
			return 0, r.syntax(r.events, r.pos, fmt.Errorf("longer than %d bytes", limit))
		}
		if err := r.more(); err != nil {
			return 0, r.failed(err)
		}
	}
}

// skip reads over a value of any size, without looking at it closely, and reports whether it is empty: "", [], {},
// null, false or 0.
func (r *Reader) skip() (empty bool, err error) {
	depth, length := 0, 0
	inString, escaped := false, false
	for {
		for ; r.pos < len(r.buf); r.pos++ {
			c := r.buf[r.pos]
			switch {
			case escaped:
				escaped = false
			case inString:
				escaped = c == '\\'
				if c == '"' {
					if inString = false; depth == 0 {
						r.pos++
						return length == 1, nil
					}
				}
			case c == '"':
				inString = true
			case c == '{' || c == '[':
				depth++
			case c == '}' || c == ']':
				if depth == 0 { // the container's own, after a number or word
					return length <= 5, nil
				}
				if depth--; depth == 0 {
					r.pos++
					return length == 1, nil
				}
			case c == ',' && depth == 0:
				return length <= 5, nil
			case jsontext.IsSpace(c):
				continue
			}
			length++
		}
		if err := r.more(); err != nil {
			return false, r.failed(err)
		}
	}
}

// peek skips white space and returns the next byte without taking it.
func (r *Reader) peek() (byte, error) {
	for {
		r.pos = jsontext.SkipSpace(r.buf, r.pos)
		if r.pos < len(r.buf) {
			return r.buf[r.pos], nil
		}
		if err := r.more(); err != nil {
			return 0, err
		}
	}
}

// fill tries to have n bytes at r.pos, and reports whether there are.
func (r *Reader) fill(n int) bool {
	for len(r.buf)-r.pos < n {
		if r.more() != nil {
			return false
		}
	}
	return true
}

// more reads more bytes, at least up to where an event can end, so that input in tiny pieces isn't scanned again for
// each. It returns the input's error only if there are no new bytes.
func (r *Reader) more() error {
	if r.inErr != nil {
		return r.inErr
	}
	if r.pos > 0 {
		r.offset += int64(r.pos)
		r.buf = r.buf[:copy(r.buf, r.buf[r.pos:])]
		r.pos = 0
	}
	if len(r.buf) == cap(r.buf) {
		grown := make([]byte, len(r.buf), max(firstBuffer, 2*cap(r.buf)))
		copy(grown, r.buf)
		r.buf = grown
	}
	pending := len(r.buf)
	for idle := 0; len(r.buf) < cap(r.buf); idle++ {
		n, err := r.in.Read(r.buf[len(r.buf):cap(r.buf)])
		fresh := r.buf[len(r.buf) : len(r.buf)+n]
		r.buf = r.buf[:len(r.buf)+n]
		if err != nil {
			r.inErr = err
			break
		}
		if pending == 0 && n > 0 || bytes.IndexByte(fresh, '}') >= 0 {
			break
		}
		if n > 0 {
			idle = 0
		} else if idle > 100 {
			r.inErr = io.ErrNoProgress
			break
		}
	}
	if len(r.buf) == pending && r.inErr != nil {
		return r.inErr
	}
	return nil
}

// failed turns the input's error at a place where more is needed into ours.
func (r *Reader) failed(err error) error {
	if err == io.EOF {
		err = tracefmt.ErrTruncated
	}
	if errors.Is(err, tracefmt.ErrTruncated) {
		number := int64(0)
		if r.state == inArray {
			number = r.events
		}
		return r.syntax(number, len(r.buf), err)
	}
	return fmt.Errorf("read chrome trace: at byte %d: %w", r.offset+int64(len(r.buf)), err)
}

// syntax returns an error at an index of the buffer.
func (r *Reader) syntax(event int64, at int, err error) error {
	return &tracefmt.SyntaxError{Format: Format.Name, Event: event, Offset: r.offset + int64(at), Err: err}
}
