package perfetto

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/spanstack/spanstack/tracefmt"
	"google.golang.org/protobuf/encoding/protowire"
)

// rawEvent is the fields of a TrackEvent, with names looked up.
type rawEvent struct {
	common
	rare
	hasRare   bool // something of rare is set
	legacy    legacyEvent
	hasLegacy bool // something of legacy is set
}

// common is what most events have.
type common struct {
	kind     uint64
	hasKind  bool
	track    uint64
	hasTrack bool

	name, category  string
	id, parent, key string
	attrs           []tracefmt.Attr

	hasDuration bool
	duration    int64 // µs
}

// rare is what few events have.
type rare struct {
	flowKind tracefmt.Kind // what the instant stands for, if a flow point
	flowNext bool

	isLog    bool
	priority uint64
	body     string

	flows, endFlows      []uint64
	hasValue, isDouble   bool
	value                uint64
	extraTracks, extra   []uint64
	dblTracks, dblExtra  []uint64
	hasDelta, isAbsolute bool
	micros               int64
}

// legacyEvent is the fields of a LegacyEvent.
type legacyEvent struct {
	phase          byte
	id             string
	bind           uint64
	hasBind        bool
	direction      uint64
	enclosing      bool
	scope          uint64
	hasPID, hasTID bool
	pid, tid       int64
	isLocal        bool
}

// lostFields says what fields of a TrackEvent hold that is lost. Others are typed arguments of Chrome and Android.
var lostFields = map[protowire.Number]string{
	2: "thread time", 17: "thread time", 8: "count of instructions", 20: "count of instructions",
	5: "task execution", 33: "source location", 34: "source location", 55: "call stack", 56: "call stack",
	52: "correlation ID", 53: "correlation ID", 54: "correlation ID", 50: "screenshot",
}

// trackEvent queues the events of a TrackEvent.
func (r *Reader) trackEvent(p *packet, s *sequenceState, pending *sequenceState) {
	raw := &r.raw
	isEnd := pending == s && r.isItsEnd(p)
	var now int64
	if isEnd {
		if now = r.time(p, s); r.complete(now) {
			return
		}
	}
	r.parseEvent(s, p.event)
	if r.bad {
		return
	}
	switch {
	case raw.hasDelta && raw.isAbsolute:
		now = raw.micros * 1000
	case raw.hasDelta:
		s.legacy += raw.micros * 1000
		now = s.legacy
	case !p.hasTime:
		r.losses.AddAt("event without a time", r.start)
		return
	case !isEnd: // a time is asked for once: it may be relative to the one before
		now = r.time(p, s)
	}
	if pending == s && r.finish(now) {
		return
	}
	r.counters(s, now)
	if raw.legacy.phase != 0 {
		r.legacyEvent(s, now)
		return
	}
	switch raw.kind {
	case typeBegin, typeEnd, typeInstant:
		r.plainEvent(s, now)
	case typeCounter:
		if !raw.hasValue {
			r.losses.AddAt("counter without a value", r.start)
		}
	default:
		r.losses.AddAt(fmt.Sprintf("event of type %d", raw.kind), r.start)
	}
}

// isItsEnd reports, at one look, whether a packet is the end of the slice that waits for it, as our Writer writes it: the
// same in all that comes before its duration. Others are looked at more closely, see finish.
func (r *Reader) isItsEnd(p *packet) bool {
	const tag = eventType<<3 | byte(protowire.VarintType)
	h := r.head.bytes
	n := len(h)
	return p.hasTime && p.interned == nil && p.defaults == nil && n == len(p.event) && n >= 2 && p.event[0] == tag &&
		p.event[1] == typeEnd && h[0] == tag && h[1] == typeBegin && bytes.Equal(h[2:], p.event[2:])
}

// complete gives the slice that waits for its end its duration, if that is none of less than nothing.
func (r *Reader) complete(now int64) bool {
	e := &r.queue[r.next]
	if len(r.queue) > r.next+1 || now < e.Time || now-e.Time < 0 {
		return false
	}
	e.Kind, e.Dur = tracefmt.Complete, now-e.Time
	return true
}

