package speedscope

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
	"github.com/spanstack/spanstack/tracefmt/timeline"
)

// Writer collects the slices of a trace and writes their profiles when it is closed.
type Writer struct {
	out    io.Writer
	err    error
	closed bool
	trace  timeline.Timeline
	losses tracefmt.Losses
	buf    []byte
}

// NewWriter returns a Writer to out.
func NewWriter(out io.Writer) *Writer { return &Writer{out: out} }

// Losses returns what has no place in the format.
func (w *Writer) Losses() []tracefmt.Loss { return slices.Concat(w.trace.Losses(), w.losses.List()) }

// Write adds an event.
func (w *Writer) Write(e *tracefmt.Event) error {
	if w.closed {
		return fmt.Errorf("write speedscope file: it is closed")
	}
	switch e.Kind {
	case tracefmt.Process, tracefmt.Track:
		slim := *e
		slim.Attrs = nil
		w.trace.Add(&slim)
	case tracefmt.Begin, tracefmt.End, tracefmt.Complete, tracefmt.AsyncBegin, tracefmt.AsyncEnd:
		if e.Kind != tracefmt.End && (e.ID != "" || e.Parent != "") {
			w.losses.Add("ID or parent of a slice")
		}
		slim := *e
		slim.Key = e.AsyncKey()
		slim.Attrs = w.frameAttrs(e.Attrs)
		w.trace.Add(&slim)
	default:
		w.losses.Add(e.Kind.String())
	}
	return nil
}

// frameAttrs returns those attributes that a frame has members for.
func (w *Writer) frameAttrs(attrs []tracefmt.Attr) (kept []tracefmt.Attr) {
	for _, a := range attrs {
		_, isNumber := a.Value.Int64()
		switch {
		case a.Key == attrFile && a.Value.Kind() == tracefmt.StringValue,
			(a.Key == attrLine || a.Key == attrCol) && isNumber:
			kept = append(kept, a)
		default:
			w.losses.Add("attribute of a slice")
		}
	}
	return kept
}

// Flush does nothing: frames come before profiles, and are known at the end.
func (w *Writer) Flush() error { return w.err }

// Close writes the file.
func (w *Writer) Close() error {
	if w.closed {
		return w.err
	}
	w.closed = true
	w.file(w.layOut())
	if _, err := w.out.Write(w.buf); err != nil {
		w.err = fmt.Errorf("write speedscope file: %w", err)
	}
	return w.err
}

// file writes everything to the buffer.
func (w *Writer) file(l *layout) {
	first, last := l.first, l.last
	base := int64(0)
	if (first < -maxExact || last > maxExact) && (first >= 0 || last < math.MaxInt64+first) {
		base = first
	}
	w.text(`{"$schema":"` + schema + `","exporter":"spanstack","activeProfileIndex":0,"name":`)
	w.string(l.name)
	if base != 0 {
		w.text(`,"` + keyBase + `":"` + strconv.FormatInt(base, 10) + `"`)
	}
	w.text(`,"shared":{"frames":[`)
	w.frames(l)
	w.text("\n]},\"profiles\":[")
	for i, p := range l.lanes {
		if i > 0 {
			w.text(",")
		}
		w.text("\n{\"type\":\"evented\",\"name\":")
		w.string(p.name)
		w.text(`,"unit":"nanoseconds","startValue":`)
		w.number(first - base)
		w.text(`,"endValue":`)
		w.number(last - base)
		w.text(`,"events":[`)
		w.events(p, base)
		w.text("]}")
	}
	w.text("\n]}\n")
}

// frames writes the shared frames, and tells slices theirs.
func (w *Writer) frames(l *layout) {
	index := make(map[string]int)
	var text []byte
	for _, lane := range l.lanes {
		for i := range lane.slices {
			s := &lane.slices[i]
			text = appendFrame(text[:0], s.event)
			at, known := index[string(text)]
			if !known {
				at = len(index)
				index[string(text)] = at
				if at > 0 {
					w.text(",")
				}
				w.text("\n" + string(text))
			}
			s.frame = at
		}
	}
}

// appendFrame adds the frame of a slice. Its text is also what tells it from others.
func appendFrame(dst []byte, e *tracefmt.Event) []byte {
	dst = jsontext.AppendString(append(dst, `{"name":`...), e.Name)
	for _, key := range []string{attrFile, attrLine, attrCol} {
		if v := e.Attr(key); !v.IsZero() {
			dst = append(append(append(dst, `,"`...), key...), `":`...)
			dst, _ = jsontext.AppendValue(dst, v)
		}
	}
	return append(dst, '}')
}

// events writes the begins and ends of a lane's slices, which nest, and come in the order of their begins.
func (w *Writer) events(p *lane, base int64) {
	var open []int // indexes of slices
	comma := ""
	event := func(kind string, s *placed, at int64) {
		w.text(comma)
		comma = ","
		w.text(`{"type":"` + kind + `","frame":`)
		w.number(int64(s.frame))
		w.text(`,"at":`)
		w.number(at - base)
		w.text("}")
	}
	closeUpTo := func(t int64, all bool) {
		for len(open) > 0 {
			s := &p.slices[open[len(open)-1]]
			if s.end > t && !all {
				return
			}
			event("C", s, s.end)
			open = open[:len(open)-1]
		}
	}
	for i := range p.slices {
		s := &p.slices[i]
		closeUpTo(s.event.Time, false)
		event("O", s, s.event.Time)
		open = append(open, i)
	}
	closeUpTo(0, true)
}

func (w *Writer) text(s string)   { w.buf = append(w.buf, s...) }
func (w *Writer) string(s string) { w.buf = jsontext.AppendString(w.buf, s) }
func (w *Writer) number(n int64)  { w.buf = strconv.AppendInt(w.buf, n, 10) }
