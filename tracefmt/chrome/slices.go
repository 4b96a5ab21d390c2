package chrome

import (
	"math"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
	"github.com/spanstack/spanstack/tracefmt/internal/lanes"
)

// begin writes the begin of a slice, on the first lane where it doesn't start before an open one.
func (w *Writer) begin(e *tracefmt.Event) {
	t := w.track(e.Track)
	s := lanes.Slice{Start: e.Time, End: math.MaxInt64, ID: e.ID, Parent: e.Parent}
	l, isNew := t.lanes.Begin(s, openSlice{name: e.Name, category: e.Category, args: argNames(e)})
	if isNew {
		w.nameLane(t, l)
	}
	w.releaseNext(t, l, e.Time)
	w.slice(e, l)
	w.arrow(e, l, w.kin.Add(t.place(e), l, s))
	w.retryFlows(t)
}

// end writes the end of the slice that was begun last on the track. Catapult takes ends in the order of the file, and
// gives up the whole import at one that lies before its begin.
func (w *Writer) end(e *tracefmt.Event) {
	t := w.track(e.Track)
	l, ended, nests, ok := t.lanes.End(e.Time)
	if !ok {
		w.losses.Add("end without a begin")
		return
	}
	if ended.End > e.Time {
		w.losses.Add("end before its begin, moved to it")
	}
	if !nests {
		w.losses.Add("slice that overlaps another and stays where it was begun")
	}
	w.kin.End(ended.Slice)
	w.open(ended.Data.name, ended.Data.category, 'E') // speedscope wants the name again, Chromium's DevTools both
	w.at(ended.End, l)
	w.outside(e)
	w.args(e, ended.Data.args)
	w.retryFlows(t)
}

// complete writes a slice, on a lane where it nests, with an arrow from its parent if that is elsewhere.
func (w *Writer) complete(e *tracefmt.Event) {
	t := w.track(e.Track)
	s := lanes.Slice{Start: e.Time, End: e.Time + max(e.Dur, 0), ID: e.ID, Parent: e.Parent}
	l, from, isNew := t.lanes.Complete(s)
	if isNew {
		w.nameLane(t, l)
	}
	w.releaseNext(t, l, e.Time)
	w.slice(e, l)
	w.arrow(e, l, from)
	w.arrow(e, l, w.kin.Add(t.place(e), l, s))
	w.retryFlows(t)
}

// place says which arrows to a slice of the track there are to be.
func (t *track) place(e *tracefmt.Event) lanes.Place {
	return lanes.Place{Track: uint32(e.Track), Process: uint32(t.process), HasOwn: e.Category == tracefmt.CategoryTask}
}

// arrow writes a flow from a slice's parent, if there is to be one, to the slice. It is none of the trace's own.
func (w *Writer) arrow(e *tracefmt.Event, l *lane, from lanes.Arrow[string, openSlice]) {
	if from.Lane != nil && e.ID != "" {
		w.arrowPoint(e.ID, from.At, from.Lane, 's')
		w.arrowPoint(e.ID, e.Time, l, 'f')
	}
}

func (w *Writer) arrowPoint(id string, when int64, l *lane, letter byte) {
	w.open("child", catLane, letter)
	w.at(when, l)
	w.buf = append(w.buf, `,"id":`...)
	w.buf = jsontext.AppendString(w.buf, id)
	if letter == 'f' {
		w.buf = append(w.buf, `,"bp":"e"`...)
	}
	w.buf = append(w.buf, '}')
}

// slice writes a Begin or Complete event.
func (w *Writer) slice(e *tracefmt.Event, l *lane) {
	w.open(e.Name, e.Category, letters[e.Kind])
	w.at(e.Time, nil)
	if e.Kind == tracefmt.Complete && e.Dur >= 0 {
		w.buf = append(w.buf, `,"dur":`...)
		w.buf = appendMicros(w.buf, e.Dur)
	}
	w.buf = append(w.buf, l.Out...)
	w.outside(e)
	w.args(e, nil)
}

// instant writes an instant or a log line.
func (w *Writer) instant(e *tracefmt.Event) {
	t := w.track(e.Track)
	category := e.Category
	if e.Kind == tracefmt.Log {
		category = catLog
		if e.Category != "" {
			category += "," + e.Category
		}
	}
	w.open(e.Name, category, 'i')
	w.at(e.Time, nil)
	switch {
	case e.Track == 0:
		w.buf = append(w.buf, `,"s":"g"`...)
	case t.isWhole:
		w.buf = append(w.buf, `,"pid":`...)
		w.buf = append(append(w.buf, w.pidOf(t.process)...), `,"s":"p"`...)
	default:
		w.buf = append(append(w.buf, t.first().Out...), `,"s":"t"`...)
	}
	w.outside(e)
	w.args(e, nil)
}

// counter writes a counter's values. Catapult takes the series from the first event, and warns if there are none.
func (w *Writer) counter(e *tracefmt.Event) {
	t := w.track(e.Track)
	numbers := 0
	for _, a := range e.Attrs {
		if _, ok := a.Value.Float64(); ok {
			numbers++
		}
	}
	if numbers < len(e.Attrs) {
		w.losses.Add("counter's value that isn't a number")
	}
	if numbers == 0 {
		w.losses.Add("counter without a value")
		return
	}
	w.open(e.Name, e.Category, 'C')
	w.at(e.Time, nil)
	if t.isWhole && e.Track != 0 {
		w.buf = append(append(w.buf, `,"pid":`...), w.pidOf(t.process)...)
	} else {
		w.buf = append(w.buf, t.first().Out...)
	}
	if e.Key != "" {
		w.buf = append(w.buf, `,"id":`...)
		w.buf = jsontext.AppendString(w.buf, e.Key)
	}
	w.openArgs()
	for _, a := range e.Attrs {
		if _, ok := a.Value.Float64(); ok {
			w.arg(a.Key, a.Value)
		}
	}
	w.closeArgs()
}

// argNames returns the names of the args that e is written with, apart from our own.
func argNames(e *tracefmt.Event) []string {
	if len(e.Attrs) == 0 {
		return nil
	}
	names := make([]string, 0, len(e.Attrs))
	for _, a := range e.Attrs {
		names = append(names, a.Key)
	}
	return names
}
