// Package window finds the order of time among a bounded number of events, for what reads a trace of any length.
package window

import (
	"math"
	"sort"

	"github.com/spanstack/spanstack/tracefmt"
)

// Default is the number of events in a window, where nobody asks for another one. They take some 10 MB, and 40 MB at most.
const Default = 1 << 14

// A Window holds events in the order of time. Most come in that order, or are the earliest, as those of the next thread in
// a file that has one thread after the other: they are added at an end of it.
//
// How many events it holds depends on how far they are out of order: some times more than the farthest had to go back
// lately. Fewer stay in the processor's caches, which makes more than a fourth of the time that conversions take.
type Window struct {
	size  int
	slots []tracefmt.Event // of events, in no order: their memory is used again
	sizes []int            // of the texts in each
	free  []int32          // slots that are not used
	order []int32          // those that are, the earliest first: order[lo:hi], with room on both sides
	lo    int
	hi    int
	texts int // bytes of the texts in it

	limit    int // of events in it
	farthest int // places that an event had to go back, since they are counted
	counted  int // events since then
}

// fewest is the least limit of a window's events, if there is room for so many.
const fewest = 1 << 10

// maxTexts bounds the bytes of texts in a window. Names that several events share count for each of them.
const maxTexts = 32 << 20

// maxSpareAttrs is how much room for attributes a slot keeps.
const maxSpareAttrs = 64

// New returns an empty window for a number of events. Its memory grows up to that.
func New(size int) *Window {
	return &Window{size: size, order: make([]int32, 3*size), lo: size, hi: size, limit: size}
}

// Len returns how many events are in it.
func (w *Window) Len() int { return w.hi - w.lo }

// Full reports whether there is no room: an event has to be taken out before the next one is added.
func (w *Window) Full() bool { return w.Len() >= w.limit || w.texts > maxTexts }

// Limit returns how many events it holds at the moment.
func (w *Window) Limit() int { return w.limit }

// Push adds a copy of an event.
func (w *Window) Push(e *tracefmt.Event) {
	if len(w.free) == 0 {
		w.free = append(w.free, int32(len(w.slots)))
		w.slots = append(w.slots, tracefmt.Event{})
		w.sizes = append(w.sizes, 0)
	}
	slot := w.free[len(w.free)-1]
	w.free = w.free[:len(w.free)-1]
	c := &w.slots[slot]
	attrs := c.Attrs[:0]
	if cap(attrs) > maxSpareAttrs {
		attrs = nil
	}
	*c = *e
	c.Attrs = append(attrs, e.Attrs...)
	w.sizes[slot] = TextSize(c)
	w.texts += w.sizes[slot]
	w.insert(slot)
}

// insert puts a slot into the order.
func (w *Window) insert(slot int32) {
	if w.lo == 0 || w.hi == len(w.order) { // make room: at most once in as many events as a window has
		middle := w.order[(len(w.order)-w.Len())/2:]
		copy(middle, w.order[w.lo:w.hi])
		w.lo, w.hi = (len(w.order)-w.Len())/2, (len(w.order)-w.Len())/2+w.Len()
	}
	list := w.order[w.lo:w.hi]
	c := &w.slots[slot]
	i := len(list)
	if i > 0 && before(c, &w.slots[list[i-1]]) {
		i = sort.Search(i-1, func(i int) bool { return before(c, &w.slots[list[i]]) })
	}
	w.adapt(len(list) - i)
	if i < len(list)/2 {
		w.lo--
		copy(w.order[w.lo:], list[:i])
	} else {
		copy(w.order[w.lo+i+1:w.hi+1], list[i:])
		w.hi++
	}
	w.order[w.lo+i] = slot
}

// adapt sets the limit by how many places an event went back.
func (w *Window) adapt(back int) {
	w.farthest = max(w.farthest, back)
	w.counted++
	switch {
	case back > w.limit/2:
		w.limit = min(2*w.limit, w.size)
	case w.counted < 4*w.limit:
		return
	case w.farthest < w.limit/8:
		w.limit = max(w.limit/2, min(fewest, w.size))
	}
	w.farthest, w.counted = 0, 0
}

// before reports whether a must come before b, which was read before it: a slice comes before those inside of it.
func before(a, b *tracefmt.Event) bool {
	if a.Time != b.Time {
		return a.Time < b.Time
	}
	return a.Kind == tracefmt.Complete && b.Kind == tracefmt.Complete && length(a) > length(b)
}

// length returns a slice's duration, and the longest of all for one that hasn't ended.
func length(e *tracefmt.Event) int64 {
	if d, ok := e.Duration(); ok {
		return d
	}
	return math.MaxInt64
}

// TextSize returns the bytes of an event's texts.
func TextSize(e *tracefmt.Event) int {
	n := len(e.Name)
	for i := range e.Attrs {
		switch v := e.Attrs[i].Value; v.Kind() {
		case tracefmt.StringValue, tracefmt.RawValue:
			n += len(v.String())
		}
	}
	return n
}

// Pop takes out the earliest event, which is valid until the next Push. There must be one.
func (w *Window) Pop() *tracefmt.Event {
	slot := w.order[w.lo]
	w.lo++
	w.free = append(w.free, slot)
	w.texts -= w.sizes[slot]
	return &w.slots[slot]
}
