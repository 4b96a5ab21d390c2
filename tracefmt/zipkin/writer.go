package zipkin

import (
	"fmt"
	"io"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/output"
	"github.com/spanstack/spanstack/tracefmt/internal/spans"
	"github.com/spanstack/spanstack/tracefmt/internal/spantags"
)

const flushSize = 64 << 10

// Writer writes Zipkin's JSON: one array with all spans, in the order of their ends as far as that is known. Its
// memory is bounded by what is open, by the number of tracks, and by a window of spans that have ended: up to 1,024
// are held for events that come late, and up to 65,536 until it is known in which trace they are.
type Writer struct {
	out    io.Writer
	buf    []byte
	err    error
	closed bool
	wrote  bool // a span
	spans  spans.Collector

	resource spans.Resource // that of the last span, as it was then
	process  processText
	tags     []tracefmt.Attr
	types    spantags.Types
}

// NewWriter returns a Writer to out.
func NewWriter(out io.Writer) *Writer {
	w := &Writer{out: out}
	w.spans.Span = w.span
	return w
}

// Losses returns what could not be written so far.
func (w *Writer) Losses() []tracefmt.Loss { return w.spans.Losses.List() }

// Write adds an event.
func (w *Writer) Write(e *tracefmt.Event) error {
	if w.err != nil {
		return w.err
	}
	if w.closed {
		return fmt.Errorf("write zipkin trace: it is closed")
	}
	w.spans.Add(e)
	return w.err
}

// Flush does nothing: the array can't be loaded before its end.
func (w *Writer) Flush() error { return w.err }

// Close writes what is held, slices that are open as spans without a duration, and the end of the array.
func (w *Writer) Close() error {
	if w.closed || w.err != nil {
		w.closed = true
		return w.err
	}
	w.closed = true
	w.spans.Close()
	if w.wrote {
		w.buf = append(w.buf, "\n]\n"...)
	} else {
		w.buf = append(w.buf, "[]\n"...)
	}
	w.flush()
	return w.err
}

func (w *Writer) flush() {
	if w.err != nil {
		return
	}
	if err := output.Flush(w.out, &w.buf); err != nil {
		w.err = fmt.Errorf("write zipkin trace: %w", err)
	}
}

// span writes a span.
func (w *Writer) span(s *spans.Span) {
	if w.err != nil {
		return
	}
	if w.wrote {
		w.buf = append(w.buf, ",\n"...)
	} else {
		w.buf = append(w.buf, "[\n"...)
	}
	w.wrote = true
	w.buf = w.appendSpan(w.buf, s)
	if len(w.buf) >= flushSize {
		w.flush()
	}
}
