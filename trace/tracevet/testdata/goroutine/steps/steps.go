// Package steps has functions that start spans, for a package that calls them.
package steps

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spanstack/spanstack/trace"
)

func Span(ctx context.Context) { // want Span:"^spans on 0$"
	_, span := trace.WithSpan(ctx, "x")
	defer span.End()
}

func Indirect(name string, ctx context.Context) { // want Indirect:"^spans on 1$"
	ctx = context.WithValue(ctx, "name", name)
	func() { Span(ctx) }()
}

func Recursive(ctx context.Context, n int) { // want Recursive:"^spans on 0$"
	if n > 0 {
		recurse(ctx, n)
	}
}

func recurse(ctx context.Context, n int) { // want recurse:"^spans on 0$"
	Recursive(ctx, n-1)
	Span(ctx)
}

type T struct{}

func (*T) Method(ctx context.Context) { // want Method:"^spans on 0$"
	Span(ctx)
}

func OwnTask(ctx context.Context) {
	ctx, task := trace.WithTask(ctx, "x")
	defer task.End()
	Span(ctx)
}

func Async(ctx context.Context) {
	ctx, span := trace.WithAsyncSpan(ctx, "x")
	defer span.End()
	Span(ctx)
}

func TaskOnDemand(ctx context.Context, needed bool) {
	if needed {
		var task *trace.Span
		ctx, task = trace.WithTask(ctx, "x")
		defer task.End()
	}
	Span(ctx)
}

func Group(ctx context.Context) { // want Group:"^groups on 0$"
	g, _ := trace.WithTaskGroup(ctx, "x")
	g.Wait()
}

// Adapts starts what its context calls for.
func Adapts(ctx context.Context) (context.Context, *trace.Span) { // want Adapts:"starts a span" Adapts:"^groups on 0$"
	if trace.FromContext(ctx) == nil {
		return trace.WithTask(ctx, "x")
	}
	return trace.WithSpan(ctx, "x")
}

func AdaptsByVariable(ctx context.Context) { // want AdaptsByVariable:"^groups on 0$"
	start := trace.WithSpan
	if trace.FromContext(ctx) == nil {
		start = trace.WithTask
	}
	_, span := start(ctx, "x")
	span.End()
}

func AdaptsItself(ctx context.Context) { // want AdaptsItself:"^groups on 0$"
	_, span := trace.WithSpanOrTask(ctx, "x")
	span.End()
}

func InGoroutine(ctx context.Context) { // want InGoroutine:"^keeps 0$"
	trace.Go(ctx, "x", func(ctx context.Context) { Span(ctx) })
	go OwnTask(ctx)
}

func Later(ctx context.Context) {
	filepath.WalkDir(".", func(string, os.DirEntry, error) error { Span(ctx); return nil })
}

func Background(_ context.Context) { Span(context.Background()) }

func Started(ctx context.Context, name string, attrs ...slog.Attr) (context.Context, *trace.Span) { // want Started:"starts a span" Started:"^spans on 0$"
	return trace.WithSpan(ctx, name, attrs...)
}
