package index

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/spanstack/spanstack/tracefmt"
)

// Mark returns a mark by its number in its track.
func (s *Snapshot) Mark(p Pos) (v Mark, ok bool) {
	t := s.track(p.Track)
	if t == nil || int(p.Pos) >= t.marks.len() {
		return Mark{}, false
	}
	m := t.marks.at(int(p.Pos))
	var r record
	if m.ref != 0 {
		s.arena.read(m.ref, s.texts, &r)
	}
	v = Mark{Track: p.Track, Pos: p.Pos, Time: s.relative(m.time), Kind: m.kind, Type: m.typ(), Severity: m.severity(),
		Parent: r.parent.String(), Attrs: r.attrs}
	v.Name, v.Category = s.namesOf(m.kind, m.ref)
	return v, true
}

// MarkSlice returns the slice that a mark belongs to: the one that it names as its parent; or else the nearest one
// outwards on its ID stack; or else the innermost one around it on its track.
func (s *Snapshot) MarkSlice(p Pos) (owner Pos, ok bool) {
	t := s.track(p.Track)
	if t == nil || int(p.Pos) >= t.marks.len() {
		return Pos{}, false
	}
	m := t.marks.at(int(p.Pos))
	if m.ref != 0 {
		if ref, owner := s.lookup(s.arena.parentOf(m.ref)); ref != 0 {
			return owner, true
		}
		var r record
		for a := s.arena.head(m.ref, &r); m.typ() == LogMark && a.next(); {
			attr := a.attr(s.texts)
			if attr.Key != tracefmt.AttrStack {
				continue
			}
			for member := range tracefmt.Stack(attr.Value.String()).Outwards() {
				if owner, ok := s.Lookup(member); ok {
					return owner, true
				}
			}
		}
	}
	pos, _, ok := s.innermost(t, m.time)
	return Pos{p.Track, pos}, ok
}

// MarkQuery says which marks are wanted.
type MarkQuery struct {
	Window
	Tracks []uint32             // nil are all
	Min    tracefmt.Severity    // of log lines; above 0 there are no instants, but losses and anomalies
	Of     string               // a category; "" is any
	Text   string               // in the name or in an attribute: as SearchQuery has it
	Within func(owner Pos) bool // of those that belong to such slices; nil is all

	Before, After string // cursors; with Before the last ones before it, else the first ones after it
	Last          bool   // without a cursor: the last ones
	Limit         int
}

// MarkResult is marks in the order of time. More says that there are others beyond the last of them, in the direction of
// the query.
type MarkResult struct {
	Total   int // of all cursors
	Marks   []Pos
	Cursors []string // of each
	More    bool
}

// place is where a mark is among all others.
type place struct {
	time int64
	Pos
}

func (p place) compare(o place) int {
	return cmp.Or(cmp.Compare(p.time, o.time), cmp.Compare(p.Track, o.Track), cmp.Compare(p.Pos.Pos, o.Pos.Pos))
}

// Marks finds marks. If ctx is done before it has found all, the error is that of ctx.
func (s *Snapshot) Marks(ctx context.Context, q MarkQuery) (result MarkResult, err error) {
	m, err := newMatcher(q.Text, false)
	if err != nil {
		return result, err
	}
	backwards := q.Before != "" || q.Last
	limits := [2]place{{time: math.MinInt64}, {time: math.MaxInt64, Pos: Pos{1<<32 - 1, 1<<32 - 1}}}
	for i, cursor := range [2]string{q.After, q.Before} {
		if cursor == "" {
			continue
		}
		if limits[i], err = s.placeOf(cursor); err != nil {
			return result, err
		}
	}
	var mu sync.Mutex
	var found []place
	finders := make([]*finder, maxWorkers)
	err = s.inParallel(ctx, s.chosen(q.Tracks), func(worker int, t *track) {
		if finders[worker] == nil {
			finders[worker] = newFinder(s, m)
		}
		list, total := s.marksOf(ctx, t, &q, finders[worker], limits, backwards)
		mu.Lock()
		defer mu.Unlock()
		found = append(found, list...)
		result.Total += total
	})
	slices.SortFunc(found, place.compare)
	if n := len(found); n > q.Limit {
		result.More = true
		if backwards {
			found = found[n-q.Limit:]
		} else {
			found = found[:q.Limit]
		}
	}
	for _, p := range found {
		result.Marks = append(result.Marks, p.Pos)
		result.Cursors = append(result.Cursors, s.cursor(p))
	}
	return result, err
}

