package index

import (
	"fmt"
	"iter"
	"math"
	"strconv"
	"strings"
	"sync"

	"github.com/spanstack/spanstack/tracefmt"
)

// Snapshot is a trace as it was at a moment. It never changes, and may be used by any number of goroutines.
type Snapshot struct {
	gen, shape uint64
	zero       int64 // absolute
	end, now   int64
	first      int64 // absolute; first > last if nothing happened
	last       int64
	marked     bool // there were marks of open slices
	anchored   bool // the first of clocks came before all events
	counts     Counts
	losses     []tracefmt.Loss
	clocks     []clock

	arena             arena
	texts             []string
	names, categories []string
	tracks            []*track // by id - 1
	order             []uint32
	parents           []uint32 // by id
	points            column[flowPoint]
	arrows            column[arrow]
	kin               *kin

	sources  sync.Once
	bySource map[tracefmt.TrackID]*track // see ofSource
}

// Gen counts the snapshots of an index, from 1 on; 0 is the empty one that there is before the first Publish.
func (s *Snapshot) Gen() uint64 { return s.gen }

// Zero returns the absolute time of 0, on the trace's own clock.
func (s *Snapshot) Zero() int64 { return s.zero }

// End returns when the last event was.
func (s *Snapshot) End() int64 { return s.end }

// Now returns where open slices end: at End, or where Reach said that the clock was.
func (s *Snapshot) Now() int64 { return s.now }

// Unix returns the wall clock's time at a time, in ns since 1970, by the nearest reading before it.
func (s *Snapshot) Unix(at int64) (unix int64, ok bool) {
	if len(s.clocks) == 0 {
		return 0, false
	}
	absolute := s.absolute(at)
	best := s.clocks[0]
	for _, c := range s.clocks[1:] {
		if c.time <= absolute && c.time >= best.time {
			best = c
		}
	}
	return addTimes(best.unix, subTimes(absolute, best.time)), true
}

// Counts says how much of what there is.
func (s *Snapshot) Counts() Counts { return s.counts }

// Losses says what was lost: by the reader, in the trace itself, and here.
func (s *Snapshot) Losses() []tracefmt.Loss { return s.losses }

// Kinds returns the names and categories of all kinds, by their numbers. They may not be changed.
func (s *Snapshot) Kinds() (names, categories []string) { return s.names, s.categories }

func (s *Snapshot) relative(absolute int64) int64 { return subTimes(absolute, s.zero) }

func (s *Snapshot) absolute(t int64) int64 {
	if t == math.MaxInt64 || t == math.MinInt64 {
		return t // of everything
	}
	return addTimes(s.zero, t)
}

func (s *Snapshot) track(id uint32) *track {
	if id == 0 || int(id) > len(s.tracks) {
		return nil
	}
	return s.tracks[id-1]
}

func (s *Snapshot) count() (c Counts) {
	for _, t := range s.tracks {
		c.Slices += int64(t.slices.len())
		c.Open += t.open
		c.Failed += t.failed
		c.Logs += t.logs
		c.LossMarks += t.gaps
		c.Instants += int64(t.marks.len()) - t.logs
		if t.counter != nil {
			c.Counters++
		}
	}
	c.Tracks, c.Flows, c.Kinds = int64(len(s.tracks)), int64(s.arrows.len()), int64(len(s.names))
	return c
}

func (s *Snapshot) namesOf(kind, ref uint32) (name, category string) {
	return namesOf(&s.arena, s.names, s.categories, kind, ref)
}

// get returns a slice, or nil.
func (s *Snapshot) get(p Pos) (*track, *slice) {
	t := s.track(p.Track)
	if t == nil || int(p.Pos) >= t.slices.len() {
		return nil, nil
	}
	return t, t.slices.at(int(p.Pos))
}

// Slice returns a slice.
func (s *Snapshot) Slice(p Pos) (v Slice, ok bool) {
	t, sl := s.get(p)
	if sl == nil {
		return Slice{}, false
	}
	v = Slice{Pos: p, Row: t.rowOf(p.Pos), Kind: sl.kind & kindMask, Start: s.relative(sl.start), End: s.now,
		Open: sl.open(), Failed: sl.kind&failedBit != 0}
	if !v.Open {
		v.End = s.relative(sl.end())
	}
	v.End = max(v.Start, v.End)
	v.Name, v.Category = s.namesOf(sl.kind, sl.ref)
	return v, true
}

// rowOf returns the row that a slice is in.
func (t *track) rowOf(pos uint32) uint32 {
	for i := range t.rows {
		r := &t.rows[i]
		if n := r.before(t, pos); n < r.len() && r.pos(t, n) == pos {
			return uint32(i)
		}
	}
	return MaxRows
}

