package jaeger

import (
	"cmp"
	"container/list"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
	"github.com/spanstack/spanstack/tracefmt/internal/output"
	"github.com/spanstack/spanstack/tracefmt/internal/spans"
	"github.com/spanstack/spanstack/tracefmt/internal/spantags"
)

const (
	// DefaultWindow is how many bytes of traces a Writer holds.
	DefaultWindow = 64 << 20

	flushSize   = 64 << 10
	traceWeight = 1 << 10 // bytes that a trace takes beside its text, and each of its processes, about
	maxCut      = 1 << 16 // traces of which it is known that they were written
)

// Writer writes Jaeger's JSON. In it the spans of a trace are together, so traces are held until Close, or until
// there is more than [Writer.Window] of them: those in which nothing happened for the longest time are written then.
// A trace that goes on after that is written in several parts, which is counted: Jaeger's UI shows one of them.
type Writer struct {
	// Window bounds the bytes of traces that are held. 0 means DefaultWindow. Set it before the first Write.
	Window int

	out    io.Writer
	buf    []byte
	err    error
	closed bool
	wrote  bool // a trace
	spans  spans.Collector

	traces map[spans.TraceID]*list.Element // of *heldTrace
	recent list.List                       // the one in which something happened last is in front
	begun  int64                           // how many traces there were
	size   int
	cut    map[spans.TraceID]bool // traces that were written, or some of them

	tags  []tracefmt.Attr
	types spantags.Types
}

// heldTrace is a trace that isn't written yet.
type heldTrace struct {
	id        spans.TraceID
	serial    int64
	processes map[*spans.Resource]int // their numbers in the trace, from 1
	order     []*spans.Resource       // written with the trace: more may become known of them until then
	body      []byte                  // elements of "spans"
}

// NewWriter returns a Writer to out. Nothing is written before Close, unless there is much.
func NewWriter(out io.Writer) *Writer {
	w := &Writer{out: out, traces: make(map[spans.TraceID]*list.Element), cut: make(map[spans.TraceID]bool)}
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
		return fmt.Errorf("write jaeger trace: it is closed")
	}
	w.spans.Add(e)
	return w.err
}

// Flush does nothing: traces are written whole.
func (w *Writer) Flush() error { return w.err }

// Close writes what is held, slices that are open as spans with a tag that says so.
func (w *Writer) Close() error {
	if w.closed || w.err != nil {
		w.closed = true
		return w.err
	}
	w.closed = true
	w.spans.Close()
	var left []*heldTrace
	for e := w.recent.Front(); e != nil; e = e.Next() {
		left = append(left, e.Value.(*heldTrace))
	}
	slices.SortFunc(left, func(a, b *heldTrace) int { return cmp.Compare(a.serial, b.serial) })
	for _, t := range left {
		w.writeTrace(t)
	}
	if !w.wrote {
		w.buf = append(w.buf, `{"data":[`...)
	} else {
		w.buf = append(w.buf, '\n')
	}
	w.buf = append(w.buf, `],"total":0,"limit":0,"offset":0,"errors":null}`+"\n"...)
	w.flush()
	return w.err
}

func (w *Writer) flush() {
	if w.err != nil {
		return
	}
	if err := output.Flush(w.out, &w.buf); err != nil {
		w.err = fmt.Errorf("write jaeger trace: %w", err)
	}
}

// writeTrace writes a trace as it is now.
func (w *Writer) writeTrace(t *heldTrace) {
	if !w.wrote {
		w.buf = append(w.buf, `{"data":[`...)
	} else {
		w.buf = append(w.buf, ',')
	}
	w.wrote = true
	w.buf = append(w.buf, "\n"+`{"traceID":"`...)
	w.buf = appendTraceID(w.buf, &t.id)
	w.buf = append(w.buf, `","processes":{`...)
	for i, r := range t.order {
		if i > 0 {
			w.buf = append(w.buf, ',')
		}
		w.appendProcess(i+1, r)
	}
	w.buf = append(w.buf, `},"spans":[`...)
	w.flush()
	w.buf = append(append(w.buf, t.body...), "\n"+`],"warnings":null}`...)
	w.flush()
	if cap(w.buf) > 4*flushSize {
		w.buf = nil
	}
}

// traceOf returns the trace that a span is added to.
func (w *Writer) traceOf(id spans.TraceID) *heldTrace {
	if e := w.traces[id]; e != nil {
		w.recent.MoveToFront(e)
		return e.Value.(*heldTrace)
	}
	if w.cut[id] {
		w.spans.Losses.Add("trace that goes on after it was written, in several parts")
	}
	w.begun++
	t := &heldTrace{id: id, serial: w.begun, processes: make(map[*spans.Resource]int)}
	w.traces[id] = w.recent.PushFront(t)
	w.size += traceWeight
	return t
}

// trim writes traces until few enough are held.
func (w *Writer) trim() {
	window := w.Window
	if window <= 0 {
		window = DefaultWindow
	}
	for w.size > window && w.err == nil {
		e := w.recent.Back()
		t := e.Value.(*heldTrace)
		w.recent.Remove(e)
		delete(w.traces, t.id)
		w.size -= traceWeight*(1+len(t.order)) + len(t.body)
		if len(w.cut) < maxCut {
			w.cut[t.id] = true
		}
		w.writeTrace(t)
	}
}

// span adds a span to its trace.
func (w *Writer) span(s *spans.Span) {
	t := w.traceOf(s.Trace)
	before := len(t.body)
	process := t.processes[s.Resource]
	if process == 0 {
		t.order = append(t.order, s.Resource)
		process = len(t.order)
		t.processes[s.Resource] = process
		w.size += traceWeight
	}
	if len(t.body) > 0 {
		t.body = append(t.body, ',')
	}
	t.body = w.appendSpan(append(t.body, '\n'), s, process)
	w.size += len(t.body) - before
	w.trim()
}

// appendProcess appends a member of "processes".
func (w *Writer) appendProcess(number int, r *spans.Resource) {
	w.buf = strconv.AppendInt(append(w.buf, `"p`...), int64(number), 10)
	w.buf = jsontext.AppendString(append(w.buf, `":{"serviceName":`...), r.Service)
	w.tags = append(w.tags[:0], r.Attrs...)
	if !r.PID.IsZero() {
		w.tags = append(w.tags, tracefmt.Attr{Key: spans.KeyPID, Value: r.PID})
	}
	if r.Schema != "" {
		w.tags = append(w.tags, tracefmt.Attr{Key: spans.KeyResourceSchema, Value: tracefmt.String(r.Schema)})
	}
	w.buf = append(w.appendTags(append(w.buf, `,"tags":`...), w.tags), '}')
}