// marksOf returns the first or last marks of a track between two places, one more than is wanted, and how many there
// are in all.
func (s *Snapshot) marksOf(ctx context.Context, t *track, q *MarkQuery, f *finder, limits [2]place, backwards bool) (list []place, total int) {
	from, to := s.absolute(q.From), s.absolute(q.To)
	first := t.marks.search(func(m *mark) bool { return m.time >= from })
	last := t.marks.search(func(m *mark) bool { return !beginsBy(m.time, to) })
	for n := range last - first {
		if n%(1<<12) == 0 && ctx.Err() != nil {
			return list, total
		}
		i := first + n
		if backwards {
			i = last - 1 - n
		}
		m := t.marks.at(i)
		if !s.wanted(t, i, m, q, f) {
			continue
		}
		total++
		p := place{m.time, Pos{t.id, uint32(i)}}
		if len(list) <= q.Limit && p.compare(limits[0]) > 0 && p.compare(limits[1]) < 0 {
			list = append(list, p)
		}
	}
	return list, total
}

func (s *Snapshot) wanted(t *track, i int, m *mark, q *MarkQuery, f *finder) bool {
	if m.typ() < AnomalyMark && m.severity() < q.Min {
		return false
	}
	if q.Of != "" {
		if _, category := s.namesOf(m.kind, m.ref); category != q.Of {
			return false
		}
	}
	if q.Text != "" && !f.kind(m.kind, m.ref) && !f.attr(m.ref) {
		return false
	}
	if q.Within == nil {
		return true
	}
	owner, ok := s.MarkSlice(Pos{t.id, uint32(i)})
	return ok && q.Within(owner)
}

// cursor names a mark for as long as the index lives, as Key does a slice.
func (s *Snapshot) cursor(p place) string {
	t := s.track(p.Track)
	first := t.marks.search(func(m *mark) bool { return m.time >= p.time })
	return fmt.Sprintf("%d:%d:%d", s.relative(p.time), p.Track, int(p.Pos.Pos)-first)
}

func (s *Snapshot) placeOf(cursor string) (p place, err error) {
	bad := fmt.Errorf("cursor %q: it isn't one", cursor)
	parts := strings.Split(cursor, ":")
	if len(parts) != 3 {
		return p, bad
	}
	at, err1 := strconv.ParseInt(parts[0], 10, 64)
	id, err2 := strconv.ParseUint(parts[1], 10, 32)
	n, err3 := strconv.ParseUint(parts[2], 10, 31)
	t := s.track(uint32(id))
	if err1 != nil || err2 != nil || err3 != nil || t == nil {
		return p, bad
	}
	first := t.marks.search(func(m *mark) bool { return s.relative(m.time) >= at })
	return place{addTimes(s.zero, at), Pos{t.id, uint32(first + int(n))}}, nil
}

// LastLog returns the last log line that belongs to a slice and is on its track.
func (s *Snapshot) LastLog(p Pos) (line Pos, ok bool) {
	t, sl := s.get(p)
	if sl == nil {
		return Pos{}, false
	}
	const most = 10_000 // lines that are looked at
	n := t.marks.search(func(m *mark) bool { return m.time > sl.end() })
	for i := n - 1; i >= max(0, n-most) && t.marks.at(i).time >= sl.start; i-- {
		line = Pos{t.id, uint32(i)}
		if owner, ok := s.MarkSlice(line); ok && owner == p && t.marks.at(i).typ() == LogMark {
			return line, true
		}
	}
	return Pos{}, false
}
