package perfetto

import (
	"math"
	"slices"
	"strconv"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
)

// maxExtra is how many counters one event may carry beside its own: trace_processor refuses events with more
// (TrackEventData::kMaxNumExtraCounters).
const maxExtra = 8

// counterID tells the counters of one track apart.
type counterID struct{ name, key, category string }

// series are the tracks of a counter's series, in the order in which they were met.
type series struct {
	uuids map[string]uint64
	order []string
}

// extraCounters collects the values of one event beside the first.
type extraCounters struct {
	intTracks, ints       []uint64
	doubleTracks, doubles []uint64
}

func (x *extraCounters) reset() {
	x.intTracks, x.ints = x.intTracks[:0], x.ints[:0]
	x.doubleTracks, x.doubles = x.doubleTracks[:0], x.doubles[:0]
}

// counter writes a counter's values: each series has a track, and one event carries them all.
func (w *Writer) counter(e *tracefmt.Event) {
	if !slices.ContainsFunc(e.Attrs, isNumber) {
		w.losses.Add("counter without a value")
		return
	}
	t := w.track(e.Track)
	s := t.series(e)
	n := 0
	for i := range e.Attrs {
		a := &e.Attrs[i]
		if !isNumber(*a) {
			w.losses.Add("counter's value that isn't a number")
			continue
		}
		uuid := s.uuids[a.Key]
		if uuid == 0 {
			uuid = w.newSeries(t, s, e, a.Key)
		}
		if n == 0 {
			w.extra.reset()
			w.openEvent(typeCounter, uuid)
			w.firstValue(a.Value)
		} else {
			w.extra.add(uuid, a.Value)
		}
		if n++; n > maxExtra {
			w.closeCounter(e.Time)
			n = 0
		}
	}
	if n > 0 {
		w.closeCounter(e.Time)
	}
}

func isNumber(a tracefmt.Attr) bool {
	_, ok := a.Value.Float64()
	return ok
}

func (t *track) series(e *tracefmt.Event) *series {
	id := counterID{e.Name, e.Key, e.Category}
	s := t.counters[id]
	if s == nil {
		if t.counters == nil {
			t.counters = make(map[counterID]*series)
		}
		s = &series{uuids: make(map[string]uint64)}
		t.counters[id] = s
	}
	return s
}

// newSeries adds the track of a series. Its packet comes before the event that is being made, which is in w.event.
func (w *Writer) newSeries(t *track, s *series, e *tracefmt.Event, key string) uint64 {
	uuid := w.newUUID()
	s.uuids[key] = uuid
	name := e.Name
	if e.Key != "" {
		name += "[" + e.Key + "]"
	}
	if key != "" && key != e.Name && key != plainSeries {
		name += " " + key
	}
	end := w.openDescriptor(uuid, t.uuid, name, counterKey(e, key, len(s.order)))
	s.order = append(s.order, key)
	var start int
	w.buf, start = openMessage(w.buf, trackCounter)
	w.buf = closeMessage(w.buf, start)
	end()
	return uuid
}

// plainSeries is what the value of a counter is called that has no series in its source.
const plainSeries = "value"

// counterKey returns the merge key of a series' track. It says all that its name doesn't.
func counterKey(e *tracefmt.Event, key string, index int) string {
	dst := []byte(mergeCounter + "[")
	for _, s := range []string{e.Name, e.Key, e.Category, key} {
		dst = append(jsontext.AppendString(dst, s), ',')
	}
	return string(append(strconv.AppendInt(dst, int64(index), 10), ']'))
}

func (w *Writer) firstValue(v tracefmt.Value) {
	if n, ok := v.Int64(); ok {
		w.event = appendUint(w.event, eventCounter, uint64(n))
		return
	}
	f, _ := v.Float64()
	w.event = appendDouble(w.event, eventDouble, f)
}

func (x *extraCounters) add(uuid uint64, v tracefmt.Value) {
	if n, ok := v.Int64(); ok {
		x.intTracks, x.ints = append(x.intTracks, uuid), append(x.ints, uint64(n))
		return
	}
	f, _ := v.Float64()
	x.doubleTracks, x.doubles = append(x.doubleTracks, uuid), append(x.doubles, math.Float64bits(f))
}

func (w *Writer) closeCounter(time int64) {
	x := &w.extra
	for i, uuid := range x.intTracks {
		w.event = appendUint(w.event, eventExtraTracks, uuid)
		w.event = appendUint(w.event, eventExtraValues, x.ints[i])
	}
	for i, uuid := range x.doubleTracks {
		w.event = appendUint(w.event, eventExtraDblTracks, uuid)
		w.event = appendFixed(w.event, eventExtraDoubles, x.doubles[i])
	}
	w.closeEvent(time)
}
