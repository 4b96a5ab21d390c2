// Package nest tells which slices of a trace are inside of which, and which of them each event belongs to.
package nest

import (
	"iter"
	"math"
	"slices"

	"github.com/spanstack/spanstack/tracefmt"
)

// None stands for no node.
const None = -1

// Endless is the End of a slice whose end isn't known.
const Endless = math.MaxInt64

// Node is a slice. Nodes go by their indexes.
type Node struct {
	Begin, End int64 // ns
	Event      *tracefmt.Event
	Ended      *tracefmt.Event // the end of an async slice; nil if it isn't known
	Up         int32           // the slice around it on its track, or None
	Parent     int32           // the slice that its event names as parent, or None
	Depth      int32           // 1 for a slice that nothing is around
}

// Tree is what nests in a trace.
type Tree struct {
	Nodes []Node // in the order of the events that begin them
	// Owners has a node, or None, for each event: of a slice itself; for log lines and instants that of their Parent,
	// or of the next one outwards on their stack; else that of the innermost slice around them on their track.
	Owners []int32
}

// Of returns the tree of a trace in normal form. Events must be the same at each iteration. Those of slices are kept as
// keep returns them; nil says that they stay valid.
func Of(events iter.Seq[*tracefmt.Event], keep func(*tracefmt.Event) *tracefmt.Event) *Tree {
	if keep == nil {
		keep = func(e *tracefmt.Event) *tracefmt.Event { return e }
	}
	n := nesting{Tree: &Tree{}, keep: keep, tracks: make(map[tracefmt.TrackID]*track),
		async: make(map[asyncKey][]int32), ids: make(map[string]int32)}
	for e := range events {
		n.Owners = append(n.Owners, None) // place may refer to it
		owner := n.place(e)
		n.Owners[len(n.Owners)-1] = owner
	}
	n.adopt(events)
	return n.Tree
}

// Above returns the node that a node belongs below: its parent, or else what is around it.
func (t *Tree) Above(id int32) int32 {
	if n := &t.Nodes[id]; n.Parent != None {
		return n.Parent
	} else {
		return n.Up
	}
}

// Attr returns the value that an attribute of a slice has at last.
func (n *Node) Attr(key string) tracefmt.Value {
	if n.Ended != nil {
		if v := n.Ended.Attr(key); !v.IsZero() {
			return v
		}
	}
	return n.Event.Attr(key)
}

// Slim returns a keep for Of that copies what it takes to place a slice, its name and category, and the attributes of
// these keys.
func Slim(keys ...string) func(*tracefmt.Event) *tracefmt.Event {
	return func(e *tracefmt.Event) *tracefmt.Event {
		slim := &tracefmt.Event{Kind: e.Kind, Name: e.Name, Category: e.Category, ID: e.ID, Parent: e.Parent}
		for _, a := range e.Attrs {
			if slices.Contains(keys, a.Key) {
				slim.Attrs = append(slim.Attrs, a)
			}
		}
		return slim
	}
}

// IsSlice reports whether events of a kind begin a slice in normal form.
func IsSlice(k tracefmt.Kind) bool {
	return k == tracefmt.Begin || k == tracefmt.Complete || k == tracefmt.AsyncBegin
}

// nesting is what is open while the slices are found.
type nesting struct {
	*Tree
	keep   func(*tracefmt.Event) *tracefmt.Event
	tracks map[tracefmt.TrackID]*track
	async  map[asyncKey][]int32
	ids    map[string]int32 // of slices, to their nodes
}

type track struct {
	open    []int32 // slices, the innermost last, and among them some that have ended
	waiting []int   // points of arrows, by their events, for the next slice
	limit   int     // of open, before those that have ended are looked for
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
func (n *nesting) place(e *tracefmt.Event) int32 {
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
			t.waiting = append(t.waiting, len(n.Owners)-1)
			return None
		}
	case tracefmt.Counter, tracefmt.Process, tracefmt.Track, tracefmt.Clock:
		return None
	}
	return n.around(e)
}

