package anonymize

import (
	"crypto/rand"
	"slices"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
)

// Reader reads a trace with everything replaced that isn't to be left. Its memory is bounded by the number of tracks.
type Reader struct {
	in   tracefmt.Reader
	o    Options
	keep map[Part]bool
	p    *pseudonyms
	e    tracefmt.Event

	timed bool
	begin int64 // time of the first event
	pids  map[tracefmt.Value]int64
	tids  map[tid]int64
	last  map[tracefmt.TrackID]int64 // tids that were given out, by processes
}

type tid struct {
	process tracefmt.TrackID
	id      tracefmt.Value
}

// NewReader returns a Reader of r without what o doesn't leave. If the first event of r isn't the earliest, there are
// negative times.
func NewReader(r tracefmt.Reader, o Options) *Reader {
	key := o.Key
	if len(key) == 0 {
		key = make([]byte, 32)
		rand.Read(key) // never fails
	}
	a := &Reader{in: r, o: o, p: newPseudonyms(key), keep: make(map[Part]bool), pids: make(map[tracefmt.Value]int64),
		tids: make(map[tid]int64), last: make(map[tracefmt.TrackID]int64)}
	for _, part := range o.Keep {
		a.keep[part] = true
	}
	return a
}

// Losses returns the losses of the reader below.
func (r *Reader) Losses() []tracefmt.Loss { return tracefmt.LossesOf(r.in) }

// Next returns the next event.
func (r *Reader) Next() (*tracefmt.Event, error) {
	for {
		e, err := r.in.Next()
		if err != nil {
			return nil, err
		}
		if e.Kind != tracefmt.Clock || r.o.KeepTime {
			return r.replace(e), nil
		}
	}
}

// replace returns a copy of an event with everything replaced.
func (r *Reader) replace(e *tracefmt.Event) *tracefmt.Event {
	attrs := append(r.e.Attrs[:0], e.Attrs...)
	r.e = *e
	r.e.Attrs = attrs
	for i := range attrs {
		attrs[i] = r.attr(attrs[i])
	}
	out := &r.e
	switch e.Kind {
	case tracefmt.Process:
		out.Name = r.text(Processes, e.Name)
		out.SourceID = r.pid(e)
		return out
	case tracefmt.Track:
		out.Name = r.text(Tracks, e.Name)
		out.SourceID = r.tid(e)
		return out
	case tracefmt.Clock:
		return out
	case tracefmt.Log:
		out.Name = r.text(Messages, e.Name)
	default:
		out.Name = r.text(Names, e.Name)
	}
	r.shift(out)
	out.Category = r.category(e.Category)
	out.ID, out.Parent = r.id(e.ID), r.id(e.Parent)
	if e.Kind == tracefmt.Counter {
		out.Key = r.text(Names, e.Key)
	} else {
		out.Key = r.id(e.Key)
	}
	return out
}

// shift moves the beginning of the trace to zero.
func (r *Reader) shift(e *tracefmt.Event) {
	if r.o.KeepTime {
		return
	}
	if !r.timed {
		r.timed, r.begin = true, e.Time
	}
	e.Time -= r.begin
}

func (r *Reader) text(part Part, s string) string {
	if r.keep[part] {
		return s
	}
	return r.p.text(s)
}

func (r *Reader) id(s string) string {
	if r.keep[IDs] {
		return s
	}
	return r.p.id(s)
}

// categories are those that package trace, and formats, have made up.
var categories = []string{tracefmt.CategoryTask, tracefmt.CategorySpan, tracefmt.CategoryAsync,
	tracefmt.CategoryAnomaly, tracefmt.CategoryLoss, tracefmt.CategoryLink, tracefmt.CategoryOpen}

// category replaces the members of a list.
func (r *Reader) category(s string) string {
	if s == "" || r.keep[Categories] || slices.Contains(categories, s) {
		return s
	}
	list := strings.Split(s, ",")
	for i, c := range list {
		if !slices.Contains(categories, c) {
			list[i] = r.p.text(c)
		}
	}
	return strings.Join(list, ",")
}

// Attributes whose values are IDs: those of package trace's stacks, and of OpenTelemetry's "Trace context in non-OTLP
// log formats".
const (
	attrSpan  = "span_id"
	attrTrace = "trace_id"
)

// attr replaces an attribute, except for the names of those that mean something to programs.
func (r *Reader) attr(a tracefmt.Attr) tracefmt.Attr {
	if slices.Contains(r.o.KeepAttrs, a.Key) {
		return a
	}
	switch a.Key {
	case tracefmt.AttrStack:
		if s := a.Value.String(); a.Value.Kind() == tracefmt.StringValue && tracefmt.Stack(s).Valid() {
			a.Value = tracefmt.String(r.stack(s))
			return a
		}
	case attrSpan, attrTrace:
		if a.Value.Kind() == tracefmt.StringValue {
			a.Value = tracefmt.String(r.id(a.Value.String()))
			return a
		}
	case tracefmt.AttrError, tracefmt.AttrSubsystem:
	default:
		a.Key = r.text(Keys, a.Key)
	}
	a.Value = r.value(a.Value)
	return a
}

// stack replaces the IDs of a stack.
func (r *Reader) stack(s string) string {
	var b strings.Builder
	begin := 0
	member := func(id string) {
		if strings.HasPrefix(id, "+") || id == "…" {
			b.WriteString(id) // what was left out
		} else {
			b.WriteString(r.id(id))
		}
	}
	for i := range len(s) {
		if c := s[i]; c == '/' || c == '.' || c == '~' {
			member(s[begin:i])
			b.WriteByte(c)
			begin = i + 1
		}
	}
	member(s[begin:])
	return b.String()
}

func (r *Reader) value(v tracefmt.Value) tracefmt.Value {
	switch v.Kind() {
	case tracefmt.StringValue:
		return tracefmt.String(r.p.text(v.String()))
	case tracefmt.RawValue:
		return r.json(v.String())
	case tracefmt.Int64Value, tracefmt.Uint64Value, tracefmt.Float64Value:
		if !r.o.KeepNumbers {
			return round(v)
		}
	}
	return v
}

// pid numbers the processes anew, and replaces the name of one that has none.
func (r *Reader) pid(e *tracefmt.Event) tracefmt.Value {
	return r.sourceID(e.SourceID, func() int64 {
		n := r.pids[e.SourceID]
		if n == 0 {
			n = int64(len(r.pids)) + 1
			r.pids[e.SourceID] = n
		}
		return n
	})
}

// tid numbers the tracks of a process anew.
func (r *Reader) tid(e *tracefmt.Event) tracefmt.Value {
	return r.sourceID(e.SourceID, func() int64 {
		key := tid{e.Process, e.SourceID}
		n := r.tids[key]
		if n == 0 {
			r.last[e.Process]++
			n = r.last[e.Process]
			r.tids[key] = n
		}
		return n
	})
}

func (r *Reader) sourceID(v tracefmt.Value, number func() int64) tracefmt.Value {
	switch v.Kind() {
	case tracefmt.NoValue:
		return v
	case tracefmt.Int64Value, tracefmt.Uint64Value, tracefmt.Float64Value:
		if r.o.KeepNumbers {
			return v
		}
		return tracefmt.Int64(number())
	}
	return r.value(v)
}
