package index

import (
	"slices"
	"unsafe"

	"github.com/spanstack/spanstack/tracefmt"
)

// dropped is what left a trace that is bounded.
type dropped struct {
	slices int64
	next   int64 // how many things there have to be before the next ones leave
}

// Bytes that things take, with their share of rows and tables.
const (
	sliceBytes = int64(unsafe.Sizeof(slice{})) + 4 + 8
	markBytes  = int64(unsafe.Sizeof(mark{}))
	pointBytes = int64(unsafe.Sizeof(flowPoint{}))
)

// size returns how many slices there are, how many things in all, and about how many bytes they take.
func (x *Index) size() (n, things, bytes int64) {
	marks := int64(0)
	for _, b := range x.tracks {
		n += int64(b.slices.len())
		marks += int64(b.marks.len())
		if b.counter != nil {
			marks += int64(b.counter.events.len())
		}
	}
	points := int64(x.flows.points.len())
	return n, n + marks + points, n*sliceBytes + marks*markBytes + points*pointBytes + x.arena.size()
}

// drop lets the oldest fourth of everything go if there is more than the config allows, and reports whether it did.
// Snapshots that were published keep what they have.
func (x *Index) drop() bool {
	if x.config == (Config{}) {
		return false
	}
	n, things, bytes := x.size()
	tooMany := x.config.MaxSlices > 0 && n > x.config.MaxSlices || x.config.MaxBytes > 0 && bytes > x.config.MaxBytes
	if !tooMany || things < x.dropped.next {
		return false
	}
	d := dropping{x: x, before: x.horizon(things), moved: make(map[uint32]uint32), old: x.arena}
	x.arena, x.ids, x.newIDs = arena{}, &ids{}, column[uint32]{}
	for _, b := range x.tracks {
		d.track(b)
	}
	d.async()
	d.flows()
	d.clocks()
	if d.slices > 0 {
		x.dropped.slices += d.slices
		d.mark()
	}
	_, kept, _ := x.size()
	x.dropped.next = kept + things/16 // also if what is open is most of it
	return true
}

// horizon returns the time before which about a fourth of all things begin, by looking at some of them.
func (x *Index) horizon(things int64) int64 {
	const looks = 1 << 12
	step := int(max(things/looks, 1))
	var sample []int64
	next := 0 // of the things that are counted from here on
	look := func(n int, time func(i int) int64) {
		for ; next < n; next += step {
			sample = append(sample, time(next))
		}
		next -= n
	}
	for _, b := range x.tracks {
		look(b.slices.len(), func(i int) int64 { return b.slices.at(i).start })
		look(b.marks.len(), func(i int) int64 { return b.marks.at(i).time })
		if b.counter != nil {
			look(b.counter.events.len(), func(i int) int64 { return b.counter.events.at(i).time })
		}
	}
	if len(sample) == 0 {
		return x.first
	}
	slices.Sort(sample)
	return sample[len(sample)/4]
}

// dropping copies what stays.
type dropping struct {
	x      *Index
	before int64 // what ends earlier leaves
	old    arena
	moved  map[uint32]uint32 // records that points refer to, too
	slices int64             // that left
}

// stays reports whether a slice is kept.
func (d *dropping) stays(s *slice) bool { return s.end() >= d.before }

func (d *dropping) track(b *building) {
	var kept column[slice]
	for i := range b.slices.len() {
		s := *b.slices.at(i)
		if !d.stays(&s) {
			d.slices++
			continue
		}
		s.ref = d.move(s.ref, s.kind&pairedBit != 0, true)
		kept.append(s)
	}
	b.slices, b.rows, b.hidden = kept, nil, column[uint32]{}
	b.open, b.failed = 0, 0
	b.count(0, 1)
	w := worker{arena: d.x.arena.share()}
	w.layout.lay(&b.track, &w.arena, 0)
	d.points(b)
	d.marks(b)
	d.counter(b)
	b.changed = true
	b.first = max(b.first, d.before)
	if b.slices.len() > 0 {
		b.first = min(b.first, b.slices.at(0).start)
	}
}

