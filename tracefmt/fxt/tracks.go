package fxt

import (
	"fmt"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/lanes"
)

// object is what is written, or to be written, of a process or track.
type object struct {
	koid     uint64
	numbered bool
	declared bool
	name     string
	order    int64
	source   tracefmt.Value
	attrs    []tracefmt.Attr
}

type process struct {
	object
	threads map[uint64]bool // koids
}

// track is a thread of the output, or several where slices overlap.
type track struct {
	object
	process *process // nil for the whole trace, and for a track that isn't declared
	lanes   lanes.Track[*outThread, openSlice]
	endless lanes.Track[*outThread, openSlice] // of slices without an end that can't be on those
	begun   int                                // slices that are to end
	extra   int                                // threads beside the first
}

// outThread is a thread of the output.
type outThread struct {
	process, koid uint64
	ref           uint8 // its index in the table of threads, or 0
}

// lane is a row on which slices nest, with its thread.
type lane = lanes.Lane[*outThread, openSlice]

// newTrack returns a track with its first thread.
func newTrack(process, koid uint64) *track {
	t := &track{}
	t.lanes.First().Out = &outThread{process: process, koid: koid}
	return t
}

// thread returns the first thread of a track.
func (t *track) thread() *outThread { return t.lanes.First().Out }

// thread returns that of a lane. A lane that has none yet gets one.
func (w *Writer) thread(t *track, l *lane) *outThread {
	if l.Out == nil {
		l.Out = w.newThread(t)
	}
	return l.Out
}

// firstSynthetic is the first koid that is made up. Perfetto has 32 bits for them.
const firstSynthetic = 1 << 30

func (w *Writer) newKoid() uint64 {
	w.synthetic++
	return firstSynthetic + w.synthetic - 1
}

// number gives o its koid: the SourceID, or its track's number if it has none, or one that is made up if that can't be
// used or is taken.
func (w *Writer) number(o *object, id tracefmt.TrackID, taken map[uint64]bool) {
	n, ok := o.source.Int64()
	if o.source.IsZero() {
		n, ok = int64(id), true
	}
	o.koid = uint64(n)
	if !ok || n <= 0 || n >= firstSynthetic || taken[o.koid] {
		o.koid = w.newKoid()
	}
	taken[o.koid] = true
	o.numbered = true
}

func (w *Writer) process(id tracefmt.TrackID) *process {
	p := w.processes[id]
	if p == nil {
		p = &process{threads: make(map[uint64]bool)}
		w.processes[id] = p
	}
	return p
}

func (w *Writer) setProcess(e *tracefmt.Event) {
	p := w.process(e.Track)
	changed := w.merge(&p.object, e)
	if !p.numbered {
		w.number(&p.object, e.Track, w.koids)
	}
	if changed || !p.declared {
		w.describe(&p.object, nil)
	}
}

func (w *Writer) setTrack(e *tracefmt.Event) {
	t := w.tracks[e.Track]
	if t == nil {
		t = &track{process: w.process(e.Process)}
		w.tracks[e.Track] = t
	}
	if p := t.process; p != nil && !p.numbered { // nobody declared it
		w.number(&p.object, e.Process, w.koids)
		w.describe(&p.object, nil)
	}
	changed := w.merge(&t.object, e)
	if t.process == nil { // it had events before it was declared
		if changed {
			w.losses.Add("track that was declared after its first event")
		}
		return
	}
	if !t.numbered {
		w.number(&t.object, e.Track, t.process.threads)
		t.lanes.First().Out = &outThread{process: t.process.koid, koid: t.koid}
	}
	if changed || !t.declared {
		w.describe(&t.object, t.process)
	}
}

