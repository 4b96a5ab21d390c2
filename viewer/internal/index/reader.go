package index

import (
	"cmp"
	"io"
	"math"
	"slices"

	"github.com/spanstack/spanstack/tracefmt"
)

// Reader reads what is in a snapshot as a trace, in the normal form of package timeline. Its events have all that they
// came with. It is a [tracefmt.Reader].
type Reader struct {
	s       *Snapshot
	meta    []tracefmt.Event
	cursors cursors
	event   tracefmt.Event
	rec     record
}

// Reader returns a Reader of what overlaps a window on some tracks; nil are all tracks. Slices come whole, with the
// parts of them that are outside of the window. Clocks come in any case.
func (s *Snapshot) Reader(w Window, tracks []uint32) *Reader {
	r := &Reader{s: s}
	from, to := s.absolute(w.From), s.absolute(w.To)
	chosen := make(map[uint32]bool)
	for _, id := range tracks {
		chosen[id] = true
	}
	used, all := make(map[tracefmt.TrackID]bool), make(map[tracefmt.TrackID]bool)
	for _, t := range s.tracks {
		if tracks == nil || chosen[t.id] {
			used[t.source], used[t.meta.process] = true, true
			if t.typ == AsyncTrack || t.typ == CounterTrack {
				all[t.source] = true // what it shows is of any track of the process
			}
			r.addTrack(t, from, to)
		}
	}
	r.addFlows(from, to, func(source tracefmt.TrackID) bool {
		t := s.ofSource(source)
		return tracks == nil || t != nil && chosen[t.id]
	})
	r.addClocks()
	r.declare(func(t *track) bool { return tracks == nil || used[t.source] || all[t.meta.process] })
	if s.marked {
		r.addOpenMarks(from, to, func(t *track) bool { return tracks == nil || chosen[t.id] })
	}
	r.cursors.init()
	return r
}

// Next returns the next event, and io.EOF after the last.
func (r *Reader) Next() (*tracefmt.Event, error) {
	if len(r.meta) > 0 {
		e := &r.meta[0]
		r.meta = r.meta[1:]
		return e, nil
	}
	if len(r.cursors) == 0 {
		return nil, io.EOF
	}
	c := r.cursors[0]
	r.event.Reset()
	r.rec.attrs = r.event.Attrs
	c.fill(r, &r.event)
	if !c.next() {
		last := len(r.cursors) - 1
		r.cursors[0] = r.cursors[last]
		if r.cursors = r.cursors[:last]; last == 0 {
			return &r.event, nil
		}
	}
	r.cursors.down(0)
	return &r.event, nil
}

// cursor goes through one column of a track.
type cursor struct {
	time   int64 // of the next event
	class  int   // of what comes at one time: class by class
	length int64 // and within one the longest first
	order  int   // and then by columns

	advance func(c *cursor) bool // sets these for the next event, or reports that there is none
	fill    func(r *Reader, e *tracefmt.Event)
}

func (c *cursor) next() bool { return c.advance(c) }

// Classes of events of one time, as in package timeline. Of async slices, those that ended come before those that
// begin.
const (
	classClock = iota
	classNext
	classSlice
	classEnded
	classOther
	classFlowStep
	classFlowEnd
)

// cursors is a heap: the first has the next event.
type cursors []*cursor

func (c *cursor) before(o *cursor) bool {
	switch {
	case c.time != o.time:
		return c.time < o.time
	case c.class != o.class:
		return c.class < o.class
	case c.length != o.length:
		return c.length > o.length
	}
	return c.order < o.order
}

func (c cursors) init() {
	for i := len(c)/2 - 1; i >= 0; i-- {
		c.down(i)
	}
}

// down moves a cursor that may have become later to its place.
func (c cursors) down(i int) {
	moved := c[i]
	for {
		k := 2*i + 1
		if k >= len(c) {
			break
		}
		if k+1 < len(c) && c[k+1].before(c[k]) {
			k++
		}
		if !c[k].before(moved) {
			break
		}
		c[i], i = c[k], k
	}
	c[i] = moved
}

// add adds a column, unless there is nothing in it.
func (r *Reader) add(advance func(c *cursor) bool, fill func(r *Reader, e *tracefmt.Event)) {
	c := &cursor{order: len(r.cursors), advance: advance, fill: fill}
	if c.next() {
		r.cursors = append(r.cursors, c)
	}
}

func (r *Reader) addTrack(t *track, from, to int64) {
	if t.typ == AsyncTrack {
		r.addAsync(t, from, to)
	} else {
		r.addSlices(t, from, to)
	}
	i := t.marks.search(func(m *mark) bool { return m.time >= from }) - 1
	r.add(func(c *cursor) bool {
		if i++; i >= t.marks.len() || !beginsBy(t.marks.at(i).time, to) {
			return false
		}
		c.time, c.class = t.marks.at(i).time, classOther
		return true
	}, func(r *Reader, e *tracefmt.Event) { r.fillMark(e, t, t.marks.at(i)) })
	if t.counter == nil {
		return
	}
	k, events := t.counter.events.search(func(e *counterEvent) bool { return e.time >= from })-1, &t.counter.events
	r.add(func(c *cursor) bool {
		if k++; k >= events.len() || !beginsBy(events.at(k).time, to) {
			return false
		}
		c.time, c.class = events.at(k).time, classOther
		return true
	}, func(r *Reader, e *tracefmt.Event) {
		e.Kind, e.Time = tracefmt.Counter, events.at(k).time
		r.fillRecord(e, t.counter.kind, events.at(k).ref)
		e.Track = r.rec.track
	})
}

