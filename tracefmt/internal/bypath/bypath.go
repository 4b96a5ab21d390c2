// Package bypath adds up a trace by the paths of its slices, for writers of formats that hold nothing else.
package bypath

import (
	"slices"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/window"
	"github.com/spanstack/spanstack/tracefmt/summary"
)

// Collector sums up the events of a trace as they come. The zero value is ready for use. Events are in the order of time,
// or nearly: those of programs that write slices when they end get their order in a window. Its memory is bounded by that,
// by what is open and by the paths there are.
type Collector struct {
	window *window.Window
	sum    summary.Summary
	losses tracefmt.Losses
	anchor tracefmt.Event
}

// Add adds an event. It keeps nothing of e.
func (c *Collector) Add(e *tracefmt.Event) {
	switch e.Kind {
	case tracefmt.Begin, tracefmt.End, tracefmt.Complete, tracefmt.AsyncBegin, tracefmt.AsyncEnd:
		c.slice(e)
	case tracefmt.Process, tracefmt.Track:
		c.sum.Add(e)
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

// slice adds an event of a slice, without what a sum doesn't need.
func (c *Collector) slice(e *tracefmt.Event) {
	if c.window == nil {
		c.window = window.New(window.Default)
	}
	for c.window.Full() {
		c.sum.Add(c.window.Pop())
	}
	slim := *e
	slim.Attrs = nil
	if v := e.Attr(tracefmt.AttrError); !v.IsZero() {
		slim.Attrs = []tracefmt.Attr{{Key: tracefmt.AttrError, Value: tracefmt.Bool(e.Failed())}}
	}
	c.window.Push(&slim)
}

// Finish returns the sum of all events. Nothing can be added afterwards.
func (c *Collector) Finish() *summary.Summary {
	for c.window != nil && c.window.Len() > 0 {
		c.sum.Add(c.window.Pop())
	}
	c.sum.Finish()
	return &c.sum
}

// Anchor returns the first Clock event, if there was one.
func (c *Collector) Anchor() (e *tracefmt.Event, ok bool) {
	return &c.anchor, c.anchor.Kind == tracefmt.Clock
}

// Losses returns what no sum by paths can hold, beyond the single times and attributes of slices.
func (c *Collector) Losses() []tracefmt.Loss { return slices.Concat(c.losses.List(), c.sum.Losses()) }
