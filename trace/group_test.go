package trace_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/tracetest"
)

func TestGroup(t *testing.T) {
	base := tracetest.Strict(t)
	ctx, task := trace.WithTask(base, "task")
	boom := errors.New("boom")
	g, gctx := trace.WithTaskGroup(ctx, "steps")
	g.Go("waits", func(ctx context.Context) error {
		<-ctx.Done()
		return context.Cause(ctx)
	})
	g.Go("fails", func(ctx context.Context) error { return boom })
	if err := g.Wait(); err != boom || context.Cause(gctx) != boom {
		t.Errorf("Wait returned %v, the context's cause is %v", err, context.Cause(gctx))
	}
	task.End()
	tracetest.NoLeaks(t, base)
	wantTree(t, base, `task task
  span steps error=boom
    task waits cancelled=boom
    task fails error=boom
`)
}

func TestGroupIsARootWithoutTask(t *testing.T) {
	base := tracetest.Strict(t)
	g, _ := trace.WithTaskGroup(base, "steps")
	g.Go("step", func(context.Context) error { return nil })
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
	wantTree(t, base, "task steps\n  task step\n")
}

func TestGroupLimit(t *testing.T) {
	g, _ := trace.WithTaskGroup(tracetest.Strict(t), "steps")
	g.SetLimit(3)
	var now, most atomic.Int32
	for range 50 {
		g.Go("step", func(context.Context) error {
			n := now.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			runtime.Gosched()
			now.Add(-1)
			return nil
		})
	}
	if g.Wait(); most.Load() > 3 {
		t.Errorf("%d tasks ran at once, limit 3", most.Load())
	}
}

func TestGroupCarriesPanics(t *testing.T) {
	base := tracetest.Strict(t)
	boom := errors.New("boom")
	g, _ := trace.WithTaskGroup(base, "steps")
	g.Go("step", func(context.Context) error { panic(boom) })
	defer func() {
		p, _ := recover().(*trace.PanicError)
		if p == nil || !errors.Is(p, boom) || !strings.Contains(string(p.Stack), "TestGroupCarriesPanics") {
			t.Errorf("Wait must panic with the value and the stack of the task's panic, got %v", p)
		}
		tracetest.NoLeaks(t, base)
	}()
	g.Wait()
	t.Error("Wait returned")
}

func TestGroupSurvivesGoexit(t *testing.T) {
	base := tracetest.Strict(t)
	g, _ := trace.WithTaskGroup(base, "steps")
	g.Go("step", func(context.Context) error { runtime.Goexit(); return nil })
	if err := g.Wait(); err == nil {
		t.Error("Wait must report a task that never returned")
	}
	tracetest.NoLeaks(t, base)
}
