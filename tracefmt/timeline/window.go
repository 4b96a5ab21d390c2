package timeline

import (
	"sort"

	"github.com/spanstack/spanstack/tracefmt"
)

// A window holds events in the order of time. Most come in that order, or are the earliest, as those of the next thread in
// a file that has one thread after the other: they are added at an end of it.
//
// How many events it holds depends on how far they are out of order: some times more than the farthest had to go back
// lately. Fewer stay in the processor's caches, which makes more than a fourth of the time that conversions take.
type window struct {
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

func (w *window) init(size int) {
	w.slots = make([]tracefmt.Event, size)
	w.sizes = make([]int, size)
	w.order = make([]int32, 3*size)
	w.lo, w.hi, w.limit = size, size, size
	for i := range w.slots {
		w.free = append(w.free, int32(size-1-i))
	}
}

func (w *window) len() int   { return w.hi - w.lo }
func (w *window) full() bool { return w.len() >= w.limit || w.texts > maxTexts }

// push adds a copy of an event.
func (w *window) push(e *tracefmt.Event) {
	slot := w.free[len(w.free)-1]
	w.free = w.free[:len(w.free)-1]
	c := &w.slots[slot]
	attrs := c.Attrs[:0]
	if cap(attrs) > maxSpareAttrs {
		attrs = nil
	}
	*c = *e
	c.Attrs = append(attrs, e.Attrs...)
	w.sizes[slot] = textOf(c)
	w.texts += w.sizes[slot]
	w.insert(slot)
}

// insert puts a slot into the order.
func (w *window) insert(slot int32) {
	if w.lo == 0 || w.hi == len(w.order) { // make room: at most once in as many events as a window has
		middle := w.order[(len(w.order)-w.len())/2:]
		copy(middle, w.order[w.lo:w.hi])
		w.lo, w.hi = (len(w.order)-w.len())/2, (len(w.order)-w.len())/2+w.len()
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
func (w *window) adapt(back int) {
	w.farthest = max(w.farthest, back)
	w.counted++
	switch {
	case back > w.limit/2:
		w.limit = min(2*w.limit, len(w.slots))
	case w.counted < 4*w.limit:
		return
	case w.farthest < w.limit/8:
		w.limit = max(w.limit/2, min(fewest, len(w.slots)))
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

// textOf returns the bytes of an event's texts.
func textOf(e *tracefmt.Event) int {
	n := len(e.Name)
	for i := range e.Attrs {
		switch v := e.Attrs[i].Value; v.Kind() {
		case tracefmt.StringValue, tracefmt.RawValue:
			n += len(v.String())
		}
	}
	return n
}

// pop takes out the earliest event, which is valid until the next push.
func (w *window) pop() *tracefmt.Event {
	slot := w.order[w.lo]
	w.lo++
	w.free = append(w.free, slot)
	w.texts -= w.sizes[slot]
	return &w.slots[slot]
}
