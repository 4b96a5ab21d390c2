package lostend

import (
	"context"
	"log"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/spanstack/spanstack/trace"
)

func deferred(ctx context.Context) (err error) {
	ctx, span := trace.WithSpan(ctx, "x")
	defer span.EndErr(&err)
	return ctx.Err()
}

func atGivenTimes(ctx context.Context, begin, end time.Time) {
	_, s := trace.AsyncConfig{Start: begin}.Begin(ctx, "x")
	s.EndAt(end)
}

func deferredClosure(ctx context.Context) (err error) {
	_, span := trace.WithSpan(ctx, "x")
	defer func() {
		if err != nil {
			span.SetError(err)
		}
		span.End()
	}()
	return nil
}

func allBranches(ctx context.Context, n int) {
	_, span := trace.WithSpan(ctx, "x")
	switch {
	case n == 1:
		span.End()
	case n == 2:
		err := errFailed
		span.EndErr(&err)
		return
	default:
		defer span.End()
	}
}

func cleanup(t *testing.T) {
	_, task := trace.WithTask(t.Context(), "x")
	t.Cleanup(task.End)
}

func methodValue(ctx context.Context) func() {
	_, span := trace.WithSpan(ctx, "x")
	end := span.End
	return end
}

func returned(ctx context.Context) (context.Context, *trace.Span) { // want returned:"starts a span" returned:"spans on 0"
	return trace.WithSpan(ctx, "x")
}

func returnedLater(ctx context.Context) *trace.Span {
	_, span := trace.WithSpan(ctx, "x")
	return span
}

func namedResult(ctx context.Context) (inner context.Context, span *trace.Span) { // want namedResult:"starts a span" namedResult:"spans on 0"
	inner, span = trace.WithSpan(ctx, "x")
	return
}

type owner struct{ span *trace.Span }

func stored(ctx context.Context, o *owner) {
	_, o.span = trace.WithSpan(ctx, "x")
}

func storedLater(ctx context.Context, o *owner) {
	_, span := trace.WithSpan(ctx, "x")
	o.span = span
}

func inLiteral(ctx context.Context) *owner {
	_, span := trace.WithSpan(ctx, "x")
	return &owner{span: span}
}

func inMap(ctx context.Context, m map[string]*trace.Span) {
	_, span := trace.WithSpan(ctx, "x")
	m["x"] = span
}

func appended(ctx context.Context, s []*trace.Span) []*trace.Span {
	_, span := trace.WithSpan(ctx, "x")
	return append(s, span)
}

func sent(ctx context.Context, c chan<- *trace.Span) {
	_, span := trace.WithSpan(ctx, "x")
	c <- span
}

var global *trace.Span

func toGlobal(ctx context.Context) {
	_, global = trace.WithSpan(ctx, "x")
}

func passed(ctx context.Context) {
	_, span := trace.WithSpan(ctx, "x")
	end(span)
}

func end(s *trace.Span) { s.End() }

func passedDirectly(ctx context.Context) {
	endBoth(trace.WithSpan(ctx, "x"))
}

func endBoth(_ context.Context, s *trace.Span) { s.End() }

func endsInClosure(ctx context.Context) {
	_, span := trace.WithSpan(ctx, "x")
	var once sync.Once
	stop := func() { once.Do(span.End) }
	if fail() {
		stop()
		return
	}
	stop()
}

func endsInGoroutine(ctx context.Context) {
	_, task := trace.WithTask(ctx, "x")
	go func() {
		defer task.End()
	}()
}

func assignedToOuter(ctx context.Context) func() {
	var span *trace.Span
	begin := func() { _, span = trace.WithSpan(ctx, "x") }
	begin()
	return func() { span.End() }
}

func closureBefore(ctx context.Context) {
	var span *trace.Span
	defer func() { span.End() }()
	_, span = trace.WithSpan(ctx, "x")
}

func pointerBefore(ctx context.Context, later func(**trace.Span)) {
	var span *trace.Span
	later(&span)
	_, span = trace.WithSpan(ctx, "x")
}