func (n *nesting) slice(e *tracefmt.Event) int32 {
	t := n.track(e.Track)
	for len(t.open) > 0 && n.Nodes[t.open[len(t.open)-1]].End <= e.Time {
		t.open = t.open[:len(t.open)-1]
	}
	end := int64(Endless)
	if _, ok := e.Duration(); ok {
		end = e.Until()
	}
	up := int32(None)
	for i := len(t.open) - 1; i >= 0 && up == None; i-- {
		if c := &n.Nodes[t.open[i]]; c.End >= end && mayHold(c.Event, e) {
			up = t.open[i]
		}
	}
	id := n.add(e, end, up)
	if len(t.open) >= t.limit { // overlapping slices leave some behind
		t.open = slices.DeleteFunc(t.open, func(id int32) bool { return n.Nodes[id].End <= e.Time })
		t.limit = 2*len(t.open) + 64
	}
	t.open = append(t.open, id)
	for _, point := range t.waiting {
		n.Owners[point] = id
	}
	t.waiting = t.waiting[:0]
	return id
}

// mayHold reports whether a slice can be inside of another that is around it by time. On a track of concurrent work,
// one that has an ID is around others by chance; as in tracefmt/internal/lanes, only those that have neither ID nor
// parent, or that name it as their parent, are inside of it.
func mayHold(outer, inner *tracefmt.Event) bool {
	return outer.ID == "" || outer.ID == inner.Parent || inner.ID == "" && inner.Parent == ""
}

// add makes the node of a slice.
func (n *nesting) add(e *tracefmt.Event, end int64, up int32) int32 {
	id := int32(len(n.Nodes))
	depth := int32(1)
	if up != None {
		depth = n.Nodes[up].Depth + 1
	}
	n.Nodes = append(n.Nodes, Node{Begin: e.Time, End: end, Event: n.keep(e), Up: up, Parent: None, Depth: depth})
	if e.ID != "" {
		n.ids[e.ID] = id
	}
	return id
}

// around returns the innermost slice around an event on its track.
func (n *nesting) around(e *tracefmt.Event) int32 {
	open := n.track(e.Track).open
	for i := len(open) - 1; i >= 0; i-- {
		if n.Nodes[open[i]].End >= e.Time {
			return open[i]
		}
	}
	return None
}

func (n *nesting) asyncSlice(e *tracefmt.Event) int32 {
	key := asyncKey{e.Category, e.AsyncKey()}
	up := n.around(e)
	if up != None && !mayHold(n.Nodes[up].Event, e) {
		up = None
	}
	if open := n.async[key]; len(open) > 0 {
		up = open[len(open)-1]
	}
	id := n.add(e, Endless, up)
	n.async[key] = append(n.async[key], id)
	return id
}

// asyncPoint returns the node of the async slice that a point is in, or that it ends.
func (n *nesting) asyncPoint(e *tracefmt.Event) int32 {
	key := asyncKey{e.Category, e.AsyncKey()}
	open := n.async[key]
	if len(open) == 0 {
		return None
	}
	i := len(open) - 1
	if e.Kind == tracefmt.AsyncInstant {
		return open[i]
	}
	for i >= 0 && e.Name != "" && n.Nodes[open[i]].Event.Name != e.Name {
		i--
	}
	if i < 0 {
		return None
	}
	id := open[i]
	n.Nodes[id].End, n.Nodes[id].Ended = e.Time, n.keep(e)
	if open = slices.Delete(open, i, i+1); len(open) > 0 {
		n.async[key] = open
	} else {
		delete(n.async, key)
	}
	return id
}

// adopt finds the parents of slices, and puts what names a slice as its parent there.
func (n *nesting) adopt(events iter.Seq[*tracefmt.Event]) {
	number := -1
	for e := range events {
		number++
		switch {
		case IsSlice(e.Kind):
			if parent, ok := n.ids[e.Parent]; ok && e.Parent != "" {
				n.Nodes[n.Owners[number]].Parent = parent
			}
		case e.Kind == tracefmt.Instant || e.Kind == tracefmt.Log:
			if owner := n.named(e); owner != None {
				n.Owners[number] = owner
			}
		}
	}
}

// named returns the slice that an event names as its parent, or that is the nearest to it on its stack.
func (n *nesting) named(e *tracefmt.Event) int32 {
	if owner, ok := n.ids[e.Parent]; ok && e.Parent != "" {
		return owner
	}
	if e.Kind != tracefmt.Log {
		return None
	}
	for id := range tracefmt.Stack(e.Attr(tracefmt.AttrStack).String()).Outwards() {
		if owner, ok := n.ids[id]; ok {
			return owner
		}
	}
	return None
}
