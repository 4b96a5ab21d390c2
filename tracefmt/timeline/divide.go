package timeline

import (
	"iter"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/spill"
)

// Part is some of the events of a Timeline, in their order.
type Part struct {
	t        *Timeline
	events   []*tracefmt.Event // in memory
	tape     *spill.Tape
	from, to int64
}

// Events yields the events of the part. It holds for them, and for errors, what holds for [Timeline.Events].
func (p *Part) Events() iter.Seq[*tracefmt.Event] {
	return func(yield func(*tracefmt.Event) bool) {
		for _, e := range p.events {
			if !yield(e) {
				return
			}
		}
		if p.tape == nil || p.t.err != nil {
			return
		}
		for _, e := range p.tape.Read(p.from, p.to).All(p.t.fail) {
			if !yield(e) {
				return
			}
		}
	}
}

// Divide returns n parts of the normal form. It visits all events that have a time, with their numbers, from 0; each
// goes to the parts for which add is called meanwhile.
func (t *Timeline) Divide(n int, visit func(number int, e *tracefmt.Event, add func(part int))) []*Part {
	parts := make([]*Part, n)
	for i := range parts {
		parts[i] = &Part{t: t}
	}
	t.normalise()
	s := t.sorter(nil)
	var event *tracefmt.Event
	added := int64(0)
	add := func(part int) {
		if !t.OnDisk() {
			parts[part].events = append(parts[part].events, event)
			return
		}
		c := *event
		c.Time, c.Order = int64(part), event.Time // sorted is by the time; Order means nothing in what has one
		t.sort(s, &c, added)
		added++
	}
	number := 0
	for event = range t.Events() {
		if event.Kind.Timed() {
			visit(number, event, add)
			number++
		}
	}
	if t.OnDisk() {
		t.divided(s, parts)
	}
	return parts
}

// divided puts what is sorted by parts onto a tape.
func (t *Timeline) divided(s *spill.Sorter, parts []*Part) {
	tape := t.newTape()
	if tape == nil {
		return
	}
	t.parts = append(t.parts, tape)
	t.sorted(s, func(e *tracefmt.Event, _ int64, _ keeper) {
		p := parts[e.Time]
		e.Time, e.Order = e.Order, 0
		if p.tape == nil {
			p.tape, p.from = tape, tape.Len()
		}
		if err := tape.Add(e, 0); err != nil {
			t.fail(err)
		}
		p.to = tape.Len()
	})
	if err := tape.Flush(); err != nil {
		t.fail(err)
	}
}
