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
	frames numbered
	cell   []byte
	buf    []byte
}

// numbered numbers the frames of a file by their text.
type numbered struct {
	index map[string]int32
	list  []string
}

func (n *numbered) number(text []byte) int32 {
	i, known := n.index[string(text)]
	if !known {
		if n.index == nil {
			n.index = make(map[string]int32)
		}
		i = int32(len(n.list))
		n.list = append(n.list, string(text))
		n.index[n.list[i]] = i
	}
	return i
}

// NewWriter returns a Writer to out.
func NewWriter(out io.Writer) *Writer { return &Writer{out: out} }

// SetMemory bounds what the events of the trace take in memory: beyond it they are in temporary files. It has to be
// called before Write. In memory stay 24 bytes of each slice when the file is written, and all frames.
func (w *Writer) SetMemory(bytes int64) { w.trace.Memory = bytes }

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
	if err := w.trace.Err(); err != nil {
		w.err = fmt.Errorf("write speedscope file: %w", err)
	}
	return w.err
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
	defer w.trace.Close()
	if w.err != nil {
		return w.err
	}
	l := w.layOut()
	if err := w.trace.Err(); err != nil {
		w.err = fmt.Errorf("write speedscope file: %w", err)
		return w.err
	}
	w.file(l)
	w.flush()
	return w.err
}

// maxBuffer is how much is held before it is written.
const maxBuffer = 64 << 10

// flush writes what is in the buffer.
func (w *Writer) flush() {
	if w.err == nil {
		if _, err := w.out.Write(w.buf); err != nil {
			w.err = fmt.Errorf("write speedscope file: %w", err)
		}
	}
	w.buf = w.buf[:0]
}

// file writes everything.
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
	w.numberFrames(l)
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

// numberFrames writes the shared frames, in the order of the lanes, and tells slices their numbers.
func (w *Writer) numberFrames(l *layout) {
	numbers := make([]int32, len(w.frames.list)) // from 1; 0 is one that wasn't met yet
	n := int32(0)
	for _, lane := range l.lanes {
		for i := range lane.slices {
			s := &lane.slices[i]
			if numbers[s.frame] == 0 {
				if n > 0 {
					w.text(",")
				}
				w.text("\n" + w.frames.list[s.frame])
				n++
				numbers[s.frame] = n
			}
			s.frame = numbers[s.frame] - 1
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
		closeUpTo(s.start, false)
		event("O", s, s.start)
		open = append(open, i)
	}
	closeUpTo(0, true)
}

func (w *Writer) text(s string) {
	if len(w.buf) > maxBuffer {
		w.flush()
	}
	w.buf = append(w.buf, s...)
}
func (w *Writer) string(s string) { w.buf = jsontext.AppendString(w.buf, s) }
func (w *Writer) number(n int64)  { w.buf = strconv.AppendInt(w.buf, n, 10) }
