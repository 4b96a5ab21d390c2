package chrome

import (
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
	"github.com/spanstack/spanstack/tracefmt/internal/lanes"
	"github.com/spanstack/spanstack/tracefmt/internal/output"
)

// flushSize is the number of buffered bytes at which the Writer doesn't wait for a Flush.
const flushSize = 64 << 10

// Writer writes Chrome trace events as a JSON array. Its memory is bounded by what is open, by the number of tracks,
// and by flow points that still wait for their slice.
//
// Times are written relative to the Clock event that comes before the first timed event, if there is one, and else as
// they are. Declare processes and tracks before their events, best with a SourceID: a track that isn't declared is
// written as pid 0 with its TrackID as the tid.
//
// The events of a track may come in the order of starts or of ends, except that a slice which begins at the very
// nanosecond at which the enclosing one does comes after it. Begin and End events of a track are in the order of time.
type Writer struct {
	out    io.Writer
	buf    []byte
	err    error
	began  bool // something was written: the next event needs a comma
	closed bool
	losses tracefmt.Losses

	base     int64 // the time at ts 0
	unix     int64 // the wall clock then, if anchored
	anchored bool
	timed    bool // a timed event was written: base is settled
	last     int64

	processes map[tracefmt.TrackID]*process
	tracks    map[tracefmt.TrackID]*track
	changed   []metadata // in the order of their first change
	overflow  int        // lanes made for overlapping slices
	kin       lanes.Kin[string, openSlice]

	flows map[flowKey]*flow
	async map[asyncKey][]asyncOpen
}

// NewWriter returns a Writer to out. Nothing is written before the first event.
func NewWriter(out io.Writer) *Writer {
	return &Writer{
		out:       out,
		processes: make(map[tracefmt.TrackID]*process),
		tracks:    make(map[tracefmt.TrackID]*track),
		flows:     make(map[flowKey]*flow),
		async:     make(map[asyncKey][]asyncOpen),
	}
}

// Losses returns what could not be written so far. Flow points that touch no slice are counted by Close.
func (w *Writer) Losses() []tracefmt.Loss { return w.losses.List() }

// Write adds an event.
func (w *Writer) Write(e *tracefmt.Event) error {
	if w.err != nil {
		return w.err
	}
	if w.closed {
		return fmt.Errorf("write chrome trace: it is closed")
	}
	switch e.Kind {
	case tracefmt.Process:
		w.setProcess(e)
		return nil
	case tracefmt.Track:
		w.setTrack(e)
		return nil
	case tracefmt.Clock:
		if !w.timed {
			w.setAnchor(e)
			return nil
		}
	}
	if !w.inRange(e) {
		w.losses.Add("time out of range")
		return nil
	}
	w.timed = true
	w.last = max(w.last, e.Time+max(e.Dur, 0))
	w.writeMetadata()
	switch e.Kind {
	case tracefmt.Clock:
		w.writeClock(e)
	case tracefmt.Begin:
		w.begin(e)
	case tracefmt.End:
		w.end(e)
	case tracefmt.Complete:
		w.complete(e)
	case tracefmt.Instant, tracefmt.Log:
		w.instant(e)
	case tracefmt.Counter:
		w.counter(e)
	case tracefmt.FlowStart, tracefmt.FlowStep, tracefmt.FlowEnd:
		w.flow(e)
	case tracefmt.AsyncBegin, tracefmt.AsyncInstant, tracefmt.AsyncEnd:
		w.asyncEvent(e)
	default:
		w.losses.Add("event of unknown kind")
	}
	if len(w.buf) >= flushSize {
		return w.flush()
	}
	return nil
}

// inRange reports whether the event's times, relative to the base, and its end fit into 64 bits.
func (w *Writer) inRange(e *tracefmt.Event) bool {
	t := e.Time - w.base
	overflows := (e.Time^w.base)&(e.Time^t) < 0
	return !overflows && t+max(e.Dur, 0) >= t && e.Time+max(e.Dur, 0) >= e.Time
}

// Flush writes all whole events so far with one call of Write.
func (w *Writer) Flush() error {
	if w.err != nil {
		return w.err
	}
	w.writeMetadata()
	return w.flush()
}

func (w *Writer) flush() error {
	if err := output.Flush(w.out, &w.buf); err != nil {
		w.err = fmt.Errorf("write chrome trace: %w", err)
	}
	return w.err
}

// Close completes the array. Async slices that are still open get an end that says so, since Catapult warns of those
// without. A trace with no events at all gets the metadata of a nameless process: Perfetto doesn't know "[]".
func (w *Writer) Close() error {
	if w.closed {
		return w.err
	}
	w.closed = true
	if w.err != nil {
		return w.err
	}
	w.writeMetadata()
	w.dropFlows()
	w.endAsync()
	if !w.began {
		w.open(metaProcessName, "", 'M')
		w.buf = append(w.buf, `,"pid":0,"tid":0,"args":{"name":""}}`...)
	}
	w.buf = append(w.buf, "\n]\n"...)
	return w.flush()
}

