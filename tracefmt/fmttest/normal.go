package fmttest

import (
	"cmp"
	"slices"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/timeline"
)

// content returns what events say, as far as the format keeps it. Formats that are written as a whole may put events in
// another order, track by track for instance, and turn begins and ends into slices: of them, normal forms are compared
// (see package timeline), with what happens at one time in the order of its text. Of formats of spans it is SpansOf.
func (s suite) content(events []tracefmt.Event) Content {
	if s.Spans {
		return Content{Timed: SpansOf(events, s.Keeps)}
	}
	if s.Mode == tracefmt.Streaming || s.Keeps == 0 {
		return ContentOf(events, s.Keeps)
	}
	var t timeline.Timeline
	for i := range events {
		t.Add(&events[i])
	}
	var normal []tracefmt.Event
	var times []int64
	for e := range t.Events() {
		normal = append(normal, *e.Clone())
		if e.Kind.Timed() && Kept(e.Kind, s.Keeps) {
			times = append(times, e.Time)
		}
	}
	c := ContentOf(normal, s.Keeps)
	type line struct {
		time int64
		text string
	}
	lines := make([]line, len(c.Timed))
	for i, text := range c.Timed {
		lines[i] = line{times[i], text}
	}
	slices.SortFunc(lines, func(a, b line) int {
		return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.text, b.text))
	})
	for i, l := range lines {
		c.Timed[i] = l.text
	}
	return c
}
