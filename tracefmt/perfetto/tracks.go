package perfetto

import (
	"fmt"
	"math"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
	"github.com/spanstack/spanstack/tracefmt/internal/lanes"
	"google.golang.org/protobuf/encoding/protowire"
)

// track is what is written, or to be written, about a process, or about a track inside of one.
type track struct {
	uuid     uint64
	process  *track // the process that it belongs to; nil for a process
	isThread bool   // it has a pid and a tid, so that log lines can be shown
	number   int64  // the pid or tid
	declared bool

	name   string
	order  int64
	source tracefmt.Value
	attrs  []tracefmt.Attr

	tids     map[int64]*track // of a process
	lanes    lanes.Track[uint64, openSlice]
	counters map[counterID]*series
}

// lane is a track of the output on which slices nest, with its uuid.
type lane = lanes.Lane[uint64, openSlice]

// openSlice is a Begin without its End.
type openSlice struct{ name, category string }

func (w *Writer) newUUID() uint64 {
	w.uuid++
	return w.uuid
}

// firstSynthetic is the first pid or tid that is made up: above the numbers that systems give to processes.
const firstSynthetic = 1 << 30

// usable returns the pid or tid of a SourceID, if it can be one: Perfetto has 32 bits for a pid, and 0 is the idle
// task's.
func usable(source tracefmt.Value) (n int64, ok bool) {
	n, ok = source.Int64()
	return n, ok && n > 0 && n < firstSynthetic
}

// number gives t its pid or tid: the SourceID, or another one if that can't be used or is taken.
func (w *Writer) number(t *track, taken map[int64]*track) {
	n, ok := usable(t.source)
	if !ok || taken[n] != nil {
		n = firstSynthetic + w.synthetic
		w.synthetic++
	}
	t.number = n
	taken[n] = t
}

func (w *Writer) process(id tracefmt.TrackID) *track {
	p := w.processes[id]
	if p == nil {
		p = &track{uuid: w.newUUID(), tids: make(map[int64]*track)}
		w.processes[id] = p
	}
	return p
}

func (w *Writer) setProcess(e *tracefmt.Event) {
	p := w.process(e.Track)
	changed := w.merge(p, e)
	if p.number == 0 {
		w.number(p, w.pids)
	}
	if changed || !p.declared {
		w.describe(p)
	}
}

func (w *Writer) setTrack(e *tracefmt.Event) {
	t := w.tracks[e.Track]
	if t == nil {
		t = &track{uuid: w.newUUID(), isThread: true, process: w.process(e.Process)}
		w.tracks[e.Track] = t
	}
	if p := t.process; p != nil && p.number == 0 { // nobody declared it
		w.number(p, w.pids)
		w.describe(p)
	}
	changed := w.merge(t, e)
	if t.process == nil { // it had events before it was declared
		if changed {
			w.losses.Add("track that was declared after its first event")
		}
		return
	}
	if t.number == 0 {
		w.number(t, t.process.tids)
	}
	if changed || !t.declared {
		w.describe(t)
	}
}

// merge adds what an event says to what is known, and reports whether something is new.
func (w *Writer) merge(t *track, e *tracefmt.Event) (changed bool) {
	if e.Name != "" && e.Name != t.name {
		t.name, changed = strings.Clone(e.Name), true
	}
	if e.Order != 0 && e.Order != t.order {
		t.order, changed = e.Order, true
	}
	switch {
	case e.SourceID.IsZero() || e.SourceID == t.source:
	case t.number == 0:
		t.source, changed = e.SourceID, true
	default:
		w.losses.Add("process or track whose number changed")
	}
	for _, a := range e.Attrs {
		if a.Key == descSource || a.Key == descOrder {
			w.losses.Add("attribute with a reserved name: " + a.Key)
		} else if setAttr(&t.attrs, a) {
			changed = true
		}
	}
	return changed
}

// setAttr sets one of attrs and reports whether that changed anything.
func setAttr(attrs *[]tracefmt.Attr, a tracefmt.Attr) bool {
	for i, known := range *attrs {
		if known.Key == a.Key {
			(*attrs)[i] = a
			return known != a
		}
	}
	*attrs = append(*attrs, a)
	return true
}

