package filter

import (
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/timeline"
)

// plan decides what is left of a whole trace, which is in normal form.
type plan struct {
	o        *Options
	t        *timeline.Timeline
	bounds   bounds
	from, to int64
	hasTasks bool

	nodes []node           // slices, in the order of their begins
	ids   map[string]int32 // of slices, to their nodes
	owner []int32          // for each event, the node of the slice that it is or belongs to; none if there isn't one
	left  []bool           // for each event
}

// none stands for no node.
const none = -1

// node is what has to be known of a slice.
type node struct {
	span
	up      int32 // the slice around it on its track
	parent  int32 // by its Parent
	depth   int32
	event   *tracefmt.Event // that begins it
	ended   *tracefmt.Event // of an async slice
	task    bool            // it is a task that is looked for
	subtree state           // whether it is in that of a task
	left    bool            // it is what is asked for, whenever it is
}

type state uint8

const (
	unknown state = iota
	asking        // met on the way from one of its children: parents that form a circle are in nothing
	inside
	outside
)

// make decides.
func (p *plan) make() (err error) {
	p.survey()
	if p.from, p.to, err = p.o.stretch(p.bounds); err != nil {
		return err
	}
	p.nest()
	p.adopt()
	for i := range p.nodes {
		p.judge(int32(i))
	}
	p.leave()
	p.leaveArrows()
	p.leaveTracks()
	return nil
}

// survey learns when the trace is, and whether it has tasks.
func (p *plan) survey() {
	first := true
	for e := range p.t.Events() {
		switch {
		case e.Kind == tracefmt.Clock && first && p.bounds.anchor == nil:
			p.bounds.anchor = e
		case e.Kind.Timed() && e.Kind != tracefmt.Clock:
			if first {
				p.bounds.begin, p.bounds.end, first = e.Time, e.Time, false
			}
			p.bounds.begin = min(p.bounds.begin, e.Time)
			p.bounds.end = max(p.bounds.end, e.Time, clamped(e.Time, max(e.Dur, 0)))
			p.hasTasks = p.hasTasks || isSlice(e.Kind) && isTask(e.Category)
		}
	}
}

func isSlice(k tracefmt.Kind) bool {
	return k == tracefmt.Begin || k == tracefmt.Complete || k == tracefmt.AsyncBegin
}

func isFlow(k tracefmt.Kind) bool {
	return k == tracefmt.FlowStart || k == tracefmt.FlowStep || k == tracefmt.FlowEnd
}

// isTask reports whether a list of categories has that of tasks.
func isTask(category string) bool {
	for c := range strings.SplitSeq(category, ",") {
		if c == tracefmt.CategoryTask {
			return true
		}
	}
	return false
}

// adopt finds the parents of slices, and puts what names a slice as its parent there.
func (p *plan) adopt() {
	number := 0
	for e := range p.t.Events() {
		i := number
		number++
		switch {
		case isSlice(e.Kind):
			if parent, ok := p.ids[e.Parent]; ok && e.Parent != "" {
				p.nodes[p.owner[i]].parent = parent
			}
		case e.Kind == tracefmt.Instant || e.Kind == tracefmt.Log:
			if owner := p.named(e); owner != none {
				p.owner[i] = owner
			}
		}
	}
}

// named returns the slice that an event names as its parent, or that is the nearest to it on its stack.
func (p *plan) named(e *tracefmt.Event) int32 {
	if owner, ok := p.ids[e.Parent]; ok && e.Parent != "" {
		return owner
	}
	if e.Kind != tracefmt.Log {
		return none
	}
	for id := range tracefmt.Stack(e.Attr(tracefmt.AttrStack).String()).Outwards() {
		if owner, ok := p.ids[id]; ok {
			return owner
		}
	}
	return none
}

