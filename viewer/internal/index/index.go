package index

import (
	"math"
	"sync/atomic"

	"github.com/spanstack/spanstack/tracefmt"
)

// Config bounds a live trace. The zero value has no bounds.
type Config struct {
	// MaxSlices is how many slices are kept, about. Of more, the oldest fourth leaves at once, with all that is as old,
	// and a mark of type LossMark says where.
	MaxSlices int64
	// MaxBytes bounds the memory that slices and their attributes take, in bytes, in the same way.
	MaxBytes int64
}

// Index takes in a trace. All methods but Snapshot are for one goroutine.
type Index struct {
	config  Config
	arena   arena
	texts   texts
	kinds   kinds
	losses  tracefmt.Losses
	kin     *kin
	kinList column[relative] // that of kin, with what it doesn't have yet
	loading bool             // a file: kin is made at the end
	rec     record
	buf     []byte

	parent   string // that of the event before
	parentID id

	tracks   []*building // by id - 1
	bySource []*building // by TrackID, for small ones
	others   map[tracefmt.TrackID]*building
	async    asyncs
	counters map[counterKey]*building
	flows    flows
	clocks   []clock
	anchored bool // the first of them came before all events
	marked   bool // there were marks of category open
	dropped  dropped
	source   []tracefmt.Loss // of the reader
	lost     []tracefmt.Loss // see Lost

	first, last int64 // absolute, of timed events
	zero        int64 // absolute: the first event's
	hasZero     bool
	now         int64 // absolute; what is open was then
	gen         uint64
	reshaped    bool     // tracks were added, named or moved
	shape       uint64   // the gen in which they were
	order       []uint32 // of tracks, as they are drawn
	starters    starters
	workers     []*worker
	untidy      []*building // while a file is loaded: tracks on which much has come
	current     atomic.Pointer[Snapshot]
}

// clock is a reading of the wall clock.
type clock struct{ time, unix int64 }

// New returns an empty index.
func New(config Config) *Index {
	const perSlice = 256 // bytes, about
	x := &Index{config: config, first: math.MaxInt64, last: math.MinInt64, now: math.MinInt64}
	x.kin = newKin(max(config.MaxSlices, config.MaxBytes/perSlice))
	x.current.Store(&Snapshot{kin: x.kin})
	return x
}

// Snapshot returns what was published last. It may be called at any time by any goroutine.
func (x *Index) Snapshot() *Snapshot { return x.current.Load() }

// Add takes in an event. It keeps nothing of e.
func (x *Index) Add(e *tracefmt.Event) {
	switch e.Kind {
	case tracefmt.Process, tracefmt.Track:
		x.declare(e)
		return
	case tracefmt.Clock:
		x.anchored = x.anchored || len(x.clocks) == 0 && x.first > x.last
		x.clocks = append(x.clocks, clock{e.Time, e.Unix})
		return
	case tracefmt.Complete:
		x.addSlice(e)
	case tracefmt.Begin:
		b := x.track(e.Track)
		r := x.recordOf(e)
		kind := x.kindOf(e, r) | errorBits(e)
		b.addPoint(point{e.Time, kind, x.addOf(b, r)})
		x.came(b, b.points.len())
	case tracefmt.End:
		x.addEnd(e)
	case tracefmt.Instant, tracefmt.Log, tracefmt.AsyncInstant:
		x.addMark(e)
	case tracefmt.Counter:
		x.addCounter(e)
	case tracefmt.FlowStart, tracefmt.FlowStep, tracefmt.FlowEnd:
		x.addFlow(e)
	case tracefmt.AsyncBegin, tracefmt.AsyncEnd:
		x.addAsync(e)
	default:
		x.losses.Add("event of unknown kind")
		return
	}
	x.first = min(x.first, e.Time)
	x.last = max(x.last, e.Time)
	if e.Kind == tracefmt.Complete && e.Dur > 0 {
		x.last = max(x.last, addTimes(e.Time, e.Dur))
	}
}

// Reach says that the trace's clock has come to an absolute time, without an event: open slices last until then.
func (x *Index) Reach(absolute int64) { x.now = max(x.now, absolute) }

// Reading hands on what the trace's reader has lost so far, for Losses.
func (x *Index) Reading(lost []tracefmt.Loss) { x.source = lost }

// Lost says that count events were lost before they came here, at an absolute time: that puts a mark of type LossMark
// on the trace as a whole.
func (x *Index) Lost(count int64, what string, at int64) {
	x.Add(&tracefmt.Event{Kind: tracefmt.Instant, Time: at, Name: what, Category: tracefmt.CategoryLoss,
		Attrs: []tracefmt.Attr{{Key: "count", Value: tracefmt.Int64(count)}}})
	for i := range x.lost {
		if x.lost[i].What == what {
			x.lost[i].Count += count
			return
		}
	}
	x.lost = append(x.lost, tracefmt.Loss{What: what, Count: count, Offset: -1})
}

