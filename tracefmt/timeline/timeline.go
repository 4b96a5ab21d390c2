package timeline

import (
	"cmp"
	"io"
	"iter"
	"math"
	"slices"

	"github.com/spanstack/spanstack/tracefmt"
)

// Timeline collects events. The zero value is ready for use. Once Events or WriteTo was called, nothing can be added.
type Timeline struct {
	inputs []*input
	events []tracefmt.Event
	attrs  []tracefmt.Attr // the free rest of a slab that events' attributes are cut from
	losses tracefmt.Losses
	normal bool
	meta   []tracefmt.Event

	base      int64 // ns from 1970 to the timeline's 0, if the inputs are aligned
	method    AlignBy
	offsets   map[int]int64 // of inputs, as they were set
	clocks    *clocks       // how the inputs' clocks correspond; nil if it isn't known yet
	placement Placement
}

// input is what is particular to one of the traces.
type input struct {
	first     int              // index of its first event
	base      tracefmt.TrackID // added to its TrackIDs
	last      tracefmt.TrackID // highest TrackID, with base
	processes map[tracefmt.TrackID]*tracefmt.Event
	tracks    map[tracefmt.TrackID]*tracefmt.Event
	order     []tracefmt.TrackID // of processes and tracks, as they were met
	anchor    *tracefmt.Event
	hasIDs    bool
	hasLogs   bool
	hasSlices bool
}

// Read adds all events of a trace, and returns how many of them are timed. If r fails, what could be read stays, and the
// error is r's.
func (t *Timeline) Read(r tracefmt.Reader) (n int64, err error) {
	t.start()
	for {
		e, err := r.Next()
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		t.Add(e)
		if e.Kind.Timed() && e.Kind != tracefmt.Clock {
			n++
		}
	}
}

// start begins another input.
func (t *Timeline) start() *input {
	in := &input{
		first:     len(t.events),
		processes: make(map[tracefmt.TrackID]*tracefmt.Event),
		tracks:    make(map[tracefmt.TrackID]*tracefmt.Event),
	}
	if n := len(t.inputs); n > 0 {
		in.base = t.inputs[n-1].last
	}
	in.last = in.base
	t.inputs = append(t.inputs, in)
	t.clocks = nil
	return in
}

// Add adds an event to the trace that Read was last called for, or to the only one. It keeps nothing of e.
func (t *Timeline) Add(e *tracefmt.Event) {
	if t.normal {
		panic("timeline: Add after Events")
	}
	if len(t.inputs) == 0 {
		t.start()
	}
	in := t.inputs[len(t.inputs)-1]
	t.clocks = nil
	c := *e
	if c.Track != 0 {
		c.Track += in.base
	}
	if c.Process != 0 {
		c.Process += in.base
	}
	in.last = max(in.last, c.Track, c.Process)
	c.Attrs = t.cut(e.Attrs)
	switch c.Kind {
	case tracefmt.Process:
		in.declare(in.processes, &c)
		return
	case tracefmt.Track:
		in.declare(in.tracks, &c)
		return
	case tracefmt.Clock:
		if in.anchor == nil && len(t.events) == in.first {
			in.anchor = &c
			return
		}
	}
	in.hasIDs = in.hasIDs || c.ID != ""
	in.hasLogs = in.hasLogs || c.Kind == tracefmt.Log
	in.hasSlices = in.hasSlices || isSlice(c.Kind)
	t.events = append(t.events, c)
}

// cut copies attributes into the slab.
func (t *Timeline) cut(attrs []tracefmt.Attr) []tracefmt.Attr {
	n := len(attrs)
	if n == 0 {
		return nil
	}
	if n > len(t.attrs) {
		t.attrs = make([]tracefmt.Attr, max(n, 1024))
	}
	piece := t.attrs[:n:n]
	t.attrs = t.attrs[n:]
	copy(piece, attrs)
	return piece
}

