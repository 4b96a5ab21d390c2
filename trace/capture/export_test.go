package capture_test

import (
	"bytes"
	"context"
	"fmt"
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