// merge adds what an event says to what is known, and reports whether something is new.
func (w *Writer) merge(o *object, e *tracefmt.Event) (changed bool) {
	if e.Name != "" && e.Name != o.name {
		o.name, changed = strings.Clone(e.Name), true
	}
	if e.Order != 0 && e.Order != o.order {
		o.order, changed = e.Order, true
	}
	switch {
	case e.SourceID.IsZero() || e.SourceID == o.source:
	case !o.numbered:
		o.source, changed = e.SourceID, true
	default:
		w.losses.Add("process or track whose number changed")
	}
	for _, a := range e.Attrs {
		if setAttr(&o.attrs, a) {
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

// describe writes the kernel object record of a process, or of a thread of p.
func (w *Writer) describe(o *object, p *process) {
	o.declared = true
	kind := uint64(objectProcess)
	w.args = w.args[:0]
	if p != nil {
		kind = objectThread
		w.addArg(keyProcess, argKoid, p.koid, "")
	}
	bare := len(w.args)
	fits := true
	if o.order != 0 {
		w.addValue(keyOrder, tracefmt.Int64(o.order))
	}
	if n, ok := o.source.Uint64(); !o.source.IsZero() && (!ok || n != o.koid) {
		w.addValue(keySource, o.source)
		fits = o.source.Kind() != tracefmt.RawValue
	}
	for _, a := range o.attrs {
		if ownOf(a.Key) != notOwn || strings.HasPrefix(a.Key, ownPrefix) {
			fits = false
		}
		w.addValue(a.Key, a.Value)
	}
	if fits && w.kernelObject(kind, o.koid, o.name) {
		return
	}
	all := tracefmt.Event{Kind: tracefmt.Process, Name: o.name, Order: o.order, SourceID: o.source, Attrs: o.attrs}
	w.putExtra(&all)
	w.args = w.args[:bare]
	w.kernelObject(kind, o.koid, cut(o.name))
}

// kernelObject writes the record of a process or thread with the arguments in w.args, if it isn't too long.
func (w *Writer) kernelObject(kind, koid uint64, name string) bool {
	w.names.begin()
	if len(name) > maxIndexed {
		if name = valid(name); len(name) > maxText {
			return false
		}
	}
	argWords, ok := w.measure()
	if !ok {
		return false
	}
	ref := w.ref(name)
	words := 2 + inlineWords(ref) + argWords
	if words > maxWords {
		return false
	}
	w.put(recordKernel | uint64(words)<<4 | kind<<16 | uint64(ref)<<24 | uint64(len(w.args))<<40)
	w.put(koid)
	w.putInline(ref, name)
	for i := range w.args {
		w.putArg(&w.args[i])
	}
	return true
}

// track returns what is known of the track of an event, be it declared or not. It has a thread.
func (w *Writer) track(id tracefmt.TrackID) *track {
	if w.recent != nil && w.recentID == id {
		return w.recent
	}
	t := w.tracks[id]
	if t == nil {
		t = w.trackWithout(id)
		w.tracks[id] = t
	}
	w.recent, w.recentID = t, id
	return t
}

// trackWithout returns a track for the events of a process, of the whole trace, or of a track that isn't declared.
func (w *Writer) trackWithout(id tracefmt.TrackID) *track {
	switch p := w.processes[id]; {
	case p != nil && p.numbered:
		t := newTrack(p.koid, w.newKoid())
		t.process, t.name = p, p.name
		w.madeUp(t.thread(), p.name, scopeProcess)
		return t
	case id == 0:
		t := newTrack(0, w.newKoid())
		w.madeUp(t.thread(), "whole trace", scopeTrace)
		return t
	}
	return newTrack(0, uint64(id))
}

// newThread adds a thread to a track, for slices that overlap others.
func (w *Writer) newThread(t *track) *outThread {
	first := t.thread()
	th := &outThread{process: first.process, koid: w.newKoid()}
	name := t.name
	if name == "" {
		name = fmt.Sprint(first.koid)
	}
	t.extra++
	w.args = w.args[:0]
	w.addArg(keyProcess, argKoid, th.process, "")
	w.addArg(keyLaneOf, argKoid, first.koid, "")
	w.kernelObject(objectThread, th.koid, fmt.Sprintf("%s (overlap %d)", cut(name), t.extra))
	return th
}

// madeUp writes the record of a thread that is no track of the model.
func (w *Writer) madeUp(th *outThread, name, scope string) {
	w.args = w.args[:0]
	w.addArg(keyProcess, argKoid, th.process, "")
	w.addText(keyScope, scope)
	w.kernelObject(objectThread, th.koid, cut(name))
}

// threadRef returns the reference to a thread. Where all are given, the oldest is given anew.
func (w *Writer) threadRef(th *outThread) uint8 {
	if th.ref != 0 {
		return th.ref
	}
	if w.nextRef++; w.nextRef == 0 {
		w.nextRef = 1
	}
	if old := w.threads[w.nextRef]; old != nil {
		old.ref = 0
	}
	w.threads[w.nextRef] = th
	th.ref = w.nextRef
	w.put(recordThread | 3<<4 | uint64(th.ref)<<16)
	w.put(th.process)
	w.put(th.koid)
	return th.ref
}
