package fxt

import (
	"math"
	"slices"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/lanes"
)

// openSlice is a Begin without its End.
type openSlice struct{ name, category string }

// begin writes the begin of a slice, on the first lane where it doesn't start before an open one.
func (w *Writer) begin(e *tracefmt.Event) {
	t := w.track(e.Track)
	t.begun++
	s := lanes.Slice{Start: e.Time, End: math.MaxInt64, ID: e.ID, Parent: e.Parent}
	l, _ := t.lanes.Begin(s, openSlice{e.Name, e.Category})
	w.event(eventBegin, w.thread(t, l), e, 0)
	w.arrow(e, l, w.kin.Add(t.place(e), l, s))
}

// end writes the end of the slice that was begun last on the track. It repeats the name, as Fuchsia's own ends do.
func (w *Writer) end(e *tracefmt.Event) {
	t := w.track(e.Track)
	l, ended, _, ok := t.lanes.End(e.Time)
	if !ok {
		w.losses.Add("end without a begin")
		return
	}
	t.begun--
	w.kin.End(ended.Slice)
	if ended.End > e.Time {
		w.losses.Add("end before its begin, moved to it")
	}
	end := tracefmt.Event{Kind: tracefmt.End, Time: ended.End, Name: ended.Data.name, Category: ended.Data.category,
		Attrs: e.Attrs}
	w.event(eventEnd, l.Out, &end, 0)
}

// complete writes a slice on a lane where it nests, with an arrow from its parent if that is elsewhere.
func (w *Writer) complete(e *tracefmt.Event) {
	t := w.track(e.Track)
	s := lanes.Slice{Start: e.Time, End: e.Time + e.Dur, ID: e.ID, Parent: e.Parent}
	if e.Dur < 0 {
		w.endless(t, e, s)
		return
	}
	l, from, _ := t.lanes.Complete(s)
	w.event(eventComplete, w.thread(t, l), e, uint64(s.End))
	w.arrow(e, l, from)
	w.arrow(e, l, w.kin.Add(t.place(e), l, s))
}

// endless writes a slice whose end isn't known, as a begin. Viewers take the next end on its thread for its own, so that
// it keeps away from slices which have begun and are still to end.
func (w *Writer) endless(t *track, e *tracefmt.Event, s lanes.Slice) {
	among := &t.lanes
	if t.begun > 0 {
		among = &t.endless
	}
	s.End = math.MaxInt64
	l, _, _ := among.Complete(s)
	w.event(eventBegin, w.thread(t, l), e, 0)
	w.arrow(e, l, w.kin.Add(t.place(e), l, s))
}

// place says which arrows to a slice of the track there are to be.
func (t *track) place(e *tracefmt.Event) lanes.Place {
	p := lanes.Place{Track: uint32(e.Track), HasOwn: e.Category == tracefmt.CategoryTask}
	if t.process != nil {
		p.Process = uint32(t.process.koid)
	}
	return p
}

// arrow writes a flow from a slice's parent, if there is to be one, to the slice. It is none of the trace's own.
func (w *Writer) arrow(e *tracefmt.Event, l *lane, from lanes.Arrow[*outThread, openSlice]) {
	if from.Lane != nil && e.ID != "" {
		w.arrowPoint(eventFlowBegin, from.Lane.Out, from.At, e.ID)
		w.arrowPoint(eventFlowEnd, l.Out, e.Time, e.ID)
	}
}

func (w *Writer) arrowPoint(kind uint64, th *outThread, when int64, id string) {
	e := tracefmt.Event{Kind: kinds[kind], Time: when, Name: "child", Category: catLane}
	number, _ := correlation(id, catLane, "")
	w.event(kind, th, &e, number)
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
	th := w.track(e.Track).thread()
	switch e.Kind {
	case tracefmt.AsyncBegin:
		open, known := w.async[id]
		if n := len(w.spare); !known && n > 0 {
			open = w.spare[n-1]
			w.spare = w.spare[:n-1]
		}
		w.async[id] = append(open, asyncOpen{e.Name, e.Time})
	case tracefmt.AsyncEnd:
		w.asyncEnd(th, e, id)
		return
	}
	w.event(eventTypes[e.Kind], th, e, id)
}

// asyncEnd writes the end of the innermost open async slice of its key and name.
func (w *Writer) asyncEnd(th *outThread, e *tracefmt.Event, id uint64) {
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
	w.event(eventAsyncEnd, th, &end, id)
}
