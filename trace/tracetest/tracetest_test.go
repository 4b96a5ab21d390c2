package tracetest_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/tracetest"
)

func TestTree(t *testing.T) {
	ctx := tracetest.Lenient(t)
	//lint:ignore tracevet it stays open, on purpose
	root, task := trace.WithTask(ctx, "replicate", slog.String("dataset", "tank/my home"))
	_, span := trace.WithSpan(root, "zfs list")
	span.Event("retry", slog.Int("n", 1))
	span.End()
	_, child := trace.WithTask(root, "step")
	err := errors.New("exit status 1")
	child.EndErr(&err)
	//lint:ignore tracevet it stays open, on purpose
	trace.WithSpan(root, "waiting")
	want := `task replicate dataset="tank/my home" (open)
  span zfs list
    event retry n=1
  task step error="exit status 1"
  span waiting (open)
`
	if got := tracetest.Tree(t, ctx); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	fake := &fakeT{TB: t}
	tracetest.NoLeaks(fake, ctx)
	if len(fake.errors) != 2 {
		t.Errorf("NoLeaks reported %d open spans, want 2: %q", len(fake.errors), fake.errors)
	}
	_ = task
}

// fakeT notes failures instead of failing.
type fakeT struct {
	testing.TB
	errors []string
}

func (f *fakeT) Helper()                        {}
func (f *fakeT) Context() context.Context       { return context.Background() }
func (f *fakeT) Cleanup(func())                 {}
func (f *fakeT) Errorf(format string, a ...any) { f.errors = append(f.errors, format) }

func TestMisuseFailsTheTest(t *testing.T) {
	fake := &fakeT{TB: t}
	ctx := tracetest.Strict(fake)
	_, span := trace.WithSpan(ctx, "no task")
	span.End()
	if len(fake.errors) != 1 {
		t.Errorf("a span without a task gave %d failures, want 1", len(fake.errors))
	}
	if got := tracetest.Tree(t, ctx); !strings.Contains(got, "anomaly span started without a task") {
		t.Errorf("the anomaly is not in the tree:\n%s", got)
	}
}
