package ignore

import (
	"context"

	"github.com/spanstack/spanstack/trace"
)

//lint:file-ignore tracevet misuse is what this file is about

func silencedByFile(ctx context.Context) {
	trace.WithSpan(ctx, "x")
}
