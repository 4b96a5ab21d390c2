package index

import "strings"

// starters are the tracks whose slices have started others: those of the parents of the others' first slices. A track whose
// parent isn't there yet waits for it; each slice that comes is looked at once, however many tracks wait.
type starters struct {
	tracks  map[uint32]uint32      // by tracks: those that started them; 0 if none did
	parents map[uint32]id          // by tracks that wait: for which slice
	waiting map[id]map[uint32]bool // and by slices: the tracks that wait for them
	maybe   []bool                 // by hashes: for most slices, nobody waits
	next    int                    // the first record of kinList that wasn't looked at
}

const maybeSlots = 1 << 16

// findStarters finds those of tracks that changed, and of those that wait. It reports whether it found one.
func (x *Index) findStarters(s *Snapshot, changed []*building) (found bool) {
	st := &x.starters
	for _, b := range changed {
		t := s.track(b.id)
		parent := s.firstParent(t)
		if _, known := st.tracks[t.id]; known || parent == st.parents[t.id] {
			continue
		}
		st.forget(t.id)
		if parent.form == noID {
			continue
		}
		st.wait(t.id, parent)
		if !x.loading { // else nothing finds slices by their IDs yet: all are looked at below
			if ref, p := s.lookup(parent); ref != 0 {
				found = st.started(parent, p.Track) || found
			}
		}
	}
	for ; st.next < x.kinList.len() && len(st.waiting) > 0; st.next++ {
		ref := x.kinList.at(st.next).ref
		if ref == 0 || !s.arena.has(ref) {
			continue
		}
		if i := s.arena.idOf(ref); st.maybe[i.hash()%maybeSlots] && st.waiting[i] != nil {
			track, _ := s.arena.placeOf(ref)
			found = st.started(i, track) || found
		}
	}
	st.next = x.kinList.len()
	return found
}

// firstParent returns the ID of the parent of a track's first slice. Other tracks than those of slices that nest have none.
func (s *Snapshot) firstParent(t *track) id {
	if t.typ != SliceTrack || t.slices.len() == 0 {
		return id{}
	}
	_, parent := s.idsOf(t.slices.at(0).ref)
	return parent
}

// wait has a track wait for a slice.
func (st *starters) wait(track uint32, parent id) {
	if st.maybe == nil {
		st.tracks, st.parents, st.waiting = make(map[uint32]uint32), make(map[uint32]id), make(map[id]map[uint32]bool)
		st.maybe = make([]bool, maybeSlots)
	}
	parent.text = strings.Clone(parent.text) // that of the arena would keep what leaves there
	st.parents[track] = parent
	if st.waiting[parent] == nil {
		st.waiting[parent] = make(map[uint32]bool)
	}
	st.waiting[parent][track] = true
	st.maybe[parent.hash()%maybeSlots] = true
}

// forget ends a track's waiting.
func (st *starters) forget(track uint32) {
	parent, waits := st.parents[track]
	if !waits {
		return
	}
	delete(st.parents, track)
	if delete(st.waiting[parent], track); len(st.waiting[parent]) == 0 {
		delete(st.waiting, parent)
	}
}

// started says that a track has the slice for which others wait, and reports whether there is another one that it started.
func (st *starters) started(parent id, by uint32) (found bool) {
	for t := range st.waiting[parent] {
		delete(st.parents, t)
		if st.tracks[t] = 0; t != by {
			st.tracks[t], found = by, true
		}
	}
	delete(st.waiting, parent)
	return found
}
