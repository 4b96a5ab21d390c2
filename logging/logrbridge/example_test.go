package logrbridge_test

import (
	"context"
	"log/slog"
	"os"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/logging/logrbridge"
)

func ExampleNew() {
	noTime := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	h := slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: noTime})
	ctx := logging.WithHandler(context.Background(), h)
	ctx = logging.With(ctx, slog.String("cluster", "west"))

	log := logrbridge.New(ctx, "controller")
	log.Info("reconciled", "pod", "web-1")
	// Output: level=INFO msg=reconciled subsystem=controller trace=none cluster=west pod=web-1
}
