// Package plain knows nothing of package trace.
package plain

import "context"

func Wait(ctx context.Context) { <-ctx.Done() }