// Details returns the rest of a slice.
func (s *Snapshot) Details(p Pos) (d Details, ok bool) {
	_, sl := s.get(p)
	if sl == nil {
		return Details{}, false
	}
	var r record
	s.read(sl.ref, &r)
	return Details{ID: r.id.String(), Parent: r.parent.String(), Key: r.key, Attrs: r.attrs}, true
}

// read reads the record of a slice, with what its end adds.
func (s *Snapshot) read(ref uint32, r *record) {
	begin, end := s.arena.ends(ref)
	if begin == 0 {
		*r = record{attrs: r.attrs[:0]}
		return
	}
	s.arena.read(begin, s.texts, r)
	if end != 0 {
		var e record
		s.arena.read(end, s.texts, &e)
		r.attrs = mergeAttrs(r.attrs, e.attrs)
	}
}

// mergeAttrs adds the attributes of an end to a slice's. As in package timeline, the end's count where both have one of
// the same name, and the begin's is kept beside it.
func mergeAttrs(merged, attrs []tracefmt.Attr) []tracefmt.Attr {
	for _, a := range attrs {
		i := 0
		for i < len(merged) && merged[i].Key != a.Key {
			i++
		}
		switch {
		case i == len(merged):
			merged = append(merged, a)
		case merged[i].Value != a.Value:
			before := merged[i].Value
			merged[i].Value = a.Value
			merged = append(merged, tracefmt.Attr{Key: a.Key + " (begin)", Value: before})
		}
	}
	return merged
}

// Self returns for how many ns nothing was inside of a slice on its track. It looks at all that is.
func (s *Snapshot) Self(p Pos) int64 {
	t, sl := s.get(p)
	if sl == nil {
		return 0
	}
	end := min(sl.end(), max(s.absolute(s.now), sl.start))
	self := subTimes(end, sl.start)
	covered := sl.start
	isInside := s.insideOf(t, sl)
	for i := int(p.Pos) + 1; i < t.slices.len(); i++ {
		c := t.slices.at(i)
		if c.start >= end {
			break
		}
		to := min(c.end(), end)
		if to <= covered || !isInside(c) {
			continue
		}
		self -= to - max(c.start, covered)
		covered = to
	}
	return self
}

// insideOf returns what tells which of the slices that begin in one's time are inside of it.
func (s *Snapshot) insideOf(t *track, sl *slice) func(c *slice) bool {
	if t.typ != AsyncTrack {
		return func(c *slice) bool { return c.end() <= sl.end() }
	}
	key := s.arena.asyncKey(sl.ref)
	return func(c *slice) bool {
		return c.kind&nestedBit != 0 && c.end() <= sl.end() && s.arena.asyncKey(c.ref) == key
	}
}

// Key returns what names a slice in all snapshots: its track, its start, and its number among those that begin then. If
// a longer one that begins then comes later, as the one around it may, the number is that one's.
func (s *Snapshot) Key(p Pos) string {
	t, sl := s.get(p)
	if sl == nil {
		return ""
	}
	first := t.slices.search(func(o *slice) bool { return o.start >= sl.start })
	return fmt.Sprintf("%d:%d:%d", p.Track, s.relative(sl.start), int(p.Pos)-first)
}

// Find returns the slice with a key.
func (s *Snapshot) Find(key string) (p Pos, ok bool) {
	parts := strings.Split(key, ":")
	if len(parts) != 3 {
		return Pos{}, false
	}
	id, err1 := strconv.ParseUint(parts[0], 10, 32)
	start, err2 := strconv.ParseInt(parts[1], 10, 64)
	ordinal, err3 := strconv.ParseUint(parts[2], 10, 32)
	t := s.track(uint32(id))
	if err1 != nil || err2 != nil || err3 != nil || t == nil {
		return Pos{}, false
	}
	n := t.slices.search(func(o *slice) bool { return s.relative(o.start) >= start }) + int(ordinal)
	if n >= t.slices.len() || s.relative(t.slices.at(n).start) != start {
		return Pos{}, false
	}
	return Pos{t.id, uint32(n)}, true
}

// At returns the slice in a row of a track at a time: of one that ends then and one that begins, the latter.
func (s *Snapshot) At(track, row uint32, at int64) (p Pos, ok bool) {
	t := s.track(track)
	if t == nil || int(row) >= len(t.rows) {
		return Pos{}, false
	}
	r, absolute := &t.rows[row], s.absolute(at)
	n := r.startedBy(t, absolute)
	if n == 0 || r.slice(t, n-1).end() < absolute {
		return Pos{}, false
	}
	return Pos{track, r.pos(t, n-1)}, true
}

