package spill

import (
	"encoding/binary"
	"io"
	"iter"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/intern"
)

// Tape is a list of events in a temporary file. It is written by one goroutine. When that is done, several may read it.
type Tape struct {
	c     Config
	texts *Texts
	f     *file
	buf   []byte
}

// NewTape returns an empty Tape, whose texts are numbered together with those of others.
func NewTape(c Config, texts *Texts) (*Tape, error) {
	f, err := create(c)
	if err != nil {
		return nil, err
	}
	return &Tape{c: c, texts: texts, f: f}, nil
}

// Add adds an event with a number, which isn't negative. Nothing of it is kept.
func (t *Tape) Add(e *tracefmt.Event, number int64) error {
	t.buf = t.texts.appendEvent(t.buf[:0], e, number)
	return t.f.record(t.buf)
}

// record writes bytes with their number before them.
func (s *file) record(p []byte) error {
	var head [binary.MaxVarintLen64]byte
	if err := s.write(head[:binary.PutUvarint(head[:], uint64(len(p)))]); err != nil {
		return err
	}
	return s.write(p)
}

// Len returns the place at which the next event will be.
func (t *Tape) Len() int64 { return t.f.size }

// Close removes the file. A nil Tape has none.
func (t *Tape) Close() {
	if t != nil {
		t.f.close()
	}
}

// Read returns a Cursor over the events from one place to another. What was added before has to be flushed.
func (t *Tape) Read(from, to int64) *Cursor {
	return newCursor(t.c, t.f, t.texts, new(intern.Strings), from, to)
}

// Flush makes what was added readable.
func (t *Tape) Flush() error { return t.f.flush() }

// Cursor reads events from a file.
type Cursor struct {
	f       *file
	at, end int64  // what isn't in buf yet
	buf     []byte // buf[:n] is what was read, of which what is before i was handed out
	i, n    int
	d       decoder
	raw     []byte // the event as it is in the file
	event   tracefmt.Event
	number  int64
}

func newCursor(c Config, f *file, texts *Texts, strings *intern.Strings, from, to int64) *Cursor {
	return &Cursor{f: f, at: from, end: to, buf: make([]byte, min(int64(c.buffer()), max(to-from, 0))),
		d: decoder{texts: texts, strings: strings}}
}

// Next returns the next event and its number, valid until the following call, and io.EOF after the last one. The event
// may be changed.
func (c *Cursor) Next() (e *tracefmt.Event, number int64, err error) {
	if c.i == c.n && c.at == c.end {
		return nil, 0, io.EOF
	}
	if err := c.fill(binary.MaxVarintLen64); err != nil {
		return nil, 0, err
	}
	size, width := binary.Uvarint(c.buf[c.i:c.n])
	if width <= 0 || size > uint64(c.n-c.i-width)+uint64(c.end-c.at) {
		return nil, 0, c.damaged()
	}
	if err := c.fill(width + int(size)); err != nil {
		return nil, 0, err
	}
	c.raw = c.buf[c.i+width : c.i+width+int(size)]
	c.i += width + int(size)
	c.d.b = c.raw
	if c.number = c.d.event(&c.event); c.d.broken {
		return nil, 0, c.damaged()
	}
	return &c.event, c.number, nil
}

// All yields the events and their numbers. If reading fails, it calls failed with the error.
func (c *Cursor) All(failed func(error)) iter.Seq2[int64, *tracefmt.Event] {
	return func(yield func(int64, *tracefmt.Event) bool) {
		for {
			e, number, err := c.Next()
			if err == io.EOF {
				return
			}
			if err != nil {
				failed(err)
				return
			}
			if !yield(number, e) {
				return
			}
		}
	}
}

func (c *Cursor) damaged() error { return &Error{"read", c.f.dir, errDamaged} }

// fill makes sure that so many bytes are in the buffer, if there are as many.
func (c *Cursor) fill(n int) error {
	if c.n-c.i >= n || c.at == c.end {
		return nil
	}
	if n > len(c.buf) { // no more than the file has, as Next has checked
		c.buf = append(make([]byte, 0, n), c.buf[c.i:c.n]...)[:n]
		c.n -= c.i
	} else {
		c.n = copy(c.buf, c.buf[c.i:c.n])
	}
	c.i = 0
	more := int(min(int64(len(c.buf)-c.n), c.end-c.at))
	if err := c.f.readAt(c.buf[c.n:c.n+more], c.at); err != nil {
		return err
	}
	c.at += int64(more)
	c.n += more
	return nil
}
