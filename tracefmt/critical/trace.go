package critical

import (
	"cmp"
	"math"

	"github.com/spanstack/spanstack/tracefmt"
)

// Trace collects slices and what leads from one to another. The zero value is ready for use.
type Trace struct {
	slices []*Slice
	ids    map[string]*Slice
	tracks map[tracefmt.TrackID]*track
	async  map[flowKey][]*Slice // running
	flows  map[flowKey]point    // the last point of each
	arrows []arrow
	end    int64
	last   tracefmt.TrackID // the highest
	linked bool
	losses tracefmt.Losses
}

// track is a row of the picture.
type track struct {
	name    string
	number  tracefmt.Value
	process tracefmt.TrackID
	running []*Slice // the ends of which don't become later from the outermost to the innermost
	pending []int    // arrows that point to the next slice
}

type flowKey struct{ category, name, key string }

// point is where an arrow begins or ends.
type point struct {
	slice *Slice
	time  int64
}

// arrow leads from one point to another.
type arrow struct {
	from, to point
	key      string
	next     bool // to is where the slice begins
}

// endless is the end of a slice that has none, until the end of the trace is known.
const endless = math.MaxInt64

// Add adds an event. Events are in the normal form of package timeline: in the order of time, without Ends.
func (t *Trace) Add(e *tracefmt.Event) {
	if t.tracks == nil {
		t.ids = make(map[string]*Slice)
		t.tracks = make(map[tracefmt.TrackID]*track)
		t.async = make(map[flowKey][]*Slice)
		t.flows = make(map[flowKey]point)
		t.end = math.MinInt64
	}
	t.last = max(t.last, e.Track, e.Process)
	tr := t.track(e.Track)
	switch e.Kind {
	case tracefmt.Process, tracefmt.Track:
		tr.name = cmp.Or(e.Name, tr.name)
		if !e.SourceID.IsZero() {
			tr.number = e.SourceID
		}
		tr.process = cmp.Or(e.Process, tr.process)
		if e.Kind == tracefmt.Process {
			tr.process = e.Track
		}
		return
	case tracefmt.Clock:
		return
	}
	t.end = max(t.end, e.Until())
	switch e.Kind {
	case tracefmt.Begin, tracefmt.Complete:
		t.slice(e, tr)
	case tracefmt.AsyncBegin, tracefmt.AsyncEnd:
		t.asyncSlice(e)
	case tracefmt.FlowStart, tracefmt.FlowStep, tracefmt.FlowEnd:
		t.flow(e, tr)
	}
}

func (t *Trace) track(id tracefmt.TrackID) *track {
	tr := t.tracks[id]
	if tr == nil {
		tr = &track{}
		t.tracks[id] = tr
	}
	return tr
}

// slice adds a slice of a track.
func (t *Trace) slice(e *tracefmt.Event, tr *track) {
	end := int64(endless)
	_, ok := e.Duration()
	if ok {
		end = e.Until()
	}
	s := t.add(e, end)
	s.Open = !ok
	// One that ends before s does can be around nothing that comes later, unless s is around that, too.
	n := len(tr.running)
	for n > 0 && (tr.running[n-1].End < end || tr.running[n-1].End <= e.Time) {
		n--
	}
	if n > 0 {
		s.parent = tr.running[n-1]
	}
	tr.running = append(tr.running[:n], s)
	for _, i := range tr.pending {
		t.arrows[i].to = point{s, s.Start}
	}
	tr.pending = nil
}

func (t *Trace) add(e *tracefmt.Event, end int64) *Slice {
	s := &Slice{Name: e.Name, Category: e.Category, ID: e.ID, Track: e.Track, Start: e.Time, End: end,
		parentID: e.Parent, order: len(t.slices)}
	if kind := e.Attr("span.kind").String(); kind == "producer" || kind == "consumer" { // OpenTelemetry's
		s.queued = true
	}
	t.slices = append(t.slices, s)
	if e.ID != "" && t.ids[e.ID] == nil {
		t.ids[e.ID] = s
	}
	return s
}

// asyncSlice adds a point of an async slice.
func (t *Trace) asyncSlice(e *tracefmt.Event) {
	key := flowKey{category: e.Category, key: e.AsyncKey()}
	open := t.async[key]
	if e.Kind == tracefmt.AsyncBegin {
		s := t.add(e, endless)
		s.Open = true
		if len(open) > 0 {
			s.parent = open[len(open)-1]
		}
		t.async[key] = append(open, s)
		return
	}
	i := len(open) - 1
	for i >= 0 && e.Name != "" && open[i].Name != e.Name {
		i--
	}
	if i < 0 {
		t.losses.Add("async end without a begin")
		return
	}
	for _, s := range open[i:] { // those inside of it have to end, too
		s.End, s.Open = e.Time, false
	}
	if t.async[key] = open[:i]; i == 0 {
		delete(t.async, key)
	}
}

// flow adds a point of an arrow.
func (t *Trace) flow(e *tracefmt.Event, tr *track) {
	key := flowKey{e.Category, e.Name, e.Key}
	from := t.flows[key]
	to := point{tr.at(e.Time), e.Time}
	switch e.Kind {
	case tracefmt.FlowStart:
		t.flows[key] = to
		return
	case tracefmt.FlowStep:
		t.flows[key] = to
	case tracefmt.FlowEnd:
		delete(t.flows, key)
	}
	if from.slice == nil {
		return
	}
	if e.BindNext {
		tr.pending = append(tr.pending, len(t.arrows))
		to = point{}
	}
	t.arrows = append(t.arrows, arrow{from: from, to: to, key: e.Key, next: e.BindNext})
}

// at returns the innermost slice that runs at a time, or else, one that ends then.
func (tr *track) at(time int64) *Slice {
	n := len(tr.running)
	for n > 0 && tr.running[n-1].End < time {
		n--
	}
	tr.running = tr.running[:n]
	if n == 0 {
		return nil
	}
	for i := n - 1; i >= max(0, n-maxSteps); i-- {
		if tr.running[i].End > time {
			return tr.running[i]
		}
	}
	return tr.running[n-1]
}

// Losses returns what could not be placed.
func (t *Trace) Losses() []tracefmt.Loss { return t.losses.List() }

// TrackName returns the name of a track for people, with that of its process before it if it isn't a process itself.
func (t *Trace) TrackName(id tracefmt.TrackID) string {
	tr := t.tracks[id]
	if tr == nil {
		return ""
	}
	name := cmp.Or(tr.name, tr.number.String())
	if tr.process == 0 || tr.process == id {
		return name
	}
	return t.TrackName(tr.process) + "/" + name
}
