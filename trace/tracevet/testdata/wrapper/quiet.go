package wrapper

import (
	"context"
	"testing"

	"github.com/spanstack/spanstack/trace"
)

// ends ends the span by itself.
func ends(ctx context.Context, t *testing.T) (context.Context, *trace.Span) {
	ctx, span := trace.WithSpan(ctx, "x")
	t.Cleanup(span.End)
	return ctx, span
}

// innermost starts nothing.
func innermost(ctx context.Context) (context.Context, *trace.Span) {
	return ctx, trace.FromContext(ctx)
}

func sometimes(ctx context.Context, b bool) (context.Context, *trace.Span) {
	if b {
		return trace.WithSpan(ctx, "x")
	}
	return innermost(ctx)
}

func uses(ctx context.Context, t *testing.T, other func(context.Context) (context.Context, *trace.Span)) {
	_, a := ends(ctx, t)
	a.Event("x")
	_, b := innermost(ctx)
	b.Event("x")
	_, c := sometimes(ctx, true)
	c.Event("x")
	_, d := other(ctx)
	d.Event("x")
	innermost(ctx)
}

func ended(ctx context.Context) {
	ctx, task := begin(ctx)
	defer task.End()
	work(ctx)
}
