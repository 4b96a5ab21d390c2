package timeline_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/capture"
	"github.com/spanstack/spanstack/trace/tracetest"
	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/chrome"
	"github.com/spanstack/spanstack/tracefmt/spanlog"
	"github.com/spanstack/spanstack/tracefmt/timeline"
)

// without leaves the log lines out of a trace, as one of the level at which nothing is logged would be.
type without struct{ tracefmt.Reader }

func (w without) Next() (*tracefmt.Event, error) {
	for {
		e, err := w.Reader.Next()
		if err != nil || e.Kind != tracefmt.Log {
			return e, err
		}
	}
}

// TestProgram merges what a program really writes: its capture, and its log in both formats. All lines of the log are in
// the capture already; and in one without lines they are on the tracks of their spans, at the same times.
func TestProgram(t *testing.T) {
	base := tracetest.Strict(t)
	path := filepath.Join(t.TempDir(), "trace.json")
	f, err := capture.Start(path, trace.RecorderFromContext(base))
	if err != nil {
		t.Fatal(err)
	}
	var asJSON, asLogfmt bytes.Buffer
	h := logging.Join(logging.NewHandler(&asJSON, logging.Options{Format: logging.FormatJSON}),
		logging.NewHandler(&asLogfmt, logging.Options{Format: logging.FormatLogfmt}))
	lines := work(logging.WithHandler(base, h))
	if err := f.Stop(); err != nil {
		t.Fatal(err)
	}
	captured, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	trace := func() tracefmt.Reader { return chrome.NewReader(bytes.NewReader(captured)) }
	place := func(readers ...tracefmt.Reader) (map[string]int64, timeline.Placement) {
		var tl timeline.Timeline
		for _, r := range readers {
			if _, err := tl.Read(r); err != nil && err != io.EOF {
				t.Fatal(err)
			}
		}
		found := map[string]int64{}
		names := map[tracefmt.TrackID]string{}
		for e := range tl.Events() {
			switch e.Kind {
			case tracefmt.Process, tracefmt.Track:
				names[e.Track] = e.Name
			case tracefmt.Log:
				found[names[e.Track]+": "+e.Name+" in "+e.Parent] = e.Time
			}
		}
		return found, tl.Placement()
	}
	want, _ := place(trace())
	if len(want) != lines {
		t.Fatalf("the capture has %d lines, want %d: %v", len(want), lines, want)
	}
	for name, log := range map[string]*bytes.Buffer{"JSON": &asJSON, "logfmt": &asLogfmt} {
		reader := func() tracefmt.Reader { return spanlog.NewReader(bytes.NewReader(log.Bytes())) }
		found, p := place(trace(), reader())
		if p.Repeated != int64(lines) || p.OnSpan != int64(lines) || len(found) != lines {
			t.Errorf("%s: %+v, %d lines are there, want all %d once", name, p, len(found), lines)
		}
		found, p = place(reader(), without{trace()})
		if p.Repeated != 0 || p.OnSpan != int64(lines) {
			t.Errorf("%s: %+v, want all %d lines on their spans", name, p, lines)
		}
		for line, at := range want {
			const tolerance = 1e6 // of the two clocks of a busy machine
			if got, ok := found[line]; !ok || got-at > tolerance || at-got > tolerance {
				t.Errorf("%s: %q is at %d (%v), want %d", name, line, got, ok, at)
			}
		}
		checkSubtrees(t, name, trace(), reader())
	}
}

// work does something with tasks and spans, and returns how many lines it logs.
func work(ctx context.Context) (lines int) {
	log := func(ctx context.Context, message string, attrs ...any) {
		lines++
		logging.GetLogger(ctx, "work").Info(message, attrs...)
	}
	for i := range 5 {
		ctx, task := trace.WithTask(ctx, "task", slog.Int("i", i))
		log(ctx, fmt.Sprint("begin ", i), "nanos", slog.DurationValue(1500))
		inner, span := trace.WithSpan(ctx, "span")
		log(inner, "same text")
		child, childTask := trace.WithTask(inner, "child")
		log(child, "same text", "decoy", task.ID())
		later, async := trace.WithAsyncSpan(child, "async")
		log(later, "in an async span")
		async.End()
		childTask.End()
		span.End()
		log(ctx, fmt.Sprint("end of ", span.ID()))
		task.End()
	}
	return lines
}

// checkSubtrees compares, for each slice of a trace, the lines of a log that are below it with those that have its ID in
// their stacks.
func checkSubtrees(t *testing.T, name string, trace, log tracefmt.Reader) {
	t.Helper()
	var tl timeline.Timeline
	for _, r := range []tracefmt.Reader{without{trace}, log} {
		if _, err := tl.Read(r); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]bool{} // an async slice may be there while it is open, and again
	for slice := range tl.Events() {
		if slice.ID == "" || seen[slice.ID] {
			continue
		}
		seen[slice.ID] = true
		var got, want []string
		for e := range tl.Below(func(e *tracefmt.Event) bool { return e.ID == slice.ID }) {
			if e.Kind == tracefmt.Log {
				got = append(got, e.Name)
			}
		}
		for e := range tl.Events() {
			if e.Kind == tracefmt.Log && strings.Contains(e.Attr(tracefmt.AttrStack).String(), slice.ID) {
				want = append(want, e.Name)
			}
		}
		if strings.Join(got, "|") != strings.Join(want, "|") || len(got) == 0 {
			t.Errorf("%s: below %s (%s) are %q, want %q", name, slice.ID, slice.Name, got, want)
		}
	}
	if len(seen) != 20 {
		t.Errorf("%s: %d slices with IDs, want 20", name, len(seen))
	}
}
