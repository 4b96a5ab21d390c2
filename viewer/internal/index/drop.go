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

// Bytes that things take, with their share of rows and of what finds them.
const (
	sliceBytes = int64(unsafe.Sizeof(slice{})+unsafe.Sizeof(relative{})) + 4 + 2
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
// Snapshots that were published keep what they have. It takes the time of what is where the trace begins from then on,
// not of all that stays: columns and the arena leave by chunks.
func (x *Index) drop() bool {
	if x.config == (Config{}) {
		return false
	}
	n, things, bytes := x.size()
	tooMany := x.config.MaxSlices > 0 && n > x.config.MaxSlices || x.config.MaxBytes > 0 && bytes > x.config.MaxBytes
	if !tooMany || things < x.dropped.next {
		return false
	}
	before := x.horizon(things)
	d := dropping{x: x, before: before, old: x.arena.old(before), moved: make(map[uint32]uint32), begins: make(map[uint32]bool)}
	for _, b := range x.tracks {
		d.track(b)
	}
	d.async()
	d.flows()
	d.clocks()
	x.arena.drop(d.old)
	d.kin()
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

// dropping is what leaves, and what of the oldest stays.
type dropping struct {
	x      *Index
	before int64             // what ends by then leaves
	old    []bool            // chunks of the arena that leave
	moved  map[uint32]uint32 // records of what stays, and where they are now
	begins map[uint32]bool   // those of slices that were begun before and end later
	slices int64             // that left
}

// track drops what ended on a track. Slices that go on come to be just before the first that begins later, in the rows
// that they are in: so all others have the numbers that they had.
func (d *dropping) track(b *building) {
	cut := b.slices.search(func(s *slice) bool { return s.start >= d.before })
	stay := b.reaching(d.before)
	gone := cut - len(stay)
	d.rows(b, stay, cut, gone)
	kept := make([]slice, len(stay))
	for i, pos := range stay {
		kept[i] = d.keep(*b.slices.at(int(pos)))
	}
	b.count(0, cut, -1)
	b.slices.dropBut(cut, kept)
	b.count(0, len(kept), 1)
	b.base += uint32(gone)
	d.slices += int64(gone)
	d.points(b)
	b.dropMarks(d.before)
	d.counter(b)
	b.first = max(b.first, d.before)
	if b.slices.len() > 0 {
		b.first = min(b.first, b.slices.at(0).start)
	}
}

// rows drops the slices before a position from their rows. Those that stay get the numbers before it.
func (d *dropping) rows(b *building, stay []uint32, cut, gone int) {
	renumber := func(numbers []uint32, pos uint32) []uint32 {
		if i, stays := slices.BinarySearch(stay, pos); stays {
			numbers = append(numbers, b.base+uint32(gone+i))
		}
		return numbers
	}
	for i := range b.rows {
		r := &b.rows[i]
		n := r.before(&b.track, uint32(cut))
		if n > 0 { // the last one may stay: those before it in the row ended earlier
			r.dropBut(n, renumber(nil, r.pos(&b.track, n-1)))
		}
	}
	b.trimRows()
	n := b.hiddenBefore(uint32(cut))
	var kept []uint32
	for i := range n {
		kept = renumber(kept, *b.hidden.at(i)-b.base)
	}
	b.hidden.dropBut(n, kept)
}

// keep returns a slice that stays, with its record where that stays.
func (d *dropping) keep(s slice) slice {
	if s.kind&pairedBit != 0 {
		begin, _ := d.x.arena.ends(s.ref)
		d.begins[begin] = true
	}
	s.ref = d.move(s.ref)
	return s
}

// points drops the points of slices that left.
func (d *dropping) points(b *building) {
	n := b.points.search(func(p *point) bool { return p.time >= d.before })
	var kept []point
	for i := range n {
		if p := *b.points.at(i); d.stays(&p) {
			kept = append(kept, p)
		}
	}
	b.points.dropBut(n, kept)
	b.paired = b.points.len()
	for i := range b.stack {
		b.stack[i].ref = d.move(b.stack[i].ref)
	}
}

// stays reports whether a point is the begin of a slice that stays, and moves its record.
func (d *dropping) stays(p *point) bool {
	if p.kind&endBit != 0 || !d.begins[p.ref] {
		return false
	}
	p.ref = d.move(p.ref)
	return true
}

// counter keeps the last values before the horizon, too: they hold until the next ones.
func (d *dropping) counter(b *building) {
	c := b.counter
	if c == nil {
		return
	}
	n := c.events.search(func(e *counterEvent) bool { return e.time >= d.before })
	if n > 0 {
		last := *c.events.at(n - 1)
		last.ref = d.move(last.ref)
		c.events.dropBut(n, []counterEvent{last})
	}
	for i := range c.series {
		c.series[i].drop(d.before)
	}
}

// async drops points up to the first that stays. Of what came late, and is older, the records stay.
func (d *dropping) async() {
	a := &d.x.async
	n := 0
	var kept []asyncPoint
	for ; n < a.points.len() && a.points.at(n).time < d.before; n++ {
		if p := *a.points.at(n); d.stays(&p.point) {
			kept = append(kept, p)
		}
	}
	a.points.dropBut(n, kept)
	for i := len(kept); i < a.points.len(); i++ {
		if p := a.points.at(i); p.time < d.before {
			p.ref = d.move(p.ref)
		}
	}
	a.paired = a.points.len()
	clear(a.stray)
	for _, o := range a.open {
		for i := range o.stack {
			o.stack[i].ref = d.move(o.stack[i].ref)
		}
	}
}

// flows drops points in the same way.
func (d *dropping) flows() {
	f := &d.x.flows
	n := 0
	for n < f.points.len() && f.points.at(n).time < d.before {
		n++
	}
	f.drop(n, d.before)
	for i := range f.points.len() {
		if p := *f.points.at(i); p.time < d.before && d.leaves(p.ref) {
			p.ref = d.move(p.ref)
			f.points.replace(i, []flowPoint{p})
		}
	}
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

// leaves reports whether a record is in a chunk that leaves.
func (d *dropping) leaves(ref uint32) bool {
	place := d.x.arena.place(ref)
	return place < len(d.old) && d.old[place]
}

// move returns where a record is to be found when the old chunks have left. It may be asked several times.
func (d *dropping) move(ref uint32) uint32 {
	if ref == 0 {
		return 0
	}
	if to, ok := d.moved[ref]; ok {
		return to
	}
	const ever = -endless - 1 // what stays for its own sake doesn't keep its chunk
	a, to := &d.x.arena, ref
	if begin, end := a.ends(ref); begin != ref {
		if b, e := d.move(begin), d.move(end); b != begin || e != end || d.leaves(ref) {
			to = d.x.add(&record{more: hasEnds, begin: b, end: e, start: ever})
		}
	} else if d.leaves(ref) {
		to = a.add(a.whole(ref), ever)
		if to != 0 && a.at(to)[0]&hasPlace != 0 {
			d.x.kinList.append(relative{ref: to})
		}
	}
	d.moved[ref] = to
	return to
}

// kin drops the records at the beginning that have left.
func (d *dropping) kin() {
	x := d.x
	n := 0
	for n < x.kin.list.len() && !x.arena.has(x.kinList.at(n).ref) {
		n++
	}
	if n > 0 {
		x.kin = x.kin.without(n)
		x.kinList.drop(n)
		x.starters.next = max(0, x.starters.next-n)
	}
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
