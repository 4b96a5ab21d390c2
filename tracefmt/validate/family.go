package validate

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/spanstack/spanstack/tracefmt"
)

// family knows slices by hashes of their IDs, and what waits for a parent that didn't come yet.
type family struct {
	members map[uint64]member
	waiting map[uint64][]child
	waits   int
}

// member is a slice with an ID.
type member struct {
	begin, end int64 // end: the largest number while it isn't known
	track      tracefmt.TrackID
}

// child is what has named a parent.
type child struct {
	event      int64
	name       string
	isSlice    bool
	begin, end int64 // end: of a slice on a track, as far as it is known; else begin
	track      tracefmt.TrackID
}

func (f *family) init() {
	f.members = make(map[uint64]member)
	f.waiting = make(map[uint64][]child)
}

// ends notes when a slice has ended.
func (f *family) ends(id uint64, when int64) {
	if m, ok := f.members[id]; ok && id != 0 && m.end == math.MaxInt64 {
		m.end = when
		f.members[id] = m
	}
}

// born notes a slice, which lasts until a time if that is known, and looks at it and its parent.
func (v *Validator) born(e *tracefmt.Event, s slice, until int64) {
	if s.parent != 0 {
		c := child{event: s.event, name: e.Name, isSlice: true, begin: e.Time, end: e.Time, track: e.Track}
		if until != math.MaxInt64 && !isFree(e) {
			c.end = until
		}
		v.checkBegin(s.parent, c)
	}
	if s.id == 0 {
		return
	}
	f := &v.family
	if _, known := f.members[s.id]; known {
		v.find(DuplicateID, fmt.Sprintf("%q of %s", short(e.ID), v.describe(e)))
		return
	}
	if len(f.members) >= v.limit {
		v.find(Unchecked, "IDs of slices")
		return
	}
	m := member{begin: e.Time, end: until, track: e.Track}
	f.members[s.id] = m
	for _, c := range f.waiting[s.id] {
		v.compare(m, c)
		f.waits--
	}
	delete(f.waiting, s.id)
}

// checkBegin compares the begin of a slice, or what is in a slice, with its parent, or lets it wait for that.
func (v *Validator) checkBegin(parent uint64, c child) {
	f := &v.family
	if m, ok := f.members[parent]; ok {
		v.compare(m, c)
		return
	}
	if len(f.members) >= v.limit || f.waits >= v.limit {
		v.find(Unchecked, "parents")
		return
	}
	f.waits++
	f.waiting[parent] = append(f.waiting[parent], c)
}

// isFree reports whether a slice may outlive what started it, even on one track.
func isFree(e *tracefmt.Event) bool {
	return e.Kind == tracefmt.AsyncBegin || e.Category == tracefmt.CategoryTask
}

// checkEnd compares the end of a slice with its parent, if that ended before. What is on another track may outlive it.
func (v *Validator) checkEnd(e *tracefmt.Event, s slice) {
	m, ok := v.family.members[s.parent]
	if s.parent != 0 && ok && !s.free && m.track == e.Track && e.Time > m.end {
		v.late(s.event, s.name, e.Time-m.end, "ends %d ns after its parent")
	}
}

func (v *Validator) compare(m member, c child) {
	switch {
	case !c.isSlice:
	case c.begin < m.begin:
		v.late(c.event, c.name, m.begin-c.begin, "begins %d ns before its parent")
	case c.begin > m.end:
		v.late(c.event, c.name, c.begin-m.end, "begins %d ns after its parent has ended")
	case c.track == m.track && c.end > m.end:
		v.late(c.event, c.name, c.end-m.end, "ends %d ns after its parent")
	}
}

func (v *Validator) late(event int64, name string, by int64, text string) {
	f := v.findAt(ParentTime, event, fmt.Sprintf("%q "+text, short(name), by))
	f.Most = max(f.Most, by)
}

// member looks at what is in a slice without being one. A log line may come after the end of its slice.
func (v *Validator) member(e *tracefmt.Event) {
	if e.Parent == "" {
		return
	}
	parent := v.hash(e.Parent)
	if _, ok := v.family.members[parent]; ok {
		return
	}
	f := &v.family
	if len(f.members) >= v.limit || f.waits >= v.limit {
		v.find(Unchecked, "parents")
		return
	}
	f.waits++
	f.waiting[parent] = append(f.waiting[parent], child{event: v.number, name: e.Name})
}

// orphans notes what still waits for its parent. In a log without slices all lines do.
func (v *Validator) orphans() {
	f := &v.family
	if len(f.members) == 0 && !slices.ContainsFunc(slices.Collect(maps.Values(f.waiting)), func(list []child) bool {
		return slices.ContainsFunc(list, func(c child) bool { return c.isSlice })
	}) {
		return
	}
	v.first(ParentMissing, func(yield func(int64, string)) {
		for _, list := range f.waiting {
			for _, c := range list {
				yield(c.event, fmt.Sprintf("of %q", short(c.name)))
			}
		}
	})
}
