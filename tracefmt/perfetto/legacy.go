package perfetto

import (
	"fmt"

	"github.com/spanstack/spanstack/tracefmt"
	"google.golang.org/protobuf/encoding/protowire"
)

// parseLegacy reads a LegacyEvent: what Chrome's older events have that newer ones express in other ways.
func (r *Reader) parseLegacy(s *sequenceState, c cursor) {
	if len(c.b) > 1 && c.b[0] == legacyDurationUs<<3|byte(protowire.VarintType) { // all that our Writer writes
		if v, n := protowire.ConsumeVarint(c.b[1:]); n == len(c.b)-1 {
			r.raw.duration, r.raw.hasDuration = int64(v), true
			return
		}
	}
	l := &r.raw.legacy
	r.raw.hasLegacy = true
	scope := ""
	for c.next() {
		switch c.num {
		case legacyNameIID:
			if r.raw.name == "" {
				r.raw.name = r.lookup(&s.names, c.varint())
			}
		case legacyPhase:
			l.phase = byte(c.varint())
		case legacyDurationUs:
			r.raw.duration, r.raw.hasDuration = int64(c.varint()), true
		case legacyUnscopedID, legacyGlobalID:
			l.id = flowKey(c.varint())
		case legacyLocalID:
			l.id, l.isLocal = flowKey(c.varint()), true
		case legacyScopeName:
			scope = string(c.content()) + ":"
		case legacyBindID:
			l.bind, l.hasBind = c.varint(), true
		case legacyEnclosing:
			l.enclosing = c.varint() != 0
		case legacyDirection:
			l.direction = c.varint()
		case legacyInstant:
			l.scope = c.varint()
		case legacyPID:
			l.pid, l.hasPID = int64(int32(c.varint())), true
		case legacyTID:
			l.tid, l.hasTID = int64(int32(c.varint())), true
		}
	}
	if l.id != "" {
		l.id = scope + l.id
	}
}

// legacyKinds maps the phases of legacy events to kinds, as those of Chrome's JSON.
var legacyKinds = map[byte]tracefmt.Kind{
	'B': tracefmt.Begin, 'E': tracefmt.End, 'X': tracefmt.Complete,
	'i': tracefmt.Instant, 'I': tracefmt.Instant, 'R': tracefmt.Instant,
	's': tracefmt.FlowStart, 't': tracefmt.FlowStep, 'f': tracefmt.FlowEnd,
	'b': tracefmt.AsyncBegin, 'n': tracefmt.AsyncInstant, 'e': tracefmt.AsyncEnd,
	'S': tracefmt.AsyncBegin, 'T': tracefmt.AsyncInstant, 'p': tracefmt.AsyncInstant, 'F': tracefmt.AsyncEnd,
}

// legacyEvent queues the event of a LegacyEvent that has a phase.
func (r *Reader) legacyEvent(s *sequenceState, now int64) {
	raw := &r.raw
	l := &raw.legacy
	kind := legacyKinds[l.phase]
	if kind == tracefmt.Invalid {
		r.losses.AddAt(fmt.Sprintf("legacy event of phase %q", l.phase), r.start)
		return
	}
	track, d := r.trackOf(s)
	switch kind {
	case tracefmt.Complete:
		e := r.fillIn(kind, track, now)
		if e.Dur = raw.duration * 1000; raw.duration < 0 || e.Dur/1000 != raw.duration || now+e.Dur < now {
			r.losses.AddAt("slice with a bad duration", r.start)
			e.Dur = tracefmt.Open
		}
	case tracefmt.End:
		r.flowPoints(track, now)
		r.fillIn(kind, track, now)
		return
	case tracefmt.Instant:
		switch l.scope {
		case 1:
			track = 0
		case 2:
			track = r.processOf(s, d, track)
		}
		r.instant(track, now)
	case tracefmt.FlowStart, tracefmt.FlowStep, tracefmt.FlowEnd:
		e := r.fillIn(kind, track, now)
		e.Key, e.BindNext = l.id, kind == tracefmt.FlowEnd && !l.enclosing
	case tracefmt.AsyncBegin, tracefmt.AsyncInstant, tracefmt.AsyncEnd:
		r.legacyAsync(s, kind, track, d, now)
	default:
		r.fillIn(kind, track, now)
	}
	r.bound(track, now)
	r.flowPoints(track, now)
}

// legacyAsync queues a point of an async slice.
func (r *Reader) legacyAsync(s *sequenceState, kind tracefmt.Kind, track tracefmt.TrackID, d *described, now int64) {
	l := &r.raw.legacy
	if l.id == "" {
		r.losses.AddAt("async event without an id", r.start)
		return
	}
	key := l.id
	if l.isLocal {
		key = fmt.Sprintf("%d:%s", r.processOf(s, d, track), key)
	}
	r.fillIn(kind, track, now).Key = key
}

// processOf returns the process that an event's track belongs to.
func (r *Reader) processOf(s *sequenceState, d *described, track tracefmt.TrackID) tracefmt.TrackID {
	if d != nil {
		return d.process
	}
	l := &r.raw.legacy
	switch {
	case l.hasPID:
		return r.process(l.pid)
	case s.hasThread:
		return r.process(s.pid)
	}
	return track
}

// bound queues the flow point of an event that names a flow by its bind_id.
func (r *Reader) bound(track tracefmt.TrackID, now int64) {
	l := &r.raw.legacy
	if !l.hasBind {
		return
	}
	kind := [...]tracefmt.Kind{1: tracefmt.FlowEnd, 2: tracefmt.FlowStart, 3: tracefmt.FlowStep}[l.direction&3]
	if kind == tracefmt.Invalid {
		r.losses.AddAt("flow without a direction", r.start)
		return
	}
	r.emit(kind, track, now).Key = flowKey(l.bind)
}