// beginsBy reports whether what begins at a time is before the end of a window. What is at the end of all times is.
func beginsBy(time, to int64) bool { return time < to || to == math.MaxInt64 }

// overlaps reports whether a slice is in a window.
func (s *slice) overlaps(from, to int64) bool {
	return beginsBy(s.start, to) && (s.start >= from || s.end() > from)
}

func (r *Reader) addSlices(t *track, from, to int64) {
	early := t.reaching(from)
	first := t.slices.search(func(s *slice) bool { return s.start >= from })
	i, n := -1, 0
	r.add(func(c *cursor) bool {
		if n < len(early) {
			i = int(early[n])
		} else {
			i = first + n - len(early)
		}
		if n++; i >= t.slices.len() || !beginsBy(t.slices.at(i).start, to) {
			return false
		}
		s := t.slices.at(i)
		c.time, c.class, c.length = s.start, classSlice, s.length()
		return true
	}, func(r *Reader, e *tracefmt.Event) {
		s := t.slices.at(i)
		e.Kind, e.Track, e.Time, e.Dur = tracefmt.Complete, t.source, s.start, s.dur
		if s.dur == openBegin {
			e.Kind, e.Dur = tracefmt.Begin, 0
		}
		r.fillRecord(e, s.kind, s.ref)
	})
}

// addAsync adds the begins of async slices, each with its end if it takes no time, and the other ends in their order.
func (r *Reader) addAsync(t *track, from, to int64) {
	var begins, ends []asyncEnd
	for i := range t.slices.len() {
		s := t.slices.at(i)
		if !s.overlaps(from, to) {
			continue
		}
		begins = append(begins, asyncEnd{s: s})
		if s.dur == 0 {
			begins = append(begins, asyncEnd{s: s, isEnd: true})
		} else if !s.open() {
			ends = append(ends, asyncEnd{s: s, isEnd: true})
		}
	}
	slices.SortStableFunc(ends, func(a, b asyncEnd) int {
		return cmp.Or(cmp.Compare(a.s.end(), b.s.end()), cmp.Compare(b.s.start, a.s.start))
	})
	r.addEnds(begins, classOther)
	r.addEnds(ends, classEnded)
}

// asyncEnd is the begin or the end of an async slice.
type asyncEnd struct {
	s     *slice
	isEnd bool
}

func (r *Reader) addEnds(list []asyncEnd, class int) {
	i := -1
	r.add(func(c *cursor) bool {
		if i++; i >= len(list) {
			return false
		}
		if c.time, c.class = list[i].s.start, class; list[i].isEnd {
			c.time = list[i].s.end()
		}
		return true
	}, func(r *Reader, e *tracefmt.Event) {
		s := list[i].s
		begin, end := r.s.arena.ends(s.ref)
		if list[i].isEnd {
			e.Kind, e.Time = tracefmt.AsyncEnd, s.end()
			r.fillOne(e, r.s.arena.kindOf(end), end)
		} else {
			e.Kind, e.Time = tracefmt.AsyncBegin, s.start
			r.fillOne(e, s.kind, begin)
		}
		e.Track = r.rec.track
	})
}

func (r *Reader) addFlows(from, to int64, chosen func(tracefmt.TrackID) bool) {
	var list []uint32
	points := &r.s.points
	for i := range points.len() {
		if p := points.at(i); p.time >= from && beginsBy(p.time, to) && chosen(p.track) {
			list = append(list, uint32(i))
		}
	}
	slices.SortStableFunc(list, func(a, b uint32) int {
		p, q := points.at(int(a)), points.at(int(b))
		return cmp.Or(cmp.Compare(p.time, q.time), cmp.Compare(p.rank(), q.rank()))
	})
	classes := [...]int{flowStart: classOther, flowStep: classFlowStep, flowEnd: classFlowEnd, flowNext: classNext}
	kinds := [...]tracefmt.Kind{flowStart: tracefmt.FlowStart, flowStep: tracefmt.FlowStep, flowEnd: tracefmt.FlowEnd, flowNext: tracefmt.FlowEnd}
	i := -1
	r.add(func(c *cursor) bool {
		if i++; i >= len(list) {
			return false
		}
		p := points.at(int(list[i]))
		c.time, c.class = p.time, classes[p.sort]
		return true
	}, func(r *Reader, e *tracefmt.Event) {
		p := points.at(int(list[i]))
		e.Kind, e.Track, e.Time, e.BindNext = kinds[p.sort], p.track, p.time, p.sort == flowNext
		r.fillOne(e, p.kind, p.ref)
	})
}

