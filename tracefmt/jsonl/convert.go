package jsonl

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
)

// convert turns the line, which begins at a byte of the input, into events.
func (r *Reader) convert(at int64) {
	l := &r.line
	kind, known := r.kind()
	switch {
	case !known:
		r.losses.AddAt("line of unknown kind", at)
	case kind == tracefmt.Process || kind == tracefmt.Track:
		r.declare(kind, at)
	case kind == tracefmt.Clock:
		r.clock(at)
	default:
		start, ok := instant(l.start)
		if !ok {
			r.losses.AddAt("line without a time", at)
			return
		}
		r.settle(start)
		r.event(kind, start, at)
	}
}

// kind returns the line's kind, which need not be there.
func (r *Reader) kind() (kind tracefmt.Kind, known bool) {
	l := &r.line
	switch {
	case l.kind != "":
		kind, known = kindsByName[l.kind]
		return kind, known
	case l.isLong():
		return tracefmt.Complete, true
	case l.severity != "":
		return tracefmt.Log, true
	}
	return tracefmt.Instant, true
}

// settle makes sure that it is known on which clock times are. If nothing was said they are since 1970.
func (r *Reader) settle(start int64) {
	if r.settled {
		return
	}
	r.settled = true
	if r.line.clock != traceClock {
		e := r.emit(tracefmt.Clock, 0)
		e.Time, e.Unix = start, start
	}
}

// clock takes in a line about clocks.
func (r *Reader) clock(at int64) {
	l := &r.line
	unix, ok := instant(l.unixNS)
	if !ok {
		if l.clock == traceClock {
			r.settled = true
		} else {
			r.losses.AddAt("clock without a time", at)
		}
		return
	}
	own := unix
	if !l.timeNS.IsZero() {
		if own, ok = integer(l.timeNS); !ok {
			r.losses.AddAt("clock without a time", at)
			return
		}
	}
	if !r.settled {
		r.settled = true
		if r.shift = own - unix; (own^unix)&(own^r.shift) < 0 {
			r.shift = 0
			r.losses.AddAt("clock out of range", at)
			return
		}
	}
	e := r.emit(tracefmt.Clock, 0)
	e.Time, e.Unix = own, unix
}

// event makes an event of a line that begins at the given time.
func (r *Reader) event(kind tracefmt.Kind, start, at int64) {
	l := &r.line
	t, ok := shifted(start, r.shift)
	dur := int64(tracefmt.Open)
	if ok && (kind == tracefmt.Complete || l.kind == kindAsync) {
		dur, ok = l.length(start)
		ok = ok && (dur < 0 || t+dur >= t)
	}
	if !ok {
		r.losses.AddAt("time out of range", at)
		return
	}
	track := r.place()
	e := r.emit(kind, track)
	e.Time, e.Name, e.Category = t, l.name, l.category
	e.ID, e.Parent, e.Key = l.id, l.parent, l.key
	e.Attrs, l.attrs = l.attrs, e.Attrs
	r.addColumns(e)
	switch kind {
	case tracefmt.Complete:
		e.Dur = dur
	case tracefmt.Log:
		e.Severity = r.severity(at)
	case tracefmt.FlowEnd:
		e.BindNext = l.bindNext
	case tracefmt.Counter:
		if len(e.Attrs) == 0 {
			r.losses.AddAt("counter without a value", at)
			r.queue = r.queue[:len(r.queue)-1]
		}
	}
	if l.kind == kindAsync {
		r.endAsync(e, dur)
	}
}

// endAsync makes a begin and an end of a whole async slice.
func (r *Reader) endAsync(begin *tracefmt.Event, dur int64) {
	if begin.AsyncKey() == "" {
		begin.Key = fmt.Sprint("line ", r.lines)
	}
	if dur < 0 {
		return
	}
	from := *begin // which moves with the queue
	e := r.emit(tracefmt.AsyncEnd, from.Track)
	e.Time, e.Name, e.Category, e.ID, e.Key = from.Time+dur, from.Name, from.Category, from.ID, from.Key
}

// length returns a slice's duration, Open if there is none.
func (l *line) length(start int64) (dur int64, ok bool) {
	if !l.duration.IsZero() {
		dur, ok = integer(l.duration)
		return dur, ok && dur >= 0
	}
	if l.end.IsZero() {
		return tracefmt.Open, true
	}
	end, ok := instant(l.end)
	return end - start, ok && end >= start && end-start >= 0
}

