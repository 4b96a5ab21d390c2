package jsonl

import (
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
	"github.com/spanstack/spanstack/tracefmt/internal/output"
	"github.com/spanstack/spanstack/tracefmt/internal/rows"
)

// flushSize is the number of buffered bytes at which the Writer doesn't wait for a Flush.
const flushSize = 64 << 10

// Writer writes a trace as JSON lines. Each event is a line at once, so its memory is bounded by the number of tracks,
// and by that of open slices. Declare processes and tracks before their events. One that has neither a number nor a
// name of its own gets a number.
type Writer struct {
	out    io.Writer
	buf    []byte
	err    error
	closed bool
	losses tracefmt.Losses

	settled bool  // the clock is said
	offset  int64 // what makes a time one since 1970
	places  places
	nesting rows.Nesting
	open    map[tracefmt.TrackID]int // begun slices
	async   map[asyncKey][]string    // the names of begun async slices
}

type asyncKey struct{ category, key string }

// NewWriter returns a Writer to out. Nothing is written before the first event.
func NewWriter(out io.Writer) *Writer {
	return &Writer{out: out, places: newPlaces(), open: make(map[tracefmt.TrackID]int), async: make(map[asyncKey][]string)}
}

// Losses returns what could not be written so far.
func (w *Writer) Losses() []tracefmt.Loss { return w.losses.List() }

// Write adds an event.
func (w *Writer) Write(e *tracefmt.Event) error {
	if w.err != nil {
		return w.err
	}
	if w.closed {
		return fmt.Errorf("write jsonl: it is closed")
	}
	switch e.Kind {
	case tracefmt.Process, tracefmt.Track:
		w.declare(e)
	case tracefmt.Clock:
		w.clock(e)
	default:
		w.settle()
		if w.sound(e) {
			w.event(e)
		}
	}
	if len(w.buf) >= flushSize {
		return w.flush()
	}
	return nil
}

// Flush writes all events so far with one call of Write.
func (w *Writer) Flush() error {
	if w.err != nil {
		return w.err
	}
	return w.flush()
}

func (w *Writer) flush() error {
	if err := output.Flush(w.out, &w.buf); err != nil {
		w.err = fmt.Errorf("write jsonl: %w", err)
	}
	return w.err
}

// Close writes what is left. A trace without events gets a line by which the format is known.
func (w *Writer) Close() error {
	if w.closed {
		return w.err
	}
	w.closed = true
	if w.err != nil {
		return w.err
	}
	w.settle()
	return w.flush()
}

// latestAnchor is in the year 2116. A wall clock beyond it is none, and would make times that don't fit into 64 bits.
const latestAnchor = 1 << 62

// clock writes what the wall clock read. The first one before all events with a time anchors the trace.
func (w *Writer) clock(e *tracefmt.Event) {
	if !w.settled && e.Unix >= 0 && e.Unix <= latestAnchor && e.Time > -latestAnchor {
		w.offset, w.settled = e.Unix-e.Time, true
	}
	w.settle()
	w.start(tracefmt.Clock)
	if e.Time != e.Unix {
		w.number("time_ns", e.Time)
	}
	w.number("unix_ns", e.Unix)
	w.finish()
}

// settle says that times are on the trace's own clock, unless it is anchored.
func (w *Writer) settle() {
	if !w.settled {
		w.settled = true
		w.start(tracefmt.Clock)
		w.text("clock", traceClock)
		w.finish()
	}
}

