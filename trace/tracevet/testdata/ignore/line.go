package ignore

import (
	"context"

	"github.com/spanstack/spanstack/trace"
)

func silenced(ctx context.Context) {
	trace.WithSpan(ctx, "x") //lint:ignore tracevet it is never ended on purpose
	//lint:ignore tracevet it is never ended on purpose
	trace.WithSpan(ctx, "x")
	//lint:ignore SA4006,tracevet several checks
	trace.WithSpan(ctx, "x")
}

func reported(ctx context.Context) {
	//lint:ignore SA4006 another check
	trace.WithSpan(ctx, "x") // want `discarded`
	//lint:ignore tracevet too far above

	trace.WithSpan(ctx, "x") // want `discarded`

	/* want `lint:ignore needs a reason, and has no effect without` */ //lint:ignore tracevet
	trace.WithSpan(ctx, "x")                                           // want `discarded`
}
