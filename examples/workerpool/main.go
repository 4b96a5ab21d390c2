// Command workerpool shows a pool of workers as tasks, and their jobs as spans. Run it with
//
//	SPANSTACK_TRACE=trace.json go run ./examples/workerpool
//
// and open trace.json in chrome://tracing or at https://ui.perfetto.dev. There is a row for each worker, with its jobs
// one after the other; arrows lead from the pool to the workers; the curve "queue" falls to 0. Job 7 failed: the error
// is among its attributes, and its log line is on it. All workers end at about the same time, but one that has a long
// job last: in a real pool, that would be the reason to do long jobs first.
//
// Each line of the log has the ID stack of the job that it is about, as trace=/…/. The last of its IDs finds the job
// in the trace, and any of them finds all lines of what it names:
//
//	go run ./cmd/trace-convert grep ID trace.json
//
// Where the time went, without a browser:
//
//	go run ./cmd/trace-convert --summary trace.json
package main

import (
	"context"
	"errors"
	"flag"
	"log/slog"
	"os"
	"time"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/capture"
)

func main() { os.Exit(run()) }

func run() int {
	defer capture.FromEnv()() // completes the file: don't leave by os.Exit before that
	workers := flag.Int("workers", 3, "how many jobs are done at a time")
	jobs := flag.Int("jobs", 12, "how many there are")
	flag.Parse()

	ctx, task := trace.WithTask(context.Background(), "main")
	defer task.End()
	if err := pool(ctx, *workers, *jobs); err != nil {
		logging.GetLogger(ctx, "pool").Error("not all jobs were done", "error", err)
		return 1
	}
	return 0
}

// pool does all jobs, some at a time.
func pool(ctx context.Context, workers, jobs int) error {
	queue := make(chan int, jobs)
	for job := range jobs {
		queue <- job + 1
	}
	close(queue)
	g, _ := trace.WithTaskGroup(ctx, "pool", slog.Int("workers", workers))
	for n := range workers {
		g.Go("worker", func(ctx context.Context) error { return worker(ctx, queue) }, slog.Int("n", n+1))
	}
	return g.Wait()
}

// worker does jobs until there are none. Its context has its task.
func worker(ctx context.Context, queue <-chan int) error {
	for job := range queue {
		trace.FromContext(ctx).Counter("queue", int64(len(queue)))
		if err := do(ctx, job); err != nil {
			logging.GetLogger(ctx, "pool").Warn("a job failed, others go on", "job", job, "error", err)
		}
	}
	return nil
}

var errBadJob = errors.New("this job can't be done")

// do does one job. A deferred EndErr with the address of the result is all that it takes for errors to be seen.
func do(ctx context.Context, job int) (err error) {
	ctx, span := trace.WithSpan(ctx, "job", slog.Int("job", job))
	defer span.EndErr(&err)
	log := logging.GetLogger(ctx, "job")
	log.Info("begun", "job", job)
	time.Sleep(time.Duration(10+10*(job%4)) * time.Millisecond)
	if job == 7 {
		log.Error("this is the one that fails", "job", job)
		return errBadJob
	}
	return nil
}
