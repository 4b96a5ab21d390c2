package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/spanstack/spanstack/trace"
)

const (
	// stepTime is how long a step takes. A worker wakes up as often.
	stepTime = 10 * time.Millisecond
	// batchSteps is how many steps a batch has: it is open for half a second, so that a stream has its begin before its end.
	batchSteps = 50
)

// A load is a number of workers. Each is a task, with one batch after the other, in each batch one step after the other, and
// in each step as many short spans as it takes. A batch has an attribute "spans": how many there were when it began.
// A load is an [http.Handler] that says how many spans were begun, of which those of a step are counted when that begins:
//
//	GET  /load                      {"spans": 123456}
//	POST /load?do=burst&spans=N     after as many more, as fast as they can be made, in a task "burst"
//	POST /load?do=stop              after the end of the last worker: from now on there are no more
type load struct {
	ctx    context.Context
	cancel context.CancelFunc
	done   chan struct{} // closed when no worker is left
	spans  atomic.Int64
}

// start starts the workers.
func start(ctx context.Context, workers, perSecond int) *load {
	l := &load{done: make(chan struct{})}
	l.ctx, l.cancel = context.WithCancel(ctx)
	inStep := max(1, perSecond/workers/int(time.Second/stepTime)) // the step itself is one
	go func() {
		defer close(l.done)
		g, _ := trace.WithTaskGroup(l.ctx, "steady", slog.Int("workers", workers))
		l.spans.Add(1)
		for n := range workers {
			g.Go("worker", func(ctx context.Context) error {
				l.work(ctx, inStep)
				return nil
			}, slog.Int("n", n+1))
		}
		_ = g.Wait() // workers don't fail
	}()
	return l
}

// stop ends the workers, and waits for them. It may be called twice.
func (l *load) stop() {
	l.cancel()
	<-l.done
}

// work makes batches until ctx ends. Who wakes up late makes up for it: what is made in a minute doesn't depend on who else wants
// the processor.
func (l *load) work(ctx context.Context, inStep int) {
	l.spans.Add(1)
	for next := time.Now(); ctx.Err() == nil; {
		next = l.batch(ctx, next, inStep)
	}
}

// batch makes a batch that begins at a time, and returns when the next one does.
func (l *load) batch(ctx context.Context, next time.Time, inStep int) time.Time {
	ctx, batch := trace.WithSpan(ctx, "batch", slog.Int64("spans", l.spans.Add(1)))
	defer batch.End()
	for i := 0; i < batchSteps && ctx.Err() == nil; i++ {
		l.spans.Add(int64(inStep))
		ctx, step := trace.WithSpan(ctx, "step", slog.Int("step", i))
		next = next.Add(stepTime)
		time.Sleep(time.Until(next))
		brief(ctx, inStep-1)
		step.End()
	}
	return next
}

// brief makes n spans of no length.
func brief(ctx context.Context, n int) {
	names := [...]string{"read", "check", "write"}
	for i := range n {
		_, span := trace.WithSpan(ctx, names[i%len(names)], slog.Int("block", i))
		span.End()
	}
}

// maxBurst is how many spans a burst has at most: more would only take longer.
const maxBurst = 10_000_000

// burst makes n spans as fast as it can.
func (l *load) burst(n int) {
	ctx, task := trace.WithTask(l.ctx, "burst", slog.Int("spans", n))
	defer task.End()
	brief(ctx, n)
	l.spans.Add(int64(n) + 1)
}

// ServeHTTP implements [http.Handler].
func (l *load) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	do := r.FormValue("do")
	if (do != "") != (r.Method == http.MethodPost) {
		http.Error(w, "want GET, or POST with do=", http.StatusMethodNotAllowed)
		return
	}
	switch do {
	case "":
	case "stop":
		l.stop()
	case "burst":
		n, err := strconv.Atoi(r.FormValue("spans"))
		if err != nil || n < 1 || n > maxBurst {
			http.Error(w, fmt.Sprintf("spans=: want a number from 1 to %d", maxBurst), http.StatusBadRequest)
			return
		}
		l.burst(n)
	default:
		http.Error(w, "do=: want burst or stop", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, "{\"spans\": %d}\n", l.spans.Load())
}
