package chrome

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
)

// maxWaiting bounds how many flow points may wait: on one track for a slice, or in one flow for the start.
const maxWaiting = 1 << 14

// flowKey is what Catapult joins flow points by.
type flowKey struct{ key, category, name string }

// flow is an arrow that isn't complete yet.
type flow struct {
	queued  bool  // its start waits for a slice
	started bool  // its start is written
	start   int64 // when
	args    []string
	waiting []*tracefmt.Event // steps and ends that came before the start
}

func keyOf(e *tracefmt.Event) flowKey { return flowKey{e.Key, e.Category, e.Name} }

// flow writes a flow point, or lets it wait. Catapult warns of a point that is in no slice, of a second start, and of
// a step or end without a start; and a running program's slices come after the points in them.
func (w *Writer) flow(e *tracefmt.Event) {
	f := w.flows[keyOf(e)]
	if f == nil {
		f = &flow{}
		w.flows[keyOf(e)] = f
	}
	switch {
	case e.Kind == tracefmt.FlowStart && (f.queued || f.started):
		w.losses.Add("flow start while the flow is open")
		return
	case e.Kind == tracefmt.FlowStart:
		f.queued = true
	case !f.started && len(f.waiting) >= maxWaiting:
		w.losses.Add("flow point without a start")
		return
	case !f.started:
		f.waiting = append(f.waiting, e.Clone())
		return
	case e.Time < f.start:
		w.losses.Add("flow point before its start")
		return
	}
	t := w.track(e.Track)
	if l := t.lanes.At(e.Time); l != nil && !e.BindNext {
		w.flowPoint(e, l)
		return
	}
	if len(t.waiting) >= maxWaiting {
		w.losses.Add("flow point outside of any slice")
		return
	}
	t.waiting = append(t.waiting, e.Clone())
}

// flowPoint writes a flow point that is known to lie in a slice, and the points that waited for it.
func (w *Writer) flowPoint(e *tracefmt.Event, l *lane) {
	key := keyOf(e)
	f := w.flows[key]
	if f == nil || e.Kind != tracefmt.FlowStart && !f.started { // it ended while e waited for a slice
		w.losses.Add("flow point without a start")
		return
	}
	w.open(e.Name, "", letters[e.Kind])
	w.buf = append(w.buf, `,"cat":`...) // even if empty: Catapult searches it
	w.buf = jsontext.AppendString(w.buf, e.Category)
	w.at(e.Time, l)
	w.buf = append(w.buf, `,"id":`...)
	w.buf = jsontext.AppendString(w.buf, e.Key)
	if e.Kind == tracefmt.FlowEnd && !e.BindNext {
		w.buf = append(w.buf, `,"bp":"e"`...)
	}
	w.outside(e)
	w.args(e, f.args)
	switch e.Kind {
	case tracefmt.FlowStart:
		f.queued, f.started, f.start, f.args = false, true, e.Time, argNames(e)
		waiting := f.waiting
		f.waiting = nil
		for _, point := range waiting {
			w.flow(point)
		}
	case tracefmt.FlowStep:
		names := argNames(e) // as they were written: Catapult begins a new arrow with them
		for i, name := range names {
			if slices.Contains(f.args, name) {
				names[i] = endPrefix + name
			}
		}
		f.args = names
	case tracefmt.FlowEnd:
		delete(w.flows, key)
	}
}

// retryFlows writes the flow points that waited for a slice of this track and now have one.
func (w *Writer) retryFlows(t *track) {
	if len(t.waiting) == 0 {
		return
	}
	waiting := t.waiting
	t.waiting = nil
	for _, e := range waiting {
		l := t.lanes.At(e.Time)
		if l == nil || e.BindNext {
			t.waiting = append(t.waiting, e)
			continue
		}
		w.flowPoint(e, l)
	}
}

