package logrbridge

import (
	"context"

	"github.com/go-logr/logr"

	"github.com/spanstack/spanstack/logging"
)

// New returns the logger of a subsystem in the place of ctx. V(0) is the level info, V(4) is debug, and V(n) is n below
// info, as log/slog counts. An error is the field "err", and the names that WithName adds are the field "logger",
// joined by slashes.
func New(ctx context.Context, subsystem string) logr.Logger {
	return logr.FromSlogHandler(logging.GetLogger(ctx, subsystem).Handler())
}
