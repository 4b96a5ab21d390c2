package goroutine

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"example.com/tracevet/goroutine/steps"
	"github.com/spanstack/spanstack/trace"
)

func literal(ctx context.Context) {
	go func() {
		_, span := trace.WithSpan(ctx, "x") // want `trace.WithSpan starts a span on ctx, the context of a task on another goroutine: start a task for this one, with trace.Go or trace.WithTask`
		span.End()
		_, second := trace.WithSpan(ctx, "y") // the first one says it
		second.End()
	}()
}

func parameter(ctx context.Context) {
	go func(ctx context.Context) {
		_, span := trace.WithSpan(ctx, "x") // want `trace.WithSpan starts a span on ctx`
		span.End()
	}(ctx)
}

func derived(ctx context.Context) {
	go func() {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_, span := trace.WithSpan(context.WithValue(ctx, "k", 1), "x") // want `trace.WithSpan starts a span on context.WithValue`
		span.End()
	}()
}

func declared(ctx context.Context, t *steps.T) {
	go steps.Span(ctx)          // want `steps.Span starts a span on ctx`
	go steps.Indirect("x", ctx) // want `steps.Indirect starts a span on ctx`
	go steps.Recursive(ctx, 1)  // want `steps.Recursive starts a span on ctx`
	go t.Method(ctx)            // want `t.Method starts a span on ctx`
	go local(ctx)               // want `local starts a span on ctx`
}

func local(ctx context.Context) { steps.Span(ctx) }

func called(ctx context.Context) {
	go func() {
		local(ctx) // want `local starts a span on ctx`
	}()
}

func inVariable(ctx context.Context) {
	f := func() {
		local(ctx) // want `local starts a span on ctx`
	}
	go f()
	go f()
}

func withErrgroup(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		_, span := trace.WithSpan(ctx, "x") // want `trace.WithSpan starts a span on ctx`
		span.End()
		return nil
	})
	g.TryGo(func() error {
		local(ctx) // want `local starts a span on ctx`
		return nil
	})
	return g.Wait()
}

func withWaitGroup(ctx context.Context) {
	var wg sync.WaitGroup
	wg.Go(func() {
		local(ctx) // want `local starts a span on ctx`
	})
	wg.Wait()
}

func afterFunc(ctx context.Context) {
	time.AfterFunc(time.Second, func() {
		local(ctx) // want `local starts a span on ctx`
	})
	context.AfterFunc(ctx, func() {
		local(ctx) // want `local starts a span on ctx`
	})
}

func deferred(ctx context.Context) {
	go func() {
		defer func() {
			local(ctx) // want `local starts a span on ctx`
		}()
	}()
}

func callback(ctx context.Context) {
	go func() {
		filepath.WalkDir(".", func(string, os.DirEntry, error) error {
			local(ctx) // want `local starts a span on ctx`
			return nil
		})
	}()
}

func inSpan(ctx context.Context) {
	ctx, span := trace.WithSpan(ctx, "x")
	defer span.End()
	done := make(chan bool)
	go func() {
		local(ctx) // want `local starts a span on ctx`
		close(done)
	}()
	<-done
}

func ofSharedTask(ctx context.Context) {
	ctx, task := trace.WithTask(ctx, "x")
	defer task.End()
	go func() {
		local(ctx) // want `local starts a span on ctx`
	}()
	local(ctx)
}

func ofTaskInLoop(ctx context.Context, n int) {
	ctx, task := trace.WithTask(ctx, "x")
	defer task.End()
	for range n {
		go local(ctx) // want `local starts a span on ctx`
	}
}

func groupContext(ctx context.Context) error {
	g, ctx := trace.WithTaskGroup(ctx, "x")
	g.Go("ignores its own context", func(context.Context) error {
		local(ctx) // want `local starts a span on ctx`
		return nil
	})
	return g.Wait()
}

func traceGo(ctx context.Context) {
	trace.Go(ctx, "ignores its own context", func(own context.Context) {
		local(ctx) // want `local starts a span on ctx`
		local(own)
	})
}

func groupInSpan(ctx context.Context) {
	ctx, span := trace.WithSpan(ctx, "x")
	defer span.End()
	go steps.Group(ctx)  // want `steps.Group starts a span on ctx`
	go steps.Adapts(ctx) // want `steps.Adapts starts a span on ctx` `the span that steps.Adapts returns is discarded`
	go func() {
		g, _ := trace.WithTaskGroup(ctx, "x") // want `trace.WithTaskGroup starts a task group on ctx`
		g.Wait()
	}()
}

func nestedGoroutine(ctx context.Context) {
	trace.Go(ctx, "x", func(ctx context.Context) {
		go func() {
			local(ctx) // want `local starts a span on ctx`
		}()
	})
}

func besideItsTask(ctx context.Context) {
	go func() {
		inner, task := trace.WithTask(ctx, "x")
		defer task.End()
		local(inner)
		local(ctx) // want `local starts a span on ctx`
	}()
}

func ofSharedDetached(ctx context.Context) {
	ctx, task := trace.Detach(ctx, "x")
	defer task.End()
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			local(ctx) // want `local starts a span on ctx`
		})
	}
	wg.Wait()
}

// One report is enough: that of the task whose context is discarded.
func taskDiscarded(ctx context.Context) {
	go func() {
		_, task := trace.WithTask(ctx, "x") // want `the context of task is discarded, but local gets ctx`
		defer task.End()
		local(ctx)
	}()
}
