package lostend

import (
	"context"
	"errors"
	"log/slog"

	"github.com/spanstack/spanstack/trace"
)

var errFailed = errors.New("failed")

func fail() bool { return false }

func never(ctx context.Context) {
	_, span := trace.WithSpan(ctx, "x") // want `span is never ended: span.End must be called`
	span.SetAttrs(slog.Int("n", 1))
}

func onlyCompared(ctx context.Context) bool {
	_, span := trace.WithSpan(ctx, "x") // want `span is never ended`
	return span != nil
}

func assignedToBlank(ctx context.Context) {
	_, span := trace.WithSpan(ctx, "x") // want `span is never ended`
	_ = span
}

func earlyReturn(ctx context.Context) error {
	_, span := trace.WithSpan(ctx, "x") // want `span isn't ended on all paths: the function may return on line 34 without span.End`
	span.Event("begun")
	if fail() {
		return errFailed
	}
	span.End()
	return nil
}

func oneBranch(ctx context.Context) {
	_, task := trace.WithTask(ctx, "x") // want `task isn't ended on all paths: the function may end on line 47 without task.End`
	if fail() {
		task.End()
	} else {
		slog.Info("forgotten")
	}
}

func oneCase(ctx context.Context, n int) {
	_, span := trace.WithAsyncSpan(ctx, "x") // want `span isn't ended on all paths`
	switch n {
	case 1:
		span.End()
	case 2:
		span.EndErr(nil)
	}
}

func inSelect(ctx context.Context, c chan int) {
	_, span := trace.WithSpan(ctx, "x") // want `span isn't ended on all paths`
	select {
	case <-c:
		span.End()
	case <-ctx.Done():
	}
}

func deferredTooLate(ctx context.Context) error {
	ctx, span := trace.WithSpan(ctx, "x") // want `span isn't ended on all paths: the function may return on line 71`
	if err := ctx.Err(); err != nil {
		return err
	}
	defer span.End()
	return nil
}

func closureOnlyUses(ctx context.Context) {
	_, span := trace.WithSpan(ctx, "x") // want `span is never ended`
	defer func() { span.SetError(errFailed) }()
}

func inClosure(ctx context.Context) func() {
	return func() {
		_, span := trace.WithSpan(ctx, "x") // want `span is never ended`
		span.Event("begun")
	}
}

func discardedByStatement(ctx context.Context) {
	trace.WithSpan(ctx, "x")       // want `the span that trace.WithSpan returns is discarded, so that nothing can end it`
	go trace.WithTask(ctx, "x")    // want `the task that trace.WithTask returns is discarded`
	defer trace.WithSpan(ctx, "x") // want `the span that trace.WithSpan returns is discarded`
	trace.WithTaskGroup(ctx, "x")  // want `the task group that trace.WithTaskGroup returns is discarded, so that nothing can wait for it`
}

func discardedByBlank(ctx context.Context) context.Context {
	ctx, _ = trace.WithAsyncSpan(ctx, "x")  // want `the async span that trace.WithAsyncSpan returns is discarded`
	var inner, _ = trace.WithTask(ctx, "x") // want `the task that trace.WithTask returns is discarded`
	_, _ = trace.WithSpan(ctx, "x")         // want `the span that trace.WithSpan returns is discarded`
	return inner
}

func discardedWithAFix(ctx context.Context) context.Context {
	ctx, _ = trace.WithSpan(ctx, "x")    // want `discarded`
	inner, _ := trace.WithTask(ctx, "x") // want `the task that trace.WithTask returns is discarded`
	return inner
}

func inLoop(ctx context.Context, names []string) {
	for _, name := range names {
		_, span := trace.WithSpan(ctx, "x") // want `span isn't ended on all paths: it may be started again without span.End`
		if name == "" {
			continue
		}
		span.End()
	}
}

func forEver(ctx context.Context, work chan int) {
	for {
		_, span := trace.WithSpan(ctx, "x") // want `span is never ended`
		span.SetAttrs(slog.Int("n", <-work))
	}
}

func overwritten(ctx context.Context) {
	ctx, span := trace.WithSpan(ctx, "x") // want `span isn't ended on all paths: it gets another value on line 129`
	if ctx.Err() != nil {
		_, span = trace.WithSpan(ctx, "y")
	}
	span.End()
}

func deferredBeforeTheStart(ctx context.Context) {
	var span *trace.Span
	defer span.End()                   // of nil
	_, span = trace.WithSpan(ctx, "x") // want `span is never ended|span isn't ended on all paths`
	span.Event("begun")
}

func deferredInLoop(ctx context.Context, names []string) {
	for range names {
		_, span := trace.WithSpan(ctx, "x") // want `span is started in a loop, but its deferred End only runs when the function returns`
		defer span.End()
	}
}

func group(ctx context.Context) error {
	g, ctx := trace.WithTaskGroup(ctx, "x") // want `g isn't waited for on all paths: the function may return on line 152 without g.Wait`
	g.Go("step", func(ctx context.Context) error { return ctx.Err() })
	if err := ctx.Err(); err != nil {
		return err
	}
	return g.Wait()
}

func groupNever(ctx context.Context) {
	g, _ := trace.WithTaskGroup(ctx, "x") // want `g is never waited for: g.Wait must be called`
	g.SetLimit(2)
	g.Go("step", func(ctx context.Context) error {
		g.Go("inner", func(ctx context.Context) error { return nil })
		return nil
	})
}

func groupDiscarded(ctx context.Context) {
	_, ctx = trace.WithTaskGroup(ctx, "x") // want `the task group that trace.WithTaskGroup returns is discarded`
	trace.FromContext(ctx).Event("begun")
}

func inIf(ctx context.Context) {
	if _, span := trace.WithSpan(ctx, "x"); fail() { // want `span isn't ended on all paths`
		span.End()
	}
}

func unrelatedConditions(ctx context.Context, a, b bool) {
	var span *trace.Span
	if a {
		_, span = trace.WithSpan(ctx, "x") // want `span isn't ended on all paths`
	}
	if b {
		span.End()
	}
}

func conditionChanges(ctx context.Context, a bool) {
	var span *trace.Span
	if a {
		_, span = trace.WithSpan(ctx, "x") // want `span isn't ended on all paths`
	}
	a = fail()
	if a {
		span.End()
	}
}

type state struct{ done bool }

func (s *state) step() { s.done = true }

func loopCondition(ctx context.Context, s *state) {
	if !s.done {
		_, span := trace.WithSpan(ctx, "x") // want `span is never ended`
		for !s.done {
			s.step()
		}
		span.Event("done")
	}
}

func detached(ctx context.Context) {
	_, task := trace.Detach(ctx, "x") // want `task is never ended`
	task.Event("begun")
}

func main() {
	_, task := trace.WithTask(context.Background(), "main") // want `task is never ended`
	task.Event("begun")
}

func configuredNever(ctx context.Context) {
	_, s := trace.AsyncConfig{Root: true}.Begin(ctx, "x") // want `s is never ended`
	s.SetName("y")
}
