package filter

import (
	"slices"

	"github.com/spanstack/spanstack/tracefmt"
)

// nest finds the slices, and which of them is around each event.
func (p *plan) nest() {
	n := nesting{plan: p, tracks: make(map[tracefmt.TrackID]*track), async: make(map[asyncKey][]int32)}
	p.ids = make(map[string]int32)
	number := int32(0)
	for e := range p.t.Events() {
		owner := n.place(e, number)
		p.owner = append(p.owner, owner)
		number++
	}
}

// nesting is what is open while the slices are found.
type nesting struct {
	*plan
	tracks map[tracefmt.TrackID]*track
	async  map[asyncKey][]int32
}

type track struct {
	open    []int32 // slices, the innermost last, and among them some that have ended
	waiting []int32 // points of arrows, by their events, for the next slice
}

type asyncKey struct{ category, key string }

func (n *nesting) track(id tracefmt.TrackID) *track {
	t := n.tracks[id]
	if t == nil {
		t = &track{}
		n.tracks[id] = t
	}
	return t
}

// place returns the node of a slice, or of the slice around another event on its track.
func (n *nesting) place(e *tracefmt.Event, number int32) int32 {
	switch e.Kind {
	case tracefmt.Begin, tracefmt.Complete:
		return n.slice(e)
	case tracefmt.AsyncBegin:
		return n.asyncSlice(e)
	case tracefmt.AsyncInstant, tracefmt.AsyncEnd:
		return n.asyncPoint(e)
	case tracefmt.FlowEnd:
		if e.BindNext {
			t := n.track(e.Track)
			t.waiting = append(t.waiting, number)
			return none
		}
	case tracefmt.Counter, tracefmt.Process, tracefmt.Track, tracefmt.Clock:
		return none
	}
	return n.around(e)
}

func (n *nesting) slice(e *tracefmt.Event) int32 {
	t := n.track(e.Track)
	for len(t.open) > 0 && n.nodes[t.open[len(t.open)-1]].end <= e.Time {
		t.open = t.open[:len(t.open)-1]
	}
	end := int64(endless)
	if d, ok := e.Duration(); ok {
		end = clamped(e.Time, d)
	}
	up := int32(none)
	for i := len(t.open) - 1; i >= 0 && up == none; i-- {
		if n.nodes[t.open[i]].end >= end {
			up = t.open[i]
		}
	}
	id := n.add(e, span{e.Time, end}, up)
	t.open = append(t.open, id)
	for _, point := range t.waiting {
		n.owner[point] = id
	}
	t.waiting = t.waiting[:0]
	return id
}

// add makes the node of a slice.
func (n *nesting) add(e *tracefmt.Event, when span, up int32) int32 {
	id := int32(len(n.nodes))
	c := node{span: when, up: up, parent: none, depth: 1, event: e}
	if up != none {
		c.depth = n.nodes[up].depth + 1
	}
	isTask := isTask(e.Category) || !n.hasTasks && up == none
	c.task = isTask && anyMatches(n.o.Tasks, e.Name)
	n.nodes = append(n.nodes, c)
	if e.ID != "" {
		n.ids[e.ID] = id
	}
	return id
}

// around returns the innermost slice around an event on its track.
func (n *nesting) around(e *tracefmt.Event) int32 {
	open := n.track(e.Track).open
	for i := len(open) - 1; i >= 0; i-- {
		if n.nodes[open[i]].end >= e.Time {
			return open[i]
		}
	}
	return none
}

func (n *nesting) asyncSlice(e *tracefmt.Event) int32 {
	key := asyncKey{e.Category, e.AsyncKey()}
	up := n.around(e)
	if open := n.async[key]; len(open) > 0 {
		up = open[len(open)-1]
	}
	id := n.add(e, span{e.Time, endless}, up)
	n.async[key] = append(n.async[key], id)
	return id
}

// asyncPoint returns the node of the async slice that a point is in, or that it ends.
func (n *nesting) asyncPoint(e *tracefmt.Event) int32 {
	key := asyncKey{e.Category, e.AsyncKey()}
	open := n.async[key]
	if len(open) == 0 {
		return none
	}
	i := len(open) - 1
	if e.Kind == tracefmt.AsyncInstant {
		return open[i]
	}
	for i >= 0 && e.Name != "" && n.nodes[open[i]].event.Name != e.Name {
		i--
	}
	if i < 0 {
		return none
	}
	id := open[i]
	n.nodes[id].end, n.nodes[id].ended = e.Time, e
	if open = slices.Delete(open, i, i+1); len(open) > 0 {
		n.async[key] = open
	} else {
		delete(n.async, key)
	}
	return id
}