// innermost returns the deepest slice of a track that is around a time, or else, that ends then.
func (s *Snapshot) innermost(t *track, absolute int64) (pos uint32, row uint32, ok bool) {
	for i := len(t.rows) - 1; i >= 0; i-- {
		r := &t.rows[i]
		n := r.startedBy(t, absolute)
		if n == 0 {
			continue
		}
		end := r.slice(t, n-1).end()
		if end > absolute || end == absolute && !ok {
			pos, row, ok = r.pos(t, n-1), uint32(i), true
		}
		if end > absolute {
			break
		}
	}
	return pos, row, ok
}

// Lookup returns the slice with an ID, the one that came last if there are several. While what finds it is still being
// made after a file was loaded, it waits.
func (s *Snapshot) Lookup(id string) (p Pos, ok bool) {
	ref, p := s.lookup(idOf(id))
	return p, ref != 0
}

func (s *Snapshot) lookup(i id) (ref uint32, p Pos) {
	if i.form == noID {
		return 0, Pos{}
	}
	ref = s.kin.find(&s.arena, i, func(ref uint32) (ok bool) {
		p, ok = s.placed(ref)
		return ok
	})
	return ref, p
}

// placed returns the slice whose begin has a record.
func (s *Snapshot) placed(ref uint32) (p Pos, ok bool) {
	track, start := s.arena.placeOf(ref)
	t := s.track(track)
	if t == nil {
		return Pos{}, false
	}
	n := t.slices.search(func(o *slice) bool { return o.start >= start })
	for ; n < t.slices.len() && t.slices.at(n).start == start; n++ {
		if begin, _ := s.arena.ends(t.slices.at(n).ref); begin == ref {
			return Pos{track, uint32(n)}, true
		}
	}
	return Pos{}, false
}

// Above returns the slice that a slice belongs below: the one that it names as its parent, or else the innermost one
// around it on its track. Of those, one that has an ID counts only if nothing says that they have to do with each
// other: on a track of concurrent work it is around the other by chance.
func (s *Snapshot) Above(p Pos) (up Pos, ok bool) {
	t, sl := s.get(p)
	if sl == nil {
		return Pos{}, false
	}
	own, parent := s.idsOf(sl.ref)
	if ref, up := s.lookup(parent); ref != 0 && up != p {
		return up, true
	}
	return s.around(t, p.Pos, own.form|parent.form == noID)
}

// around returns the innermost slice that is around another one on its track. Without plain, only slices without an ID
// count.
func (s *Snapshot) around(t *track, pos uint32, plain bool) (up Pos, ok bool) {
	sl := t.slices.at(int(pos))
	if t.typ == AsyncTrack && sl.kind&nestedBit == 0 {
		return Pos{}, false
	}
	key := ""
	if t.typ == AsyncTrack {
		key = s.arena.asyncKey(sl.ref)
	}
	best := -1
	for i := range t.rows {
		r := &t.rows[i]
		n := r.before(t, pos)
		if n == 0 {
			continue
		}
		c := int(r.pos(t, n-1)) // those before it in the row end earlier
		o := t.slices.at(c)
		if o.end() < sl.end() || o.end() <= sl.start {
			continue
		}
		if t.typ == AsyncTrack && s.arena.asyncKey(o.ref) == key || t.typ != AsyncTrack && (plain || !s.hasID(o.ref)) {
			best = max(best, c)
		}
	}
	return Pos{t.id, uint32(max(best, 0))}, best >= 0
}

func (s *Snapshot) hasID(ref uint32) bool {
	own, _ := s.idsOf(ref)
	return own.form != noID
}

// idsOf returns the ID and the parent of the slice that has a record.
func (s *Snapshot) idsOf(ref uint32) (own, parent id) {
	if ref, _ = s.arena.ends(ref); ref == 0 {
		return id{}, id{}
	}
	return s.arena.idsOf(ref)
}

// maxAncestors bounds how far a chain of parents is followed. Traces that aren't sane have circles.
const maxAncestors = 1000

// Ancestors yields what a slice is below of, the nearest first.
func (s *Snapshot) Ancestors(p Pos) iter.Seq[Pos] {
	return func(yield func(Pos) bool) {
		seen := map[Pos]bool{p: true}
		for range maxAncestors {
			up, ok := s.Above(p)
			if !ok || seen[up] || !yield(up) {
				return
			}
			seen[up] = true
			p = up
		}
	}
}
