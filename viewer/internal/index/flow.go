package index

import (
	"context"
	"hash/maphash"

	"github.com/spanstack/spanstack/tracefmt"
)

// flowPoint is a point of an arrow.
type flowPoint struct {
	time  int64
	hash  uint64 // of its category, name and key
	kind  uint32
	ref   uint32
	track tracefmt.TrackID
	sort  uint8 // flowStart and so on
}

const (
	flowStart = iota
	flowStep
	flowEnd
	flowNext // an end that points to the next slice
)

// before has points of one time from the start to the end, as package timeline does.
func (p *flowPoint) before(o *flowPoint) bool {
	return p.time < o.time || p.time == o.time && p.rank() <= o.rank()
}

func (p *flowPoint) rank() int {
	return [...]int{flowStart: 1, flowStep: 2, flowEnd: 3, flowNext: 0}[p.sort]
}

// arrow leads from one point to another, by their numbers.
type arrow struct{ from, to uint32 }

// flows joins the points of arrows.
type flows struct {
	points column[flowPoint] // in the order in which they came, as far as that is the order of time in each arrow
	arrows column[arrow]
	joined int       // points that are done with
	latest hashTable // the last point of each arrow, by its number + 1
}

// addFlow takes in a point of an arrow.
func (x *Index) addFlow(e *tracefmt.Event) {
	r := x.recordOf(e)
	p := flowPoint{time: e.Time, kind: x.kindOf(e, r), track: e.Track}
	p.hash = kindHash(e.Name, e.Category) ^ maphash.String(seed, e.Key)*0xbf58476d1ce4e5b9
	p.ref = x.add(r)
	switch {
	case e.Kind == tracefmt.FlowStep:
		p.sort = flowStep
	case e.Kind == tracefmt.FlowEnd && e.BindNext:
		p.sort = flowNext
	case e.Kind == tracefmt.FlowEnd:
		p.sort = flowEnd
	}
	x.track(e.Track).happens(e.Time, e.Time)
	x.flows.points.append(p)
}

// join makes arrows of the points that came. If those of an arrow came out of order, it begins anew.
func (f *flows) join() {
	for f.joined < f.points.len() {
		if f.joinPoint(f.joined) {
			f.joined++
			continue
		}
		list := f.points.appendTo(nil, 0)
		sortStable(list, nil)
		*f = flows{}
		f.points.extend(list)
	}
}

// joinPoint takes in a point, and reports whether it is in order.
func (f *flows) joinPoint(n int) (ordered bool) {
	p := f.points.at(n)
	slot := f.slot(n)
	if *slot == uint32(n+1) { // the first of its arrow
		return true
	}
	last := f.points.at(int(*slot - 1))
	if !last.before(p) {
		return false
	}
	if p.sort != flowStart && last.sort <= flowStep {
		f.arrows.append(arrow{*slot - 1, uint32(n)})
	}
	*slot = uint32(n + 1)
	return true
}

// slot returns where the last point of an arrow stands in latest: that which is number n, if there is no other.
func (f *flows) slot(n int) *uint32 {
	hash := f.points.at(n).hash
	hashOf := func(number uint32) uint64 { return f.points.at(int(number - 1)).hash }
	is := func(number uint32) bool { return hashOf(number) == hash }
	if slot := f.latest.slot(hash, is); slot != nil {
		return slot
	}
	f.latest.add(hash, uint32(n+1), hashOf)
	return f.latest.slot(hash, is)
}

// drop takes away the first n points, and the arrows that come from before a time.
func (f *flows) drop(n int, before int64) {
	arrows, points := f.arrows, f.points
	f.points.drop(n)
	f.joined -= n
	f.arrows, f.latest = column[arrow]{}, hashTable{}
	for i := range arrows.len() {
		if a := arrows.at(i); points.at(int(a.from)).time >= before {
			f.arrows.append(arrow{a.from - uint32(n), a.to - uint32(n)})
		}
	}
	for i := range f.joined {
		if f.points.at(i).time >= before {
			*f.slot(i) = uint32(i + 1)
		}
	}
}

// FlowQuery says which arrows are wanted: those that overlap the window and have an end on one of the tracks, nil are
// all, and at a slice if that isn't nil.
type FlowQuery struct {
	Window
	Tracks []uint32
	Slice  *Pos
	Limit  int
}

// Flows finds arrows. It returns how many there are, and the first of them in the order of the trace. If ctx is done
// before the end, the error is that of ctx.
func (s *Snapshot) Flows(ctx context.Context, q FlowQuery) (total int, list []Flow, err error) {
	from, to := s.absolute(q.From), s.absolute(q.To)
	chosen := make(map[uint32]bool)
	for _, id := range q.Tracks {
		chosen[id] = true
	}
	for i := range s.arrows.len() {
		if i%(1<<12) == 0 && ctx.Err() != nil {
			return total, list, ctx.Err()
		}
		a := s.arrows.at(i)
		p, o := s.points.at(int(a.from)), s.points.at(int(a.to))
		if max(p.time, o.time) < from || !beginsBy(min(p.time, o.time), to) {
			continue
		}
		if q.Tracks != nil && !s.isOn(p, chosen) && !s.isOn(o, chosen) {
			continue
		}
		if q.Slice == nil && len(list) >= q.Limit {
			total++
			continue
		}
		if q.Slice != nil && !s.mayBeAt(p, *q.Slice) && !s.mayBeAt(o, *q.Slice) { // which most arrows aren't
			continue
		}
		f := Flow{From: s.flowPoint(p), To: s.flowPoint(o)}
		if q.Slice != nil && !f.From.isAt(*q.Slice) && !f.To.isAt(*q.Slice) {
			continue
		}
		if total++; len(list) < q.Limit {
			f.Name, f.Category = s.namesOf(p.kind, p.ref)
			list = append(list, f)
		}
	}
	return total, list, nil
}

func (s *Snapshot) isOn(p *flowPoint, chosen map[uint32]bool) bool {
	t := s.ofSource(p.track)
	return t != nil && chosen[t.id]
}

// mayBeAt reports whether a point is on the track of a slice, and at its time.
func (s *Snapshot) mayBeAt(p *flowPoint, slice Pos) bool {
	t, sl := s.get(slice)
	if sl == nil || t.source != p.track {
		return false
	}
	return p.time <= sl.start && p.sort == flowNext || p.time >= sl.start && p.time <= sl.end()
}

func (p *FlowPoint) isAt(slice Pos) bool { return p.Slice && p.Pos == slice }

// flowPoint finds the slice at a point: the innermost around it, or the next one on its track.
func (s *Snapshot) flowPoint(p *flowPoint) (f FlowPoint) {
	f.Time = s.relative(p.time)
	t := s.ofSource(p.track)
	if t == nil {
		return f
	}
	f.Track = t.id
	if p.sort != flowNext {
		f.Pos.Pos, f.Row, f.Slice = s.innermost(t, p.time)
		return f
	}
	n := t.slices.search(func(o *slice) bool { return o.start >= p.time })
	if n < t.slices.len() {
		f.Pos.Pos, f.Row, f.Slice = uint32(n), t.rowOf(uint32(n)), true
		f.Time = s.relative(t.slices.at(n).start)
	}
	return f
}
