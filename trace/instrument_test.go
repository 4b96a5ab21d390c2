package trace_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"runtime/pprof"
	rtrace "runtime/trace"
	"slices"
	"strings"
	"testing"
	"time"

	exptrace "golang.org/x/exp/trace"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/tracetest"
)

// executionTrace runs f under Go's execution tracer and returns its user annotations, in order. A trace that its reader
// refuses fails the test.
func executionTrace(t *testing.T, f func()) []string {
	t.Helper()
	if rtrace.IsEnabled() {
		t.Skip("an execution trace is being taken of this test binary already (-trace)")
	}
	var b bytes.Buffer
	if err := rtrace.Start(&b); err != nil {
		t.Fatal(err)
	}
	f()
	rtrace.Stop()
	r, err := exptrace.NewReader(&b)
	if err != nil {
		t.Fatal(err)
	}
	tasks := map[exptrace.TaskID]string{}
	var got []string
	for {
		e, err := r.ReadEvent()
		if err == io.EOF {
			return got
		}
		if err != nil {
			t.Fatalf("the execution trace is broken: %v", err)
		}
		switch e.Kind() {
		case exptrace.EventTaskBegin:
			tasks[e.Task().ID] = e.Task().Type
			got = append(got, fmt.Sprintf("task %s in %q", e.Task().Type, tasks[e.Task().Parent]))
		case exptrace.EventTaskEnd:
			got = append(got, "end of task "+e.Task().Type)
		case exptrace.EventRegionBegin:
			got = append(got, fmt.Sprintf("region %s in %q", e.Region().Type, tasks[e.Region().Task]))
		case exptrace.EventRegionEnd:
			got = append(got, "end of region "+e.Region().Type)
		case exptrace.EventLog:
			got = append(got, fmt.Sprintf("%s %s in %q", e.Log().Category, e.Log().Message, tasks[e.Log().Task]))
		}
	}
}

func TestExecutionTrace(t *testing.T) {
	got := executionTrace(t, func() {
		ctx, task := trace.WithTask(tracetest.Strict(t), "replicate")
		ctx, span := trace.WithSpan(ctx, "plan")
		_, list := trace.WithSpan(ctx, "zfs list")
		list.Log(time.Now(), slog.LevelInfo, "slow")
		list.End()
		span.Event("first byte")
		_, child := trace.WithTask(ctx, "step")
		_, async := trace.WithAsyncSpan(ctx, "rpc")
		async.End()
		child.End()
		span.End()
		task.End()
	})
	want := []string{`task replicate in ""`, `region plan in "replicate"`, `region zfs list in "replicate"`,
		`log slow in "replicate"`, `end of region zfs list`, `event first byte in "replicate"`,
		`task step in "replicate"`, `task rpc in "replicate"`, `end of task rpc`, `end of task step`,
		`end of region plan`, `end of task replicate`}
	if !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestExecutionTraceSurvivesMisuse: readers of execution traces refuse those in which regions don't nest, so that a
// program which ends its spans wrongly must not lose its whole trace.
func TestExecutionTraceSurvivesMisuse(t *testing.T) {
	got := executionTrace(t, func() {
		base := tracetest.Lenient(t)
		ctx, task := trace.WithTask(base, "task")
		ctx, outer := trace.WithSpan(ctx, "outer")
		actx, a := trace.WithSpan(ctx, "a")
		bctx, b := trace.WithSpan(actx, "b")
		a.End() // takes b along
		b.End()
		_, c := trace.WithSpan(bctx, "c") // in an ended one
		c.End()

		dctx, d := trace.WithSpan(ctx, "d")
		_, e := trace.WithSpan(dctx, "e")
		done := make(chan struct{})
		go func() { e.End(); close(done) }() // handed over
		<-done
		d.End()

		//lint:ignore tracevet it is a leak, on purpose
		_, leaked := trace.WithTask(ctx, "leaked")
		_ = leaked
		lctx, f := trace.WithSpan(ctx, "f")
		other, child := trace.WithTask(lctx, "child on the same goroutine")
		//lint:ignore tracevet it is a leak, on purpose
		trace.WithSpan(other, "never ended")
		child.End()
		f.End()
		outer.End()
		task.End()
	})
	begins, ends := 0, 0
	for _, s := range got {
		switch {
		case strings.HasPrefix(s, "region "):
			begins++
		case strings.HasPrefix(s, "end of region "):
			ends++
		}
	}
	if begins != 8 || ends != 8 || got[len(got)-2] != "end of region outer" {
		t.Errorf("%d regions begin and %d end, want 8, the outer one last:\n%s", begins, ends, strings.Join(got, "\n"))
	}
}

// TestProfileLabels reads the labels back from a goroutine profile.
func TestProfileLabels(t *testing.T) {
	labels := func() string {
		var b bytes.Buffer
		if err := pprof.Lookup("goroutine").WriteTo(&b, 1); err != nil {
			t.Fatal(err)
		}
		for block := range strings.SplitSeq(b.String(), "\n\n") {
			if strings.Contains(block, "TestProfileLabels") && strings.Contains(block, "runtime/pprof.(*Profile).WriteTo") {
				for line := range strings.SplitSeq(block, "\n") {
					if text, ok := strings.CutPrefix(line, "# labels: "); ok {
						return text
					}
				}
			}
		}
		return ""
	}
	want := func(place, want string) {
		t.Helper()
		if got := labels(); got != want {
			t.Errorf("%s: labels are %s, want %s", place, got, want)
		}
	}
	base := tracetest.Strict(t)
	trace.RecorderFromContext(base).SetProfileLabels(true)
	pprof.Do(base, pprof.Labels("user", "u"), func(ctx context.Context) {
		ctx, task := trace.WithTask(ctx, "task")
		want("in a task", `{"span":"", "task":"task", "user":"u"}`)
		sctx, span := trace.WithSpan(ctx, "span")
		want("in a span", `{"span":"span", "task":"task", "user":"u"}`)
		g, _ := trace.WithTaskGroup(sctx, "group")
		checked := make(chan struct{})
		g.Go("worker", func(ctx context.Context) error {
			<-checked // one at a time: they are told apart by what they are doing
			want("in a group's task", `{"span":"", "task":"worker", "user":"u"}`)
			_, s := trace.WithSpan(ctx, "inner")
			want("in its span", `{"span":"inner", "task":"worker", "user":"u"}`)
			s.End()
			want("after it", `{"span":"", "task":"worker", "user":"u"}`)
			return nil
		})
		want("beside a group's task", `{"span":"group", "task":"task", "user":"u"}`)
		close(checked)
		g.Wait()
		span.End()
		want("after the span", `{"span":"", "task":"task", "user":"u"}`)
		task.End()
		want("after the task", `{"user":"u"}`)
	})
}
