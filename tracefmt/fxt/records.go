package fxt

import (
	"strconv"

	"github.com/spanstack/spanstack/tracefmt"
)

// skipped says of records that the model has no place for what is counted.
var skipped = map[uint64]string{
	recordUserspace: "record of a userspace object", recordSchedule: "scheduling record",
	recordProfiler: "profiler record",
}

// record handles a record. The cursor is behind its header.
func (r *Reader) record(header uint64, c cursor) {
	switch kind := header & 15; kind {
	case recordEvent:
		r.event(header, c)
	case recordString:
		r.addString(header, c)
	case recordThread:
		r.addThread(header, c)
	case recordLog:
		r.logLine(header, c)
	case recordKernel:
		r.kernelObject(header, c)
	case recordBlob:
		r.blob(header, c)
	case recordMetadata:
		r.metadata(header, c)
	case recordInit:
		r.initialize(c)
	default:
		what := skipped[kind]
		if what == "" {
			what = "record of unknown type " + strconv.FormatUint(kind, 10)
		}
		r.losses.AddAt(what, r.at)
	}
}

// event handles an event record.
func (r *Reader) event(header uint64, c cursor) {
	kind := header >> 16 & 15
	if kind >= uint64(len(kinds)) {
		r.skip("event of unknown type " + strconv.FormatUint(kind, 10))
		return
	}
	ticks, _ := c.word()
	track, placed, ok := r.threadOf(&c, uint8(header>>24))
	if !ok {
		r.skip("malformed event record")
		return
	}
	category, ok1 := r.text(&c, uint16(header>>32))
	name, ok2 := r.text(&c, uint16(header>>48))
	if !ok1 || !ok2 || !r.args(&c, int(header>>20&15), false) {
		r.skip("malformed event record")
		return
	}
	var tail uint64
	if kind == eventCounter || kind >= eventComplete {
		if tail, ok = c.word(); !ok {
			r.skip("malformed event record")
			return
		}
	}
	time, ok := r.current.nanos(ticks)
	if !ok || !placed {
		r.skip("event with a time out of range, or beyond the first 2^20 threads")
		return
	}
	r.last = max(r.last, time)
	e := r.emit(kinds[kind], track)
	e.Time, e.Name, e.Category = time, name.text, category.text
	e.ID, e.Parent, e.Key = r.own.id, r.own.parent, r.own.key
	e.Attrs, r.attrs = r.attrs, e.Attrs
	r.takeExtra(e)
	if !r.finish(e, tail) {
		r.queue = r.queue[:len(r.queue)-1]
	}
}

// finish gives an event what is particular to its kind. It reports whether the event can be used.
func (r *Reader) finish(e *tracefmt.Event, tail uint64) bool {
	switch e.Kind {
	case tracefmt.Begin:
		if r.own.open {
			e.Kind, e.Dur = tracefmt.Complete, tracefmt.Open
		}
	case tracefmt.End:
		e.ID, e.Parent, e.Key = "", "", ""
	case tracefmt.Complete:
		end, ok := r.current.nanos(tail)
		if e.Dur = end - e.Time; !ok || e.Dur < 0 || end < e.Time {
			r.losses.AddAt("slice with a bad duration", r.at)
			return false
		}
	case tracefmt.Counter:
		if !r.onlyNumbers(e) {
			return false
		}
		if e.Key == "" && !r.own.hasKey && tail != 0 {
			e.Key = r.decimal(tail)
		}
	case tracefmt.FlowStart, tracefmt.FlowStep, tracefmt.FlowEnd:
		if e.Category == catLane {
			return false
		}
		e.BindNext = r.own.next && e.Kind == tracefmt.FlowEnd
		if e.Key == "" {
			e.Key = r.keyFor(tail, "", e.Category, e.Name)
		}
	case tracefmt.AsyncBegin, tracefmt.AsyncInstant, tracefmt.AsyncEnd:
		if e.Key == "" {
			e.Key = r.keyFor(tail, e.ID, e.Category, "")
		}
	}
	return true
}

// onlyNumbers takes out of a counter's attributes what is no number, and reports whether any are left.
func (r *Reader) onlyNumbers(e *tracefmt.Event) bool {
	kept := e.Attrs[:0]
	for _, a := range e.Attrs {
		if isNumber(a) {
			kept = append(kept, a)
		} else {
			r.losses.AddAt("counter's value that isn't a number", r.at)
		}
	}
	e.Attrs = kept
	return len(kept) > 0
}

// keyFor returns the key of points that carry none: the decimal text of their correlation ID, unless that is made of
// what they have.
func (r *Reader) keyFor(id uint64, key, category, name string) string {
	if made, _ := correlation(key, category, name); made == id {
		return ""
	}
	return r.decimal(id)
}

// decimal returns the decimal text of a number. Those of one flow come soon after each other.
func (r *Reader) decimal(n uint64) string {
	r.digits = strconv.AppendUint(r.digits[:0], n, 10)
	return r.strings.Intern(r.digits)
}

// takeExtra adds to an event what came in the blobs before its record.
func (r *Reader) takeExtra(e *tracefmt.Event) {
	if !r.hasExtra {
		return
	}
	if (&extraFields{b: r.extra}).fill(e) != nil {
		r.losses.AddAt("malformed blob "+blobEvent, r.at)
	}
	r.dropExtra()
}

// logLine handles a log record.
func (r *Reader) logLine(header uint64, c cursor) {
	ticks, _ := c.word()
	track, placed, ok := r.threadOf(&c, uint8(header>>32))
	var message []byte
	if ok {
		message, ok = c.bytes(int(header >> 16 & maxStrings))
	}
	if !ok {
		r.skip("malformed log record")
		return
	}
	time, ok := r.current.nanos(ticks)
	if !ok || !placed {
		r.skip("log line with a time out of range, or beyond the first 2^20 threads")
		return
	}
	r.last = max(r.last, time)
	e := r.emit(tracefmt.Log, track)
	e.Time, e.Name = time, r.intern(message)
	r.takeExtra(e)
}

// blob handles a blob record: ours are kept until the record they are for.
func (r *Reader) blob(header uint64, c cursor) {
	name, ok := r.text(&c, uint16(header>>16))
	var payload []byte
	if ok {
		payload, ok = c.bytes(int(header >> 32 & maxStrings))
	}
	switch {
	case !ok:
		r.losses.AddAt("malformed blob record", r.at)
	case name.text == blobEvent && len(r.extra)+len(payload) > maxExtra:
		r.skip("more than 64 MiB of blobs " + blobEvent)
	case name.text == blobEvent:
		r.extra, r.hasExtra = append(r.extra, payload...), true
	case name.text == blobClock && len(payload) == 2*wordSize:
		both := cursor{b: payload}
		ticks, _ := both.word()
		unix, _ := both.word()
		if time, ok := r.current.nanos(ticks); ok {
			e := r.emit(tracefmt.Clock, 0)
			e.Time, e.Unix = time, int64(unix)
		}
	default:
		r.losses.AddAt("blob record", r.at)
	}
}
