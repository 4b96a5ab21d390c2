package index

import (
	"context"
	"slices"
	"sync"
)

// Reach returns the tracks on which there can be what a slice waited for: its own, and those with slices that are below
// others on these, or from which an arrow came. All that is elsewhere went on beside it. If ctx is done before the end,
// the error is that of ctx.
func (s *Snapshot) Reach(ctx context.Context, p Pos) ([]uint32, error) {
	_, sl := s.get(p)
	if sl == nil {
		return nil, nil
	}
	var mu sync.Mutex
	next := make(map[uint32][]uint32) // by tracks, those that are reached from them
	err := s.inParallel(ctx, s.tracks, func(_ int, t *track) {
		for up := range s.parentTracks(ctx, t, sl.start, sl.end()) {
			mu.Lock()
			next[up] = append(next[up], t.id)
			mu.Unlock()
		}
	})
	for i := range s.arrows.len() {
		a := s.arrows.at(i)
		p, o := s.points.at(int(a.from)), s.points.at(int(a.to))
		from, to := s.ofSource(p.track), s.ofSource(o.track)
		if from == nil || to == nil || from == to || max(p.time, o.time) < sl.start || min(p.time, o.time) > sl.end() {
			continue
		}
		next[from.id] = append(next[from.id], to.id) // which it may have started
		if min(p.time, o.time) > sl.start {
			next[to.id] = append(next[to.id], from.id)
		}
	}
	reached := map[uint32]bool{p.Track: true}
	list := []uint32{p.Track}
	for i := 0; i < len(list); i++ {
		for _, id := range next[list[i]] {
			if !reached[id] {
				reached[id] = true
				list = append(list, id)
			}
		}
	}
	slices.Sort(list)
	return list, err
}

// parentTracks returns the other tracks that have the parents of a track's slices in a stretch of time.
func (s *Snapshot) parentTracks(ctx context.Context, t *track, from, to int64) map[uint32]bool {
	tracks := make(map[uint32]bool)
	var stack []outer
	n := 0
	for pos, c := range t.overlapping(from, addTimes(to, 1)) {
		if n++; n%(1<<12) == 0 && ctx.Err() != nil {
			break
		}
		own, parent := s.idsOf(c.ref)
		i := around(stack, c)
		stack = append(stack[:i+1], outer{c.end(), pos, own})
		for parent.form != noID && i >= 0 && stack[i].id != parent {
			i--
		}
		if parent.form == noID || i >= 0 { // it is around it, as mostly
			continue
		}
		if ref, up := s.lookup(parent); ref != 0 && up.Track != t.id {
			tracks[up.Track] = true
		}
	}
	return tracks
}