// addColumns adds the attributes that have members of their own, unless they are there.
func (r *Reader) addColumns(e *tracefmt.Event) {
	l := &r.line
	add := func(key string, v tracefmt.Value) {
		if !slices.ContainsFunc(e.Attrs, func(a tracefmt.Attr) bool { return a.Key == key }) {
			e.Attrs = append(e.Attrs, tracefmt.Attr{Key: key, Value: v})
		}
	}
	if l.traceID != "" {
		add(attrTraceID, tracefmt.String(l.traceID))
	}
	if !l.error.IsZero() {
		add(tracefmt.AttrError, l.error)
	}
	if !l.value.IsZero() {
		key := l.series
		if key == "" {
			key = "value"
		}
		add(key, l.value)
	}
}

// severity returns that of a log line, by its name in capitals or not, or by its number.
func (r *Reader) severity(at int64) tracefmt.Severity {
	l := &r.line
	if l.severity == "" {
		return 0
	}
	if s, ok := tracefmt.ParseSeverity(l.severity); ok {
		return s
	}
	if n, ok := l.severityValue.Int64(); ok && n >= 1 && n <= 24 {
		return tracefmt.Severity(n)
	}
	name := strings.ToUpper(l.severity)
	if name == "WARNING" {
		name = "WARN"
	}
	s, ok := tracefmt.ParseSeverity(name)
	if !ok {
		r.losses.AddAt("unknown severity", at)
		return 0
	}
	return s
}

// declare takes in a line about a process or track.
func (r *Reader) declare(kind tracefmt.Kind, at int64) {
	l := &r.line
	isTrack := l.track != "" || !l.tid.IsZero()
	if isTrack != (kind == tracefmt.Track) || !isTrack && l.process == "" && l.pid.IsZero() {
		r.losses.AddAt("process or track without a name", at)
		return
	}
	before := len(r.queue)
	id := r.place()
	var e *tracefmt.Event
	if len(r.queue) > before {
		e = &r.queue[len(r.queue)-1] // it is new
	} else {
		e = r.emit(kind, id)
		if e.SourceID = l.pid; kind == tracefmt.Track {
			e.Process, e.SourceID = r.current, l.tid
		}
	}
	if l.name != "" {
		e.Name = l.name
	}
	e.Order, _ = integer(l.order)
	e.Attrs, l.attrs = l.attrs, e.Attrs
}

// place returns the track that the line is about, declaring it if it is new.
func (r *Reader) place() tracefmt.TrackID {
	l := &r.line
	isTrack := l.track != "" || !l.tid.IsZero()
	if !isTrack && l.process == "" && l.pid.IsZero() {
		return 0
	}
	if process := (ident{process: l.process, pid: l.pid}); process != r.process || r.current == 0 {
		r.process, r.current = process, r.lookup(process, 0)
		r.track, r.now = ident{}, 0
	}
	if !isTrack {
		return r.current
	}
	track := r.process
	track.isTrack, track.track, track.tid = true, l.track, l.tid
	if track != r.track {
		r.track, r.now = track, r.lookup(track, r.current)
	}
	return r.now
}

// lookup returns the number of a process or track, and declares it if it is new.
func (r *Reader) lookup(i ident, process tracefmt.TrackID) tracefmt.TrackID {
	id := r.tracks[i]
	if id != 0 {
		return id
	}
	id = tracefmt.TrackID(len(r.tracks) + 1)
	r.tracks[i] = id
	if i.isTrack {
		e := r.emit(tracefmt.Track, id)
		e.Process, e.Name, e.SourceID = process, i.track, i.tid
	} else {
		e := r.emit(tracefmt.Process, id)
		e.Name, e.SourceID = i.process, i.pid
	}
	return id
}

// emit adds an event to the queue. It is valid until the next is added.
func (r *Reader) emit(kind tracefmt.Kind, track tracefmt.TrackID) *tracefmt.Event {
	if len(r.queue) < cap(r.queue) {
		r.queue = r.queue[:len(r.queue)+1]
	} else {
		r.queue = append(r.queue, tracefmt.Event{})
	}
	e := &r.queue[len(r.queue)-1]
	e.Reset()
	e.Kind, e.Track = kind, track
	return e
}

// shifted returns a sum, unless it doesn't fit into 64 bits.
func shifted(t, by int64) (sum int64, ok bool) {
	sum = t + by
	return sum, (t^sum)&(by^sum) >= 0
}
