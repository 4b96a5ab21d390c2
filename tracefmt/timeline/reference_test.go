package timeline_test

import (
	"cmp"
	"fmt"
	"math"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/timeline"
)

// reference puts the timed events of one trace into normal form as the package says it, in the plainest way: each step on
// a whole list, in place.
func reference(events []tracefmt.Event) []tracefmt.Event {
	process := make(map[tracefmt.TrackID]tracefmt.TrackID)
	var list []tracefmt.Event
	for _, e := range events {
		switch {
		case e.Kind == tracefmt.Process:
			process[e.Track] = e.Track
		case e.Kind == tracefmt.Track:
			process[e.Track] = e.Process
		case e.Kind.Timed():
			list = append(list, *e.Clone())
		}
	}
	gone := func(e tracefmt.Event) bool { return e.Kind == tracefmt.Invalid }
	slices.SortStableFunc(list, func(a, b tracefmt.Event) int { return cmp.Compare(a.Time, b.Time) })
	referencePairs(list)
	list = append(slices.DeleteFunc(list, gone), referenceMarks(list, process)...)
	list = slices.DeleteFunc(list, gone)
	slices.SortStableFunc(list, referenceOrder)
	ends := make(map[tracefmt.TrackID][]int64)
	for i := range list {
		e := &list[i]
		if e.Kind != tracefmt.Begin && e.Kind != tracefmt.Complete {
			continue
		}
		around := ends[e.Track]
		for len(around) > 0 && around[len(around)-1] <= e.Time {
			around = around[:len(around)-1]
		}
		if e.Kind == tracefmt.Begin && len(around) > 0 {
			e.Kind, e.Dur = tracefmt.Complete, around[len(around)-1]-e.Time
			around = append(around, around[len(around)-1])
		} else if d, ok := e.Duration(); ok {
			around = append(around, saturated(e.Time, d))
		}
		ends[e.Track] = around
	}
	slices.SortStableFunc(list, referenceOrder)
	return list
}

func referencePairs(list []tracefmt.Event) {
	open := make(map[tracefmt.TrackID][]*tracefmt.Event)
	for i := range list {
		e := &list[i]
		stack := open[e.Track]
		switch e.Kind {
		case tracefmt.Begin:
			open[e.Track] = append(stack, e)
		case tracefmt.End:
			at := len(stack) - 1
			for at >= 0 && e.Name != "" && stack[at].Name != e.Name {
				at--
			}
			if at >= 0 {
				for _, b := range stack[at:] {
					b.Kind, b.Dur = tracefmt.Complete, e.Time-b.Time
				}
				for _, a := range e.Attrs {
					b := stack[at]
					j := slices.IndexFunc(b.Attrs, func(b tracefmt.Attr) bool { return a.Key == b.Key })
					if j < 0 {
						b.Attrs = append(b.Attrs, a)
					} else if before := b.Attrs[j].Value; before != a.Value {
						b.Attrs[j].Value = a.Value
						b.Attrs = append(b.Attrs, tracefmt.Attr{Key: a.Key + " (begin)", Value: before})
					}
				}
				open[e.Track] = stack[:at]
			}
			*e = tracefmt.Event{}
		}
	}
}

// referenceMarks takes out the marks of open slices, and returns those that are needed.
func referenceMarks(list []tracefmt.Event, process map[tracefmt.TrackID]tracefmt.TrackID) (marks []tracefmt.Event) {
	last := make(map[tracefmt.TrackID]int64)
	known := make(map[tracefmt.TrackID]bool)
	marked := false
	var open []tracefmt.TrackID
	for i := range list {
		e := &list[i]
		if e.Kind == tracefmt.Invalid {
			continue
		}
		p, end := process[e.Track], saturated(e.Time, max(e.Dur, 0))
		if !known[p] || end > last[p] {
			known[p], last[p] = true, end
		}
		if e.Kind == tracefmt.Begin && !slices.Contains(open, e.Track) {
			open = append(open, e.Track)
		}
		if e.Kind == tracefmt.Instant && e.Category == tracefmt.CategoryOpen {
			marked = true
			*e = tracefmt.Event{}
		}
	}
	for _, id := range open {
		if marked {
			marks = append(marks, tracefmt.Event{Kind: tracefmt.Instant, Track: id, Time: last[process[id]], Name: "open",
				Category: tracefmt.CategoryOpen})
		}
	}
	return marks
}

func referenceOrder(a, b tracefmt.Event) int {
	rank := func(e *tracefmt.Event) int {
		switch {
		case e.Kind == tracefmt.Clock:
			return 0
		case e.Kind == tracefmt.FlowEnd && e.BindNext:
			return 1
		case e.Kind == tracefmt.Begin || e.Kind == tracefmt.Complete:
			return 2
		case e.Kind == tracefmt.FlowStep:
			return 4
		case e.Kind == tracefmt.FlowEnd:
			return 5
		}
		return 3
	}
	length := func(e *tracefmt.Event) int64 {
		if rank(e) != 2 {
			return 0
		}
		if d, ok := e.Duration(); ok {
			return d
		}
		return math.MaxInt64
	}
	return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(rank(&a), rank(&b)), cmp.Compare(length(&b), length(&a)))
}

// TestReference compares the normal form with one that is made in the plainest way.
func TestReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := tangle(t, 0)
		if rapid.Bool().Draw(t, "regular") {
			events = fmttest.Events(t)
		}
		isClock := func(e tracefmt.Event) bool { return e.Kind == tracefmt.Clock } // of which the anchor would come first
		events = slices.DeleteFunc(events, isClock)
		var tl timeline.Timeline
		for i := range events {
			tl.Add(&events[i])
		}
		var got, want []string
		for e := range tl.Events() {
			if e.Kind.Timed() {
				got = append(got, textOf(e))
			}
		}
		for _, e := range reference(events) {
			want = append(want, textOf(&e))
		}
		if !slices.Equal(got, want) {
			t.Fatalf("got\n%s\nwant\n%s", fmt.Sprint(got), fmt.Sprint(want))
		}
	})
}

// saturated returns a time that is d later, or the last one.
func saturated(time, d int64) int64 {
	if later := new(big.Int).Add(big.NewInt(time), big.NewInt(d)); later.IsInt64() {
		return later.Int64()
	}
	return math.MaxInt64
}
