// Package bypath adds up a trace by the paths of its slices, for writers of formats that hold nothing else.
package bypath

import (
	"slices"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/summary"
	"github.com/spanstack/spanstack/tracefmt/timeline"
)

// Collector collects the events that a summary is made of, without what that doesn't need. The zero value is ready for
// use. Its memory grows with the trace: slices come in any order, those inside often before those around them.
type Collector struct {
	trace  timeline.Timeline
	losses tracefmt.Losses
	anchor tracefmt.Event
	report []tracefmt.Loss
}

// Add adds an event. It keeps nothing of e.
func (c *Collector) Add(e *tracefmt.Event) {
	switch e.Kind {
	case tracefmt.Begin, tracefmt.End, tracefmt.Complete, tracefmt.AsyncBegin, tracefmt.AsyncEnd:
		slim := *e
		slim.Attrs = nil
		if v := e.Attr(tracefmt.AttrError); !v.IsZero() {
			slim.Attrs = []tracefmt.Attr{{Key: tracefmt.AttrError, Value: tracefmt.Bool(e.Failed())}}
		}
		c.trace.Add(&slim)
	case tracefmt.Process, tracefmt.Track:
		c.trace.Add(e)
	case tracefmt.Clock:
		if c.anchor.Kind == tracefmt.Invalid {
			c.anchor = *e
			c.anchor.Attrs = nil
		}
		c.losses.Add(e.Kind.String())
	default:
		c.losses.Add(e.Kind.String())
	}
}

// Finish returns the sum of all events. Nothing can be added afterwards.
func (c *Collector) Finish() *summary.Summary {
	var sum summary.Summary
	for e := range c.trace.Events() {
		sum.Add(e)
	}
	sum.Finish()
	c.report = slices.Concat(c.trace.Losses(), sum.Losses())
	return &sum
}

// Anchor returns the first Clock event, if there was one.
func (c *Collector) Anchor() (e *tracefmt.Event, ok bool) {
	return &c.anchor, c.anchor.Kind == tracefmt.Clock
}

// Losses returns what no sum by paths can hold, beyond the single times and attributes of slices.
func (c *Collector) Losses() []tracefmt.Loss { return slices.Concat(c.losses.List(), c.report) }
