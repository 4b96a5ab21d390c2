package timeline

import (
	"slices"

	"github.com/spanstack/spanstack/tracefmt"
)

// pair turns begins and ends into complete slices. Events are in the order of time. As in Perfetto, an end closes the
// innermost open slice of its name, or the innermost if it has no name, and one whose name isn't open closes nothing.
// Unlike there, slices inside of the one that is closed end with it.
func (t *Timeline) pair() {
	open := make(map[tracefmt.TrackID][]int) // indexes of begins
	for i := range t.events {
		e := &t.events[i]
		switch e.Kind {
		case tracefmt.Begin:
			open[e.Track] = append(open[e.Track], i)
		case tracefmt.End:
			stack := open[e.Track]
			at := len(stack) - 1
			for at >= 0 && e.Name != "" && t.events[stack[at]].Name != e.Name {
				at--
			}
			if at < 0 {
				t.losses.Add("end without a begin")
				*e = tracefmt.Event{}
				continue
			}
			for _, inner := range stack[at+1:] {
				t.losses.Add("slice without an end, ended with the one around it")
				complete(&t.events[inner], e.Time)
			}
			begin := &t.events[stack[at]]
			complete(begin, e.Time)
			t.mergeAttrs(begin, e.Attrs)
			open[e.Track] = stack[:at]
			*e = tracefmt.Event{}
		}
	}
}

// complete turns a begin into a slice that ends at the given time.
func complete(begin *tracefmt.Event, end int64) {
	begin.Kind, begin.Dur = tracefmt.Complete, end-begin.Time
}

// mergeAttrs adds the attributes of an end to a slice. Where both have one of the same name, the end's counts, and the
// begin's is kept beside it.
func (t *Timeline) mergeAttrs(e *tracefmt.Event, attrs []tracefmt.Attr) {
	if len(attrs) == 0 {
		return
	}
	merged := slices.Clone(e.Attrs)
	for _, a := range attrs {
		i := slices.IndexFunc(merged, func(b tracefmt.Attr) bool { return a.Key == b.Key })
		switch {
		case i < 0:
			merged = append(merged, a)
		case merged[i].Value != a.Value:
			before := merged[i].Value
			merged[i].Value = a.Value
			merged = append(merged, tracefmt.Attr{Key: a.Key + " (begin)", Value: before})
		}
	}
	e.Attrs = merged
}

// closeInside ends the slices that never ended although one around them did: a slice can't outlive that. Events are in
// the order of nesting.
func (t *Timeline) closeInside() {
	ends := make(map[tracefmt.TrackID][]int64) // of the slices around, the innermost last
	for i := range t.events {
		e := &t.events[i]
		if rank(e) != rankSlice {
			continue
		}
		stack := ends[e.Track]
		for len(stack) > 0 && stack[len(stack)-1] <= e.Time {
			stack = stack[:len(stack)-1]
		}
		if d, ok := e.Duration(); ok {
			stack = append(stack, e.Time+d)
		} else if e.Kind == tracefmt.Begin && len(stack) > 0 {
			t.losses.Add("slice without an end, ended with the one around it")
			complete(e, stack[len(stack)-1])
			stack = append(stack, stack[len(stack)-1])
		}
		ends[e.Track] = stack
	}
}
