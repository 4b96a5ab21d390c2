package lanes

import (
	"math"
	"slices"
)

// Kin knows where slices of all tracks are, by their IDs, for arrows from parents that are on other tracks. The zero value
// is ready for use. It remembers what runs, up to maxKin/2 slices, and those that began last, 2 * maxKin at most in all.
type Kin[L, O any] struct {
	young, old kinds[L, O]
	latest     int64 // the latest start so far
}

// maxKin bounds how many slices make a generation. Tests change it.
var maxKin = 1 << 13

// kinds is a generation of slices.
type kinds[L, O any] struct {
	byID map[string]int32 // to their indexes
	list []kin[L, O]
}

// kin is a slice on a lane.
type kin[L, O any] struct {
	Place
	lane *Lane[L, O]
	Slice
	last int64 // the last moment at which it is the innermost one, as far as its children tell
}

// Place says which slices a slice can get arrows from.
type Place struct {
	Track, Process uint64 // which it is on
	HasOwn         bool   // the trace itself has an arrow from its parent, if that is in the same process
}

// Add notes a slice that was put on a lane of a track, and returns where an arrow to it begins: at its parent, if that is on
// another track and began before it. Where a parent has ended, that is its last moment.
func (k *Kin[L, O]) Add(at Place, l *Lane[L, O], s Slice) (from Arrow[L, O]) {
	if s.ID == "" {
		return from
	}
	if s.Parent != "" && s.Parent != s.ID {
		if p := k.find(s.Parent); p != nil {
			from = p.arrow(at, &s)
			if p.lane == l && s.around(p.last) {
				p.last = max(p.Start, s.Start-1)
			}
		}
	}
	k.note(kin[L, O]{Place: at, lane: l, Slice: s, last: max(s.Start, s.End-1)})
	return from
}

// arrow returns where an arrow to a slice begins.
func (p *kin[L, O]) arrow(at Place, s *Slice) (from Arrow[L, O]) {
	if p.Track == at.Track || p.Start > s.Start || at.HasOwn && p.Process == at.Process {
		return from
	}
	moment := s.Start
	if !p.around(moment) {
		moment = p.last
	}
	return Arrow[L, O]{p.lane, p.lane.moment(p.ID, moment)}
}

// End notes when a slice has ended.
func (k *Kin[L, O]) End(s Slice) {
	if p := k.find(s.ID); p != nil && s.ID != "" {
		p.End, p.last = s.End, min(p.last, max(p.Start, s.End-1))
	}
}

func (k *Kin[L, O]) find(id string) *kin[L, O] {
	for _, g := range [...]*kinds[L, O]{&k.young, &k.old} {
		if i, ok := g.byID[id]; ok {
			return &g.list[i]
		}
	}
	return nil
}

func (k *Kin[L, O]) note(s kin[L, O]) {
	if k.young.byID == nil {
		k.young.byID, k.old.byID = map[string]int32{}, map[string]int32{}
		k.latest = math.MinInt64
	}
	k.latest = max(k.latest, s.Start)
	if len(k.young.list) >= maxKin {
		k.age()
	}
	k.young.add(s)
}

// age makes room: of what is old, only that stays which runs.
func (k *Kin[L, O]) age() {
	old := k.old
	k.old = k.young
	var running []kin[L, O]
	for i := len(old.list) - 1; i >= 0 && len(running) < maxKin/2; i-- {
		s := &old.list[i]
		_, again := k.old.byID[s.ID]
		if !again && s.End > k.latest && old.byID[s.ID] == int32(i) {
			running = append(running, *s)
		}
	}
	clear(old.byID)
	clear(old.list)
	k.young = kinds[L, O]{old.byID, old.list[:0]}
	for _, s := range slices.Backward(running) {
		k.young.add(s)
	}
}

func (g *kinds[L, O]) add(s kin[L, O]) {
	g.byID[s.ID] = int32(len(g.list))
	g.list = append(g.list, s)
}
