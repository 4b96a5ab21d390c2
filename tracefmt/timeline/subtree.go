package timeline

import (
	"iter"

	"github.com/spanstack/spanstack/tracefmt"
)

// Below yields the part of the normal form that belongs to the events for which root is true: these, and all that has
// one of them among its parents, on whatever track. Those of an ID's subtree are there if root knows its slice by the ID,
// and what names it as parent. Slices, instants and log lines go by their Parent; arrows are there if they lead from
// one task to another within. With them come the clock, and the processes and tracks that are used, but no counters.
// root must return the same at each call.
func (t *Timeline) Below(root func(*tracefmt.Event) bool) iter.Seq[*tracefmt.Event] {
	b := below{root: root, parents: make(map[string]string), state: make(map[string]membership)}
	for e := range t.Events() {
		b.learn(e)
	}
	used := make(map[tracefmt.TrackID]bool)
	open := make(map[tracefmt.TrackID]bool)
	async := make(map[asyncKey]bool)
	for e := range t.Events() {
		if !b.has(e, async) {
			continue
		}
		used[e.Track] = true
		open[e.Track] = open[e.Track] || e.Kind == tracefmt.Begin
	}
	for e := range t.Events() {
		if e.Kind == tracefmt.Track && used[e.Track] {
			used[e.Process] = true
		}
	}
	return func(yield func(*tracefmt.Event) bool) {
		clear(async)
		for e := range t.Events() {
			var wanted bool
			switch {
			case e.Kind == tracefmt.Clock:
				wanted = true
			case !e.Kind.Timed():
				wanted = used[e.Track]
			case e.Kind == tracefmt.Instant && e.Category == tracefmt.CategoryOpen:
				wanted = open[e.Track]
			default:
				wanted = b.has(e, async)
			}
			if wanted && !yield(e) {
				return
			}
		}
	}
}

// below knows which slices are in the subtree.
type below struct {
	root    func(*tracefmt.Event) bool
	parents map[string]string // of slices, by their IDs
	state   map[string]membership
}

type membership uint8

const (
	unknown membership = iota
	asking             // met on the way from one of its children: parents that form a circle are in nothing
	inside
	outside
)

type asyncKey struct{ category, key string }

func (b *below) learn(e *tracefmt.Event) {
	if e.ID == "" || !isSlice(e.Kind) {
		return
	}
	b.parents[e.ID] = e.Parent
	if b.root(e) {
		b.state[e.ID] = inside
	}
}

// contains reports whether the slice with an ID is in the subtree.
func (b *below) contains(id string) bool {
	var path []string
	result := outside
	for id != "" {
		if s := b.state[id]; s != unknown {
			if s == inside {
				result = inside
			}
			break
		}
		parent, known := b.parents[id]
		if !known {
			break
		}
		b.state[id] = asking
		path = append(path, id)
		id = parent
	}
	for _, id := range path {
		b.state[id] = result
	}
	return result == inside
}

// has reports whether an event is in the subtree. Points of async slices have to come in their order.
func (b *below) has(e *tracefmt.Event, async map[asyncKey]bool) bool {
	switch e.Kind {
	case tracefmt.Begin, tracefmt.Complete, tracefmt.Instant, tracefmt.Log:
		return b.contains(e.ID) || b.contains(e.Parent) || b.root(e)
	case tracefmt.AsyncBegin, tracefmt.AsyncInstant:
		is := b.contains(e.ID) || b.contains(e.Parent) || b.root(e)
		if is {
			async[asyncKey{e.Category, e.AsyncKey()}] = true
		}
		return is || async[asyncKey{e.Category, e.AsyncKey()}]
	case tracefmt.AsyncEnd:
		return async[asyncKey{e.Category, e.AsyncKey()}]
	case tracefmt.FlowStart, tracefmt.FlowStep, tracefmt.FlowEnd:
		return b.contains(e.Key) && b.contains(b.parents[e.Key])
	}
	return false
}
