// Package spanstest helps to test formats of tracing systems. They say the same as other traces in another form: their
// slices are complete, and come in the order of their ends.
package spanstest

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"pgregory.net/rapid"
)

// RoundTrip checks that a format keeps the slices, instants and log lines of any trace. Instants and log lines that are
// in no slice may be lost, if they are counted.
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

// Normal returns what a trace says of slices, instants and log lines, see fmttest.SpansOf.
func Normal(events []tracefmt.Event) []string { return fmttest.SpansOf(events, tracefmt.KeepsAll) }
