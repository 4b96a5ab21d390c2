package trace_test

import (
	"context"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/spanstack/spanstack/trace"
)

// atImport are the goroutines when all packages that this one imports, and their variables, had been initialised.
var atImport = allStacks()

func allStacks() string {
	buf := make([]byte, 1<<20)
	return string(buf[:runtime.Stack(buf, true)])
}

// TestNoGoroutines: the package has none of its own, neither from its import on, nor after any use.
func TestNoGoroutines(t *testing.T) {
	if strings.Count(atImport, "goroutine ") != 1 {
		t.Errorf("at the start of the program there were more goroutines than one:\n%s", atImport)
	}
	before := runtime.NumGoroutine()
	for _, rec := range []*trace.Recorder{trace.Default(), trace.NewRecorder(trace.Config{})} {
		base := trace.WithRecorder(context.Background(), rec)
		con := rec.NewConsumer(trace.ConsumerConfig{})
		for _, l := range []trace.Level{trace.LevelIDs, trace.LevelOff, trace.LevelRecording} {
			rec.SetLevel(l)
			ctx, task := trace.WithTask(base, "task")
			ctx, span := trace.WithSpan(ctx, "span", slog.Int("n", 1))
			_, async := trace.WithAsyncSpan(ctx, "async")
			_, free := trace.Detach(ctx, "detached")
			g, _ := trace.WithTaskGroup(ctx, "group")
			g.Go("member", func(context.Context) error { return nil })
			g.Wait()
			done := make(chan struct{})
			trace.Go(ctx, "go", func(context.Context) { close(done) })
			<-done
			span.Event("event")
			for _, s := range []*trace.Span{free, async, span, task} {
				s.End()
			}
			rec.Snapshot()
			rec.Active()
			con.Poll()
		}
	}
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); runtime.Gosched() {
		if runtime.NumGoroutine() <= before { // what ran in trace.Go was about to end
			return
		}
	}
	t.Errorf("%d goroutines are left:\n%s", runtime.NumGoroutine()-before, allStacks())
}
