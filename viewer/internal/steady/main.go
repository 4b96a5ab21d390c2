// Command steady is a program for tests and measurements of live traces. It makes so many spans a second, always, serves
// /debug/trace/ with a page of its own at ui/, and prints the address:
//
//	go run ./viewer/internal/steady -spans 20000
//
// GET /load tells how many spans it has begun, those of tasks included; see [load].
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/capture"
	_ "github.com/spanstack/spanstack/tracefmt/perfetto" // of streams
	"github.com/spanstack/spanstack/viewer"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "steady: error: %v\n", err)
		os.Exit(1)
	}
}

// run makes spans until ctx ends.
func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("steady", flag.ContinueOnError)
	address := flags.String("listen", "localhost:0", "serve /debug/trace/ on this address")
	workers := flags.Int("workers", 8, "how many tasks make spans")
	spans := flags.Int("spans", 20_000, "how many spans they make a second, together: about, since each makes a whole number in 10 ms")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *workers < 1 {
		return fmt.Errorf("-workers %d: at least one is needed", *workers)
	}
	rec := trace.NewRecorder(trace.Config{})
	s, err := capture.Listen(*address, capture.Config{Recorder: rec, UI: &viewer.OnDemand{New: func() *viewer.Viewer { return page(rec) }}})
	if err != nil {
		return err
	}
	defer s.Stop()
	l := start(trace.WithRecorder(ctx, rec), *workers, *spans)
	defer l.stop()
	s.Handle("/load", l)
	fmt.Fprintln(out, s.URL())
	<-ctx.Done()
	return nil
}

// page makes the viewer for whoever opens ui/.
func page(rec *trace.Recorder) *viewer.Viewer {
	return viewer.New(viewer.Config{}, viewer.LiveEvents("steady", func(ctx context.Context) (viewer.EventReader, error) {
		return capture.OpenEvents(ctx, rec, time.Hour), nil
	}))
}
