package chrome

import (
	"slices"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
)

// begin writes the begin of a slice, on the first lane where it doesn't start before an open one.
func (w *Writer) begin(e *tracefmt.Event) {
	t := w.track(e.Track)
	var l *lane
	for _, l = range t.lanes {
		if n := len(l.open); n == 0 || l.open[n-1].start <= e.Time {
			break
		}
		l = nil
	}
	if l == nil {
		l = w.newLane(t)
	}
	w.releaseNext(t, l, e.Time)
	l.open = append(l.open, openSlice{start: e.Time, name: e.Name, args: argNames(e)})
	w.slice(e, l)
	w.retryFlows(t)
}

// end writes the end of the slice that was begun last on the track. Catapult takes ends in the order of the file, and
// gives up the whole import at one that lies before its begin.
func (w *Writer) end(e *tracefmt.Event) {
	t := w.track(e.Track)
	var l *lane
	for _, candidate := range t.lanes {
		if n := len(candidate.open); n > 0 && (l == nil || candidate.open[n-1].start >= l.open[len(l.open)-1].start) {
			l = candidate
		}
	}
	if l == nil {
		w.losses.Add("end without a begin")
		return
	}
	n := len(l.open) - 1
	begun := l.open[n]
	l.open[n] = openSlice{}
	l.open = l.open[:n]
	when := e.Time
	if when < begun.start {
		when = begun.start
		w.losses.Add("end before its begin, moved to it")
	}
	if !l.closed.Place(begun.start, when) {
		w.losses.Add("slice that overlaps another and stays where it was begun")
	}
	w.open(begun.name, "", 'E') // speedscope wants the name again
	w.at(when, l)
	w.outside(e)
	w.args(e, begun.args)
	w.retryFlows(t)
}

// complete writes a slice, on the first lane where it nests.
func (w *Writer) complete(e *tracefmt.Event) {
	t := w.track(e.Track)
	end := e.Time + max(e.Dur, 0)
	var l *lane
	for _, l = range t.lanes {
		if l.clearOfOpen(e.Time, end) && l.closed.Place(e.Time, end) {
			break
		}
		l = nil
	}
	if l == nil {
		l = w.newLane(t)
		l.closed.Place(e.Time, end)
	}
	w.releaseNext(t, l, e.Time)
	w.slice(e, l)
	w.retryFlows(t)
}

// clearOfOpen reports whether a slice has the begin of no open slice inside.
func (l *lane) clearOfOpen(start, end int64) bool {
	i, _ := slices.BinarySearchFunc(l.open, start, func(o openSlice, t int64) int {
		if o.start <= t {
			return -1
		}
		return 1
	})
	return i == len(l.open) || l.open[i].start >= end
}

// slice writes a Begin or Complete event.
func (w *Writer) slice(e *tracefmt.Event, l *lane) {
	w.open(e.Name, e.Category, letters[e.Kind])
	w.at(e.Time, nil)
	if e.Kind == tracefmt.Complete && e.Dur >= 0 {
		w.buf = append(w.buf, `,"dur":`...)
		w.buf = appendMicros(w.buf, e.Dur)
	}
	w.buf = append(w.buf, l.ident...)
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
		w.buf = append(append(w.buf, t.lanes[0].ident...), `,"s":"t"`...)
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
		w.buf = append(w.buf, t.lanes[0].ident...)
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