// releaseNext writes the flow ends that point to the slice which is about to be written.
func (w *Writer) releaseNext(t *track, l *lane, start int64) {
	if len(t.waiting) == 0 {
		return
	}
	waiting := t.waiting
	t.waiting = slices.DeleteFunc(slices.Clone(waiting), func(e *tracefmt.Event) bool {
		return e.BindNext && e.Time <= start
	})
	for _, e := range waiting {
		if e.BindNext && e.Time <= start {
			w.flowPoint(e, l)
		}
	}
}

// dropFlows counts the flow points that waited in vain.
func (w *Writer) dropFlows() {
	for _, t := range w.tracks {
		for range t.waiting {
			w.losses.Add("flow point outside of any slice")
		}
	}
	for _, f := range w.flows {
		for range f.waiting {
			w.losses.Add("flow point without a start")
		}
	}
}

// asyncKey is what joins the points of an async slice.
type asyncKey struct{ category, key string }

// asyncOpen is an async slice that has begun.
type asyncOpen struct {
	name  string
	start int64
	ident string
}

// asyncEvent writes a point of an async slice. Catapult pairs begin and end by category, id and name, and warns of
// those that are left over.
func (w *Writer) asyncEvent(e *tracefmt.Event) {
	key := asyncKey{e.Category, e.AsyncKey()}
	if key.key == "" {
		w.losses.Add("async event without an id")
		return
	}
	t := w.track(e.Track)
	name, when := e.Name, e.Time
	switch e.Kind {
	case tracefmt.AsyncBegin:
		w.async[key] = append(w.async[key], asyncOpen{name, when, t.first().Out})
	case tracefmt.AsyncEnd:
		open := w.async[key]
		i := len(open) - 1
		for i >= 0 && name != "" && open[i].name != name {
			i--
		}
		if i < 0 {
			w.losses.Add("async end without a begin")
			return
		}
		name = open[i].name
		if when < open[i].start {
			when = open[i].start
			w.losses.Add("async end before its begin, moved to it")
		}
		w.leaveOpen(key, open[i+1:], when) // an end closes what is inside too
		if i == 0 {
			delete(w.async, key)
		} else {
			w.async[key] = open[:i]
		}
	}
	w.asyncPoint(name, key, letters[e.Kind], when, t.first().Out)
	w.outside(e)
	w.args(e, nil)
}

// asyncPoint writes an async event up to its args. An id of the form "local:x" or "global:x" is what the reader makes
// of the newer key id2.
func (w *Writer) asyncPoint(name string, key asyncKey, letter byte, when int64, ident string) {
	w.open(name, "", letter)
	w.buf = append(w.buf, `,"cat":`...) // required, even if empty
	w.buf = jsontext.AppendString(w.buf, key.category)
	w.at(when, nil)
	w.buf = append(w.buf, ident...)
	if scope, id, ok := cutID2(key.key); ok {
		w.buf = append(append(append(w.buf, `,"id2":{"`...), scope...), `":`...)
		w.buf = append(jsontext.AppendString(w.buf, id), '}')
	} else {
		w.buf = append(w.buf, `,"id":`...)
		w.buf = jsontext.AppendString(w.buf, key.key)
	}
}

func cutID2(key string) (scope, id string, ok bool) {
	scope, id, ok = strings.Cut(key, ":")
	return scope, id, ok && (scope == "local" || scope == "global")
}

// leaveOpen writes ends for async slices that have none, which say that they are no real ones.
func (w *Writer) leaveOpen(key asyncKey, open []asyncOpen, when int64) {
	for _, o := range slices.Backward(open) {
		w.asyncPoint(o.name, key, 'e', max(when, o.start), o.ident)
		w.buf = append(w.buf, `,"args":{"`+argOpen+`":true}}`...)
	}
}

// endAsync ends the async slices that are still open.
func (w *Writer) endAsync() {
	keys := slices.SortedFunc(maps.Keys(w.async), func(a, b asyncKey) int {
		return cmp.Or(cmp.Compare(a.category, b.category), cmp.Compare(a.key, b.key))
	})
	for _, key := range keys {
		w.leaveOpen(key, w.async[key], w.last)
	}
}