// finish gives the slice that waits for its end, which is all that is left in the queue, its duration, if the event is that
// end.
func (r *Reader) finish(now int64) bool {
	raw := &r.raw
	e := &r.queue[r.next]
	if raw.kind != typeEnd || raw.legacy.phase != 0 || raw.track != r.waiting || raw.name != e.Name ||
		raw.category != e.Category || len(raw.flows)+len(raw.endFlows) > 0 || !r.complete(now) {
		return false
	}
	e.Attrs = append(e.Attrs, raw.attrs...)
	return true
}

// plainEvent queues a begin, an end or an instant.
func (r *Reader) plainEvent(s *sequenceState, now int64) {
	raw := &r.raw
	track, d := r.trackOf(s)
	if d != nil && d.sort == asyncSort {
		r.asyncEvent(d, now)
		return
	}
	switch {
	case raw.kind == typeEnd:
		r.flowPoints(track, now)
		e := r.fillIn(tracefmt.End, track, now)
		e.ID, e.Parent = "", ""
	case raw.kind == typeBegin && raw.hasDuration && raw.duration < 0:
		r.fillIn(tracefmt.Complete, track, now).Dur = tracefmt.Open
		r.flowPoints(track, now)
	case raw.kind == typeBegin:
		r.fillIn(tracefmt.Begin, track, now)
		if raw.hasDuration && len(raw.flows)+len(raw.endFlows) == 0 {
			r.pending, r.waiting = s, raw.track
			if h := &r.head; h.track != raw.track || h.name != raw.name || h.category != raw.category { // behind it
				h.bytes = h.bytes[:0]
			}
		}
		r.flowPoints(track, now)
	case raw.category == catLane:
	case raw.flowKind != tracefmt.Invalid:
		e := r.fillIn(raw.flowKind, track, now)
		e.Key, e.BindNext = raw.key, raw.flowNext
	default:
		r.instant(track, now)
		r.flowPoints(track, now)
	}
}

// fillIn queues an event with what it has in any case.
func (r *Reader) fillIn(kind tracefmt.Kind, track tracefmt.TrackID, now int64) *tracefmt.Event {
	raw := &r.raw
	e := r.emit(kind, track, now)
	e.Name, e.Category, e.ID, e.Parent = raw.name, raw.category, raw.id, raw.parent
	e.Attrs, raw.attrs = raw.attrs, e.Attrs
	return e
}

// instant queues an instant or a log line.
func (r *Reader) instant(track tracefmt.TrackID, now int64) {
	raw := &r.raw
	e := r.fillIn(tracefmt.Instant, track, now)
	category, isLine := isLog(e.Category)
	if !isLine && !raw.isLog {
		return
	}
	e.Kind = tracefmt.Log
	if isLine {
		e.Category = category
	}
	e.Name = cmp.Or(e.Name, raw.body)
	for i, a := range e.Attrs {
		if a.Key != argLevel {
			continue
		}
		if level, ok := tracefmt.ParseSeverity(a.Value.String()); ok {
			e.Severity = level
			e.Attrs = slices.Delete(e.Attrs, i, i+1)
			return
		}
	}
	e.Severity = severityOf(raw.priority)
}

// trackOf returns where the event happens.
func (r *Reader) trackOf(s *sequenceState) (tracefmt.TrackID, *described) {
	raw := &r.raw
	if raw.track != 0 {
		if d := r.place(raw.track); d != nil {
			return d.track, d
		}
		return 0, nil
	}
	l := &raw.legacy
	if l.hasPID || l.hasTID || s.hasThread && (!raw.hasTrack || !raw.hasKind) {
		pid, tid := s.pid, s.tid
		if l.hasPID {
			pid, tid = l.pid, l.pid
		}
		if l.hasTID {
			tid = l.tid
		}
		return r.threadByID(pid, tid), nil
	}
	return 0, nil
}

