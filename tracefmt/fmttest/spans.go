package fmttest

import (
	"fmt"
	"math"
	"slices"

	"github.com/spanstack/spanstack/tracefmt"
)

// SpansOf returns what a trace says of slices, instants and log lines, whatever the form and the order, as far as a
// format keeps it: one line each, sorted. Times are since 1970; numbers above the largest int64 are strings.
func SpansOf(events []tracefmt.Event, keeps tracefmt.Feature) (lines []string) {
	n := normal{keeps: keeps, tracks: map[tracefmt.TrackID]tracefmt.Event{}, open: map[tracefmt.TrackID][]tracefmt.Event{}}
	for i := range events {
		n.add(events[i].Clone())
	}
	for _, stack := range n.open {
		for i := range stack {
			n.line(&stack[i])
		}
	}
	for i := range n.async {
		n.line(&n.async[i])
	}
	slices.Sort(n.lines)
	return n.lines
}

type normal struct {
	keeps  tracefmt.Feature
	lines  []string
	offset int64
	timed  bool
	tracks map[tracefmt.TrackID]tracefmt.Event
	open   map[tracefmt.TrackID][]tracefmt.Event
	async  []tracefmt.Event
}

func (n *normal) add(e *tracefmt.Event) {
	switch e.Kind {
	case tracefmt.Clock:
		if !n.timed {
			n.offset = e.Unix - e.Time
		}
		n.timed = true
		return
	case tracefmt.Process, tracefmt.Track:
		n.tracks[e.Track] = *e
		return
	}
	n.timed = true
	e.Time += n.offset
	switch e.Kind {
	case tracefmt.Begin:
		e.Dur = tracefmt.Open
		n.open[e.Track] = append(n.open[e.Track], *e)
	case tracefmt.End:
		if stack := n.open[e.Track]; len(stack) > 0 {
			n.end(&stack[len(stack)-1], e)
			n.open[e.Track] = stack[:len(stack)-1]
		}
	case tracefmt.AsyncBegin:
		e.Dur = tracefmt.Open
		n.async = append(n.async, *e)
	case tracefmt.AsyncEnd:
		for i := len(n.async) - 1; i >= 0; i-- {
			if b := &n.async[i]; b.Category == e.Category && b.AsyncKey() == e.AsyncKey() && b.Name == e.Name {
				n.end(b, e)
				n.async = slices.Delete(n.async, i, i+1)
				break
			}
		}
	case tracefmt.Complete, tracefmt.Instant, tracefmt.Log:
		n.line(e)
	}
}

func (n *normal) end(begin, end *tracefmt.Event) {
	begin.Dur = end.Time - begin.Time
	for _, a := range end.Attrs {
		begin.Attrs = slices.DeleteFunc(begin.Attrs, func(b tracefmt.Attr) bool { return b.Key == a.Key })
		begin.Attrs = append(begin.Attrs, a)
	}
	n.line(begin)
}

func (n *normal) line(e *tracefmt.Event) {
	if !Kept(e.Kind, n.keeps) {
		return
	}
	kind, place := "slice", ""
	switch e.Kind {
	case tracefmt.Instant, tracefmt.Log:
		kind = e.Kind.String()
	default:
		track := n.tracks[e.Track]
		process := n.tracks[track.Process]
		if e.Kind == tracefmt.AsyncBegin {
			kind = "async slice " + e.Key
		}
		place = fmt.Sprintf("%v %q %v %q", process.SourceID, process.Name, track.SourceID, track.Name)
	}
	var attrs []string
	for _, a := range e.Attrs {
		if a.Value.Kind() == tracefmt.Uint64Value {
			a.Value = tracefmt.String(a.Value.String())
		}
		attrs = append(attrs, fmt.Sprintf("%q:%d:%q", a.Key, a.Value.Kind(), a.Value))
	}
	slices.Sort(attrs)
	n.lines = append(n.lines, fmt.Sprintf("%d %s %q %q of %q dur %d on %s %q %v %v",
		e.Time, kind, e.Name, e.ID, e.Parent, e.Dur, place, e.Category, e.Severity, attrs))
}

// possible returns events without what a format of spans has no numbers for: times before 1970.
func (s suite) possible(events []tracefmt.Event) []tracefmt.Event {
	if !s.Spans {
		return events
	}
	var some []tracefmt.Event
	for _, e := range events {
		if e.Kind == tracefmt.Clock {
			e.Unix &= math.MaxInt64 / 2
		}
		if e.Time >= 0 {
			some = append(some, e)
		}
	}
	return some
}