// points keeps the points of slices that stay.
func (d *dropping) points(b *building) {
	var kept column[point]
	for i := range b.points.len() {
		if p := *b.points.at(i); d.staysPoint(&p) {
			kept.append(p)
		}
	}
	b.points, b.paired = kept, kept.len()
	for i := range b.stack {
		b.stack[i].ref = d.moved[b.stack[i].ref]
	}
}

// staysPoint reports whether a point is kept, and moves its record.
func (d *dropping) staysPoint(p *point) bool {
	_, isKept := d.moved[p.ref]
	if p.time < d.before && (p.kind&endBit != 0 || !isKept) {
		return false
	}
	p.ref = d.move(p.ref, true, false)
	return true
}

func (d *dropping) marks(b *building) {
	first := b.marks.search(func(m *mark) bool { return m.time >= d.before })
	b.freshMarks = b.marks.appendTo(nil, first)
	b.marks, b.peaks, b.logs = column[mark]{}, column[peak]{}, 0
	for i := range b.freshMarks {
		b.freshMarks[i].ref = d.move(b.freshMarks[i].ref, false, false)
	}
	b.takeMarks()
}

// counter keeps the last value before the horizon, too: it holds until the next one.
func (d *dropping) counter(b *building) {
	c := b.counter
	if c == nil {
		return
	}
	first := c.events.search(func(e *counterEvent) bool { return e.time >= d.before })
	c.fresh = c.events.appendTo(nil, max(first-1, 0))
	c.events = column[counterEvent]{}
	for i := range c.series {
		c.series[i] = series{name: c.series[i].name}
	}
	for i := range c.fresh {
		c.fresh[i].ref = d.move(c.fresh[i].ref, false, false)
	}
	b.takeCounter(d.x)
}

func (d *dropping) async() {
	a := &d.x.async
	var kept column[asyncPoint]
	for i := range a.points.len() {
		if p := *a.points.at(i); d.staysPoint(&p.point) {
			kept.append(p)
		}
	}
	a.points, a.paired = kept, kept.len()
	clear(a.stray)
	for _, o := range a.open {
		for i := range o.stack {
			o.stack[i].ref = d.moved[o.stack[i].ref]
		}
	}
}

func (d *dropping) flows() {
	f := &d.x.flows
	var kept column[flowPoint]
	for i := range f.points.len() {
		if p := *f.points.at(i); p.time >= d.before {
			p.ref = d.move(p.ref, false, false)
			kept.append(p)
		}
	}
	*f = flows{points: kept}
	f.join()
}

// clocks keeps the first reading, and those that still say something.
func (d *dropping) clocks() {
	old := d.x.clocks
	d.x.clocks = nil
	for i, c := range old {
		if i == 0 || i == len(old)-1 || old[i+1].time >= d.before {
			d.x.clocks = append(d.x.clocks, c)
		}
	}
}

// mark says where something is missing. The mark before has left.
func (d *dropping) mark() {
	b := d.x.track(0)
	d.x.addMark(&tracefmt.Event{Kind: tracefmt.Instant, Time: d.before, Category: tracefmt.CategoryLoss,
		Name:  "older slices left",
		Attrs: []tracefmt.Attr{{Key: "count", Value: tracefmt.Int64(d.x.dropped.slices)}}})
	b.takeMarks()
}

// move copies a record into the new arena. Those that are shared are copied once. Those that are found by an ID go into
// the new table.
func (d *dropping) move(ref uint32, shared, found bool) uint32 {
	if ref == 0 {
		return 0
	}
	if to, ok := d.moved[ref]; ok && shared {
		return to
	}
	if begin, end := d.old.ends(ref); begin != ref {
		return d.x.add(&record{more: hasEnds, begin: d.move(begin, true, found), end: d.move(end, true, false)})
	}
	to := d.x.arena.add(d.old.whole(ref))
	if found && d.old.idOf(ref).form != noID {
		d.x.newIDs.append(to)
	}
	if shared {
		d.moved[ref] = to
	}
	return to
}

// whole returns the bytes of a record.
func (a *arena) whole(ref uint32) []byte {
	var r record
	list := a.head(ref, &r)
	for list.next() {
	}
	b := a.at(ref)
	return b[:len(b)-len(list.b)]
}
