// Command collector builds an OpenTelemetry Collector for tests, unless there is one already, and prints its path. It
// takes about a minute, and needs the network once.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spanstack/spanstack/internal/otelcol"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(os.Args) > 1 {
		fmt.Fprintln(os.Stderr, "usage: collector\n\nIt builds an OpenTelemetry Collector for tests and prints its path.")
		os.Exit(2)
	}
	path, err := otelcol.Build(ctx, os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "collector: error:", err)
		os.Exit(1)
	}
	fmt.Println(path)
}
