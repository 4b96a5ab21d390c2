package index

import (
	"cmp"
	"slices"

	"github.com/spanstack/spanstack/tracefmt"
)

// arrange says in which order tracks are drawn, and below which others they are.
func (x *Index) arrange(s *Snapshot, changed []*building) {
	if x.findStarters(s, changed) || x.reshaped {
		s.parents = x.parents(s)
		x.order = s.sorted(s.parents)
		x.shape, x.reshaped = x.gen, false
	} else {
		s.parents = x.current.Load().parents
	}
	s.order, s.shape = x.order, x.shape
}

// parents returns what each track is below of: the track that started it, if that is of the same process, or else its
// process.
func (x *Index) parents(s *Snapshot) []uint32 {
	parents := make([]uint32, len(s.tracks)+1)
	process := func(t *track) uint32 {
		source := t.meta.process
		if t.typ == AsyncTrack || t.typ == CounterTrack {
			source = t.source
		}
		if source == 0 || t.typ == ProcessTrack {
			return 0
		}
		return x.track(source).id
	}
	for _, t := range s.tracks {
		parents[t.id] = process(t)
		if parents[t.id] == t.id {
			parents[t.id] = 0
		}
	}
	for _, t := range s.tracks {
		starter := x.starters.tracks[t.id]
		if starter == 0 || process(s.track(starter)) != process(t) || s.track(starter).typ == ProcessTrack {
			continue
		}
		up := starter
		for n := 0; up != 0 && up != t.id && n <= len(parents); n++ {
			up = parents[up]
		}
		if up == 0 { // else they would be below each other
			parents[t.id] = starter
		}
	}
	return parents
}

// sorted returns the tracks in the order in which they are drawn: parents before children, these by their Order, and
// then slices before counters, and as they were met.
func (s *Snapshot) sorted(parents []uint32) (order []uint32) {
	children := make(map[uint32][]*track)
	for _, t := range s.tracks {
		children[parents[t.id]] = append(children[parents[t.id]], t)
	}
	for _, list := range children {
		slices.SortFunc(list, func(a, b *track) int {
			return cmp.Or(cmp.Compare(a.meta.order, b.meta.order), cmp.Compare(a.typ, b.typ), cmp.Compare(a.id, b.id))
		})
	}
	order = make([]uint32, 0, len(s.tracks))
	stack := []*track{}
	push := func(id uint32) {
		for _, t := range slices.Backward(children[id]) {
			stack = append(stack, t)
		}
		delete(children, id)
	}
	for push(0); len(stack) > 0; {
		t := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		order = append(order, t.id)
		push(t.id)
	}
	return order
}

// Tracks returns all tracks in the order in which they are drawn: parents before their children.
func (s *Snapshot) Tracks() []TrackInfo {
	list := make([]TrackInfo, 0, len(s.order))
	for _, id := range s.order {
		list = append(list, s.info(s.track(id)))
	}
	return list
}

// TracksSince returns the tracks that changed since a gen, in the order in which they are drawn. If that order changed
// they are all tracks.
func (s *Snapshot) TracksSince(gen uint64) []TrackInfo {
	list := s.Tracks()
	if s.shape > gen {
		return list
	}
	return slices.DeleteFunc(list, func(t TrackInfo) bool { return t.Gen <= gen })
}

// Track returns what is known of a track.
func (s *Snapshot) Track(id uint32) (info TrackInfo, ok bool) {
	t := s.track(id)
	if t == nil {
		return TrackInfo{}, false
	}
	return s.info(t), true
}

func (s *Snapshot) info(t *track) TrackInfo {
	info := TrackInfo{ID: t.id, Parent: s.parents[t.id], Type: t.typ, Name: t.meta.name, Order: t.meta.order,
		Depth: len(t.rows), Hidden: int64(t.hidden.len()), Slices: int64(t.slices.len()), Open: t.open, Failed: t.failed,
		Marks: int64(t.marks.len()), Attrs: t.meta.attrs, Gen: t.gen, Source: sourceText(t)}
	if t.first <= t.last {
		info.Start, info.End = s.relative(t.first), s.relative(t.last)
	}
	if t.source == 0 && t.typ == SliceTrack && info.Name == "" {
		info.Name = "trace"
	}
	if t.counter != nil {
		for i := range t.counter.series {
			info.Series = append(info.Series, t.counter.series[i].name)
		}
	}
	if t.typ == SliceTrack && t.slices.len() > 0 {
		first := t.slices.at(0)
		if name, category := s.namesOf(first.kind, first.ref); category == tracefmt.CategoryTask {
			info.Task = name
		}
	}
	return info
}

// sourceText says what the trace's source calls a track.
func sourceText(t *track) string {
	if t.meta.sourceID.IsZero() || t.typ != ProcessTrack && t.typ != SliceTrack {
		return ""
	}
	text := t.meta.sourceID.String()
	if _, isNumber := t.meta.sourceID.Int64(); !isNumber {
		return text
	}
	if t.typ == ProcessTrack {
		return "pid " + text
	}
	return "tid " + text
}
