package trace_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/tracetest"
)

// withRecorder gives an example a recorder of its own. Programs use the default one.
func withRecorder() context.Context {
	return trace.WithRecorder(context.Background(), trace.NewRecorder(trace.Config{Logger: slog.New(slog.DiscardHandler)}))
}

func Example() {
	ctx := withRecorder()

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

// A goroutine is a task. It is started where the goroutine begins.
func ExampleWithTask() {
	ctx := withRecorder()
	ctx, task := trace.WithTask(ctx, "server")
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, task := trace.WithTask(ctx, "worker", slog.Int("n", 1))
		defer task.End()
	}()
	<-done
	task.End()

	fmt.Print(tracetest.Tree(nil, ctx))
	// Output:
	// task server
	//   task worker n=1
}

// The steps of a task are spans. Each has the context of the one around it.
func ExampleWithSpan() {
	ctx := withRecorder()
	ctx, task := trace.WithTask(ctx, "replicate")
	planCtx, plan := trace.WithSpan(ctx, "plan")
	_, list := trace.WithSpan(planCtx, "zfs list", slog.String("dataset", "tank"))
	list.End()
	plan.End()
	_, send := trace.WithSpan(ctx, "zfs send")
	send.End()
	task.End()

	fmt.Print(tracetest.Tree(nil, ctx))
	// Output:
	// task replicate
	//   span plan
	//     span zfs list dataset=tank
	//   span zfs send
}

// A span ends with an error, or cancelled.
func ExampleSpan_EndErr() {
	ctx := withRecorder()
	ctx, task := trace.WithTask(ctx, "replicate")
	send := func(ctx context.Context, result error) (err error) {
		_, span := trace.WithSpan(ctx, "zfs send")
		defer span.EndErr(&err)
		return result
	}
	send(ctx, nil)
	send(ctx, errors.New("dataset is busy"))
	ctx, cancel := context.WithCancelCause(ctx)
	cancel(errors.New("interrupted by the user"))
	send(ctx, ctx.Err())
	task.End()

	fmt.Print(tracetest.Tree(nil, ctx))
	// Output:
	// task replicate
	//   span zfs send
	//   span zfs send error="dataset is busy"
	//   span zfs send cancelled="interrupted by the user"
}

// Requests to another machine overlap, and their answers come on other goroutines.
func ExampleWithAsyncSpan() {
	ctx := withRecorder()
	ctx, task := trace.WithTask(ctx, "client")
	_, first := trace.WithAsyncSpan(ctx, "request", slog.Int("n", 1))
	_, second := trace.WithAsyncSpan(ctx, "request", slog.Int("n", 2))
	first.End()
	second.End()
	task.End()

	fmt.Print(tracetest.Tree(nil, ctx))
	// Output:
	// task client
	//   async request n=1
	//   async request n=2
}

// What goes on after the request that asked for it is a trace of its own, with a link to that.
func ExampleDetach() {
	ctx := withRecorder()
	ctx, request := trace.WithTask(ctx, "request")
	_, audit := trace.Detach(ctx, "audit")
	request.End()
	audit.End()

	fmt.Print(tracetest.Tree(nil, ctx))
	// Output:
	// task request
	// task audit
	//   link
}

// A group runs functions as tasks, at most two at a time here.
func ExampleWithTaskGroup() {
	ctx := withRecorder()
	g, _ := trace.WithTaskGroup(ctx, "replicate all")
	g.SetLimit(2)
	for _, ds := range []string{"tank/a", "tank/b", "tank/c"} {
		g.Go("replicate", func(ctx context.Context) error {
			return nil
		}, slog.String("dataset", ds))
	}
	fmt.Println(g.Wait())
	fmt.Print(tracetest.Tree(nil, ctx))
	// Output:
	// <nil>
	// task replicate all
	//   task replicate dataset=tank/a
	//   task replicate dataset=tank/b
	//   task replicate dataset=tank/c
}

func ExampleGo() {
	ctx := withRecorder()
	ctx, task := trace.WithTask(ctx, "server")
	done := make(chan struct{})
	trace.Go(ctx, "watch", func(ctx context.Context) { close(done) })
	<-done
	task.End()
}

