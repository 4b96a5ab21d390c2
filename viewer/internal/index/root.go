package index

import (
	"context"
	"sync"
)

// Root returns the slice that most of a trace is about: the longest of those that others name as their parent, or what
// that is below of. A trace in which no slice has a parent has none. If ctx is done before the end, the error is that of
// ctx.
func (s *Snapshot) Root(ctx context.Context) (root Pos, ok bool, err error) {
	var mu sync.Mutex
	var longest int64
	err = s.inParallel(ctx, s.tracks, func(_ int, t *track) {
		pos, length := s.longestParent(ctx, t)
		mu.Lock()
		defer mu.Unlock()
		if p := (Pos{t.id, pos}); length > longest || length > 0 && length == longest && p.Track < root.Track {
			root, longest = p, length
		}
	})
	if longest == 0 || err != nil {
		return Pos{}, false, err
	}
	for up := range s.Ancestors(root) {
		root = up
	}
	return root, true, nil
}

// longestParent returns the longest slice of a track that others name as their parent, and its length, which is 0 if
// there is none. Only where slices lie across each other can it be in another row than the first.
func (s *Snapshot) longestParent(ctx context.Context, t *track) (pos uint32, longest int64) {
	for i := range t.rows {
		r := &t.rows[i]
		for n := range r.len() {
			if n%(1<<12) == 0 && ctx.Err() != nil {
				return 0, 0
			}
			sl := r.slice(t, n)
			length := subTimes(min(sl.end(), max(s.absolute(s.now), sl.start)), sl.start)
			if length > longest && s.isParent(sl) {
				pos, longest = r.pos(t, n), length
			}
		}
		if longest > 0 && t.typ != AsyncTrack {
			break
		}
	}
	return pos, longest
}

// isParent reports whether another slice names this one as its parent.
func (s *Snapshot) isParent(sl *slice) (is bool) {
	own, _ := s.idsOf(sl.ref)
	s.kin.children(&s.arena, own, func(ref uint32) bool {
		_, is = s.placed(ref)
		return !is
	})
	return is
}
