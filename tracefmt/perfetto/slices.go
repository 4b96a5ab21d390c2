package perfetto

import (
	"math"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/lanes"
	"google.golang.org/protobuf/encoding/protowire"
)

// begin writes the begin of a slice, on the first lane where it doesn't start before an open one.
func (w *Writer) begin(e *tracefmt.Event) {
	t := w.track(e.Track)
	s := lanes.Slice{Start: e.Time, End: math.MaxInt64, ID: e.ID, Parent: e.Parent}
	l, isNew := t.lanes.Begin(s, openSlice{name: e.Name, category: e.Category})
	uuid := w.laneUUID(t, l, isNew)
	w.openEvent(typeBegin, uuid)
	w.named(e.Name, e.Category)
	w.annotations(e)
	w.closeEvent(e.Time)
	w.arrow(e, uuid, w.kin.Add(t.place(e), l, s))
}

// end writes the end of the slice that was begun last on the track.
func (w *Writer) end(e *tracefmt.Event) {
	l, ended, _, ok := w.track(e.Track).lanes.End(e.Time)
	if !ok {
		w.losses.Add("end without a begin")
		return
	}
	if ended.End > e.Time {
		w.losses.Add("end before its begin, moved to it")
	}
	w.kin.End(ended.Slice)
	w.endEvent(l.Out, ended.Data.name, ended.Data.category)
	w.annotations(e)
	w.closeEvent(ended.End)
}

// endEvent begins the end of a slice. The name and category say which of the slices that are open at the time ends
// (SliceTracker::MatchingIncompleteSliceIndex): trace_processor has sorted all by time, and where several begin or end
// at once, the file's order is all that it goes by.
func (w *Writer) endEvent(uuid uint64, name, category string) {
	w.openEvent(typeEnd, uuid)
	w.named(name, category)
}

// complete writes a slice as its begin and its end, on a lane where it nests, with an arrow from its parent if that is
// elsewhere. Perfetto's own complete events have microseconds only.
func (w *Writer) complete(e *tracefmt.Event) {
	t := w.track(e.Track)
	dur, end := e.Dur, e.Time+e.Dur
	if dur < 0 {
		dur, end = tracefmt.Open, math.MaxInt64
	}
	s := lanes.Slice{Start: e.Time, End: end, ID: e.ID, Parent: e.Parent}
	l, from, isNew := t.lanes.Complete(s)
	uuid := w.laneUUID(t, l, isNew)
	w.openEvent(typeBegin, uuid)
	names := w.named(e.Name, e.Category)
	w.duration(dur)
	w.annotations(e)
	w.closeEvent(e.Time)
	if dur >= 0 {
		w.openEvent(typeEnd, uuid)
		w.namedAs(names)
		w.closeEvent(end)
	}
	w.arrow(e, uuid, from)
	w.arrow(e, uuid, w.kin.Add(t.place(e), l, s))
}

// place says which arrows to a slice of the track there are to be.
func (t *track) place(e *tracefmt.Event) lanes.Place {
	process := t
	if t.process != nil {
		process = t.process
	}
	return lanes.Place{Track: uint32(e.Track), Process: uint32(process.uuid), HasOwn: e.Category == tracefmt.CategoryTask}
}

// arrow writes a flow from a slice's parent, if there is to be one, to the slice. It is none of the trace's own.
func (w *Writer) arrow(e *tracefmt.Event, uuid uint64, from lanes.Arrow[uint64, openSlice]) {
	if from.Lane != nil && e.ID != "" {
		w.arrowPoint(e.ID, eventFlows, from.At, from.Lane.Out)
		w.arrowPoint(e.ID, eventEndFlows, e.Time, uuid)
	}
}

func (w *Writer) arrowPoint(id string, end protowire.Number, when int64, uuid uint64) {
	w.openEvent(typeInstant, uuid)
	w.named("child", catLane)
	w.event = appendFixed(w.event, end, flowID(&tracefmt.Event{Key: id, Category: catLane}))
	w.closeEvent(when)
}

// instant writes an instant or a log line. Perfetto lists the lines of threads in its tab of logs, too.
func (w *Writer) instant(e *tracefmt.Event) {
	t := w.track(e.Track)
	w.openEvent(typeInstant, t.uuid)
	category := e.Category
	if e.Kind == tracefmt.Log {
		category = catLog
		if e.Category != "" {
			category += "," + e.Category
		}
	}
	w.named(e.Name, category)
	if e.Kind == tracefmt.Log && t.isThread {
		w.logMessage(e)
	}
	w.annotations(e)
	w.closeEvent(e.Time)
}

func (w *Writer) logMessage(e *tracefmt.Event) {
	var start int
	w.event, start = openMessage(w.event, eventLog)
	w.event = appendUint(w.event, logBodyIID, w.intern(&w.names.logs, internLogBodies, e.Name, 0))
	if e.Severity != 0 {
		w.event = appendUint(w.event, logPriority, priority(e.Severity))
	}
	w.event = closeMessage(w.event, start)
}

// flow writes a flow point as an instant in the slice that it belongs to. A slice's own packet could carry it only if
// that were not yet written.
func (w *Writer) flow(e *tracefmt.Event) {
	w.openEvent(typeInstant, w.track(e.Track).uuid)
	w.named(e.Name, e.Category)
	id := flowID(e)
	switch {
	case e.Kind == tracefmt.FlowStart:
		w.event = appendFixed(w.event, eventFlows, id)
		w.ownText(argFlowStart, e.Key)
	case e.Kind == tracefmt.FlowStep:
		w.event = appendFixed(w.event, eventFlows, id)
		w.ownText(argFlowStep, e.Key)
	case e.BindNext:
		w.event = appendFixed(w.event, eventEndFlows, id)
		w.ownText(argFlowNext, e.Key)
	default:
		w.event = appendFixed(w.event, eventEndFlows, id)
		w.ownText(argFlowEnd, e.Key)
	}
	w.annotations(e)
	w.closeEvent(e.Time)
}

// flowID hashes what joins the points of a flow (FNV-1a of 64 bits): IDs of flows are of the whole trace.
func flowID(e *tracefmt.Event) uint64 {
	h := uint64(14695981039346656037)
	for _, s := range [...]string{e.Key, e.Category, e.Name} {
		for i := range len(s) {
			h = (h ^ uint64(s[i])) * 1099511628211
		}
		h = (h ^ 0xff) * 1099511628211 // no byte of UTF-8
	}
	return max(h, 1)
}
