package index

import (
	"cmp"
	"context"
	"iter"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// Visit is a slice as Walk shows it.
type Visit struct {
	Pos
	Kind       uint32
	Start, End int64 // not clipped to the window; of an open slice, End is the snapshot's Now
	Open       bool
	Failed     bool
	// Depth is how many slices of the track are around it, as far as they overlap the window. The nearest is the last
	// one that was visited with a Depth that is less by one. On a track of type AsyncTrack, where slices go on beside each
	// other, it is 1 for all that are inside of another one, and 0 for the others.
	Depth int
}

// Walk visits the slices on some tracks that overlap a window, track by track and in the order of their starts, those
// that are around others first. nil are all tracks. visit gets the same Visit each time, and ends the walk by returning
// false. If ctx is done before the end, its error is returned.
func (s *Snapshot) Walk(ctx context.Context, w Window, tracks []uint32, visit func(*Visit) bool) error {
	from, to := s.absolute(w.From), s.absolute(w.To)
	for _, t := range s.chosen(tracks) {
		walk, n := walk{s: s, t: t, visit: visit}, 0
		for pos, sl := range t.overlapping(from, to) {
			if n++; n%(1<<12) == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
			if !walk.one(pos, sl) {
				return nil
			}
		}
	}
	return ctx.Err()
}

// overlapping yields the slices that overlap a window, in their order.
func (t *track) overlapping(from, to int64) iter.Seq2[uint32, *slice] {
	return func(yield func(uint32, *slice) bool) {
		for _, pos := range t.reaching(from) {
			if sl := t.slices.at(int(pos)); beginsBy(sl.start, to) && !yield(pos, sl) {
				return
			}
		}
		first := t.slices.search(func(sl *slice) bool { return sl.start >= from })
		for i := first; i < t.slices.len() && beginsBy(t.slices.at(i).start, to); i++ {
			if !yield(uint32(i), t.slices.at(i)) {
				return
			}
		}
	}
}

// chosen returns the tracks with these ids; nil are all.
func (s *Snapshot) chosen(ids []uint32) (list []*track) {
	if ids == nil {
		return s.tracks
	}
	for _, id := range ids {
		if t := s.track(id); t != nil && !slices.Contains(list, t) {
			list = append(list, t)
		}
	}
	return list
}

// reaching returns the slices that begin before a time and end after it, in their order.
func (t *track) reaching(absolute int64) (list []uint32) {
	for i := range t.rows {
		r := &t.rows[i]
		n := r.startedBefore(t, absolute)
		if n > 0 && r.slice(t, n-1).end() > absolute {
			list = append(list, r.pos(t, n-1))
		}
	}
	for i := range t.hidden.len() {
		pos := *t.hidden.at(i) - t.base
		sl := t.slices.at(int(pos))
		if sl.start >= absolute {
			break
		}
		if sl.end() > absolute {
			list = append(list, pos)
		}
	}
	slices.Sort(list)
	return list
}

// walk is what is around the next slice of a track.
type walk struct {
	s     *Snapshot
	t     *track
	ends  []int64 // of the slices around, the outermost first
	v     Visit
	visit func(*Visit) bool
}

func (w *walk) one(pos uint32, sl *slice) bool {
	end := sl.end()
	n := len(w.ends)
	for n > 0 && (w.ends[n-1] < end || w.ends[n-1] <= sl.start) {
		n--
	}
	w.ends = append(w.ends[:n], end)
	if w.t.typ == AsyncTrack {
		n = int(sl.kind & nestedBit / nestedBit)
	}
	w.v = Visit{Pos: Pos{w.t.id, pos}, Kind: sl.kind & kindMask, Start: w.s.relative(sl.start), Open: sl.open(),
		Failed: sl.kind&failedBit != 0, Depth: n}
	if w.v.End = w.s.now; !w.v.Open {
		w.v.End = w.s.relative(end)
	}
	w.v.End = max(w.v.End, w.v.Start)
	return w.visit(&w.v)
}

// inParallel calls do for all tracks, on all processors, until ctx is done.
func (s *Snapshot) inParallel(ctx context.Context, tracks []*track, do func(worker int, t *track)) error {
	var next atomic.Int64
	var wait sync.WaitGroup
	for worker := range min(runtime.GOMAXPROCS(0), maxWorkers, len(tracks)) {
		wait.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(tracks) {
					return
				}
				do(worker, tracks[i])
			}
		})
	}
	wait.Wait()
	return ctx.Err()
}

// sort puts slices in the order of their starts.
func (s *Snapshot) sort(list []Pos) {
	slices.SortFunc(list, func(a, b Pos) int {
		_, x := s.get(a)
		_, y := s.get(b)
		return cmp.Or(cmp.Compare(x.start, y.start), cmp.Compare(a.Track, b.Track), cmp.Compare(a.Pos, b.Pos))
	})
}

// Open returns the slices that are open, by their starts.
func (s *Snapshot) Open() (list []Pos) {
	for _, t := range s.tracks {
		if t.open == 0 {
			continue
		}
		for i := range t.rows { // nothing follows an open slice in its row
			r := &t.rows[i]
			if n := r.len(); n > 0 && r.slice(t, n-1).open() {
				list = append(list, Pos{t.id, r.pos(t, n-1)})
			}
		}
		for i := range t.hidden.len() {
			if pos := *t.hidden.at(i) - t.base; t.slices.at(int(pos)).open() {
				list = append(list, Pos{t.id, pos})
			}
		}
	}
	s.sort(list)
	return list
}

// Below returns what tells whether a slice is root, or below it. It remembers what it was asked, and may be called by
// several goroutines.
func (s *Snapshot) Below(root Pos) func(Pos) bool {
	var mu sync.Mutex
	known := map[Pos]bool{root: true}
	return func(p Pos) bool {
		mu.Lock()
		defer mu.Unlock()
		var path []Pos
		is, found := false, false
		for range maxAncestors {
			if is, found = known[p]; found {
				break
			}
			path = append(path, p)
			known[p] = false // so that a circle ends
			up, ok := s.Above(p)
			if !ok {
				break
			}
			p = up
		}
		for _, p := range path {
			known[p] = is
		}
		return is
	}
}
