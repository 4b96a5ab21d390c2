package index

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/spanstack/spanstack/internal/innermost"
	"github.com/spanstack/spanstack/tracefmt"
)

// Publish makes a snapshot of what came so far, and returns it. Where nothing came it is the one before.
func (x *Index) Publish() *Snapshot { return x.publish(false) }

// Finish is Publish at the end of a trace: begins that are inside of a slice which ended get its end, and what only
// helps to take in more is freed. Nothing can be added afterwards.
func (x *Index) Finish() *Snapshot { return x.publish(true) }

func (x *Index) publish(last bool) *Snapshot {
	old := x.current.Load()
	x.pairAsync()
	var changed []*building
	for _, b := range x.tracks {
		if b.changed || last && len(b.stack) > 0 {
			changed = append(changed, b)
		}
	}
	if len(changed) == 0 && !x.reshaped && old.gen > 0 && !last && x.now <= old.now+old.zero {
		return old
	}
	for _, b := range changed {
		b.pair(x)
	}
	x.take(changed, last)
	x.flows.join()
	if x.drop() {
		changed = x.tracks
	}
	if !x.loading {
		x.kin.link(&x.arena, &x.kinList)
	}
	x.gen++
	if !x.hasZero && x.first <= x.last {
		x.zero, x.hasZero = x.first, true
	}
	s := x.snapshot(old, changed)
	if last {
		x.free()
	}
	x.current.Store(s)
	return s
}

// take puts the changed tracks in order, on all processors.
func (x *Index) take(changed []*building, last bool) {
	n := min(runtime.GOMAXPROCS(0), len(changed))
	if x.few(changed) {
		n = min(n, 1)
	}
	for len(x.workers) < n {
		x.workers = append(x.workers, &worker{})
	}
	var next atomic.Int64
	var wait sync.WaitGroup
	for _, w := range x.workers[:n] {
		w.arena = x.arena.share()
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(changed); i = int(next.Add(1)) - 1 {
				changed[i].take(w, last)
				changed[i].takeMarks()
				changed[i].takeCounter(x)
			}
		})
	}
	wait.Wait()
	for _, w := range x.workers {
		if cap(w.list) > 1<<16 {
			*w = worker{}
		}
	}
}

// few reports whether so little came that other processors aren't worth waking.
func (x *Index) few(changed []*building) bool {
	n := 0
	for _, b := range changed {
		n += b.fresh.len() + len(b.begins) + len(b.closings) + len(b.freshMarks)
	}
	return n < 1<<12
}

// free gives back what isn't needed when nothing more comes.
func (x *Index) free() {
	for _, b := range x.tracks {
		b.fresh, b.points, b.stack, b.begins, b.closings = column[slice]{}, column[point]{}, nil, nil, nil
		b.names = innermost.Names{}
	}
	x.async.points, x.async.open, x.async.stray = column[asyncPoint]{}, nil, nil
	x.flows.latest = hashTable{}
	x.workers, x.untidy = nil, nil
}

// snapshot makes the snapshot of what there is.
func (x *Index) snapshot(old *Snapshot, changed []*building) *Snapshot {
	s := &Snapshot{
		gen: x.gen, zero: x.zero, kin: x.kin, arena: x.arena.share(),
		texts: x.texts.list, names: x.kinds.names, categories: x.kinds.categories,
		points: x.flows.points.share(), arrows: x.flows.arrows.share(),
		clocks: x.clocks[:len(x.clocks):len(x.clocks)], marked: x.marked, anchored: x.anchored,
		first: x.first, last: x.last, losses: x.allLosses(),
	}
	if x.hasZero {
		s.end = subTimes(x.last, x.zero)
		s.now = max(s.end, subTimes(max(x.now, x.last), x.zero))
	}
	s.tracks = make([]*track, len(x.tracks))
	copy(s.tracks, old.tracks)
	for _, b := range changed {
		s.tracks[b.id-1] = b.publish(x.gen)
	}
	for i, b := range x.tracks { // those that are new, or were named
		if s.tracks[i] == nil || b.changed {
			s.tracks[i] = b.publish(x.gen)
		}
	}
	x.arrange(s, changed)
	s.counts = s.count()
	return s
}

// allLosses returns what was lost by the reader and here.
func (x *Index) allLosses() []tracefmt.Loss {
	all := slices.Concat(x.source, x.lost, x.losses.List())
	var strays, implied int64
	for _, b := range x.tracks {
		strays += b.strays
		implied += b.implied
	}
	for _, l := range []tracefmt.Loss{
		{What: "slices that left since they were the oldest of a bounded trace", Count: x.dropped.slices, Offset: -1},
		{What: "async end without a begin", Count: x.async.strays, Offset: -1},
		{What: "end without a begin", Count: strays, Offset: -1},
		{What: "slice without an end, ended with the one around it", Count: implied, Offset: -1},
	} {
		if l.Count > 0 {
			all = append(all, l)
		}
	}
	return all
}