// judge decides whether a slice is asked for.
func (p *plan) judge(id int32) {
	n := &p.nodes[id]
	n.left = (len(p.o.Tasks) == 0 || p.below(id)) &&
		(len(p.o.Spans) == 0 || anyMatches(p.o.Spans, n.event.Name)) &&
		(p.o.MaxDepth <= 0 || int(n.depth) <= p.o.MaxDepth) &&
		clamped(min(n.end, p.bounds.end), -n.begin) >= p.o.MinDuration
	for _, a := range p.o.Attrs {
		n.left = n.left && a.match(n.attr(a.key))
	}
}

// attr returns the value that an attribute of a slice has at last.
func (n *node) attr(key string) tracefmt.Value {
	if n.ended != nil {
		if v := n.ended.Attr(key); !v.IsZero() {
			return v
		}
	}
	return n.event.Attr(key)
}

// below reports whether a slice is in the subtree of a task that is looked for.
func (p *plan) below(id int32) bool {
	var path []int32
	result := outside
	for id != none {
		n := &p.nodes[id]
		if n.task {
			n.subtree = inside
		}
		if n.subtree != unknown {
			if n.subtree == inside {
				result = inside
			}
			break
		}
		n.subtree = asking
		path = append(path, id)
		if id = n.parent; id == none {
			id = n.up
		}
	}
	for _, id := range path {
		p.nodes[id].subtree = result
	}
	return result == inside
}

// leave decides about each event that has a time.
func (p *plan) leave() {
	number := 0
	p.left = make([]bool, len(p.owner))
	for e := range p.t.Events() {
		p.left[number] = p.leaves(e, p.owner[number])
		number++
	}
}

func (p *plan) leaves(e *tracefmt.Event, owner int32) bool {
	switch {
	case e.Kind == tracefmt.Clock:
		return true
	case !e.Kind.Timed():
		return false // until something is left on it
	case isSlice(e.Kind), e.Kind == tracefmt.AsyncEnd && owner != none:
		n := &p.nodes[owner]
		return n.left && n.meets(p.from, p.to)
	case e.Time < p.from || e.Time > p.to:
		return false
	case owner == none:
		return !p.o.chooses()
	}
	return p.nodes[owner].left
}

// leaveArrows takes away the points of arrows that lead nowhere now, or come from nowhere.
func (p *plan) leaveArrows() {
	type arrow struct {
		start  bool
		points []int // that are left
	}
	type key struct{ category, name, key string }
	arrows := make(map[key]*arrow)
	end := func(a *arrow) {
		if a != nil && (!a.start || len(a.points) < 2) {
			for _, i := range a.points {
				p.left[i] = false
			}
		}
	}
	number := -1
	for e := range p.t.Events() {
		number++
		if !isFlow(e.Kind) {
			continue
		}
		k := key{e.Category, e.Name, e.Key}
		a := arrows[k]
		if a == nil || e.Kind == tracefmt.FlowStart { // another arrow with the same key
			end(a)
			a = &arrow{start: e.Kind == tracefmt.FlowStart && p.left[number]}
			arrows[k] = a
		}
		if p.left[number] {
			a.points = append(a.points, number)
		}
	}
	for _, a := range arrows {
		end(a)
	}
}

// leaveTracks declares what something is left on, with the processes around it.
func (p *plan) leaveTracks() {
	used := make(map[tracefmt.TrackID]bool)
	number := -1
	for e := range p.t.Events() {
		if number++; p.left[number] && e.Kind != tracefmt.Clock {
			used[e.Track] = true
		}
	}
	for e := range p.t.Events() {
		if e.Kind == tracefmt.Track && used[e.Track] {
			used[e.Process] = true
		}
	}
	number = -1
	for e := range p.t.Events() {
		if number++; !e.Kind.Timed() {
			p.left[number] = used[e.Track]
		}
	}
}

// count counts what is left of what there is.
func (p *plan) count(c *Counts) {
	number := -1
	for e := range p.t.Events() {
		number++
		c.add(e, p.left[number])
	}
}
