package filter

import (
	"fmt"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
)

// Count says how many things of one sort were left of how many.
type Count struct {
	What string // such as "slices"
	Left int64
	Of   int64
}

// Counts is what was left, by sorts.
type Counts struct{ slices, logs, instants, flows, counters Count }

// List returns the sorts that the trace had any of.
func (c *Counts) List() []Count {
	var list []Count
	for _, entry := range []struct {
		Count
		what string
	}{{c.slices, "slices"}, {c.logs, "log lines"}, {c.instants, "instants"}, {c.flows, "points of arrows"},
		{c.counters, "values of counters"}} {
		if entry.Of > 0 {
			entry.What = entry.what
			list = append(list, entry.Count)
		}
	}
	return list
}

// Left returns how many events were left in all.
func (c *Counts) Left() (n int64) {
	for _, entry := range c.List() {
		n += entry.Left
	}
	return n
}

// String returns the counts as a sentence's part: "3 of 7 slices, 0 of 12 log lines".
func (c *Counts) String() string {
	var parts []string
	for _, entry := range c.List() {
		parts = append(parts, fmt.Sprintf("%d of %d %s", entry.Left, entry.Of, entry.What))
	}
	if parts == nil {
		return "there was nothing"
	}
	return strings.Join(parts, ", ")
}

// add counts an event. Ends count with their begins.
func (c *Counts) add(e *tracefmt.Event, left bool) {
	var entry *Count
	switch e.Kind {
	case tracefmt.Begin, tracefmt.Complete, tracefmt.AsyncBegin:
		entry = &c.slices
	case tracefmt.Log:
		entry = &c.logs
	case tracefmt.Instant, tracefmt.AsyncInstant:
		entry = &c.instants
	case tracefmt.FlowStart, tracefmt.FlowStep, tracefmt.FlowEnd:
		entry = &c.flows
	case tracefmt.Counter:
		entry = &c.counters
	default:
		return
	}
	entry.Of++
	if left {
		entry.Left++
	}
}
