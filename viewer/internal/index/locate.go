package index

import "github.com/spanstack/spanstack/tracefmt"

// Names reports whether a slice names another one as its parent. If it does, that is what Above returns, which costs more.
func (s *Snapshot) Names(child, parent Pos) bool {
	_, c := s.get(child)
	_, p := s.get(parent)
	if c == nil || p == nil {
		return false
	}
	from, _ := s.arena.ends(c.ref)
	to, _ := s.arena.ends(p.ref)
	if from == 0 || to == 0 {
		return false
	}
	id := s.arena.parentOf(from)
	return id.form != noID && id == s.arena.idOf(to)
}

// Locate returns the slice that a Reader's event tells of: by its ID, or else by its track, its absolute start, and its name.
// Async slices without an ID aren't found.
func (s *Snapshot) Locate(source tracefmt.TrackID, start int64, id, name string) (p Pos, ok bool) {
	if id != "" {
		return s.Lookup(id)
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
