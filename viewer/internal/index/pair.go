package index

import (
	"math"
	"slices"
	"strings"
)

// point is a begin or an end.
type point struct {
	time int64
	kind uint32 // with bits
	ref  uint32
}

// Bits of a point's kind.
const (
	endBit      = 1 << 31
	failsBit    = 1 << 30 // it has an error
	hasErrorBit = 1 << 29 // it has an attribute for one, which says that there is none, or not
)

func (p *point) before(o *point) bool { return p.time <= o.time }

// begun is a slice that is open.
type begun struct {
	start int64
	kind  uint32
	ref   uint32
	at    int // in begins; -1 if it was taken
}

// closing is the end of a slice that was taken while it was open.
type closing struct {
	slice
	begin uint32 // the ref that it has
}

// addPoint adds a begin or an end.
func (b *building) addPoint(p point) {
	if p.time < b.latest {
		b.jumbled = true
	}
	b.latest = max(b.latest, p.time)
	b.points.append(p)
	b.happens(p.time, p.time)
}

// pair makes slices of the points that came. As in package timeline, an end closes the innermost open slice of its
// name, or the innermost if it has no name, and slices inside of the one that is closed end with it. If points came out
// of order, it begins anew.
func (b *building) pair(x *Index) {
	if b.jumbled {
		list := b.points.appendTo(nil, 0)
		sortStable(list, nil)
		b.points = column[point]{}
		b.points.extend(list)
		b.again()
	}
	for ; b.paired < b.points.len(); b.paired++ {
		p := *b.points.at(b.paired)
		if p.kind&endBit == 0 {
			b.stack = append(b.stack, b.begin(p.time, p.kind, p.ref))
			b.names.Push(x.keptName(p.kind, p.ref))
		} else {
			b.end(x, p)
		}
	}
}

// again forgets what was made of points.
func (b *building) again() {
	b.jumbled, b.redo = false, true
	b.paired, b.strays, b.implied = 0, 0, 0
	b.stack, b.begins, b.closings = b.stack[:0], b.begins[:0], b.closings[:0]
	b.names.Cut(0)
}

// begin begins a slice.
func (b *building) begin(start int64, kind, ref uint32) begun {
	s := slice{start: start, dur: openBegin, kind: kind&(kindMask|nestedBit) | pairedBit, ref: ref}
	if kind&failsBit != 0 {
		s.kind |= failedBit
	}
	b.begins = append(b.begins, s)
	b.changed = true
	return begun{start: start, kind: s.kind, ref: ref, at: len(b.begins) - 1}
}

func (b *building) end(x *Index, p point) {
	i := b.names.Find(x.nameOf(p.kind, p.ref))
	if i < 0 {
		b.strays++
		return
	}
	for _, inner := range b.stack[i+1:] {
		b.implied++
		b.close(x, &inner, point{time: p.time})
	}
	b.close(x, &b.stack[i], p)
	b.stack = b.stack[:i]
	b.names.Cut(i)
}

// keptName returns the name of a slice that is open: it must not hold a chunk of the arena in memory that is left.
func (x *Index) keptName(kind, ref uint32) string {
	name := x.nameOf(kind, ref)
	if kind&kindMask == 0 {
		return strings.Clone(name)
	}
	return name
}

// close ends a slice.
func (b *building) close(x *Index, o *begun, p point) {
	s := slice{start: o.start, dur: subTimes(p.time, o.start), kind: o.kind, ref: o.ref}
	if p.kind&hasErrorBit != 0 {
		s.kind &^= failedBit
	}
	if p.kind&failsBit != 0 {
		s.kind |= failedBit
	}
	if p.ref != 0 {
		s.ref = x.add(&record{more: hasEnds, begin: o.ref, end: p.ref, start: o.start})
	}
	if o.at >= 0 {
		b.begins[o.at] = s
	} else {
		b.closings = append(b.closings, closing{s, o.ref})
	}
	b.changed = true
}

// closeInside ends the begins without an end that are inside of a slice which ended, as package timeline does: a slice
// can't outlive that. It returns how many there are.
func closeInside(list []slice) (found int64) {
	var ends []int64 // of the slices around
	for i := range list {
		s := &list[i]
		for len(ends) > 0 && ends[len(ends)-1] <= s.start {
			ends = ends[:len(ends)-1]
		}
		switch {
		case s.dur >= 0:
			ends = append(ends, s.end())
		case s.dur == openBegin && len(ends) > 0:
			end := ends[len(ends)-1]
			s.dur = subTimes(end, s.start)
			ends = append(ends, end)
			found++
		}
	}
	return found
}

// apply puts ends into a list of slices, which has those that they are of.
func apply(list []slice, closings []closing) {
	for _, c := range closings {
		if i := c.find(len(list), func(i int) *slice { return &list[i] }); i >= 0 {
			list[i] = c.slice
		}
	}
}

// find returns the slice among n that it is the end of, or -1.
func (c *closing) find(n int, at func(int) *slice) int {
	i := searchIn(n, func(i int) bool { return at(i).start >= c.start })
	for ; i < n && at(i).start == c.start; i++ {
		if at(i).ref == c.begin {
			return i
		}
	}
	return -1
}

// closeInPlace puts ends into the slices of a track that they are of, where that changes nothing else, as mostly: what
// began since has ended, too.
func (b *building) closeInPlace() {
	b.closings = slices.DeleteFunc(b.closings, func(c closing) bool {
		pos := c.find(b.slices.len(), b.slices.at)
		if pos < 0 || !b.inPlace(&c, pos) {
			return false
		}
		b.count(pos, pos+1, -1)
		b.slices.replace(pos, []slice{c.slice})
		b.count(pos, pos+1, 1)
		r := &b.rows[b.rowOf(uint32(pos))]
		r.cut(&b.track, uint32(pos)) // it is the last one: nothing follows an open slice in its row
		r.append(&b.track, uint32(pos))
		return true
	})
}

// inPlace reports whether all slices would be where they are if the one at a position had always had its end: then what
// began since would be inside of it, and nothing below it would be around it.
func (b *building) inPlace(c *closing, pos int) bool {
	if b.hidden.len() > 0 || pos+1 < b.slices.len() && !c.slice.before(b.slices.at(pos+1)) {
		return false
	}
	own, nests := int(b.rowOf(uint32(pos))), b.typ != AsyncTrack // else rows don't go by what is inside of what
	for i := range b.rows {
		r := &b.rows[i]
		n := r.before(&b.track, uint32(pos))
		if last := r.len() - 1; i != own && last >= n {
			since := r.slice(&b.track, last)
			if since.start >= c.end() || nests && since.end() > c.end() {
				return false
			}
		}
		if nests && i > own && n > 0 && r.slice(&b.track, n-1).end() > c.start {
			return false
		}
	}
	return true
}

// earliest returns the start of the first slice that came or changed.
func (b *building) earliest() int64 {
	from := int64(math.MaxInt64)
	for i := 0; i < b.fresh.len(); {
		part := b.fresh.part(i)
		for k := range part {
			from = min(from, part[k].start)
		}
		i += len(part)
	}
	for i := range b.begins {
		from = min(from, b.begins[i].start)
	}
	for i := range b.closings {
		from = min(from, b.closings[i].start)
	}
	return from
}
