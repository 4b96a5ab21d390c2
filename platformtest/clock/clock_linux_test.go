package clock

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	oteltest "go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/capture"
	"github.com/spanstack/spanstack/trace/otelbridge"
	"github.com/spanstack/spanstack/tracefmt"
	_ "github.com/spanstack/spanstack/tracefmt/all"
	"github.com/spanstack/spanstack/tracefmt/timeline"
)

// How far times may be off: what a busy machine, which is emulated, does between two readings of clocks. It is little
// beside the steps.
const tolerance = time.Second

// A stretch is what the program itself knows of a span.
type stretch struct {
	begin time.Time // by the wall clock
	took  time.Duration
}

// TestSteppedClock steps the wall clock by an hour, back by two, and forth again, each time within a span, while a trace is
// captured, exported and logged. No span gets longer or shorter, exported times are those of the wall clock on both sides
// of each step, as soon as the exporter has noticed it, and lines of the log are found on their spans.
func TestSteppedClock(t *testing.T) {
	if os.Getenv("SPANSTACK_STEP_CLOCK") == "" {
		t.Skip("SPANSTACK_STEP_CLOCK is not set: this machine's clock is not to be stepped")
	}
	dir := t.TempDir()
	rec := trace.NewRecorder(trace.Config{})
	file, err := capture.Start(filepath.Join(dir, "trace.json"), rec)
	if err != nil {
		t.Fatal(err)
	}
	memory := &keeping{oteltest.NewInMemoryExporter()}
	exporter := otelbridge.New(rec).Export(memory, otelbridge.ExportConfig{Interval: 50 * time.Millisecond})
	log, err := logging.Open(logging.Config{Format: logging.FormatJSON, File: filepath.Join(dir, "log.json")})
	if err != nil {
		t.Fatal(err)
	}
	ctx, task := trace.WithTask(logging.WithHandler(trace.WithRecorder(t.Context(), rec), log), "task")
	stretches := map[string]stretch{}
	for i, step := range []time.Duration{time.Hour, -2 * time.Hour, time.Hour} {
		measure(ctx, stretches, fmt.Sprintf("before step %d", i), func() {})
		measure(ctx, stretches, fmt.Sprintf("step %d", i), func() { stepClock(t, step) })
		if err := exporter.Flush(ctx); err != nil { // it notices, which it otherwise does once in its interval
			t.Fatal(err)
		}
		measure(ctx, stretches, fmt.Sprintf("right after step %d", i), func() {})
		time.Sleep(300 * time.Millisecond) // the capture notices
		measure(ctx, stretches, fmt.Sprintf("after step %d", i), func() {})
	}
	task.End()
	for _, err := range []error{file.Stop(), exporter.Close(), log.Close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	checkExport(t, stretches, memory.GetSpans())
	checkCapture(t, stretches, filepath.Join(dir, "trace.json"))
	checkLog(t, len(stretches), dir)
}

// keeping keeps its spans when it is shut down.
type keeping struct{ *oteltest.InMemoryExporter }

func (keeping) Shutdown(context.Context) error { return nil }

var _ sdktrace.SpanExporter = keeping{}

// measure makes a span with a line at its beginning and one at its end, and do in the middle.
func measure(ctx context.Context, stretches map[string]stretch, name string, do func()) {
	ctx, span := trace.WithSpan(ctx, name)
	begin := time.Now()
	logging.GetLogger(ctx, "clock").Info("begin of " + name)
	time.Sleep(50 * time.Millisecond)
	do()
	time.Sleep(50 * time.Millisecond)
	logging.GetLogger(ctx, "clock").Info("end of " + name)
	span.End()
	stretches[name] = stretch{begin.Round(0), time.Since(begin)}
}

func stepClock(t *testing.T, by time.Duration) {
	t.Helper()
	tv := syscall.NsecToTimeval(time.Now().Add(by).UnixNano())
	if err := syscall.Settimeofday(&tv); err != nil {
		t.Fatalf("step the clock by %v: %v", by, err)
	}
}

func checkExport(t *testing.T, stretches map[string]stretch, spans oteltest.SpanStubs) {
	found := 0
	for _, s := range spans {
		want, ok := stretches[s.Name]
		if !ok {
			continue
		}
		found++
		if took := s.EndTime.Sub(s.StartTime); (took - want.took).Abs() > tolerance {
			t.Errorf("exported: %q took %v, want %v", s.Name, took, want.took)
		}
		if off := s.StartTime.Sub(want.begin); off.Abs() > tolerance {
			t.Errorf("exported: %q begins %v off", s.Name, off)
		}
	}
	if found != len(stretches) {
		t.Errorf("%d spans were exported, want %d", found, len(stretches))
	}
}

func checkCapture(t *testing.T, stretches map[string]stretch, path string) {
	var tl timeline.Timeline
	read(t, &tl, path)
	found, last := 0, int64(0)
	for e := range tl.Events() {
		want, ok := stretches[e.Name]
		if !ok || e.Kind != tracefmt.Complete {
			continue
		}
		found++
		if took := time.Duration(e.Dur); (took - want.took).Abs() > tolerance {
			t.Errorf("captured: %q took %v, want %v", e.Name, took, want.took)
		}
		if e.Time < last {
			t.Errorf("captured: %q is out of order", e.Name)
		}
		last = e.Time
	}
	if found != len(stretches) {
		t.Errorf("%d spans were captured, want %d", found, len(stretches))
	}
}

// checkLog merges the log with the trace, which has the same lines: each is recognised where it is, on its span.
func checkLog(t *testing.T, spans int, dir string) {
	var tl timeline.Timeline
	read(t, &tl, filepath.Join(dir, "trace.json"))
	read(t, &tl, filepath.Join(dir, "log.json"))
	lines := 0
	for e := range tl.Events() {
		if e.Kind == tracefmt.Log {
			lines++
		}
	}
	if p := tl.Placement(); lines != 2*spans || p.Repeated != int64(2*spans) || p.Nowhere > 0 {
		t.Errorf("%d lines of %d spans are left, and %+v", lines, spans, p)
	}
}

func read(t *testing.T, tl *timeline.Timeline, path string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := tracefmt.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tl.Read(r); err != nil {
		t.Fatal(err)
	}
}
