package trace_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/tracetest"
)

func Example() {
	ctx := trace.WithRecorder(context.Background(), trace.NewRecorder(trace.Config{}))

	replicate := func(ctx context.Context, dataset string) (err error) {
		ctx, task := trace.WithTask(ctx, "replicate", slog.String("dataset", dataset))
		defer task.EndErr(&err)

		_, span := trace.WithSpan(ctx, "plan")
		span.End()

		g, _ := trace.WithTaskGroup(ctx, "step")
		g.Go("send", func(ctx context.Context) error { return nil })
		g.Go("receive", func(ctx context.Context) error { return errors.New("out of space") })
		return g.Wait()
	}
	replicate(ctx, "tank/home")

	fmt.Print(tracetest.Tree(nil, ctx))
	// Output:
	// task replicate dataset=tank/home error="out of space"
	//   span plan
	//   span step error="out of space"
	//     task send
	//     task receive error="out of space"
}

func ExampleStack() {
	ctx := context.Background()
	ctx, task := trace.WithTask(ctx, "task")
	defer task.End()
	ctx, span := trace.WithSpan(ctx, "span")
	defer span.End()

	fmt.Println(trace.Stack(ctx) == "/"+task.ID().String()+"."+span.ID().String()+"/")
	// Output: true
}
