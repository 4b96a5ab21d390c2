package chrome

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
)

// convert turns the raw event, which begins at the given byte of the input, into events in the queue.
func (r *Reader) convert(offset int64) {
	raw := &r.raw
	switch {
	case raw.members == 0: // {} is the usual filler before the "]"
		return
	case raw.phase == 0:
		r.strange = true
		r.losses.AddAt("event without a phase", offset)
		return
	}
	r.phased = true
	if raw.phase == 'M' {
		r.metadata(offset)
		return
	}
	kind := phases[raw.phase]
	if kind == tracefmt.Invalid {
		r.losses.AddAt(lostPhase(raw.phase), offset)
		return
	}
	if raw.cat == catLane && (kind == tracefmt.FlowStart || kind == tracefmt.FlowEnd) {
		return
	}
	if !raw.ts.given {
		r.losses.AddAt("event without a time", offset)
		return
	}
	if !raw.ts.ok {
		r.losses.AddAt("event with a bad time", offset)
		return
	}
	ts, dur := raw.ts.ns, int64(tracefmt.Open)
	if kind == tracefmt.Complete && raw.dur.given {
		if dur = raw.dur.ns; !raw.dur.ok || dur < 0 || ts+dur < ts {
			r.losses.AddAt("slice with a bad duration", offset)
			return
		}
	}
	track := r.place(kind)
	e := r.emit(kind, track, ts)
	if kind == tracefmt.Complete {
		e.Dur = dur
	}
	e.Name, e.Category = raw.name, raw.cat
	e.Attrs, raw.attrs = raw.attrs, e.Attrs
	r.special(e, offset)
	if raw.bind != "" {
		r.bound(track, ts)
	}
	r.timed = true
}

func lostPhase(phase byte) string {
	if what := lostPhases[phase]; what != "" {
		return what
	}
	if phase == '?' {
		return "event with a phase of several letters"
	}
	return fmt.Sprintf("event with unknown phase %q", phase)
}

// emit adds an event to the queue. It is valid until the next is added.
func (r *Reader) emit(kind tracefmt.Kind, track tracefmt.TrackID, ts int64) *tracefmt.Event {
	if len(r.queue) < cap(r.queue) {
		r.queue = r.queue[:len(r.queue)+1]
	} else {
		r.queue = append(r.queue, tracefmt.Event{})
	}
	e := &r.queue[len(r.queue)-1]
	e.Reset()
	e.Kind, e.Track, e.Time = kind, track, ts
	return e
}

// place returns the track of the raw event, and declares it if it is new.
func (r *Reader) place(kind tracefmt.Kind) tracefmt.TrackID {
	raw := &r.raw
	if kind == tracefmt.Instant {
		switch raw.scope {
		case 'g':
			return 0
		case 'p':
			return r.processTrack()
		}
	}
	if kind == tracefmt.Counter && raw.tid.IsZero() {
		return r.processTrack()
	}
	return r.threadTrack()
}

// special gives the event what is particular to its kind, and takes our own args out of its attributes.
func (r *Reader) special(e *tracefmt.Event, offset int64) {
	raw := &r.raw
	if raw.hasOwn && e.Kind != tracefmt.Counter && !r.own(e) {
		return
	}
	if e.Kind != tracefmt.Counter {
		e.Attrs = append(e.Attrs, raw.beside...)
	} else if len(raw.beside) > 0 { // they would look like series
		r.losses.AddAt("member of a counter beside its values ("+raw.beside[0].Key[len(attrPrefix):]+")", offset)
	}
	switch e.Kind {
	case tracefmt.Instant:
		logLine(e)
	case tracefmt.Counter:
		e.Key = raw.id
		for i, a := range e.Attrs {
			e.Attrs[i].Value = asNumber(a.Value)
		}
	case tracefmt.FlowStart, tracefmt.FlowStep, tracefmt.FlowEnd:
		e.Key = raw.id
		// Catapult binds flows of these categories to the enclosing slice anyway.
		e.BindNext = raw.phase == 'f' && raw.bindNext &&
			!strings.Contains(e.Category, "input") && !strings.Contains(e.Category, "ipc.flow")
	case tracefmt.AsyncBegin, tracefmt.AsyncInstant, tracefmt.AsyncEnd:
		if raw.id == "" {
			r.losses.AddAt("async event without an id", offset)
		}
		if raw.id != e.ID {
			e.Key = raw.id
		}
	}
}

// own takes our own args out of the event's attributes. It reports whether there may be more that is particular to it.
func (r *Reader) own(e *tracefmt.Event) bool {
	kept := e.Attrs[:0]
	for _, a := range e.Attrs {
		switch {
		case a.Key == argID:
			e.ID = a.Value.String()
		case a.Key == argParent:
			e.Parent = a.Value.String()
		case a.Key == argOpen && e.Kind == tracefmt.AsyncEnd: // it hasn't really ended
			r.queue = r.queue[:len(r.queue)-1]
			return false
		case a.Key == argUnix && e.Kind == tracefmt.Instant && e.Category == catClock:
			if unix, err := strconv.ParseInt(a.Value.String(), 10, 64); err == nil {
				*e = tracefmt.Event{Kind: tracefmt.Clock, Time: e.Time, Unix: unix, Attrs: kept[:0]}
				return false
			}
			kept = append(kept, a)
		case strings.HasPrefix(a.Key, endPrefix):
			kept = append(kept, tracefmt.Attr{Key: a.Key[len(endPrefix):], Value: a.Value})
		default:
			kept = append(kept, a)
		}
	}
	e.Attrs = kept
	return true
}

