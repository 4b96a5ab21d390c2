package filter

import (
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/nest"
	"github.com/spanstack/spanstack/tracefmt/timeline"
)

// plan decides what is left of a whole trace, which is in normal form.
type plan struct {
	o        *Options
	t        *timeline.Timeline
	bounds   bounds
	from, to int64
	hasTasks bool

	tree    *nest.Tree
	subtree []state // for each node: whether it is in that of a task that is looked for
	wanted  []bool  // for each node: it is what is asked for, whenever it is
	left    []bool  // for each event
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
	if err := p.t.Err(); err != nil {
		return err
	}
	if p.from, p.to, err = p.o.stretch(p.bounds); err != nil {
		return err
	}
	p.tree = nest.Of(p.t.Events(), p.keep())
	p.subtree = make([]state, len(p.tree.Nodes))
	for i := range p.tree.Nodes {
		p.wanted = append(p.wanted, p.wants(int32(i)))
	}
	p.leave()
	p.leaveArrows()
	p.leaveTracks()
	return p.t.Err()
}

// keep returns how slices are to be kept while it is decided about them.
func (p *plan) keep() func(*tracefmt.Event) *tracefmt.Event {
	if !p.t.OnDisk() {
		return nil
	}
	var keys []string
	for _, a := range p.o.Attrs {
		keys = append(keys, a.key)
	}
	return nest.Slim(keys...)
}

// survey learns when the trace is, and whether it has tasks.
func (p *plan) survey() {
	for e := range p.t.Events() {
		p.bounds.add(e)
		p.hasTasks = p.hasTasks || nest.IsSlice(e.Kind) && isTask(e.Category)
	}
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

// wants decides whether a slice is asked for.
func (p *plan) wants(id int32) bool {
	n := &p.tree.Nodes[id]
	for _, a := range p.o.Attrs {
		if !a.match(n.Attr(a.key)) {
			return false
		}
	}
	return (len(p.o.Spans) == 0 || anyMatches(p.o.Spans, n.Event.Name)) &&
		(p.o.MaxDepth <= 0 || int(n.Depth) <= p.o.MaxDepth) &&
		(p.o.MinDuration <= 0 || clamped(min(n.End, p.bounds.End), -n.Begin) >= p.o.MinDuration) &&
		(len(p.o.Tasks) == 0 || p.below(id))
}

// below reports whether a slice is in the subtree of a task that is looked for.
func (p *plan) below(id int32) bool {
	var path []int32
	result := outside
	for id != nest.None {
		if p.isRoot(&p.tree.Nodes[id]) {
			p.subtree[id] = inside
		}
		if s := p.subtree[id]; s != unknown {
			if s == inside {
				result = inside
			}
			break
		}
		p.subtree[id] = asking
		path = append(path, id)
		id = p.tree.Above(id)
	}
	for _, id := range path {
		p.subtree[id] = result
	}
	return result == inside
}

// isRoot reports whether a slice is a task that is looked for.
func (p *plan) isRoot(n *nest.Node) bool {
	isTask := isTask(n.Event.Category) || !p.hasTasks && n.Up == nest.None
	return isTask && anyMatches(p.o.Tasks, n.Event.Name)
}

// leave decides about each event that has a time.
func (p *plan) leave() {
	number := 0
	p.left = make([]bool, len(p.tree.Owners))
	for e := range p.t.Events() {
		p.left[number] = p.leaves(e, p.tree.Owners[number])
		number++
	}
}

func (p *plan) leaves(e *tracefmt.Event, owner int32) bool {
	switch {
	case e.Kind == tracefmt.Clock:
		return true
	case !e.Kind.Timed():
		return false // until something is left on it
	case nest.IsSlice(e.Kind), e.Kind == tracefmt.AsyncEnd && owner != nest.None:
		n := &p.tree.Nodes[owner]
		return p.wanted[owner] && span{n.Begin, n.End}.meets(p.from, p.to)
	case e.Time < p.from || e.Time > p.to:
		return false
	case owner == nest.None:
		return !p.o.chooses()
	}
	return p.wanted[owner]
}

// leaveArrows takes away what is left of arrows that lead nowhere now, or come from nowhere, and didn't before.
func (p *plan) leaveArrows() {
	type arrow struct {
		start  bool
		cut    bool  // a point of it isn't left
		points []int // that are left
	}
	type key struct{ category, name, key string }
	arrows := make(map[key]*arrow)
	end := func(a *arrow) {
		if a != nil && a.cut && (!a.start || len(a.points) < 2) {
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
		} else {
			a.cut = true
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