// open starts the text of an event: everything up to, and without, its time.
func (w *Writer) open(name, category string, letter byte) {
	if w.began {
		w.buf = append(w.buf, ",\n"...)
	} else {
		w.buf = append(w.buf, '[')
		w.began = true
	}
	w.buf = append(w.buf, `{"name":`...)
	w.buf = jsontext.AppendString(w.buf, name)
	if category != "" {
		w.buf = append(w.buf, `,"cat":`...)
		w.buf = jsontext.AppendString(w.buf, category)
	}
	w.buf = append(w.buf, `,"ph":"`...)
	w.buf = append(w.buf, letter, '"')
}

// at adds the time and the lane.
func (w *Writer) at(t int64, l *lane) {
	w.buf = append(w.buf, `,"ts":`...)
	w.buf = appendMicros(w.buf, t-w.base)
	if l != nil {
		w.buf = append(w.buf, l.Out...)
	}
}

// args adds the IDs and attributes of e, and the end of the event. Those named in begun, which the slice has already,
// get a prefix.
func (w *Writer) args(e *tracefmt.Event, begun []string) {
	w.openArgs()
	if e.Kind != tracefmt.End {
		if e.ID != "" {
			w.arg(argID, tracefmt.String(e.ID))
		}
		if e.Parent != "" {
			w.arg(argParent, tracefmt.String(e.Parent))
		}
	}
	if e.Kind == tracefmt.Log && e.Severity != 0 {
		w.arg(argLevel, tracefmt.String(e.Severity.String()))
	}
	for i := range e.Attrs {
		a := &e.Attrs[i]
		switch {
		case reserved(e, a):
			w.losses.Add("attribute with a reserved name: " + a.Key)
		case outsideArgs(e, a):
		case slices.Contains(begun, a.Key):
			w.arg(endPrefix+a.Key, a.Value)
		default:
			w.arg(a.Key, a.Value)
		}
	}
	w.closeArgs()
}

// reserved reports whether an attribute would be taken for something else when read.
func reserved(e *tracefmt.Event, a *tracefmt.Attr) bool {
	switch a.Key {
	case argID, argParent, argUnix, argOpen:
		return true
	case argLevel:
		_, isLevel := tracefmt.ParseSeverity(a.Value.String())
		return e.Kind == tracefmt.Log && (e.Severity != 0 || isLevel)
	}
	return false
}

const argsHead = `,"args":{`

func (w *Writer) openArgs() { w.buf = append(w.buf, argsHead...) }

// arg adds one member of args.
func (w *Writer) arg(key string, v tracefmt.Value) {
	if w.buf[len(w.buf)-1] != '{' {
		w.buf = append(w.buf, ',')
	}
	w.buf = jsontext.AppendString(w.buf, key)
	w.buf = append(w.buf, ':')
	var lost string
	if w.buf, lost = jsontext.AppendValue(w.buf, v); lost != "" {
		w.losses.Add(lost)
	}
}

// closeArgs ends args, or takes them away if there are none, and the event.
func (w *Writer) closeArgs() {
	if w.buf[len(w.buf)-1] == '{' {
		w.buf = w.buf[:len(w.buf)-len(argsHead)]
	} else {
		w.buf = append(w.buf, '}')
	}
	w.buf = append(w.buf, '}')
}

// outsideArgs reports whether an attribute is one of those that stand beside args: thread time, as tts and tdur.
func outsideArgs(e *tracefmt.Event, a *tracefmt.Attr) bool {
	if len(a.Key) <= len(attrPrefix) || a.Key[0] != attrPrefix[0] {
		return false
	}
	switch a.Key {
	case attrPrefix + "tts":
	case attrPrefix + "tdur":
		if e.Kind != tracefmt.Complete {
			return false
		}
	default:
		return false
	}
	_, isNumber := a.Value.Float64()
	return isNumber
}

// outside adds the attributes that stand beside args.
func (w *Writer) outside(e *tracefmt.Event) {
	for i := range e.Attrs {
		if a := &e.Attrs[i]; outsideArgs(e, a) {
			w.buf = append(w.buf, ',')
			w.buf = jsontext.AppendString(w.buf, a.Key[len(attrPrefix):])
			w.buf = append(w.buf, ':')
			w.buf, _ = jsontext.AppendValue(w.buf, a.Value)
		}
	}
}

func (w *Writer) writeClock(e *tracefmt.Event) {
	w.open(catClock, catClock, 'i')
	w.at(e.Time, nil)
	w.buf = append(w.buf, `,"s":"g","args":{"`+argUnix+`":"`...)
	w.buf = strconv.AppendInt(w.buf, e.Unix, 10)
	w.buf = append(w.buf, `"}}`...)
}