// asyncEvent queues a point of an async slice that our Writer wrote.
func (r *Reader) asyncEvent(d *described, now int64) {
	raw := &r.raw
	switch raw.kind {
	case typeBegin:
		d.open = append(d.open, openAsync{raw.name, raw.category, raw.id, raw.key})
		r.fillIn(tracefmt.AsyncBegin, d.track, now).Key = raw.key
	case typeInstant:
		r.fillIn(tracefmt.AsyncInstant, d.track, now).Key = raw.key
	case typeEnd:
		i := len(d.open) - 1
		for i >= 0 && raw.name != "" && d.open[i].name != raw.name {
			i--
		}
		if i < 0 {
			r.losses.AddAt("async end without a begin", r.start)
			return
		}
		e := r.fillIn(tracefmt.AsyncEnd, d.track, now)
		begun := d.open[i]
		e.Name, e.Category, e.ID, e.Key = begun.name, begun.category, begun.id, begun.key
		d.open = slices.Delete(d.open, i, i+1)
	}
}

// flowPoints queues the flow points that are part of the event: the first of an ID starts a flow.
func (r *Reader) flowPoints(track tracefmt.TrackID, now int64) {
	for _, id := range r.raw.flows {
		kind := tracefmt.FlowStep
		if _, active := r.flows[id]; !active {
			kind = tracefmt.FlowStart
			if len(r.flows) >= maxFlows {
				clear(r.flows)
				r.losses.AddAt("flows that are open, too many of them", r.start)
			}
			r.flows[id] = struct{}{}
		}
		r.emit(kind, track, now).Key = flowKey(id)
	}
	for _, id := range r.raw.endFlows {
		if _, active := r.flows[id]; !active {
			r.losses.AddAt("flow end without a start", r.start)
			continue
		}
		delete(r.flows, id)
		r.emit(tracefmt.FlowEnd, track, now).Key = flowKey(id)
	}
}

func flowKey(id uint64) string { return "0x" + strconv.FormatUint(id, 16) }

// counters queues the counters' values that are part of the event: one event for the series of each counter.
func (r *Reader) counters(s *sequenceState, now int64) {
	raw := &r.raw
	if raw.legacy.phase == 0 && raw.kind == typeCounter && raw.hasValue {
		r.counterValue(s, raw.track, raw.value, raw.isDouble, now)
	}
	tracks := raw.extraTracks
	if len(tracks) == 0 {
		tracks = s.extraTracks
	}
	r.extraValues(s, tracks, raw.extra, false, now)
	if tracks = raw.dblTracks; len(tracks) == 0 {
		tracks = s.extraDblTrack
	}
	r.extraValues(s, tracks, raw.dblExtra, true, now)
}

func (r *Reader) extraValues(s *sequenceState, tracks, values []uint64, isDouble bool, now int64) {
	for i, v := range values {
		if i >= len(tracks) {
			r.losses.AddAt("value of a counter that isn't named", r.start)
			return
		}
		r.counterValue(s, tracks[i], v, isDouble, now)
	}
}

// counterValue queues one value. If the event before is of the same counter and packet, it becomes a series of it.
func (r *Reader) counterValue(s *sequenceState, uuid, bits uint64, isDouble bool, now int64) {
	d := r.place(uuid)
	if d == nil || d.sort != counterTrack {
		r.losses.AddAt("value of a counter on a track that isn't one", r.start)
		return
	}
	info := &d.counter
	var v tracefmt.Value
	if isDouble {
		v = tracefmt.Float64(math.Float64frombits(bits) * float64(info.unit))
	} else {
		n := int64(bits) * info.unit
		if info.isIncrement {
			n += s.counts[uuid]
			s.counts[uuid] = n
		}
		v = tracefmt.Int64(n)
	}
	if n := len(r.queue); n > 0 && info.isOwn && r.seriesOf == r.packets {
		e := &r.queue[n-1]
		same := info.counterID == counterID{e.Name, e.Key, e.Category}
		if e.Kind == tracefmt.Counter && e.Track == d.track && same {
			at := len(e.Attrs)
			for at > 0 && r.seriesIndex[at-1] > info.index {
				at--
			}
			e.Attrs = slices.Insert(e.Attrs, at, tracefmt.Attr{Key: info.series, Value: v})
			r.seriesIndex = slices.Insert(r.seriesIndex, at, info.index)
			return
		}
	}
	e := r.emit(tracefmt.Counter, d.track, now)
	e.Name, e.Key, e.Category = info.name, info.key, info.category
	e.Attrs = append(e.Attrs, tracefmt.Attr{Key: info.series, Value: v})
	r.seriesOf, r.seriesIndex = r.packets, append(r.seriesIndex[:0], info.index)
}
