package fixes

import (
	"context"
	"errors"
	"log/slog"

	"github.com/spanstack/spanstack/trace"
)

var errFailed = errors.New("failed")

func work(ctx context.Context) error {
	slog.InfoContext(ctx, "at work")
	return ctx.Err()
}

func never(ctx context.Context) {
	_, span := trace.WithSpan(ctx, "x") // want `never ended`
	span.Event("begun")
}

func onePath(ctx context.Context, n int) (err error) {
	if n > 0 {
		_, s := trace.WithSpan(ctx, // want `isn't ended on all paths`
			"x")

		// A comment.
		if n > 1 {
			return errFailed
		}
		s.EndErr(&err)
	}
	return nil
}

func discarded(ctx context.Context) error {
	ctx, _ = trace.WithSpan(ctx, "x")    // want `discarded`
	inner, _ := trace.WithTask(ctx, "x") /* want `discarded` */
	return work(inner)
}

func nameTaken(ctx context.Context) error {
	span := 1
	inner, _ := trace.WithSpan(ctx, "x") // want `discarded`
	_ = span
	return work(inner)
}

func inLoop(ctx context.Context) {
	for {
		_, span := trace.WithSpan(ctx, "x") // want `never ended`
		span.Event("begun")
	}
}

func group(ctx context.Context) {
	g, _ := trace.WithTaskGroup(ctx, "x") // want `never waited for`
	g.SetLimit(1)
}

func inInit(ctx context.Context) {
	if _, span := trace.WithSpan(ctx, "x"); span == nil { // want `never ended`
		return
	}
}

func oneLine(ctx context.Context) {
	func() { _, span := trace.WithSpan(ctx, "x"); span.Event("begun") }() // want `never ended`
}

func longComment(ctx context.Context) {
	// want +1 `never ended`
	_, span := trace.WithSpan(ctx, "x") /* A comment that
	goes on. */
	span.Event("begun")
}

func rebind(ctx context.Context) error {
	_, span := trace.WithSpan(ctx, "x") // want `the context of span is discarded`
	defer span.End()
	return work(ctx)
}

func rebindInBlock(ctx context.Context, b bool) error {
	if b {
		_, span := trace.WithSpan(ctx, "x") // want `the context of span is discarded`
		defer span.End()
		work(ctx)
	}
	return work(ctx)
}

func goesOnAfterwards(ctx context.Context) error {
	_, span := trace.WithSpan(ctx, "x") // want `the context of span is discarded`
	err := work(ctx)
	span.EndErr(&err)
	return work(ctx)
}

func hasGoroutine(ctx context.Context) error {
	_, span := trace.WithSpan(ctx, "x") // want `the context of span is discarded`
	defer span.End()
	go work(ctx)
	return work(ctx)
}

func hasClosure(ctx context.Context) (func() error, error) {
	_, span := trace.WithSpan(ctx, "x") // want `the context of span is discarded`
	defer span.End()
	return func() error { return work(ctx) }, work(ctx)
}
