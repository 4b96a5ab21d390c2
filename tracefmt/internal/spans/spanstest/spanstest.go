// Package spanstest helps to test formats of tracing systems. They say the same as other traces in another form: their
// slices are complete, and come in the order of their ends.
package spanstest

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/internal/spans"
	"pgregory.net/rapid"
)

// RoundTrip checks that a format keeps the slices, instants and log lines of any trace. Instants and log lines that are in
// no slice may be lost, if they are counted.
func RoundTrip(t *testing.T, f *tracefmt.Format) {
	check := func(t rapid.TB, events []tracefmt.Event) {
		var out bytes.Buffer
		w := f.NewWriter(&out)
		for i := range events {
			if err := w.Write(&events[i]); err != nil {
				t.Fatalf("Write: %v", err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatalf("Close: %v", err)
		}
		back, err := fmttest.ReadAll(f.NewReader(bytes.NewReader(out.Bytes())))
		if err != nil {
			t.Fatalf("reading back: %v\n%s", err, out.Bytes())
		}
		var lost int64
		for _, l := range tracefmt.LossesOf(w) {
			if strings.Contains(l.What, "outside of") {
				lost += l.Count
			}
		}
		same(t, Normal(back), Normal(events), lost)
	}
	t.Run("sample", func(t *testing.T) { check(t, fmttest.Sample()) })
	t.Run("random", func(t *testing.T) {
		rapid.Check(t, func(r *rapid.T) {
			events := fmttest.Events(r)
			if events[0].Kind == tracefmt.Clock {
				events[0].Unix &= math.MaxInt64 / 2 // no time before 1970
			}
			check(r, events)
		})
	})
}

// Same fails the test if two streams of events don't say the same of slices, instants and log lines.
func Same(t rapid.TB, got, want []tracefmt.Event) {
	t.Helper()
	same(t, Normal(got), Normal(want), 0)
}

func same(t rapid.TB, got, want []string, lost int64) {
	t.Helper()
	rest := got
	for _, line := range want {
		switch {
		case len(rest) > 0 && rest[0] == line:
			rest = rest[1:]
		case lost > 0 && !strings.Contains(line, " slice "):
			lost--
		default:
			t.Fatalf("missing is\n  %.2000s\nof\n%.9000s\ngot\n%.9000s", line, strings.Join(want, "\n"), strings.Join(got, "\n"))
		}
	}
	if len(rest) > 0 {
		t.Fatalf("too many:\n%.9000s\nin\n%.9000s", strings.Join(rest, "\n"), strings.Join(got, "\n"))
	}
	if lost > 0 {
		t.Fatalf("%d losses are counted that are none", lost)
	}
}

// Normal returns what a trace says of slices, instants and log lines, whatever the form and the order: one line each,
// sorted.
func Normal(events []tracefmt.Event) (lines []string) {
	n := normal{tracks: map[tracefmt.TrackID]tracefmt.Event{}, open: map[tracefmt.TrackID][]tracefmt.Event{}}
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
		begin.Attrs = spans.SetAttr(begin.Attrs, a.Key, a.Value)
	}
	n.line(begin)
}

func (n *normal) line(e *tracefmt.Event) {
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
