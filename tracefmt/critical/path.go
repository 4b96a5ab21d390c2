package critical

import (
	"cmp"
	"slices"
)

// Path is the critical path of a slice.
type Path struct {
	Slice    *Slice
	Segments []Segment // in the order of time, without gaps
	Clipped  int       // how often the path went on to a slice that was outside of what waited for it
}

// Segment is a stretch of time in which a slice was at work itself.
type Segment struct {
	Slice *Slice
	Start int64 // ns
	Dur   int64 // ns, more than 0
	Depth int   // how many slices waited for it
}

// Path returns the critical path of one of the trace's slices.
func (t *Trace) Path(s *Slice) *Path {
	t.link()
	for _, s := range t.slices {
		s.next, s.onPath = 0, false
	}
	w := walk{time: s.End, path: &Path{Slice: s}}
	w.push(s, s.Start)
	for len(w.stack) > 0 {
		w.step()
	}
	slices.Reverse(w.path.Segments)
	return w.path
}

// walk goes from the end of a slice to its start.
type walk struct {
	time  int64   // where it is
	stack []frame // slices that wait, each for the next
	path  *Path
}

// frame is a slice on the path.
type frame struct {
	slice *Slice
	from  int64 // where the path leaves it
}

func (w *walk) push(s *Slice, from int64) {
	s.onPath = true
	w.stack = append(w.stack, frame{s, from})
}

func (w *walk) pop() {
	w.stack[len(w.stack)-1].slice.onPath = false
	w.stack = w.stack[:len(w.stack)-1]
}

// step goes to what the innermost slice waited for last, or leaves it. Each wait is looked at once: time only goes
// back, so that one that ends too late for it will never do.
func (w *walk) step() {
	f := w.stack[len(w.stack)-1]
	s := f.slice
	for s.next < len(s.waits) && s.waits[s.next].end > w.time {
		s.next++
	}
	if s.next == len(s.waits) || s.waits[s.next].end <= f.from {
		w.segment(f.from)
		w.pop()
		return
	}
	next := s.waits[s.next]
	s.next++
	w.segment(next.end)
	if next.on.onPath { // an arrow from further out: it is that which was at work until then
		for w.stack[len(w.stack)-1].slice != next.on {
			w.pop()
		}
		return
	}
	if next.clipped || !next.arrow && next.on.Start < s.Start {
		w.path.Clipped++
	}
	w.push(next.on, max(f.from, next.on.Start))
}

// segment ends a segment of the innermost slice, which begins at the given time.
func (w *walk) segment(start int64) {
	d := w.time - start
	if d <= 0 {
		return
	}
	w.time = start
	s := w.stack[len(w.stack)-1].slice
	if n := len(w.path.Segments); n > 0 && w.path.Segments[n-1].Slice == s {
		later := &w.path.Segments[n-1]
		later.Start, later.Dur = start, later.Dur+d
		return
	}
	w.path.Segments = append(w.path.Segments, Segment{Slice: s, Start: start, Dur: d, Depth: len(w.stack) - 1})
}

// Share returns a duration as a part of the whole path.
func (p *Path) Share(ns int64) float64 {
	if d := p.Slice.Duration(); d > 0 {
		return float64(ns) / float64(d)
	}
	return 0
}

// Sum is how long the slices of one name were on a path.
type Sum struct {
	Name  string
	Count int64 // segments
	Dur   int64 // ns
}

// ByName returns the sums of all names, the longest first.
func (p *Path) ByName() []Sum {
	byName := make(map[string]*Sum)
	for _, seg := range p.Segments {
		s := byName[seg.Slice.Name]
		if s == nil {
			s = &Sum{Name: seg.Slice.Name}
			byName[s.Name] = s
		}
		s.Count++
		s.Dur += seg.Dur
	}
	sums := make([]Sum, 0, len(byName))
	for _, s := range byName {
		sums = append(sums, *s)
	}
	slices.SortFunc(sums, func(a, b Sum) int { return cmp.Or(cmp.Compare(b.Dur, a.Dur), cmp.Compare(a.Name, b.Name)) })
	return sums
}
