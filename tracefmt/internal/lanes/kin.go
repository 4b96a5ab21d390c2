package lanes

import (
	"hash/maphash"
	"math"
	"math/bits"
	"slices"
)

// Kin knows where slices of all tracks are, by their IDs, for arrows from parents that are on other tracks. The zero value
// is ready for use. It remembers what runs, up to maxRunning slices, and the last maxKin at least of those that began; never
// more than four times maxRunning, which take 10 MB.
type Kin[L, O any] struct {
	young, old kinds[L, O]
	latest     int64 // the latest start so far
	seed       maphash.Seed
}

// Tests change these. Few recent slices stay in the processor's cache, which each new one goes through.
var (
	maxKin     = 1 << 11
	maxRunning = 1 << 15
)

// kinds is a generation of slices. A map from IDs would take three times as long.
type kinds[L, O any] struct {
	list  []kin[L, O]
	most  int     // how many there may be
	heads []int32 // by the lowest bits of the hash of an ID: the last slice with these, from 1
}

// kin is a slice on a lane.
type kin[L, O any] struct {
	id             string
	lane           *Lane[L, O]
	start, end     int64
	last           int64 // the last moment at which it is the innermost one, as far as its children tell
	track, process uint32
	hash           uint32
	next           int32 // the one before it with the same bits, from 1
}

// Place says which arrows a slice can get.
type Place struct {
	Track, Process uint32 // which it is on
	HasOwn         bool   // the trace itself has an arrow from its parent, if that is in the same process
}

// Add notes a slice that was put on a lane of a track, and returns where an arrow to it begins: at its parent, if that is on
// another track and began before it. Where a parent has ended, that is its last moment.
func (k *Kin[L, O]) Add(at Place, l *Lane[L, O], s Slice) (from Arrow[L, O]) {
	if s.ID == "" {
		return from
	}
	if len(k.young.heads) == 0 {
		k.seed, k.latest = maphash.MakeSeed(), math.MinInt64
		k.young.empty(nil)
	}
	if s.Parent != "" && s.Parent != s.ID {
		if p := k.find(s.Parent); p != nil {
			from = p.arrow(at, s.Start)
			if p.lane == l && s.around(p.last) {
				p.last = max(p.start, s.Start-1)
			}
		}
	}
	k.latest = max(k.latest, s.Start)
	if len(k.young.list) >= k.young.most {
		k.age()
	}
	k.young.add(kin[L, O]{id: s.ID, lane: l, start: s.Start, end: s.End, last: max(s.Start, s.End-1), track: at.Track,
		process: at.Process, hash: k.hash(s.ID)})
	return from
}

// arrow returns where an arrow to a slice begins.
func (p *kin[L, O]) arrow(at Place, start int64) (from Arrow[L, O]) {
	if p.track == at.Track || p.start > start || at.HasOwn && p.process == at.Process {
		return from
	}
	moment := start
	if p.end <= start {
		moment = p.last
	}
	return Arrow[L, O]{p.lane, p.lane.moment(p.id, moment)}
}

// End notes when a slice has ended.
func (k *Kin[L, O]) End(s Slice) {
	if s.ID == "" {
		return
	}
	if p := k.find(s.ID); p != nil {
		p.end, p.last = s.End, min(p.last, max(p.start, s.End-1))
	}
}

func (k *Kin[L, O]) hash(id string) uint32 { return uint32(maphash.String(k.seed, id)) }

// find returns the latest slice with an ID.
func (k *Kin[L, O]) find(id string) *kin[L, O] {
	h := k.hash(id)
	if p := k.young.find(id, h); p != nil {
		return p
	}
	return k.old.find(id, h)
}

// age makes room: of what is old, only that stays which runs.
func (k *Kin[L, O]) age() {
	var running []kin[L, O]
	for i := len(k.old.list) - 1; i >= 0 && len(running) < maxRunning; i-- {
		if s := &k.old.list[i]; s.end > k.latest && k.find(s.id) == s {
			running = append(running, *s)
		}
	}
	slices.Reverse(running)
	k.young, k.old = k.old, k.young
	k.young.empty(running)
}

// empty makes a generation one of nothing but slices that run.
func (g *kinds[L, O]) empty(running []kin[L, O]) {
	g.most = len(running) + max(maxKin, len(running))
	clear(g.list)
	g.list = g.list[:0]
	if size := 1 << bits.Len(uint(g.most)); len(g.heads) < size {
		g.heads = make([]int32, size)
	} else {
		clear(g.heads)
	}
	for _, s := range running {
		g.add(s)
	}
}

func (g *kinds[L, O]) add(s kin[L, O]) {
	head := &g.heads[int(s.hash)&(len(g.heads)-1)]
	s.next = *head
	g.list = append(g.list, s)
	*head = int32(len(g.list))
}

func (g *kinds[L, O]) find(id string, hash uint32) *kin[L, O] {
	if len(g.heads) == 0 {
		return nil
	}
	for i := g.heads[int(hash)&(len(g.heads)-1)]; i > 0; i = g.list[i-1].next {
		if s := &g.list[i-1]; s.hash == hash && s.id == id {
			return s
		}
	}
	return nil
}