// addClocks adds the readings of the wall clock. One that came before all events is the anchor, and comes first.
func (r *Reader) addClocks() {
	list := slices.Clone(r.s.clocks)
	if r.s.anchored {
		r.meta = append(r.meta, tracefmt.Event{Kind: tracefmt.Clock, Time: list[0].time, Unix: list[0].unix})
		list = list[1:]
	}
	slices.SortStableFunc(list, func(a, b clock) int { return cmp.Compare(a.time, b.time) })
	i := -1
	r.add(func(c *cursor) bool {
		if i++; i >= len(list) {
			return false
		}
		c.time, c.class = list[i].time, classClock
		return true
	}, func(_ *Reader, e *tracefmt.Event) {
		e.Kind, e.Time, e.Unix = tracefmt.Clock, list[i].time, list[i].unix
	})
}

// declare adds the declarations of tracks, each after that of its process.
func (r *Reader) declare(used func(*track) bool) {
	tracks := slices.DeleteFunc(slices.Clone(r.s.tracks), func(t *track) bool {
		return t.meta.kind == tracefmt.Invalid || !used(t)
	})
	slices.SortStableFunc(tracks, func(a, b *track) int { return cmp.Compare(a.meta.kind, b.meta.kind) })
	for _, t := range tracks {
		m := &t.meta
		r.meta = append(r.meta, tracefmt.Event{Kind: m.kind, Track: t.source, Process: m.process, Name: m.name,
			SourceID: m.sourceID, Order: m.order, Attrs: m.attrs})
	}
}

// addOpenMarks adds the marks that a live capture makes where something is open: one for each track, at the last moment
// of its process.
func (r *Reader) addOpenMarks(from, to int64, chosen func(*track) bool) {
	process := func(t *track) tracefmt.TrackID { return cmp.Or(t.meta.process, t.source) }
	last := make(map[tracefmt.TrackID]int64)
	for _, t := range r.s.tracks {
		if known, ok := last[process(t)]; t.first <= t.last && (!ok || known < t.last) {
			last[process(t)] = t.last
		}
	}
	var open []*track
	for _, t := range r.s.tracks {
		if t.typ != AsyncTrack && t.open > 0 && chosen(t) && t.hasOpenBegin(from, to) {
			open = append(open, t)
		}
	}
	slices.SortStableFunc(open, func(a, b *track) int { return cmp.Compare(last[process(a)], last[process(b)]) })
	i := -1
	r.add(func(c *cursor) bool {
		if i++; i >= len(open) {
			return false
		}
		c.time, c.class = last[process(open[i])], classOther
		return true
	}, func(_ *Reader, e *tracefmt.Event) {
		e.Kind, e.Track, e.Time = tracefmt.Instant, open[i].source, last[process(open[i])]
		e.Name, e.Category = "open", tracefmt.CategoryOpen
	})
}

func (t *track) hasOpenBegin(from, to int64) bool {
	for i := range t.slices.len() {
		if s := t.slices.at(i); s.dur == openBegin && s.overlaps(from, to) {
			return true
		}
	}
	return false
}

func (r *Reader) fillMark(e *tracefmt.Event, t *track, m *mark) {
	e.Kind, e.Track, e.Time = tracefmt.Instant, t.source, m.time
	switch {
	case m.typ() == LogMark:
		e.Kind, e.Severity = tracefmt.Log, m.severity()
	case m.meta&asyncMark != 0:
		e.Kind = tracefmt.AsyncInstant
	}
	r.fillOne(e, m.kind, m.ref)
}

// fillRecord fills in what the record of a slice has, with what its end adds.
func (r *Reader) fillRecord(e *tracefmt.Event, kind, ref uint32) {
	r.s.read(ref, &r.rec)
	r.finish(e, kind)
}

// fillOne fills in what one record has.
func (r *Reader) fillOne(e *tracefmt.Event, kind, ref uint32) {
	if ref == 0 {
		r.rec = record{attrs: r.rec.attrs[:0]}
	} else {
		r.s.arena.read(ref, r.s.texts, &r.rec)
	}
	r.finish(e, kind)
}

func (r *Reader) finish(e *tracefmt.Event, kind uint32) {
	rec := &r.rec
	e.Name, e.Category = rec.name, rec.category
	if kind &= kindMask; kind != 0 {
		e.Name, e.Category = r.s.names[kind], r.s.categories[kind]
	}
	e.ID, e.Parent, e.Key, e.Attrs = rec.id.String(), rec.parent.String(), rec.key, rec.attrs
}

// kindOf returns the kind that a record has of its own.
func (a *arena) kindOf(ref uint32) uint32 {
	if ref == 0 {
		return 0
	}
	var r record
	a.head(ref, &r)
	return r.kind
}

// ofSource returns the track of a TrackID, or nil.
func (s *Snapshot) ofSource(source tracefmt.TrackID) *track {
	s.sources.Do(func() {
		s.bySource = make(map[tracefmt.TrackID]*track, len(s.tracks))
		for _, t := range s.tracks {
			if t.typ == SliceTrack || t.typ == ProcessTrack {
				s.bySource[t.source] = t
			}
		}
	})
	return s.bySource[source]
}
