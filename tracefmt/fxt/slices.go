package fxt

import (
	"math"
	"slices"

	"github.com/spanstack/spanstack/tracefmt"
)

// openSlice is a Begin without its End.
type openSlice struct {
	start          int64
	name, category string
}

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
	l.open = append(l.open, openSlice{start: e.Time, name: e.Name, category: e.Category})
	w.event(eventBegin, l, e, 0)
}

// end writes the end of the slice that was begun last on the track. It repeats the name, as Fuchsia's own ends do.
func (w *Writer) end(e *tracefmt.Event) {
	var l *lane
	for _, candidate := range w.track(e.Track).lanes {
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
	end := tracefmt.Event{Kind: tracefmt.End, Time: e.Time, Name: begun.name, Category: begun.category, Attrs: e.Attrs}
	if end.Time < begun.start {
		end.Time = begun.start
		w.losses.Add("end before its begin, moved to it")
	}
	l.closed.Place(begun.start, end.Time)
	w.event(eventEnd, l, &end, 0)
}

// complete writes a slice, on the first lane where it nests. One whose end isn't known is written as a begin; an end
// on its lane would seem to be its own, so that nothing else may be open there.
func (w *Writer) complete(e *tracefmt.Event) {
	t := w.track(e.Track)
	end := int64(math.MaxInt64)
	if e.Dur >= 0 {
		end = e.Time + e.Dur
	}
	var l *lane
	for _, l = range t.lanes {
		if (e.Dur >= 0 || len(l.open) == 0) && l.clearOfOpen(e.Time, end) && l.closed.Place(e.Time, end) {
			break
		}
		l = nil
	}
	if l == nil {
		l = w.newLane(t)
		l.closed.Place(e.Time, end)
	}
	if e.Dur < 0 {
		w.event(eventBegin, l, e, 0)
		return
	}
	w.event(eventComplete, l, e, uint64(end))
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

// asyncOpen is an async slice that has begun.
type asyncOpen struct {
	name  string
	start int64
}

// maxSpare bounds how much memory of async slices that have ended is kept for the next.
const maxSpare = 1 << 10

// asyncEvent writes a point of an async slice.
func (w *Writer) asyncEvent(e *tracefmt.Event) {
	if e.AsyncKey() == "" {
		w.losses.Add("async event without an id")
		return
	}
	id, _ := correlation(e.AsyncKey(), e.Category, "")
	l := w.track(e.Track).lanes[0]
	switch e.Kind {
	case tracefmt.AsyncBegin:
		open, known := w.async[id]
		if n := len(w.spare); !known && n > 0 {
			open = w.spare[n-1]
			w.spare = w.spare[:n-1]
		}
		w.async[id] = append(open, asyncOpen{e.Name, e.Time})
	case tracefmt.AsyncEnd:
		w.asyncEnd(l, e, id)
		return
	}
	w.event(eventTypes[e.Kind], l, e, id)
}

// asyncEnd writes the end of the innermost open async slice of its key and name.
func (w *Writer) asyncEnd(l *lane, e *tracefmt.Event, id uint64) {
	open := w.async[id]
	i := len(open) - 1
	for i >= 0 && e.Name != "" && open[i].name != e.Name {
		i--
	}
	if i < 0 {
		w.losses.Add("async end without a begin")
		return
	}
	begun := open[i]
	if open = slices.Delete(open, i, i+1); len(open) > 0 {
		w.async[id] = open
	} else {
		delete(w.async, id)
		if len(w.spare) < maxSpare {
			w.spare = append(w.spare, open)
		}
	}
	end := *e
	end.Name = begun.name
	if end.Time < begun.start {
		end.Time = begun.start
		w.losses.Add("async end before its begin, moved to it")
	}
	w.event(eventAsyncEnd, l, &end, id)
}
