package capture_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/capture"
	"github.com/spanstack/spanstack/trace/tracetest"
	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/chrome"
)

// snapshot captures what ctx's recorder holds, and reads it back.
func snapshot(t *testing.T, ctx context.Context) []*tracefmt.Event {
	t.Helper()
	var b bytes.Buffer
	if err := capture.Write(&b, tracefmt.ByExtension("x.json"), trace.RecorderFromContext(ctx)); err != nil {
		t.Fatal(err)
	}
	return readAll(t, chrome.Format.NewReader(&b))
}

func attrs(e *tracefmt.Event) string {
	var out []string
	for _, a := range e.Attrs {
		out = append(out, a.Key+"="+a.Value.String())
	}
	return strings.Join(out, " ")
}

func TestCountersAndLinks(t *testing.T) {
	base := tracetest.Strict(t)
	ctx, task := trace.WithTask(base, "server")
	task.Counter("queue", 7)
	task.CounterFloat("load", 0.5)
	_, job := trace.Detach(ctx, "audit")
	job.End()
	var got []string
	for _, e := range snapshot(t, base) { // while the server runs: the link is an arrow
		switch e.Kind {
		case tracefmt.Counter, tracefmt.Instant, tracefmt.FlowStart, tracefmt.FlowEnd:
			if e.Category != tracefmt.CategoryOpen {
				got = append(got, fmt.Sprintf("%s %s %s", e.Kind, e.Name, attrs(e)))
			}
		}
	}
	want := []string{"counter queue value=7", "counter load value=0.5",
		fmt.Sprintf("instant link link.span=%v link.trace=%v", task.ID(), task.Ref().Trace), "flow start link ", "flow end link "}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	task.End()
}

func TestSites(t *testing.T) {
	base := tracetest.Strict(t)
	trace.RecorderFromContext(base).SetSites(true)
	_, task := trace.WithTask(base, "task")
	task.End()
	for _, e := range snapshot(t, base) {
		if e.Name == "task" && e.Kind == tracefmt.Complete {
			if !strings.HasSuffix(e.Attr("code.file.path").String(), "/export_test.go") || e.Attr("code.line.number").String() == "0" {
				t.Errorf("attributes: %s", attrs(e))
			}
			return
		}
	}
	t.Error("the task is missing")
}

// TestGoneParent: of a task whose parent ended so long ago that its record left the ring, the parent is shown as far as
// it is known.
func TestGoneParent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := trace.NewRecorder(trace.Config{Bytes: 64 << 10})
		base := trace.WithRecorder(t.Context(), rec)
		ctx, parent := trace.WithTask(base, "parent")
		time.Sleep(time.Second)
		_, child := trace.WithTask(context.WithoutCancel(ctx), "child")
		parent.End()
		for range 10_000 { // in all shards
			_, other := trace.WithTask(base, "other")
			other.End()
		}
		found := false
		for _, e := range snapshot(t, base) {
			if e.Name == "parent" && e.Kind == tracefmt.Complete {
				found = true
				if d, _ := e.Duration(); time.Duration(d) < time.Second || e.Attr("end").String() != "unknown" {
					t.Errorf("the parent lasts %v: %s", time.Duration(d), attrs(e))
				}
			}
		}
		if !found {
			t.Error("the parent is missing")
		}
		child.End()
	})
}

// TestEveryKindOfRecord writes a trace with everything that records can tell, as a stream whose reader came late and lost
// some, and leaves it for the test in the browser.
func TestEveryKindOfRecord(t *testing.T) {
	rec := trace.NewRecorder(trace.Config{Bytes: 64 << 10, Logger: slog.New(slog.DiscardHandler)})
	base := trace.WithRecorder(t.Context(), rec)
	path := filepath.Join(t.TempDir(), "records.json")
	if dir := os.Getenv("SPANSTACK_ARTIFACTS"); dir != "" {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		path = filepath.Join(dir, "records.json")
	}
	ctx, parent := trace.WithTask(base, "parent", slog.String("dataset", "tank/home"))
	pctx, spawning := trace.WithSpan(ctx, "spawning")
	_, child := trace.WithTask(context.WithoutCancel(pctx), "child of a parent that is gone")
	spawning.End()
	parent.End()
	for range 64 { // in all shards: push what there is out of the ring
		_, other := trace.WithTask(base, "other")
		for range 1000 {
			other.Event("tick")
		}
		other.End()
	}
	f, err := capture.Start(path, rec)
	if err != nil {
		t.Fatal(err)
	}
	rec.SetSites(true)
	ctx, server := trace.WithTask(base, "server")
	_, short := trace.WithTask(ctx, "short")
	waitFor(t, func() bool { // until both have begun in the file
		b, _ := os.ReadFile(path)
		return bytes.Contains(b, []byte(`"short"`))
	})
	short.EndErr(new(errors.New("out of space")))
	server.Event("an event", slog.Int("n", 1))
	server.Log(time.Now(), slog.LevelWarn, "a log line")
	server.Counter("queue", 3)
	server.CounterFloat("load", 0.25)
	_, request := trace.WithAsyncSpan(ctx, "request")
	_, second := trace.WithAsyncSpan(ctx, "request")
	request.End()
	second.End()
	_, detached := trace.Detach(ctx, "detached")
	detached.End()
	sctx, span := trace.WithSpan(ctx, "span")
	_, inner := trace.WithSpan(sctx, "inner")
	span.End() // too early: inner becomes an async span, and there is an anomaly
	inner.End()
	_, open := trace.WithSpan(ctx, "open at the end")
	waitFor(t, func() bool {
		b, _ := os.ReadFile(path)
		return bytes.Contains(b, []byte(`"open at the end"`))
	})
	if err := f.Stop(); err != nil {
		t.Fatal(err)
	}
	events := load(t, path)
	for _, want := range []string{"complete parent", "complete spawning", "begin child of a parent that is gone", "instant an event",
		"log a log line", "counter queue", "counter load", "async begin request", "instant link", "flow start link",
		"async begin inner", "begin open at the end", "end short"} {
		if !slices.ContainsFunc(events, func(e *tracefmt.Event) bool { return e.Kind.String()+" "+e.Name == want }) {
			t.Errorf("the trace has no %q", want)
		}
	}
	open.End()
	server.End()
	child.End()
}