// logLine turns an instant into a log line if its category says that it is one.
func logLine(e *tracefmt.Event) {
	category, ok := isLog(e.Category)
	if !ok {
		return
	}
	e.Kind, e.Category = tracefmt.Log, category
	for i, a := range e.Attrs {
		if a.Key != argLevel {
			continue
		}
		if s, ok := tracefmt.ParseSeverity(a.Value.String()); ok {
			e.Severity = s
			e.Attrs = append(e.Attrs[:i], e.Attrs[i+1:]...)
		}
		return
	}
}

// asNumber returns the number that stands in a string, or v.
func asNumber(v tracefmt.Value) tracefmt.Value {
	if v.Kind() != tracefmt.StringValue {
		return v
	}
	text := append([]byte(v.String()), ' ')
	if c := text[0]; c != '-' && !jsontext.IsDigit(c) {
		return v
	}
	if end, err := jsontext.ScanNumber(text, 0); err != nil || end != len(text)-1 {
		return v
	}
	return jsontext.NumberValue(text[:len(text)-1])
}

// bound adds the flow point of a slice that names a flow by "bind_id". Slices of such a flow have names of their own,
// so that the flow gets none.
func (r *Reader) bound(track tracefmt.TrackID, ts int64) {
	kind := tracefmt.Invalid
	switch raw := &r.raw; {
	case raw.flowIn && raw.flowOut:
		kind = tracefmt.FlowStep
	case raw.flowIn:
		kind = tracefmt.FlowEnd
	case raw.flowOut:
		kind = tracefmt.FlowStart
	}
	if kind != tracefmt.Invalid {
		r.emit(kind, track, ts).Key = r.raw.bind
	}
}

// metadata handles an event of phase M. What it has of its own that we don't know becomes an attribute of the process.
func (r *Reader) metadata(offset int64) {
	raw := &r.raw
	switch raw.name {
	case metaThreadName, metaThreadSort:
		r.threadMetadata()
		return
	}
	process := r.processTrack()
	var anchor tracefmt.Value
	e := r.emit(tracefmt.Process, process, 0)
	switch raw.name {
	case metaProcessName:
		for _, a := range raw.attrs {
			switch a.Key {
			case "name":
				e.Name = a.Value.String()
			case argUnix:
				anchor = a.Value
			default:
				e.Attrs = append(e.Attrs, a)
			}
		}
	case metaProcessSort:
		e.Order = order(raw.attrs)
	case metaProcessLabels:
		for _, a := range raw.attrs {
			if a.Key == attrLabels {
				e.Attrs = append(e.Attrs, tracefmt.Attr{Key: attrLabels, Value: tracefmt.String(a.Value.String())})
			}
		}
	case "":
		r.losses.AddAt("metadata without a name", offset)
	default:
		text := []byte("null")
		if raw.args != nil {
			text = jsontext.AppendScanned(text[:0], raw.args)
		}
		e.Attrs = append(e.Attrs, tracefmt.Attr{Key: raw.name, Value: tracefmt.RawJSON(string(text))})
	}
	if !anchor.IsZero() {
		r.setAnchor(anchor, offset)
	}
}

func (r *Reader) threadMetadata() {
	raw := &r.raw
	for _, a := range raw.attrs {
		if a.Key == argLaneOf && raw.name == metaThreadName {
			r.alias(a.Value)
			return
		}
	}
	track := r.threadTrack()
	if r.tracks.isAlias(raw.pid, raw.tid) {
		return
	}
	e := r.emit(tracefmt.Track, track, 0)
	e.Process = r.tracks.process(raw.pid)
	if raw.name == metaThreadSort {
		e.Order = order(raw.attrs)
		return
	}
	for _, a := range raw.attrs {
		if a.Key == "name" {
			e.Name = a.Value.String()
		} else {
			e.Attrs = append(e.Attrs, a)
		}
	}
}

func order(attrs []tracefmt.Attr) int64 {
	for _, a := range attrs {
		if a.Key == "sort_index" {
			n, _ := asNumber(a.Value).Int64()
			return n
		}
	}
	return 0
}

// setAnchor adds a Clock event for the wall clock's reading at ts 0. A file has one clock.
func (r *Reader) setAnchor(v tracefmt.Value, offset int64) {
	unix, err := strconv.ParseInt(v.String(), 10, 64)
	switch {
	case err != nil:
		r.losses.AddAt("clock anchor that isn't a number", offset)
	case r.anchor && unix != r.unix:
		r.losses.AddAt("clock anchor that differs from an earlier one", offset)
	case r.anchor:
	case r.timed:
		r.losses.AddAt("clock anchor after timed events", offset)
	default:
		r.anchor, r.unix = true, unix
		r.emit(tracefmt.Clock, 0, 0).Unix = unix
	}
}
