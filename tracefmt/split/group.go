package split

import (
	"cmp"
	"iter"
	"maps"
	"slices"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/nest"
	"github.com/spanstack/spanstack/tracefmt/timeline"
)

// AttrTrace is the attribute in which OpenTelemetry's trace ID is, by its "Trace context in non-OTLP log formats".
const AttrTrace = "trace_id"

// Group is a part of a trace, in normal form.
type Group struct {
	// Name tells what the group is: a process by its name, or a trace by its ID, or else by its root's ID or name. It
	// is empty for what belongs to none.
	Name string

	whole *timeline.Timeline // instead of the rest: there is nothing to be told apart
	meta  []*tracefmt.Event
	timed *timeline.Part

	own    int
	number int                       // in builder.order
	tracks map[tracefmt.TrackID]bool // that events are on
}

// Events yields the group: the processes and tracks that are used in it, clocks, and its events. It holds for them what
// holds for those of the Timeline.
func (g *Group) Events() iter.Seq[*tracefmt.Event] {
	if g.whole != nil {
		return g.whole.Events()
	}
	return func(yield func(*tracefmt.Event) bool) {
		for _, e := range g.meta {
			if !yield(e) {
				return
			}
		}
		g.timed.Events()(yield)
	}
}

// Len returns the number of events that are the group's own, and not of the trace as a whole.
func (g *Group) Len() int { return g.own }

// ByProcess returns a group for each process that has events, in the order in which they are declared, and one for the
// tracks of none. Events of the trace as a whole are in all of them. Losses are arrows between groups.
func ByProcess(t *timeline.Timeline) ([]*Group, []tracefmt.Loss) {
	processes := make(map[tracefmt.TrackID]tracefmt.TrackID) // by tracks
	b := newBuilder(t)
	for e := range t.Events() {
		switch e.Kind {
		case tracefmt.Process:
			processes[e.Track] = e.Track
			b.group(e.Track, cmp.Or(e.Name, "process "+e.SourceID.String()))
		case tracefmt.Track:
			processes[e.Track] = e.Process
		}
	}
	b.distribute(func(_ int, e *tracefmt.Event) *Group {
		if e.Track == 0 {
			return nil
		}
		return b.group(processes[e.Track], "")
	})
	return b.finish()
}

// ByTrace returns a group for each trace in a file, in the order of their first slices, and one for what belongs to no
// slice. A trace is what has the same trace ID in its attributes (AttrTrace), or in those of what it is below; where
// there is none, it is what has the same outermost slice, by parents, or else by nesting. Losses are arrows between
// groups.
func ByTrace(t *timeline.Timeline) ([]*Group, []tracefmt.Loss) {
	var keep func(*tracefmt.Event) *tracefmt.Event
	if t.OnDisk() {
		keep = nest.Slim(AttrTrace)
	}
	tree := nest.Of(t.Events(), keep)
	b := newBuilder(t)
	groups := make([]*Group, len(tree.Nodes))
	for i := range tree.Nodes {
		b.traceOf(tree, groups, int32(i))
	}
	b.distribute(func(number int, e *tracefmt.Event) *Group {
		if owner := tree.Owners[number]; owner != nest.None {
			return groups[owner]
		}
		return b.group("", "")
	})
	return b.finish()
}

// traceID and root are keys of groups.
type (
	traceID string
	root    int32
)

// onTheWay stands for the group of slices that were met on the way from one below them: parents may form a circle.
var onTheWay = &Group{}

// traceOf finds the group of a slice and of those above it.
func (b *builder) traceOf(tree *nest.Tree, groups []*Group, id int32) {
	var path []int32
	g := groups[id]
	for at := id; g == nil; {
		n := &tree.Nodes[at]
		path = append(path, at)
		groups[at] = onTheWay
		at = tree.Above(at)
		switch text := n.Attr(AttrTrace).String(); {
		case text != "":
			g = b.group(traceID(text), text)
		case at == nest.None || groups[at] == onTheWay:
			g = b.group(root(path[len(path)-1]), cmp.Or(n.Event.ID, n.Event.Name, "trace"))
		default:
			g = groups[at]
		}
	}
	for _, at := range path {
		groups[at] = g
	}
}

// builder puts events into groups.
type builder struct {
	t      *timeline.Timeline
	groups map[any]*Group
	order  []*Group
	losses tracefmt.Losses
}

func newBuilder(t *timeline.Timeline) *builder { return &builder{t: t, groups: make(map[any]*Group)} }

func (b *builder) group(key any, name string) *Group {
	g := b.groups[key]
	if g == nil {
		g = &Group{Name: name, number: len(b.order), tracks: make(map[tracefmt.TrackID]bool)}
		b.groups[key] = g
		b.order = append(b.order, g)
	}
	return g
}

// distribute puts each event that has a time into the group that where returns, or into all if that is nil.
func (b *builder) distribute(where func(number int, e *tracefmt.Event) *Group) {
	var places []*Group                 // of events that have a time; nil: all
	arrows := make(map[arrowKey]*Group) // where their last start is
	apart := make(map[arrowKey]bool)
	number := -1
	for e := range b.t.Events() {
		number++
		switch {
		case !e.Kind.Timed():
			continue
		case e.Kind == tracefmt.Clock:
			places = append(places, nil)
			continue
		}
		g := where(number, e)
		if isFlow(e.Kind) {
			key := arrowKey{e.Category, e.Name, e.Key}
			if start, ok := arrows[key]; !ok {
				arrows[key] = g
			} else if start != g {
				apart[key] = true
			}
		}
		places = append(places, g)
	}
	parts := b.t.Divide(len(b.order), func(number int, e *tracefmt.Event, add func(int)) {
		if isFlow(e.Kind) && apart[arrowKey{e.Category, e.Name, e.Key}] {
			b.losses.Add("point of an arrow from one part to another")
			return
		}
		b.put(e, places[number], add)
	})
	for i, g := range b.order {
		g.timed = parts[i]
	}
}

func isFlow(k tracefmt.Kind) bool {
	return k == tracefmt.FlowStart || k == tracefmt.FlowStep || k == tracefmt.FlowEnd
}

func (b *builder) put(e *tracefmt.Event, g *Group, add func(part int)) {
	if g != nil {
		g.own++
		g.tracks[e.Track] = true
		add(g.number)
		return
	}
	for _, g := range b.order {
		g.tracks[e.Track] = true
		add(g.number)
	}
}

// finish declares what is used, and leaves out the groups that have nothing of their own, unless all are like that.
func (b *builder) finish() ([]*Group, []tracefmt.Loss) {
	places := make(map[tracefmt.TrackID]int) // of declarations
	var declared []*tracefmt.Event
	for e := range b.t.Events() {
		if !e.Kind.Timed() {
			places[e.Track] = len(declared)
			declared = append(declared, e) // these stay in memory
		}
	}
	groups := slices.DeleteFunc(b.order, func(g *Group) bool { return g.own == 0 })
	if len(groups) == 0 {
		return []*Group{{whole: b.t}}, b.losses.List()
	}
	for _, g := range groups {
		used := make(map[int]bool)
		for id := range g.tracks {
			place, ok := places[id]
			if !ok {
				continue
			}
			used[place] = true
			if around, ok := places[declared[place].Process]; ok {
				used[around] = true
			}
		}
		for _, place := range slices.Sorted(maps.Keys(used)) {
			g.meta = append(g.meta, declared[place])
		}
	}
	return groups, b.losses.List()
}
