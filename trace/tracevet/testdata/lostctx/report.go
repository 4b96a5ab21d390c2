package lostctx

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"example.com/tracevet/lostctx/server"
	"github.com/spanstack/spanstack/trace"
)

func work(ctx context.Context) error {
	slog.InfoContext(ctx, "at work")
	return ctx.Err()
}

func deferred(ctx context.Context) error {
	_, span := trace.WithSpan(ctx, "x") // want `the context of span is discarded, but work gets ctx on line 21, so that what happens there is shown beside the span, not in it`
	defer span.End()
	return work(ctx)
}

func between(ctx context.Context) {
	_, span := trace.WithSpan(ctx, "x") // want `the context of span is discarded, but work gets ctx on line 26`
	err := work(ctx)
	span.EndErr(&err)
	work(ctx)
}

func onOnePath(ctx context.Context, b bool) {
	_, span := trace.WithSpan(ctx, "x") // want `work gets ctx on line 34`
	if b {
		work(ctx)
	}
	span.End()
}

func worker(ctx context.Context) {
	_, task := trace.WithTask(ctx, "x") // want `the context of task is discarded, but work gets ctx on line 42, so that what happens there is shown beside the task`
	defer task.End()
	work(ctx)
}

func asyncAroundTheRest(ctx context.Context) {
	_, span := trace.WithAsyncSpan(ctx, "x") // want `work gets ctx`
	defer span.End()
	work(ctx)
}

func group(ctx context.Context) error {
	g, _ := trace.WithTaskGroup(ctx, "x") // want `the context of g is discarded, but work gets ctx`
	work(ctx)
	return g.Wait()
}

func sibling(ctx context.Context) {
	_, a := trace.WithSpan(ctx, "a") // want `trace.WithSpan gets ctx`
	defer a.End()
	_, b := trace.WithSpan(ctx, "b")
	defer b.End()
}

func neverUsed(ctx context.Context) {
	inner, span := trace.WithSpan(ctx, "x") // want `the context of span is never used, but work gets ctx`
	_ = inner
	defer span.End()
	work(ctx)
}

func derived(ctx context.Context) {
	_, span := trace.WithSpan(ctx, "x") // want `work gets ctx on line 76`
	defer span.End()
	limited, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	work(limited)
}

func rederived(ctx context.Context) {
	_, span := trace.WithSpan(ctx, "x") // want `work gets ctx`
	defer span.End()
	ctx = context.WithValue(ctx, "k", 1)
	work(ctx)
}

func logs(ctx context.Context) {
	_, span := trace.WithSpan(ctx, "x") // want `slog.InfoContext gets ctx`
	defer span.End()
	slog.InfoContext(ctx, "done")
}

func otherPackage(ctx context.Context) {
	_, span := trace.WithSpan(ctx, "x") // want `server.Ping gets ctx`
	defer span.End()
	server.Ping(ctx)
}

func otherPackageDynamic(ctx context.Context) {
	_, span := trace.WithSpan(ctx, "x") // want `server.Dynamic gets ctx`
	defer span.End()
	server.Dynamic(ctx, nil)
}

func otherPackageAsks(ctx context.Context) {
	_, span := trace.WithSpan(ctx, "x") // want `server.Asks gets ctx`
	defer span.End()
	server.Asks(ctx)
}

type worker2 interface {
	work(ctx context.Context) error
}

func dynamic(ctx context.Context, w worker2, f func(context.Context)) {
	_, span := trace.WithSpan(ctx, "x") // want `w.work gets ctx`
	w.work(ctx)
	span.End()
	_, span = trace.WithSpan(ctx, "x") // want `f gets ctx`
	f(ctx)
	span.End()
}

func request(_ http.ResponseWriter, r *http.Request) {
	_, span := trace.WithSpan(r.Context(), "x") // want `work gets r.Context\(\)`
	defer span.End()
	work(r.Context())
}

type job struct{ ctx context.Context }

func (j *job) run() {
	_, span := trace.WithSpan(j.ctx, "x") // want `work gets j.ctx`
	defer span.End()
	work(j.ctx)
}

func nested(ctx context.Context, b bool) {
	if b {
		_, span := trace.WithSpan(ctx, "x") // want `work gets ctx`
		defer span.End()
		work(ctx)
	}
}

func stub(context.Context) {}

// What may come to be in a function that doesn't look at its context yet isn't known.
func callsStub(ctx context.Context) {
	_, span := trace.WithSpan(ctx, "x") // want `stub gets ctx`
	defer span.End()
	stub(ctx)
}