func noReturn(ctx context.Context, t *testing.T, n int) {
	_, span := trace.WithSpan(ctx, "x")
	switch n {
	case 1:
		os.Exit(1)
	case 2:
		log.Fatal("x")
	case 3:
		panic("x")
	case 4:
		runtime.Goexit()
	case 5:
		t.Fatal("x")
	case 6:
		giveUp()
	}
	span.End()
}

func giveUp() { log.Fatalf("given up") }

func forEverWithEnd(ctx context.Context) {
	for {
		_, span := trace.WithSpan(ctx, "x")
		span.End()
	}
}

func nilChecked(ctx context.Context, n int) {
	var span *trace.Span
	for range n {
		if span != nil {
			span.End()
		}
		_, span = trace.WithSpan(ctx, "x")
	}
	if span != nil {
		span.End()
	}
}

func sameCondition(ctx context.Context, verbose bool, o *struct{ verbose bool }) {
	var span *trace.Span
	if verbose {
		_, span = trace.WithSpan(ctx, "x")
	}
	if !fail() && verbose {
		span.SetAttrs()
	}
	if verbose {
		span.End()
	}
	if o.verbose {
		_, span = trace.WithSpan(ctx, "x")
	}
	if !o.verbose {
		return
	}
	span.End()
}

func sameError(ctx context.Context) error {
	ctx, span := trace.WithSpan(ctx, "x")
	err := ctx.Err()
	if err != nil {
		span.EndErr(&err)
	}
	if fail() {
		note(err)
	}
	if err == nil {
		span.End()
	}
	return err
}

func note(error) {}

func sameSwitch(ctx context.Context, mode string) {
	var span *trace.Span
	switch mode {
	case "a":
		_, span = trace.WithSpan(ctx, "x")
	}
	switch mode {
	case "a":
		span.End()
	}
}

func lookedUp(ctx context.Context) {
	ctx, _ = trace.WithSpan(ctx, "x")
	defer trace.FromContext(ctx).End()
}

func inLoopDeferred(ctx context.Context, names []string) {
	for range names {
		func() {
			_, span := trace.WithSpan(ctx, "x")
			defer span.End()
		}()
	}
}

func nestedDeferred(ctx context.Context, n int) {
	for range n {
		var span *trace.Span
		ctx, span = trace.WithSpan(ctx, "x") // inside of that of the round before
		defer span.End()
	}
}

func otherContexts(contexts []context.Context) {
	for _, ctx := range contexts {
		_, span := trace.WithSpan(ctx, "x")
		defer span.End()
	}
}

func loopThatReturns(ctx context.Context, c chan int) {
	for n := range c {
		if n == 0 {
			continue
		}
		_, span := trace.WithSpan(ctx, "x")
		defer span.End()
		return
	}
}

func groupWaited(ctx context.Context) error {
	g, ctx := trace.WithTaskGroup(ctx, "x")
	g.Go("step", func(ctx context.Context) error { return nil })
	if ctx.Err() != nil {
		g.Wait()
		return errFailed
	}
	return g.Wait()
}

func groupPassed(ctx context.Context) error {
	g, _ := trace.WithTaskGroup(ctx, "x")
	return waitFor(g)
}

func waitFor(g *trace.Group) error { return g.Wait() }

func groupDeferred(ctx context.Context) {
	g, _ := trace.WithTaskGroup(ctx, "x")
	defer g.Wait()
}

func labels(ctx context.Context) {
	_, span := trace.WithSpan(ctx, "x")
again:
	if fail() {
		goto again
	}
	span.End()
}

func unreachable(ctx context.Context) {
	return
	_, span := trace.WithSpan(ctx, "x")
	span.Event("never")
}

func generic[T any](ctx context.Context, f func(context.Context) (T, error)) (result T, err error) {
	ctx, span := trace.WithSpan(ctx, "x")
	defer span.EndErr(&err)
	return f(ctx)
}

var globalCtx, globalTask = trace.WithTask(context.Background(), "x")