// What becomes known later is added; what happens at a moment is an event; what goes up and down is a counter.
func ExampleSpan_SetAttrs() {
	ctx := withRecorder()
	ctx, task := trace.WithTask(ctx, "zfs send")
	task.Event("first byte")
	task.Counter("bytes in flight", 65536)
	task.SetAttrs(slog.Int64("bytes", 1<<20))
	task.End()

	fmt.Print(tracetest.Tree(nil, ctx))
	// Output:
	// task zfs send bytes=1048576
	//   event first byte
	//   counter bytes in flight=65536
}

// The span of a batch has to do with the requests that it works for, though none of them is its parent.
func ExampleSpan_Link() {
	ctx := withRecorder()
	_, request := trace.WithTask(ctx, "request")
	_, batch := trace.WithTask(ctx, "batch")
	batch.Link(request.Ref(), slog.String("why", "in this batch"))
	batch.End()
	request.End()

	fmt.Print(tracetest.Tree(nil, ctx))
	// Output:
	// task request
	// task batch
	//   link why="in this batch"
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

// A server's tasks are part of the traces of its clients.
func ExampleWithRemote() {
	handle := func(w http.ResponseWriter, r *http.Request) {
		remote := trace.Remote{Stack: r.Header.Get("Spanstack-Stack")}
		remote.Span, _ = trace.ParseID(r.Header.Get("Spanstack-Span"))
		_, task := trace.WithTask(trace.WithRemote(r.Context(), remote), "handle")
		defer task.End()
		fmt.Println(strings.HasPrefix(task.Stack(), remote.Stack))
	}

	_, call := trace.WithTask(context.Background(), "call")
	r, _ := http.NewRequest("GET", "/", nil)
	r.Header.Set("Spanstack-Stack", call.Stack())
	r.Header.Set("Spanstack-Span", call.ID().String())
	handle(nil, r)
	call.End()
	// Output: true
}

// Where does the program hang?
func ExampleRecorder_Active() {
	ctx := withRecorder()
	ctx, task := trace.WithTask(ctx, "replicate", slog.String("dataset", "tank/home"))
	_, span := trace.WithSpan(ctx, "zfs send")

	for _, r := range trace.RecorderFromContext(ctx).Active() {
		fmt.Println(r.Kind, r.Name, r.Attrs)
	}
	span.End()
	task.End()
	// Output:
	// task replicate [dataset=tank/home]
	// span zfs send []
}

// A consumer gets what is open first, and later what changed.
func ExampleConsumer() {
	ctx := withRecorder()
	ctx, task := trace.WithTask(ctx, "server")
	consumer := trace.RecorderFromContext(ctx).NewConsumer(trace.ConsumerConfig{})
	poll := func() {
		records, _ := consumer.Poll()
		for _, r := range records {
			fmt.Println([]string{"all of", "begin of", "end of"}[r.Phase], r.Kind, r.Name)
		}
	}
	poll()
	_, span := trace.WithSpan(ctx, "request")
	span.End()
	task.End()
	poll()
	// Output:
	// begin of task server
	// all of span request
	// end of task server
}

func ExampleSetLevel() {
	trace.SetLevel(trace.LevelOff)
	_, task := trace.WithTask(context.Background(), "task")
	fmt.Println(task == nil)
	task.End() // does nothing
	trace.SetLevel(trace.LevelRecording)
	// Output: true
}

// A span that is ended before what is in it is repaired: what was in it becomes an async span.
func ExampleAnomaly() {
	ctx := withRecorder()
	ctx, task := trace.WithTask(ctx, "task")
	ctx, outer := trace.WithSpan(ctx, "outer")
	_, inner := trace.WithSpan(ctx, "inner")
	outer.End()
	inner.End()
	task.End()

	fmt.Print(tracetest.Tree(nil, ctx))
	// Output:
	// task task
	//   span outer
	//     async inner
	//     anomaly ended while spans in it were open span=outer
}
