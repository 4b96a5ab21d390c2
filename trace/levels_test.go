package trace_test

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/tracetest"
)

// TestLevelsUnderLoad switches levels while 64 goroutines do everything that may be done with tasks and spans, and
// nothing else: then there is no anomaly, whatever was missed while the level was off. Nothing that a consumer gets has
// a parent that it doesn't get, and nothing stays open.
func TestLevelsUnderLoad(t *testing.T) {
	base := tracetest.Strict(t)
	rec := trace.RecorderFromContext(base)
	patient := newReader(rec, trace.ConsumerConfig{})
	rounds := 300
	if testing.Short() {
		rounds = 50
	}
	seed := rand.Uint64()
	t.Logf("seed %#x", seed)
	stop := make(chan struct{})
	var others, workers sync.WaitGroup
	others.Go(func() {
		for running(stop) {
			if err := patient.poll(); err != nil {
				t.Error(err)
				return
			}
			runtime.Gosched()
		}
	})
	load := &load{rec: rec}
	finishes(t, func() {
		for i := range 64 {
			workers.Go(func() {
				w := &goodWorker{rand.New(rand.NewPCG(seed, uint64(i))), load}
				for range rounds {
					ctx, task := trace.WithTask(base, "root")
					w.work(ctx, 4)
					task.End()
				}
			})
		}
		workers.Wait()
		load.detached.Wait()
		for len(openSpans(rec)) > 0 { // the last tasks of trace.Go are about to end
			runtime.Gosched()
		}
	})
	close(stop)
	others.Wait()
	if err := patient.poll(); err != nil {
		t.Fatal(err)
	}
	if patient.lost > 0 {
		t.Fatalf("the consumer wasn't patient enough: it lost %d records", patient.lost)
	}
	if orphans := patient.orphans(); orphans != nil {
		t.Errorf("the parents of %d records never came: %.200q", len(orphans), orphans)
	}
	if err := checkNesting(patient.records, false); err != nil {
		t.Error(err)
	}
	n, recorded := load.started.Load(), len(patient.records)
	t.Logf("of %d spans %d were recorded, while the level was switched %d times", n, recorded, load.switches.Load())
	if recorded < int(n)/20 || recorded > int(n)*19/20 {
		t.Error("that is too few or too many to show anything")
	}
}

// openSpans returns what is open but for what is never closed.
func openSpans(rec *trace.Recorder) (records []trace.Record) {
	for _, r := range rec.Active() {
		if r.Name != trace.StartedWhileOff {
			records = append(records, r)
		}
	}
	return records
}

func running(stop chan struct{}) bool {
	select {
	case <-stop:
		return false
	default:
		return true
	}
}

// A load is what many workers do to one recorder.
type load struct {
	rec               *trace.Recorder
	started, switches atomic.Int64
	detached          sync.WaitGroup // goroutines that nobody else waits for
}

// A goodWorker uses package trace as it should be used, and switches the level now and then.
type goodWorker struct {
	rand *rand.Rand
	*load
}

// child returns a worker for another goroutine.
func (w *goodWorker) child() *goodWorker {
	return &goodWorker{rand.New(rand.NewPCG(w.rand.Uint64(), 0)), w.load}
}

// work does things in a task or span that was just started.
func (w *goodWorker) work(ctx context.Context, depth int) {
	w.started.Add(1)
	if w.rand.IntN(100) == 0 {
		w.switches.Add(1)
		w.rec.SetLevel(trace.Level(w.rand.IntN(int(trace.LevelOff) + 1)))
	}
	for range w.rand.IntN(4) {
		if depth == 0 || w.rand.IntN(8) == 0 {
			runtime.Gosched()
			return
		}
		switch w.rand.IntN(8) {
		case 0, 1, 2:
			w.span(ctx, depth)
		case 3:
			ctx, s := trace.WithAsyncSpan(ctx, "async")
			defer s.End() // overlaps with what follows
			trace.FromContext(ctx).Event("event")
			w.started.Add(1)
		case 4:
			g, gctx := trace.WithTaskGroup(ctx, "group")
			for range w.rand.IntN(3) {
				c := w.child()
				g.Go("member", func(ctx context.Context) error {
					c.work(ctx, depth-1)
					return context.Cause(gctx)
				})
			}
			g.Wait()
		case 5:
			c := w.child()
			w.detached.Add(1)
			trace.Go(context.WithoutCancel(ctx), "go", func(ctx context.Context) {
				defer w.detached.Done()
				c.work(ctx, depth-1)
			})
		case 6:
			ctx, task := trace.Detach(ctx, "detached")
			w.work(ctx, depth-1)
			task.End()
		case 7:
			c := w.child()
			var wg sync.WaitGroup
			wg.Go(func() {
				ctx, task := trace.WithTask(ctx, "task")
				defer task.End()
				c.work(ctx, depth-1)
			})
			wg.Wait()
		}
	}
}

func (w *goodWorker) span(ctx context.Context, depth int) {
	var err error
	ctx, s := trace.WithSpan(ctx, "span", slog.Int("depth", depth))
	defer s.EndErr(&err)
	w.work(ctx, depth-1)
	s.SetAttrs(slog.Bool("late", true))
	if w.rand.IntN(5) == 0 {
		err = errors.New("broken")
	}
}
