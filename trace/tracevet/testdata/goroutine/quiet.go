package goroutine

import (
	"context"
	"net/http"
	"sync"

	"golang.org/x/sync/errgroup"

	"example.com/tracevet/goroutine/steps"
	"github.com/spanstack/spanstack/trace"
)

func ownTask(ctx context.Context) {
	go func() {
		ctx, task := trace.WithTask(ctx, "x")
		defer task.End()
		ctx, span := trace.WithSpan(ctx, "x")
		defer span.End()
		local(ctx)
	}()
}

func ownTaskReassigned(ctx context.Context) {
	go func() {
		var task *trace.Span
		ctx, task = trace.WithTask(ctx, "x")
		defer task.End()
		local(ctx)
	}()
}

func ownTaskByParameter(ctx context.Context) {
	go func(ctx context.Context) {
		ctx, task := trace.WithTask(ctx, "x")
		defer task.End()
		local(ctx)
	}(ctx)
}

func helpers(ctx context.Context) error {
	trace.Go(ctx, "x", func(ctx context.Context) { local(ctx) })
	trace.Go(ctx, "x", local)
	g, ctx := trace.WithTaskGroup(ctx, "x")
	g.Go("x", func(ctx context.Context) error {
		local(ctx)
		return nil
	})
	return g.Wait()
}

func asyncSpan(ctx context.Context) {
	go func() {
		ctx, span := trace.WithAsyncSpan(ctx, "x")
		defer span.End()
		local(ctx)
	}()
}

func underAsyncSpan(ctx context.Context) {
	ctx, span := trace.WithAsyncSpan(ctx, "x")
	go func() {
		defer span.End()
		local(ctx)
	}()
}

func underOpenAsyncSpan(ctx context.Context) {
	ctx, span := trace.WithAsyncSpan(ctx, "x")
	defer span.End()
	done := make(chan bool)
	go func() {
		local(ctx)
		close(done)
	}()
	<-done
}

func noSpans(ctx context.Context) {
	go wait(ctx)
	go steps.OwnTask(ctx)
	go steps.Async(ctx)
	go steps.TaskOnDemand(ctx, true)
	go steps.InGoroutine(ctx)
	go steps.Background(ctx)
	go func() {
		wait(ctx)
		steps.OwnTask(ctx)
	}()
}

func wait(ctx context.Context) { <-ctx.Done() }

// Whether the context of a parameter has a task, the caller knows.
func groups(ctx context.Context) {
	go steps.Group(ctx)
	go steps.AdaptsByVariable(ctx)
	go steps.AdaptsItself(ctx)
	go func() {
		g, _ := trace.WithTaskGroup(ctx, "x")
		g.Wait()
	}()
}

// A task may be started for a goroutine before that.
func startedBefore(ctx context.Context) {
	ctx, task := trace.WithTask(ctx, "x")
	go func() {
		defer task.End()
		local(ctx)
	}()
}

func startedBeforeAndWaitedFor(ctx context.Context) {
	ctx, task := trace.WithTask(ctx, "x")
	defer task.End()
	done := make(chan bool)
	go func() {
		local(ctx)
		close(done)
	}()
	<-done
}

func startedInLoop(ctx context.Context, n int) {
	var wg sync.WaitGroup
	for range n {
		ctx, task := trace.WithTask(ctx, "x")
		wg.Go(func() { local(ctx) })
		wg.Wait()
		task.End()
	}
}

func handedOver(ctx context.Context) {
	ctx, task := trace.WithTask(ctx, "x")
	go run(ctx, task)
	go func(ctx context.Context, task *trace.Span) {
		defer task.End()
		local(ctx)
	}(ctx, task)
}

func run(ctx context.Context, task *trace.Span) { // want run:"^spans on 0$"
	defer task.End()
	local(ctx)
}

type worker struct {
	ctx  context.Context
	task *trace.Span
}

func (w *worker) start(ctx context.Context) {
	ctx, w.task = trace.WithTask(ctx, "x")
	go func() {
		defer w.task.End()
		local(ctx)
	}()
}

func (w *worker) run() {
	go local(w.ctx)
	go func() { local(w.ctx) }()
}

func given(ctx context.Context, task *trace.Span) {
	go func() {
		defer task.End()
		local(ctx)
	}()
}

func unknown(r *http.Request) {
	ctx := taskContext(r.Context())
	go local(ctx)
	go local(context.Background())
	go func() { local(context.TODO()) }()
}

func taskContext(ctx context.Context) context.Context {
	ctx, _ = trace.WithTask(ctx, "x") // want `discarded`
	return ctx
}

func notAGoroutine(ctx context.Context) error {
	func() { local(ctx) }()
	defer local(ctx)
	var once sync.Once
	once.Do(func() { local(ctx) })
	var g errgroup.Group
	g.Go(func() error {
		wait(ctx)
		return nil
	})
	return g.Wait()
}

func onlyOnABranch(ctx context.Context, b bool) {
	go func() {
		if b {
			var task *trace.Span
			ctx, task = trace.WithTask(ctx, "x")
			defer task.End()
		}
		local(ctx)
	}()
}

func callbackWithContext(ctx context.Context, each func(func(context.Context))) {
	go func() {
		each(func(ctx context.Context) { local(ctx) })
	}()
}

func detached(ctx context.Context) {
	go func() {
		ctx, task := trace.Detach(ctx, "x")
		defer task.End()
		local(ctx)
	}()
}

func detachedBefore(ctx context.Context) {
	ctx, task := trace.Detach(ctx, "x")
	go func() {
		defer task.End()
		local(ctx)
	}()
}

var base = context.Background()

func global() {
	go local(base)
}

func ownOnABranch(ctx context.Context, b bool) {
	go func() {
		inner, task := trace.WithTask(ctx, "x")
		defer task.End()
		if b {
			inner = ctx
		}
		local(inner)
	}()
}

func givenToFunction(ctx context.Context, task *trace.Span) {
	go run(ctx, task)
}

func fromFunction(ctx context.Context) {
	ctx = taskContext(ctx)
	go local(ctx)
}
