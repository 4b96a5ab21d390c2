package index

import (
	"encoding/binary"
	"hash/maphash"

	"github.com/spanstack/spanstack/internal/innermost"
	"github.com/spanstack/spanstack/tracefmt"
)

// asyncPoint is the begin or the end of an async slice.
type asyncPoint struct {
	point
	hash  uint64 // of its category and key
	track tracefmt.TrackID
}

func (p *asyncPoint) before(o *asyncPoint) bool { return p.time <= o.time }

// asyncs joins the points of async slices. Those of a category and key nest by time, and an end closes the one of its
// name.
type asyncs struct {
	points column[asyncPoint] // in the order in which they came
	paired int
	open   map[uint64]*asyncOpen // by hash
	stray  map[uint64]int64      // when keys had an end without a begin
	strays int64
	groups map[asyncGroup]*building
}

// asyncOpen is the slices of a key that are open.
type asyncOpen struct {
	latest int64
	group  *building
	stack  []begun
	names  innermost.Names // of stack
}

// asyncGroup is what async slices share a track by: the process, and the kind of the outermost slice.
type asyncGroup struct {
	process tracefmt.TrackID
	kind    uint32
}

func (a *asyncs) init() {
	a.open = make(map[uint64]*asyncOpen)
	a.stray = make(map[uint64]int64)
	a.strays, a.paired = 0, 0
}

func asyncHash(category, key string) uint64 {
	return maphash.String(seed, category)*0x9e3779b97f4a7c15 ^ maphash.String(seed, key)
}

// addAsync adds the begin or the end of an async slice.
func (x *Index) addAsync(e *tracefmt.Event) {
	r := x.recordOf(e)
	p := asyncPoint{hash: asyncHash(e.Category, e.AsyncKey()), track: e.Track}
	p.time = e.Time
	p.kind = x.kindOf(e, r) | errorBits(e)
	if e.Kind == tracefmt.AsyncEnd {
		p.kind |= endBit
	}
	r.kind, r.track = p.kind&kindMask, e.Track
	r.more |= hasKind | hasTrack
	r.isSlice = e.Kind == tracefmt.AsyncBegin // it is placed when it is known where
	p.ref = x.add(r)
	x.track(e.Track).happens(e.Time, e.Time)
	x.async.points.append(p)
}

// pairAsync makes slices of the points that came. If those of a key came out of order, it begins anew.
func (x *Index) pairAsync() {
	a := &x.async
	if a.open == nil {
		a.init()
	}
	for a.paired < a.points.len() {
		if x.pairPoint(a.points.at(a.paired)) {
			a.paired++
			continue
		}
		list := a.points.appendTo(nil, 0)
		sortStable(list, nil)
		a.points = column[asyncPoint]{}
		a.points.extend(list)
		a.init()
		for _, g := range a.groups {
			g.again()
			g.changed = true
		}
	}
	for _, o := range a.open {
		for i := range o.stack {
			o.stack[i].at = -1
		}
	}
}

// pairPoint takes in a point, and reports whether it is in order.
func (x *Index) pairPoint(p *asyncPoint) (ordered bool) {
	a := &x.async
	o := a.open[p.hash]
	stray, isStray := a.stray[p.hash]
	if o != nil && p.time < o.latest || isStray && p.time < stray {
		return false
	}
	if p.kind&endBit != 0 {
		x.endAsync(o, p)
		return true
	}
	if o == nil {
		o = &asyncOpen{group: x.asyncGroup(p)}
		a.open[p.hash] = o
	}
	o.latest = p.time
	kind := p.kind
	if len(o.stack) > 0 {
		kind |= nestedBit
	} else {
		kind &^= nestedBit
	}
	o.stack = append(o.stack, o.group.begin(p.time, kind, x.placed(p.ref, o.group.id)))
	o.names.Push(x.keptName(p.kind, p.ref))
	o.group.happens(p.time, p.time)
	return true
}

// endAsync takes in an end.
func (x *Index) endAsync(o *asyncOpen, p *asyncPoint) {
	i := -1
	if o != nil {
		o.latest = p.time
		i = o.names.Find(x.nameOf(p.kind, p.ref))
	}
	if i < 0 {
		x.async.strays++
		x.async.stray[p.hash] = p.time
		return
	}
	o.group.close(x, &o.stack[i], p.point)
	o.group.happens(p.time, p.time)
	o.names.Remove(i)
	if o.stack = append(o.stack[:i], o.stack[i+1:]...); len(o.stack) == 0 {
		delete(x.async.open, p.hash)
	}
}

// asyncGroup returns the track for an async slice that nothing is around.
func (x *Index) asyncGroup(p *asyncPoint) *building {
	group := asyncGroup{process: x.processOf(p.track), kind: p.kind & kindMask}
	if b := x.async.groups[group]; b != nil {
		return b
	}
	b := x.newTrack(AsyncTrack, group.process)
	b.meta.name = x.nameOf(p.kind, p.ref)
	if x.async.groups == nil {
		x.async.groups = make(map[asyncGroup]*building)
	}
	x.async.groups[group] = b
	return b
}

// placed says in the record of an async slice in which track it is. It returns the record, which is another one if it
// was found in another track before.
func (x *Index) placed(ref, track uint32) uint32 {
	if ref == 0 {
		return ref
	}
	var r record
	x.arena.head(ref, &r)
	if !r.isSlice || r.place == track {
		return ref
	}
	if x.Snapshot().arena.has(ref) { // somebody may read it
		x.arena.read(ref, x.texts.list, &r)
		r.place = track
		ref = x.add(&r)
	} else {
		binary.LittleEndian.PutUint32(x.arena.at(ref)[placeAt:], track)
	}
	if ref != 0 {
		x.kinList.append(relative{ref: ref})
	}
	return ref
}
