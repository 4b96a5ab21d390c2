package critical

import "slices"

// link finds out for each slice what it is below, and for what it waited. Nothing can be added afterwards.
func (t *Trace) link() {
	if t.linked {
		return
	}
	t.linked = true
	for _, s := range t.slices {
		if s.Open {
			s.End = max(t.end, s.Start)
		}
		if tr := t.tracks[s.Track]; tr != nil {
			s.Process = tr.process
		}
		if s.parentID == "" {
			continue
		}
		if p := t.ids[s.parentID]; p != nil && p != s {
			s.parent = p
		} else {
			t.losses.Add("slice whose parent isn't in the trace")
		}
	}
	t.arrows = slices.DeleteFunc(t.arrows, func(a arrow) bool { return a.to.slice == nil || a.from.slice == a.to.slice })
	for _, a := range t.arrows { // what has no parent is below what started it
		from, to := a.from.slice, a.to.slice
		isStart := a.next || a.to.time == to.Start || a.key != "" && a.key == to.ID
		if to.parent == nil && isStart && from.Start <= to.Start {
			to.parent = from
		}
	}
	t.cutCircles()
	for _, s := range t.slices {
		t.waitedFor(s)
	}
	for _, a := range t.arrows {
		t.arrow(a)
	}
	for _, s := range t.slices {
		slices.SortFunc(s.waits, wait.compare)
	}
}

// cutCircles makes one of the slices that are below each other the outermost.
func (t *Trace) cutCircles() {
	for _, s := range t.slices {
		var way []*Slice
		for p := s; p != nil && !p.rooted; p = p.parent {
			if p.asking {
				t.losses.Add("slice that is below itself, by its parents")
				p.parent = nil
				break
			}
			p.asking = true
			way = append(way, p)
		}
		for _, p := range way {
			p.rooted = true
		}
	}
}

// waitedFor tells the slice that waited for s of it.
func (t *Trace) waitedFor(s *Slice) {
	p := s.parent
	switch {
	case p == nil:
		return
	case s.Process == p.Process, s.queued, p.queued:
		if p = p.outwards(func(p *Slice) bool { return p.End >= s.End }); p != nil {
			p.waits = append(p.waits, wait{on: s, end: s.End})
		}
	case s.Start > p.End || s.End < p.Start:
		t.losses.Add("waiting for a slice that is outside of its parent in another process, by their clocks")
	default:
		p.waits = append(p.waits, wait{on: s, end: min(s.End, p.End), clipped: s.End > p.End})
	}
}

// arrow tells the slice that waited for an arrow of it: the innermost at its end that ran when it left.
func (t *Trace) arrow(a arrow) {
	from := a.from.slice
	w := wait{on: from, end: min(a.from.time, a.to.time, from.End), arrow: true, clipped: a.from.time > a.to.time}
	s := a.to.slice.outwards(func(s *Slice) bool { return s.Start < w.end })
	if s != nil && s != from {
		s.waits = append(s.waits, w)
	}
}