// declare takes in what is said of a track.
func (x *Index) declare(e *tracefmt.Event) {
	b := x.track(e.Track)
	b.meta.declare(e)
	if e.Kind == tracefmt.Process {
		b.typ = ProcessTrack
	} else if e.Process != 0 {
		x.track(e.Process)
	}
	b.changed, x.reshaped = true, true
}

// maxDense is how many TrackIDs are found without a map.
const maxDense = 1 << 20

// track returns the track of a TrackID. That of the trace as a whole is one, too.
func (x *Index) track(source tracefmt.TrackID) *building {
	if int(source) < len(x.bySource) {
		if b := x.bySource[source]; b != nil {
			return b
		}
	} else if b := x.others[source]; b != nil {
		return b
	}
	b := x.newTrack(SliceTrack, source)
	if source >= maxDense {
		if x.others == nil {
			x.others = make(map[tracefmt.TrackID]*building)
		}
		x.others[source] = b
		return b
	}
	for int(source) >= len(x.bySource) {
		x.bySource = append(x.bySource, nil)
	}
	x.bySource[source] = b
	return b
}

func (x *Index) newTrack(typ Type, source tracefmt.TrackID) *building {
	b := newBuilding(uint32(len(x.tracks)+1), typ, source)
	x.tracks = append(x.tracks, b)
	x.reshaped = true
	return b
}

// processOf returns the process that a track is of, or the track itself.
func (x *Index) processOf(source tracefmt.TrackID) tracefmt.TrackID {
	if b := x.track(source); b.meta.process != 0 {
		return b.meta.process
	}
	return source
}

// addSlice takes in a whole slice.
func (x *Index) addSlice(e *tracefmt.Event) {
	b := x.track(e.Track)
	s := slice{start: e.Time, dur: max(e.Dur, openSlice)}
	r := x.recordOf(e)
	s.kind = x.kindOf(e, r)
	if len(e.Attrs) > 0 && e.Failed() {
		s.kind |= failedBit
	}
	if r.id.form != noID || r.parent.form != noID || r.key != "" || r.named || len(r.attrs) > 0 {
		s.ref = x.addOf(b, r)
	}
	b.fresh.append(s)
	x.came(b, b.fresh.len())
	b.happens(s.start, max(s.start, addTimes(s.start, s.dur)))
}

// addEnd takes in an end. What it has to say beside its time is rare.
func (x *Index) addEnd(e *tracefmt.Event) {
	p := point{time: e.Time}
	r := &x.rec
	*r = record{attrs: e.Attrs, start: e.Time}
	p.kind = x.kindOf(e, r) | errorBits(e) | endBit
	if r.named || len(r.attrs) > 0 {
		p.ref = x.add(r)
	}
	b := x.track(e.Track)
	b.addPoint(p)
	x.came(b, b.points.len())
}

// errorBits returns the bits of a point for an event's error.
func errorBits(e *tracefmt.Event) (bits uint32) {
	if len(e.Attrs) == 0 || e.Attr(tracefmt.AttrError).IsZero() {
		return 0
	}
	if e.Failed() {
		bits = failsBit
	}
	return bits | hasErrorBit
}

// kindOf returns the kind of an event. If there is no room for it, it is in the record.
func (x *Index) kindOf(e *tracefmt.Event, r *record) uint32 {
	n, ok := x.kinds.number(e.Name, e.Category)
	if !ok {
		r.named, r.name, r.category = true, e.Name, e.Category
	}
	return n
}

// recordOf returns what an event has for a record, in x.rec.
func (x *Index) recordOf(e *tracefmt.Event) *record {
	if e.Parent != x.parent { // siblings have the same, and most readers the same string for it
		x.parent, x.parentID = e.Parent, idOf(e.Parent)
	}
	r := &x.rec
	*r = record{id: idOf(e.ID), parent: x.parentID, key: e.Key, attrs: e.Attrs, start: e.Time}
	return r
}

// add adds a record.
func (x *Index) add(r *record) uint32 {
	x.buf = x.appendRecord(x.buf[:0], r)
	ref := x.arena.add(x.buf, r.start)
	if ref == 0 {
		x.losses.Add("attributes for which there was no room")
	}
	return ref
}

// addOf adds the record of a slice of b.
func (x *Index) addOf(b *building, r *record) uint32 {
	r.isSlice, r.place = true, b.id
	ref := x.add(r)
	if ref != 0 && r.isKin() {
		x.kinList.append(relative{ref: ref})
	}
	return ref
}

// nameOf returns the name of a kind, or of its record if that has it.
func (x *Index) nameOf(kind, ref uint32) string {
	return nameOf(&x.arena, x.kinds.names, kind, ref)
}

func nameOf(a *arena, names []string, kind, ref uint32) string {
	name, _ := namesOf(a, names, nil, kind, ref)
	return name
}

// namesOf returns the name and the category of a kind, or of its record if that has them.
func namesOf(a *arena, names, categories []string, kind, ref uint32) (name, category string) {
	if kind &= kindMask; kind != 0 {
		if categories != nil {
			category = categories[kind]
		}
		return names[kind], category
	}
	if ref, _ = a.ends(ref); ref == 0 {
		return "", ""
	}
	var r record
	a.head(ref, &r)
	return r.name, r.category
}
