package index

import "github.com/spanstack/spanstack/tracefmt"

// Belongs reports whether a slice belongs below the one that is the innermost around it on its track, which isn't of type
// AsyncTrack. If it does, that is what Above returns, which costs more.
func (s *Snapshot) Belongs(child, around Pos) bool {
	_, c := s.get(child)
	_, a := s.get(around)
	if c == nil || a == nil {
		return false
	}
	own, parent := s.idsOf(c.ref)
	if parent.form == noID {
		return own.form == noID
	}
	id, _ := s.idsOf(a.ref)
	return id == parent
}

// Locate returns the slice that a Reader's event tells of: by its ID, or else by its track, its absolute start, and its name.
// Of several that have the ID, as the two sides of a call may, it is the one with this start and name. Async slices without
// an ID aren't found.
func (s *Snapshot) Locate(source tracefmt.TrackID, start int64, id, name string) (p Pos, ok bool) {
	if id != "" {
		return s.namesake(idOf(id), start, name)
	}
	t := s.ofSource(source)
	if t == nil {
		return Pos{}, false
	}
	n := t.slices.search(func(o *slice) bool { return o.start >= start })
	for ; n < t.slices.len() && t.slices.at(n).start == start; n++ {
		sl := t.slices.at(n)
		if has, _ := s.namesOf(sl.kind, sl.ref); has == name {
			return Pos{t.id, uint32(n)}, true
		}
	}
	return Pos{}, false
}

// maxNamesakes is how many slices of one ID are looked at. Traces that aren't sane have one ID for all.
const maxNamesakes = 100

// namesake returns the slice with an ID that has a start and a name, or else the last one with that ID.
func (s *Snapshot) namesake(i id, start int64, name string) (p Pos, ok bool) {
	seen, found := 0, false
	s.kin.find(&s.arena, i, func(ref uint32) bool {
		if p, ok = s.placed(ref); !ok {
			return false
		}
		seen++
		_, sl := s.get(p)
		has, _ := s.namesOf(sl.kind, sl.ref)
		found = sl.start == start && has == name
		return found || seen == maxNamesakes
	})
	if found {
		return p, true
	}
	ref, p := s.lookup(i)
	return p, ref != 0
}
