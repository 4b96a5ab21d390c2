package rows

import (
	"cmp"
	"slices"

	"github.com/spanstack/spanstack/tracefmt"
)

// Maker makes rows of events. Its memory is bounded by what is open and by the number of tracks.
type Maker struct {
	// Emit gets each row, which is valid during the call only.
	Emit func(*Row)

	losses   tracefmt.Losses
	anchored bool
	timed    bool
	offset   int64 // what is to be added to a time to make it one since 1970
	places   map[tracefmt.TrackID]*place
	nesting  Nesting
	open     map[tracefmt.TrackID][]openSlice
	async    map[asyncKey][]openSlice
	row      Row
	attrs    []tracefmt.Attr
}

// place is what is known of a process or track.
type place struct {
	isTrack bool
	process tracefmt.TrackID // of a track
	name    string
	source  tracefmt.Value
}

type asyncKey struct{ category, key string }

// openSlice is a slice that waits for its end.
type openSlice struct {
	*tracefmt.Event
	depth int
}

// NewMaker returns a Maker that calls emit.
func NewMaker(emit func(*Row)) *Maker {
	return &Maker{
		Emit:   emit,
		places: make(map[tracefmt.TrackID]*place),
		open:   make(map[tracefmt.TrackID][]openSlice),
		async:  make(map[asyncKey][]openSlice),
	}
}

// Losses returns what has no place in rows.
func (m *Maker) Losses() []tracefmt.Loss { return m.losses.List() }

// Lost counts what a format can't express of a row.
func (m *Maker) Lost(what string) { m.losses.Add(what) }

// Clock returns the clock on which times are: it is settled with the first event that has a time.
func (m *Maker) Clock() string {
	if m.anchored {
		return UnixClock
	}
	return TraceClock
}

// Add adds an event. It keeps nothing of e.
func (m *Maker) Add(e *tracefmt.Event) {
	switch e.Kind {
	case tracefmt.Process, tracefmt.Track:
		m.declare(e)
		return
	case tracefmt.Clock:
		m.clock(e)
		return
	}
	m.timed = true
	switch e.Kind {
	case tracefmt.Begin:
		m.open[e.Track] = append(m.open[e.Track], openSlice{e.Clone(), m.nesting.Depth(e)})
	case tracefmt.End:
		m.end(e)
	case tracefmt.Complete:
		m.slice(Slice, e, e.Dur, m.nesting.Depth(e))
	case tracefmt.Instant:
		m.fill(Instant, e)
		m.emit(e.Attrs)
	case tracefmt.Log:
		m.fill(Log, e)
		m.row.Severity = e.Severity
		m.emit(e.Attrs)
	case tracefmt.Counter:
		m.counter(e)
	case tracefmt.AsyncBegin:
		key := asyncKey{e.Category, e.AsyncKey()}
		m.async[key] = append(m.async[key], openSlice{e.Clone(), len(m.async[key])})
	case tracefmt.AsyncInstant:
		m.fill(Instant, e)
		m.row.ID = ""
		m.row.Parent = cmp.Or(e.Parent, e.AsyncKey())
		m.emit(e.Attrs)
	case tracefmt.AsyncEnd:
		m.asyncEnd(e)
	case tracefmt.FlowStart, tracefmt.FlowStep, tracefmt.FlowEnd:
		m.losses.Add("point of a flow")
	default:
		m.losses.Add("event of unknown kind")
	}
}

func (m *Maker) declare(e *tracefmt.Event) {
	p := m.places[e.Track]
	if p == nil {
		p = &place{isTrack: e.Kind == tracefmt.Track}
		m.places[e.Track] = p
	}
	if e.Name != "" {
		p.name = e.Name
	}
	if !e.SourceID.IsZero() {
		p.source = e.SourceID
	}
	if p.isTrack {
		p.process = e.Process
	}
	if len(e.Attrs) > 0 {
		m.losses.Add("attributes of a process or track")
	}
}

// clock takes the first clock event before everything with a time as the trace's anchor.
func (m *Maker) clock(e *tracefmt.Event) {
	if m.timed || m.anchored {
		m.losses.Add("step of the wall clock")
		return
	}
	m.offset = e.Unix - e.Time
	if (e.Unix^e.Time)&(e.Unix^m.offset) < 0 {
		m.offset = 0
		m.losses.Add("wall clock out of range")
		return
	}
	m.anchored = true
}

// end makes a row of the slice that was begun last on the track.
func (m *Maker) end(e *tracefmt.Event) {
	stack := m.open[e.Track]
	if len(stack) == 0 {
		m.losses.Add("end without a begin")
		return
	}
	begun := stack[len(stack)-1]
	stack[len(stack)-1] = openSlice{}
	m.open[e.Track] = stack[:len(stack)-1]
	begun.Attrs = append(begun.Attrs, e.Attrs...)
	m.nesting.End(e)
	m.slice(Slice, begun.Event, m.duration(begun.Event, e), begun.depth)
}