// sound reports whether an event can be written: its time is in range, and an end has a begin.
func (w *Writer) sound(e *tracefmt.Event) bool {
	if t := e.Time + w.offset; (e.Time^t)&(w.offset^t) < 0 {
		w.losses.Add("time out of range")
		return false
	}
	key := asyncKey{e.Category, e.AsyncKey()}
	switch e.Kind {
	case tracefmt.Begin:
		w.open[e.Track]++
	case tracefmt.End:
		if w.open[e.Track] == 0 {
			w.losses.Add("end without a begin")
			return false
		}
		w.open[e.Track]--
	case tracefmt.AsyncBegin:
		w.async[key] = append(w.async[key], e.Name)
	case tracefmt.AsyncEnd:
		names := w.async[key]
		if len(names) == 0 {
			w.losses.Add("async end without a begin")
			return false
		}
		i := max(slices.Index(names, e.Name), 0)
		if names = slices.Delete(names, i, i+1); len(names) == 0 {
			delete(w.async, key)
		} else {
			w.async[key] = names
		}
	default:
		if kindNames[e.Kind] == "" {
			w.losses.Add("event of unknown kind")
			return false
		}
	}
	return true
}

// event writes the line of an event with a time.
func (w *Writer) event(e *tracefmt.Event) {
	place := w.place(e.Track)
	w.start(e.Kind)
	if e.Name != "" || e.Kind != tracefmt.End {
		w.text("name", e.Name)
	}
	w.optional("category", e.Category)
	w.number("start_ns", e.Time+w.offset)
	switch e.Kind {
	case tracefmt.Complete:
		if e.Dur >= 0 {
			w.number("duration_ns", e.Dur)
		}
		w.number("depth", int64(w.nesting.Depth(e)))
	case tracefmt.Begin:
		w.number("depth", int64(w.nesting.Depth(e)))
	case tracefmt.End:
		w.nesting.End(e)
	case tracefmt.Log:
		if name := e.Severity.String(); name != "" {
			w.text("severity", name)
		} else if e.Severity != 0 {
			w.losses.Add("severity out of range")
		}
	}
	if place != nil {
		w.buf = append(w.buf, place.ident...)
	}
	if e.Kind != tracefmt.End {
		w.optional("id", e.ID)
		w.optional("parent", e.Parent)
		w.optional("key", e.Key)
	}
	if e.BindNext {
		w.buf = append(w.buf, `,"bind_next":true`...)
	}
	w.columns(e)
	w.attributes(e.Attrs)
	w.finish()
}

// columns repeats the attributes that are columns in tables.
func (w *Writer) columns(e *tracefmt.Event) {
	for _, a := range e.Attrs {
		switch {
		case a.Key == attrTraceID && a.Value.Kind() == tracefmt.StringValue:
			w.text(a.Key, a.Value.String())
		case a.Key == tracefmt.AttrError && e.Failed():
			w.value(a)
		}
	}
}

// start begins a line.
func (w *Writer) start(kind tracefmt.Kind) {
	w.buf = append(w.buf, `{"kind":"`...)
	w.buf = append(append(w.buf, kindNames[kind]...), '"')
}

func (w *Writer) finish() { w.buf = append(w.buf, "}\n"...) }

func (w *Writer) text(key, s string) {
	w.key(key)
	w.buf = jsontext.AppendString(w.buf, s)
}

func (w *Writer) optional(key, s string) {
	if s != "" {
		w.text(key, s)
	}
}

func (w *Writer) number(key string, n int64) {
	w.key(key)
	w.buf = strconv.AppendInt(w.buf, n, 10)
}

// key adds a key that needs no escapes.
func (w *Writer) key(key string) {
	w.buf = append(w.buf, `,"`...)
	w.buf = append(w.buf, key...)
	w.buf = append(w.buf, `":`...)
}

// value adds an attribute, without a comma if it is the first of an object.
func (w *Writer) value(a tracefmt.Attr) {
	if w.buf[len(w.buf)-1] != '{' {
		w.buf = append(w.buf, ',')
	}
	w.buf = append(jsontext.AppendString(w.buf, a.Key), ':')
	var lost string
	if w.buf, lost = jsontext.AppendValue(w.buf, a.Value); lost != "" {
		w.losses.Add(lost)
	}
}

func (w *Writer) attributes(attrs []tracefmt.Attr) {
	if len(attrs) == 0 {
		return
	}
	w.buf = append(w.buf, `,"attributes":{`...)
	for _, a := range attrs {
		w.value(a)
	}
	w.buf = append(w.buf, '}')
}
