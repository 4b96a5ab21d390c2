package timeline

import (
	"cmp"
	"math"
	"slices"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/spill"
)

// closing ends the slices that never ended although one around them did: a slice can't outlive that. Events come in the
// order of nesting, and leave in it: a slice that gets an end has its place behind longer ones that begin at its time,
// and is held until these have passed.
type closing struct {
	t    *Timeline
	ends map[tracefmt.TrackID][]int64 // of the slices around, the innermost last
	held []*tracefmt.Event            // of one time
}

// closeInside makes the normal form of what was sorted by nesting.
func (t *Timeline) closeInside(s *spill.Sorter) {
	if t.store.tape != nil {
		t.final = t.newTape()
	} else {
		t.order = make([]*tracefmt.Event, 0, t.store.n)
	}
	c := &closing{t: t, ends: make(map[tracefmt.TrackID][]int64)}
	t.sorted(s, func(e *tracefmt.Event, _ int64, keep keeper) {
		ended := rank(e) == rankSlice && c.slice(e)
		if ended && length(e) < math.MaxInt64 {
			c.hold(keep(e))
		} else {
			c.release(e)
			t.put(e)
		}
	})
	c.release(nil)
	if t.final != nil && t.err == nil {
		if err := t.final.Flush(); err != nil {
			t.fail(err)
		}
	}
}

// slice takes note of a slice, and reports whether it is ended by the one around it.
func (c *closing) slice(e *tracefmt.Event) (ended bool) {
	stack := c.ends[e.Track]
	for len(stack) > 0 && stack[len(stack)-1] <= e.Time {
		stack = stack[:len(stack)-1]
	}
	if _, ok := e.Duration(); ok {
		stack = append(stack, e.Until())
	} else if e.Kind == tracefmt.Begin && len(stack) > 0 {
		c.t.losses.Add("slice without an end, ended with the one around it")
		complete(e, stack[len(stack)-1])
		stack = append(stack, stack[len(stack)-1])
		ended = true
	}
	c.ends[e.Track] = stack
	return ended
}

// hold keeps back a slice that got an end. Others may follow that come before it.
func (c *closing) hold(e *tracefmt.Event) {
	if len(c.held) > 0 && c.held[0].Time != e.Time {
		c.release(nil)
	}
	c.held = append(c.held, e)
}

// release hands on what is held and comes before the next event; nil is the end.
func (c *closing) release(next *tracefmt.Event) {
	if len(c.held) == 0 {
		return
	}
	least := int64(0) // the length of the shortest that comes before
	if next != nil && next.Time == c.held[0].Time && rank(next) == rankSlice {
		if least = length(next); least == math.MaxInt64 {
			return // without an end yet, or for ever
		}
	}
	slices.SortStableFunc(c.held, func(a, b *tracefmt.Event) int { return cmp.Compare(length(b), length(a)) })
	n := 0
	for n < len(c.held) && length(c.held[n]) >= least {
		c.t.put(c.held[n])
		n++
	}
	c.held = slices.Delete(c.held, 0, n)
}

// put adds an event to the normal form.
func (t *Timeline) put(e *tracefmt.Event) {
	if t.store.tape == nil {
		t.order = append(t.order, e)
		return
	}
	if t.err != nil {
		return
	}
	if err := t.final.Add(e, 0); err != nil {
		t.fail(err)
	}
}