// duration returns how long a slice took that has a begin and an end.
func (m *Maker) duration(begin, end *tracefmt.Event) int64 {
	d := end.Time - begin.Time
	if end.Time < begin.Time {
		m.losses.Add("end before its begin, moved to it")
		return 0
	}
	if d < 0 {
		m.losses.Add("duration out of range")
		return tracefmt.Open
	}
	return d
}

// asyncEnd makes a row of the async slice of that name, or else of the innermost one.
func (m *Maker) asyncEnd(e *tracefmt.Event) {
	key := asyncKey{e.Category, e.AsyncKey()}
	open := m.async[key]
	if len(open) == 0 {
		m.losses.Add("async end without a begin")
		return
	}
	i := len(open) - 1
	for j := i; j >= 0; j-- {
		if open[j].Name == e.Name {
			i = j
			break
		}
	}
	begun := open[i]
	if len(open) == 1 {
		delete(m.async, key)
	} else {
		m.async[key] = slices.Delete(open, i, i+1)
	}
	begun.Attrs = append(begun.Attrs, e.Attrs...)
	m.slice(Async, begun.Event, m.duration(begun.Event, e), begun.depth)
}

// slice makes a row of a slice whose event has all of its attributes.
func (m *Maker) slice(kind Kind, e *tracefmt.Event, dur int64, depth int) {
	m.fill(kind, e)
	m.row.Dur, m.row.Depth = max(dur, tracefmt.Open), depth
	if kind == Async {
		m.row.ID = cmp.Or(e.ID, e.Key)
	}
	if e.Failed() {
		m.row.Error = e.Attr(tracefmt.AttrError).String()
	}
	m.emit(e.Attrs)
}

// counter makes a row for each series.
func (m *Maker) counter(e *tracefmt.Event) {
	some := false
	for _, a := range e.Attrs {
		if _, isNumber := a.Value.Float64(); !isNumber {
			m.losses.Add("counter's value that isn't a number")
			continue
		}
		some = true
		m.fill(Counter, e)
		m.row.ID, m.row.Series, m.row.Value = e.Key, a.Key, a.Value
		m.emit(nil)
	}
	if !some {
		m.losses.Add("counter without a value")
	}
}

// fill starts a row with what all kinds of events have.
func (m *Maker) fill(kind Kind, e *tracefmt.Event) {
	m.row = Row{Kind: kind, ID: e.ID, Parent: e.Parent, Name: e.Name, Category: e.Category, Start: e.Time,
		Clock: m.Clock(), Dur: tracefmt.Open, Depth: -1}
	p := m.places[e.Track]
	if p == nil {
		return
	}
	if p.isTrack {
		m.row.Track, m.row.TID = p.name, p.source
		if p = m.places[p.process]; p == nil {
			return
		}
	}
	m.row.Process, m.row.PID = p.name, p.source
}

// emit hands out the row, with attributes.
func (m *Maker) emit(attrs []tracefmt.Attr) {
	start := m.row.Start + m.offset
	if (m.row.Start^start)&(m.offset^start) < 0 {
		m.losses.Add("time out of range")
		return
	}
	m.row.Start = start
	m.attrs = m.attrs[:0]
	last := lastOf(attrs)
	for i, a := range attrs {
		switch {
		case a.Value.IsZero() || !last(i):
			continue
		case a.Key == AttrTraceID && a.Value.Kind() == tracefmt.StringValue:
			m.row.TraceID = a.Value.String()
			continue
		case a.Key == tracefmt.AttrError && m.row.Error != "":
			continue
		}
		m.attrs = append(m.attrs, a)
	}
	m.row.Attrs = m.attrs
	m.Emit(&m.row)
}

// lastOf returns a function that says whether no other attribute behind number i has the same key.
func lastOf(attrs []tracefmt.Attr) func(i int) bool {
	if len(attrs) > 32 {
		last := make(map[string]int, len(attrs))
		for i, a := range attrs {
			last[a.Key] = i
		}
		return func(i int) bool { return last[attrs[i].Key] == i }
	}
	return func(i int) bool {
		return !slices.ContainsFunc(attrs[i+1:], func(a tracefmt.Attr) bool { return a.Key == attrs[i].Key })
	}
}

// Finish makes rows of what is open.
func (m *Maker) Finish() {
	type row struct {
		openSlice
		kind Kind
	}
	var open []row
	for _, stack := range m.open {
		for _, s := range stack {
			open = append(open, row{s, Slice})
		}
	}
	for _, list := range m.async {
		for _, s := range list {
			open = append(open, row{s, Async})
		}
	}
	slices.SortFunc(open, func(a, b row) int {
		return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.Track, b.Track), cmp.Compare(a.kind, b.kind),
			cmp.Compare(a.depth, b.depth), cmp.Compare(a.Category, b.Category), cmp.Compare(a.AsyncKey(), b.AsyncKey()))
	})
	for _, r := range open {
		m.slice(r.kind, r.Event, tracefmt.Open, r.depth)
	}
	clear(m.open)
	clear(m.async)
}