// declare merges a metadata event into what is known of its track.
func (in *input) declare(known map[tracefmt.TrackID]*tracefmt.Event, e *tracefmt.Event) {
	old := known[e.Track]
	if old == nil {
		c := *e
		known[e.Track] = &c
		in.order = append(in.order, e.Track)
		return
	}
	old.Name = cmp.Or(e.Name, old.Name)
	old.Order = cmp.Or(e.Order, old.Order)
	old.Process = cmp.Or(e.Process, old.Process)
	if !e.SourceID.IsZero() {
		old.SourceID = e.SourceID
	}
	for _, a := range e.Attrs {
		i := slices.IndexFunc(old.Attrs, func(b tracefmt.Attr) bool { return a.Key == b.Key })
		if i >= 0 {
			old.Attrs[i] = a
		} else {
			old.Attrs = append(old.Attrs[:len(old.Attrs):len(old.Attrs)], a)
		}
	}
}

// Losses returns what bringing the events into order had to repair so far.
func (t *Timeline) Losses() []tracefmt.Loss { return t.losses.List() }

// Events returns the normal form. An event may not be changed.
func (t *Timeline) Events() iter.Seq[*tracefmt.Event] {
	t.normalise()
	return func(yield func(*tracefmt.Event) bool) {
		for _, list := range [][]tracefmt.Event{t.meta, t.events} {
			for i := range list {
				if list[i].Kind != tracefmt.Invalid && !yield(&list[i]) {
					return
				}
			}
		}
	}
}

// WriteTo writes the normal form to w, without closing it.
func (t *Timeline) WriteTo(w tracefmt.Writer) (n int64, err error) {
	for e := range t.Events() {
		if err := w.Write(e); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

func (t *Timeline) normalise() {
	if t.normal {
		return
	}
	t.normal = true
	anchor := t.align()
	t.placeLogs()
	if len(t.inputs) > 1 {
		t.separate()
	}
	t.meta = t.metadata(anchor)
	slices.SortStableFunc(t.events, byTime)
	t.pair()
	t.mark()
	t.events = slices.DeleteFunc(t.events, func(e tracefmt.Event) bool { return e.Kind == tracefmt.Invalid })
	slices.SortStableFunc(t.events, byNesting)
	t.closeInside()
	slices.SortStableFunc(t.events, byNesting)
}

func (t *Timeline) eventsOf(i int) []tracefmt.Event {
	if i+1 < len(t.inputs) {
		return t.events[t.inputs[i].first:t.inputs[i+1].first]
	}
	return t.events[t.inputs[i].first:]
}

func byTime(a, b tracefmt.Event) int { return cmp.Compare(a.Time, b.Time) }

// byNesting orders by time, and at the same time: what points to the next slice, slices from the longest to the
// shortest, then everything else, flows from start to end.
func byNesting(a, b tracefmt.Event) int {
	if a.Time != b.Time {
		return cmp.Compare(a.Time, b.Time)
	}
	ra, rb := rank(&a), rank(&b)
	if ra == rankSlice && rb == rankSlice {
		return cmp.Compare(length(&b), length(&a))
	}
	return cmp.Compare(ra, rb)
}

const (
	rankClock = iota
	rankNext
	rankSlice
	rankOther
	rankFlowStep
	rankFlowEnd
)

func rank(e *tracefmt.Event) int {
	switch e.Kind {
	case tracefmt.Clock:
		return rankClock
	case tracefmt.Begin, tracefmt.Complete:
		return rankSlice
	case tracefmt.FlowStep:
		return rankFlowStep
	case tracefmt.FlowEnd:
		if e.BindNext {
			return rankNext
		}
		return rankFlowEnd
	}
	return rankOther
}

// length returns a slice's duration, and the longest of all for one that hasn't ended.
func length(e *tracefmt.Event) int64 {
	if d, ok := e.Duration(); ok {
		return d
	}
	return math.MaxInt64
}
