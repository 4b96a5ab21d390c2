package summary

import (
	"math"
	"slices"

	"github.com/spanstack/spanstack/tracefmt"
)

// frame is a running slice.
type frame struct {
	node       *Node
	begin      int64 // the number of its Begin, which may still get its End; 0 if there is none
	id         string
	start, end int64
	failed     bool
	inner      cover  // by slices inside of it, on its track
	named      *named // what others know it by; nil if it has no ID
	above      *named // what it covers until it ends; nil if that was known before
}

// endless is the end of a slice that has none.
const endless = math.MaxInt64

// slice adds a slice of a track.
func (s *Summary) slice(e *tracefmt.Event, p *Process) {
	end := int64(endless)
	if _, ok := e.Duration(); ok {
		end = e.Until()
	}
	t := s.track(e.Track)
	s.expire(t, e.Time)
	around, lane := t.enclosing(e.Time, end)
	up, above := s.parent(e, p, t, around)
	if around != nil {
		around.inner.add(e.Time, min(end, around.end))
	}
	above.cover(e.Time, end)
	t.lanes[lane] = append(t.lanes[lane], s.begin(s.below(up, e.Name), e, p, end))
}

// open adds a slice whose end isn't known yet. It is inside of the innermost slice that runs, and on top of it.
func (s *Summary) open(e *tracefmt.Event, p *Process) {
	t := s.track(e.Track)
	s.expire(t, e.Time)
	var around *frame
	lane := max(slices.IndexFunc(t.lanes, func(stack []frame) bool { return len(stack) > 0 }), 0)
	end := int64(endless)
	if lane == len(t.lanes) {
		t.lanes = append(t.lanes, nil)
	} else if n := len(t.lanes[lane]); n > 0 {
		around = &t.lanes[lane][n-1]
		end = around.end
	}
	up, above := s.parent(e, p, t, around)
	f := s.begin(s.below(up, e.Name), e, p, end)
	f.above = above.cover(f.start, f.end)
	s.begins++
	f.begin = s.begins
	t.begins = append(t.begins, f.begin)
	t.names.Push(e.Name)
	t.lanes[lane] = append(t.lanes[lane], f)
}

// end ends a slice that was begun, and those inside of it.
func (s *Summary) end(e *tracefmt.Event, p *Process) {
	t := s.track(e.Track)
	s.expire(t, e.Time)
	at := t.names.Find(e.Name)
	if at < 0 {
		s.losses.Add("end without a begin")
		return
	}
	for i, number := range slices.Backward(t.begins[at:]) {
		lane, f := t.find(number)
		if f < 0 {
			continue // it ended with the one around it, which was a loss then
		}
		if i > 0 {
			s.losses.Add("slice without an end, ended with the one around it")
		} else if !e.Attr(tracefmt.AttrError).IsZero() {
			t.lanes[lane][f].fail(e.Failed(), p)
		}
		s.endAt(t, lane, f, e.Time)
	}
	t.begins = t.begins[:at]
	t.names.Cut(at)
}

// find returns where the slice of a Begin runs, or -1.
func (t *track) find(number int64) (lane, at int) {
	for lane, stack := range t.lanes {
		for at, f := range slices.Backward(stack) {
			if f.begin == number {
				return lane, at
			}
		}
	}
	return -1, -1
}

// fail notes what an end says about a slice's success.
func (f *frame) fail(failed bool, p *Process) {
	switch {
	case failed && !f.failed:
		f.node.Failed++
		p.Failed++
	case !failed && f.failed:
		f.node.Failed--
		p.Failed--
	}
	f.failed = failed
}

// endAt ends the slice of a Begin. What is on top of it runs on.
func (s *Summary) endAt(t *track, lane, at int, end int64) {
	stack := t.lanes[lane]
	f := &stack[at]
	f.end = max(end, f.start)
	if at > 0 {
		stack[at-1].inner.add(f.start, f.end)
	}
	f.above.ended(f.end)
	s.finish(f)
	t.lanes[lane] = slices.Delete(stack, at, at+1)
}

// expire ends the slices of a track that are over.
func (s *Summary) expire(t *track, now int64) {
	for i := range t.lanes {
		stack := t.lanes[i]
		for n := len(stack); n > 0 && stack[n-1].end <= now; n-- {
			s.over(stack)
			stack = stack[:n-1]
		}
		t.lanes[i] = stack
	}
}

// over ends the innermost slice of a stack, whose end is known.
func (s *Summary) over(stack []frame) {
	n := len(stack) - 1
	f := &stack[n]
	if f.begin != 0 { // it got no end of its own: that of the slice around it is over
		s.losses.Add("slice without an end, ended with the one around it")
		if n > 0 {
			stack[n-1].inner.add(f.start, f.end)
		}
	}
	s.finish(f)
}

// enclosing finds the innermost slice of a track that encloses the given time, if any, and a lane where nothing is in the
// way.
func (t *track) enclosing(start, end int64) (around *frame, lane int) {
	lane = -1
	for i, stack := range t.lanes {
		top := len(stack) - 1
		if lane < 0 && (top < 0 || end <= stack[top].end) {
			lane = i
		}
		for j := top; j >= 0 && around == nil; j-- {
			if stack[j].start <= start && end <= stack[j].end {
				around = &stack[j]
			}
		}
	}
	if lane < 0 {
		t.lanes = append(t.lanes, nil)
		lane = len(t.lanes) - 1
	}
	return around, lane
}

// begin counts a slice that begins.
func (s *Summary) begin(node *Node, e *tracefmt.Event, p *Process, end int64) frame {
	node.Count++
	p.Slices++
	if e.Category == tracefmt.CategoryTask {
		p.Tasks++
		node.Task = true
	}
	if e.Failed() {
		node.Failed++
		p.Failed++
	}
	f := frame{node: node, id: e.ID, start: e.Time, end: end, inner: newCover(e.Time), failed: e.Failed()}
	if e.ID != "" {
		f.named = &named{node: node, end: end, below: newCover(e.Time)}
		s.ids[e.ID] = f.named
	}
	return f
}

// finish counts a slice that has ended.
func (s *Summary) finish(f *frame) {
	f.count(f.end)
	f.node.Ended.Add(f.end - f.start)
	s.forget(f.id)
}

// count counts the time of a slice that runs to end.
func (f *frame) count(end int64) {
	total := end - f.start
	self := total - f.inner.to(end)
	own := self
	if f.named != nil {
		own = min(self, total-f.named.below.to(end))
	}
	f.node.add(total, self, own, f.failed)
}

// add counts the time of a slice.
func (n *Node) add(total, self, own int64, failed bool) {
	n.Total += total
	n.Self += self
	n.Own += own
	if failed {
		n.FailedTotal += total
		n.FailedSelf += self
	}
}

// close counts the innermost slice of a stack, which runs at the end of the trace.
func (s *Summary) close(stack []frame) {
	f := &stack[len(stack)-1]
	if f.end != endless {
		s.over(stack)
		return
	}
	if f.begin != 0 && len(stack) > 1 {
		stack[len(stack)-2].inner.add(f.start, s.End)
	}
	n := f.node
	if n.Open == 0 || f.start < n.OpenFrom {
		n.OpenFrom = f.start
	}
	n.Open++
	f.count(s.End)
}
