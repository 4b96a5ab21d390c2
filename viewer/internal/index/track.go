package index

import (
	"cmp"
	"math"
	"slices"

	"github.com/spanstack/spanstack/internal/innermost"
	"github.com/spanstack/spanstack/tracefmt"
)

// track is a row of the picture, or several: as snapshots have it. The Index goes on with a copy of its own.
type track struct {
	id     uint32
	typ    Type
	source tracefmt.TrackID // whose events it shows, or those of whose process
	meta   meta
	gen    uint64 // in which it changed last

	slices column[slice]
	base   uint32 // the number of the first: rows go by numbers, which stay when slices leave at the front, and go round
	rows   []row
	hidden column[uint32] // slices below the last row
	open   int64
	failed int64

	marks   column[mark]
	peaks   column[peak] // of 64 marks each
	peakOff int          // marks that have left from the first of peaks
	logs    int64        // how many of the marks are log lines
	gaps    int64        // how many are of type LossMark
	counter *counter

	first, last int64 // of all events, absolute: first > last if there are none
}

// meta is what a trace says of a track.
type meta struct {
	kind     tracefmt.Kind // Process or Track, or Invalid if it isn't declared
	name     string
	process  tracefmt.TrackID
	sourceID tracefmt.Value
	order    int64
	attrs    []tracefmt.Attr
}

// declare adds what an event says.
func (m *meta) declare(e *tracefmt.Event) {
	if m.kind == tracefmt.Invalid {
		m.kind = e.Kind
	}
	m.name = cmp.Or(e.Name, m.name)
	m.process = cmp.Or(e.Process, m.process)
	m.order = cmp.Or(e.Order, m.order)
	if !e.SourceID.IsZero() {
		m.sourceID = e.SourceID
	}
	for _, a := range e.Attrs {
		i := slices.IndexFunc(m.attrs, func(b tracefmt.Attr) bool { return a.Key == b.Key })
		if m.attrs = slices.Clone(m.attrs); i >= 0 { // snapshots have the old ones
			m.attrs[i] = a
		} else {
			m.attrs = append(m.attrs, a)
		}
	}
}

// building is a track with what came since it was published.
type building struct {
	track
	changed bool

	fresh    column[slice]   // whole slices, in the order in which they came
	points   column[point]   // begins and ends, in the order in which they came
	paired   int             // points that are done with
	stack    []begun         // what is open
	names    innermost.Names // of stack
	begins   []slice         // what was begun
	closings []closing       // of slices that are in the track
	latest   int64           // of the points: a greater one follows, or they are out of order
	jumbled  bool            // they are out of order
	redo     bool            // all slices that were begun come again
	strays   int64           // ends without a begin
	implied  int64           // slices that ended with the one around them

	freshMarks []mark
}

func newBuilding(id uint32, typ Type, source tracefmt.TrackID) *building {
	b := &building{changed: true, latest: math.MinInt64}
	b.id, b.typ, b.source = id, typ, source
	b.first, b.last = math.MaxInt64, math.MinInt64
	return b
}

// happens notes that something happened on the track.
func (b *building) happens(from, to int64) {
	b.first, b.last = min(b.first, from), max(b.last, to)
	b.changed = true
}

// publish returns the track as it is now.
func (b *building) publish(gen uint64) *track {
	b.changed = false
	b.gen = gen
	t := b.track
	t.slices, t.hidden = b.slices.share(), b.hidden.share()
	t.marks, t.peaks = b.marks.share(), b.peaks.share()
	t.rows = make([]row, len(b.rows))
	for i := range b.rows {
		t.rows[i] = b.rows[i].share()
	}
	if b.counter != nil {
		t.counter = b.counter.share()
	}
	return &t
}

// take brings the slices that came into the order of the track, and lays out what follows the first of them. With
// last, begins get their ends from what is around them.
func (b *building) take(w *worker, last bool) {
	last = last && len(b.stack) > 0
	if !b.redo && !last {
		b.closeInPlace()
	}
	from := b.earliest()
	switch {
	case b.redo || last:
		from = math.MinInt64
	case b.fresh.len() == 0 && len(b.begins) == 0 && len(b.closings) == 0:
		return
	}
	at := b.slices.search(func(s *slice) bool { return s.start >= from })
	b.count(at, b.slices.len(), -1)
	list := b.slices.appendTo(w.list[:0], at)
	if b.redo {
		list = slices.DeleteFunc(list, func(s slice) bool { return s.kind&pairedBit != 0 })
	}
	apply(list, b.closings)
	list = append(list, b.begins...)
	list = b.fresh.appendTo(list, 0)
	if b.slices.len() == 0 {
		b.slices, b.fresh = b.fresh, column[slice]{} // its memory serves on
		b.slices.n = 0
	}
	w.scratch = sortStable(list, w.scratch)
	if last {
		if n := closeInside(list); n > 0 {
			b.implied += n
			w.scratch = sortStable(list, w.scratch)
		}
	}
	b.slices.cut(at)
	b.slices.extend(list)
	b.count(at, b.slices.len(), 1)
	b.done()
	w.list = list
	w.layout.lay(&b.track, &w.arena, at)
}

// done forgets what was taken.
func (b *building) done() {
	b.fresh = column[slice]{}
	b.begins, b.closings, b.redo = b.begins[:0], b.closings[:0], false
	for i := range b.stack {
		b.stack[i].at = -1
	}
}

// count adds the slices from number i up to another to what is counted, or takes them away.
func (b *building) count(i, to int, by int64) {
	for ; i < to; i++ {
		s := b.slices.at(i)
		if s.open() {
			b.open += by
		}
		if s.kind&failedBit != 0 {
			b.failed += by
		}
	}
}

// worker is the memory of a goroutine that puts tracks in order.
type worker struct {
	arena         arena
	list, scratch []slice
	layout        layout
}
