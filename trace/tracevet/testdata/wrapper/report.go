// Package wrapper starts spans by functions of its own and others.
package wrapper

import (
	"context"

	"example.com/tracevet/goroutine/steps"
	"github.com/spanstack/spanstack/trace"
)

func work(ctx context.Context) {}

func begin(ctx context.Context) (context.Context, *trace.Span) { // want begin:"starts a task"
	ctx, task := trace.WithTask(ctx, "x")
	task.Event("begun")
	return ctx, task
}

func beginAgain(ctx context.Context, on bool) (s *trace.Span, c context.Context) { // want beginAgain:"starts a task"
	if !on {
		return nil, ctx
	}
	c, s = begin(ctx)
	return
}

func own(ctx context.Context) {
	_, task := begin(ctx) // want `task is never ended`
	task.Event("x")
	begin(ctx) // want `the task that begin returns is discarded`
}

func ownAgain(ctx context.Context, n int) {
	s, _ := beginAgain(ctx, true) // want `s isn't ended on all paths`
	if n == 0 {
		s.End()
	}
}

func others(ctx context.Context) {
	_, span := steps.Adapts(ctx) // want `the context of span is discarded, but work gets ctx`
	defer span.End()
	work(ctx)
}

func variable(ctx context.Context, b bool) {
	start := trace.WithSpan
	if b {
		start = steps.Started
	}
	_, span := start(ctx, "x") // want `span is never ended`
	span.Event("x")
}