// track returns what is known of the track of an event, be it declared or not; nil for that of the whole trace.
func (w *Writer) track(id tracefmt.TrackID) *track {
	if t := w.tracks[id]; t != nil {
		return t
	}
	if p := w.processes[id]; p != nil {
		return p
	}
	t := &track{}
	if id != 0 {
		t.uuid, t.name = w.newUUID(), fmt.Sprintf("track %d", id)
		w.openDescriptor(t.uuid, 0, t.name, "")()
	}
	w.tracks[id] = t
	return t
}

// laneUUID returns the uuid of a lane: the track itself, or another track for slices that overlap others.
func (w *Writer) laneUUID(t *track, l *lane, isNew bool) uint64 {
	switch {
	case l == t.lanes.First():
		l.Out = t.uuid
	case isNew:
		l.Out = w.newUUID()
		w.openDescriptor(l.Out, t.uuid, t.name, mergeOverlap)()
	}
	return l.Out
}

// openDescriptor begins the packet of a TrackDescriptor, and returns what ends it. Perfetto merges tracks that have the
// same parent and name, or the same parent and merge key if they have one.
func (w *Writer) openDescriptor(uuid, parent uint64, name, mergeKey string) (end func()) {
	start := w.openPacket()
	w.buf = appendUint(w.buf, packetTimestamp, uint64(max(w.last, 0)))
	var descriptor int
	w.buf, descriptor = openMessage(w.buf, packetTrackDescriptor)
	w.buf = appendUint(w.buf, trackUUID, uuid)
	if parent != 0 {
		w.buf = appendUint(w.buf, trackParent, parent)
	}
	if name != "" {
		w.buf = appendText(w.buf, trackName, valid(name))
	}
	if mergeKey != "" {
		w.buf = appendUint(w.buf, trackMerge, mergeByKey)
		w.buf = appendText(w.buf, trackMergeKey, valid(mergeKey))
	}
	return func() {
		w.buf = closeMessage(w.buf, descriptor)
		w.buf = closeMessage(w.buf, start)
	}
}

// describe writes the descriptor of a process or thread.
func (w *Writer) describe(t *track) {
	t.declared = true
	end := w.openDescriptor(t.uuid, 0, "", "")
	var start int
	if t.process == nil {
		w.buf, start = openMessage(w.buf, trackProcess)
		w.buf = appendUint(w.buf, processPID, uint64(t.number))
		w.describeNamed(t, processName, processOrder)
	} else {
		w.buf, start = openMessage(w.buf, trackThread)
		w.buf = appendUint(w.buf, threadPID, uint64(t.process.number))
		w.buf = appendUint(w.buf, threadTID, uint64(t.number))
		w.describeNamed(t, threadName, threadOrder)
	}
	w.buf = closeMessage(w.buf, start)
	if text := description(t); text != "" {
		w.buf = appendText(w.buf, trackDescription, text)
	}
	end()
}

func (w *Writer) describeNamed(t *track, name, order protowire.Number) {
	if t.name != "" {
		w.buf = appendText(w.buf, name, valid(t.name))
	}
	if t.order != 0 && is32(t.order) {
		w.buf = appendUint(w.buf, order, uint64(t.order))
	}
}

func is32(n int64) bool { return n >= math.MinInt32 && n <= math.MaxInt32 }

// description returns, as a JSON object, what the fields of a descriptor have no place for; "" if there is nothing.
// Perfetto's UI shows it where it explains the track.
func description(t *track) string {
	dst := []byte("{")
	add := func(key string, v tracefmt.Value) {
		if len(dst) > 1 {
			dst = append(dst, ',')
		}
		dst = append(jsontext.AppendString(dst, key), ':')
		dst = appendNested(dst, v)
	}
	if n, ok := usable(t.source); !ok || n != t.number {
		add(descSource, t.source)
	}
	if !is32(t.order) {
		add(descOrder, tracefmt.Int64(t.order))
	}
	for _, a := range t.attrs {
		add(a.Key, a.Value)
	}
	if len(dst) == 1 {
		return ""
	}
	return string(append(dst, '}'))
}
