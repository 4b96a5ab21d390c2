package lostctx // want package:"uses trace"

import (
	"context"
	"log/slog"
	"net"
	"os/exec"
	"time"

	"example.com/tracevet/lostctx/plain"
	"example.com/tracevet/lostctx/server"
	"github.com/spanstack/spanstack/trace"
)

func leaf(ctx context.Context, values []int) (sum int) {
	_, span := trace.WithSpan(ctx, "sum")
	defer span.End()
	for _, v := range values {
		sum += v
	}
	return sum
}

func used(ctx context.Context) error {
	ctx, span := trace.WithSpan(ctx, "x")
	defer span.End()
	return work(ctx)
}

func afterTheEnd(ctx context.Context) error {
	_, span := trace.WithSpan(ctx, "x")
	span.End()
	return work(ctx)
}

func beforeTheStart(ctx context.Context) {
	work(ctx)
	_, span := trace.WithSpan(ctx, "x")
	defer span.End()
}

func inALoop(ctx context.Context, n int) {
	for range n {
		work(ctx)
		_, span := trace.WithSpan(ctx, "x")
		span.End()
	}
}

// The standard library doesn't start spans.
func standardLibrary(ctx context.Context, d *net.Dialer) error {
	_, span := trace.WithSpan(ctx, "dial")
	defer span.End()
	if err := exec.CommandContext(ctx, "true").Run(); err != nil {
		return err
	}
	_, err := d.DialContext(ctx, "tcp", "localhost:1")
	plain.Wait(ctx)
	server.Wait(ctx)
	return err
}

// A function that only waits has nothing to show.
func waits(ctx context.Context, slots chan bool) error {
	_, span := trace.WithSpan(ctx, "wait")
	err := acquire(ctx, slots)
	span.EndErr(&err)
	return work(ctx)
}

func acquire(ctx context.Context, slots chan bool) error { // want acquire:"^blind to 0$"
	limited, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	plain.Wait(limited)
	return try(limited, slots)
}

func try(ctx context.Context, slots chan bool) error { // want try:"^blind to 0$"
	select {
	case slots <- true:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func outerSpan(ctx context.Context) {
	_, span := trace.WithSpan(ctx, "x")
	defer span.End()
	trace.FromContext(ctx).SetAttrs(slog.Int("n", 1))
	slog.Info("in " + trace.Stack(ctx))
}

// What goes on after the span needs the context around it.
func setup(ctx context.Context) (*server.Server, context.Context, context.CancelFunc) {
	_, span := trace.WithSpan(ctx, "setup")
	defer span.End()
	s := server.New(ctx)
	server.Start(ctx)
	server.Serve("localhost:1", ctx)
	go work(ctx)
	trace.Go(ctx, "worker", func(ctx context.Context) { work(ctx) })
	onExit(func() { work(ctx) })
	running, cancel := context.WithCancel(ctx)
	return s, running, cancel
}

func onExit(f func()) {}

func ownTasks(ctx context.Context) error {
	g, _ := trace.WithTaskGroup(ctx, "x")
	g.Go("a", func(ctx context.Context) error { return work(ctx) })
	g.Go("b", work)
	return g.Wait()
}

// A task may be that of another process, which runs beside what is done here.
func concurrentTask(ctx context.Context, cmd *exec.Cmd) {
	_, task := trace.WithTask(ctx, "cmd")
	cmd.Start()
	work(ctx)
	cmd.Wait()
	task.End()
}

func concurrentTaskInSpan(ctx context.Context) {
	ctx, span := trace.WithSpan(ctx, "x")
	defer span.End()
	_, task := trace.WithTask(ctx, "cmd")
	defer task.End()
	work(ctx)
}

func overlapping(ctx context.Context) {
	_, a := trace.WithAsyncSpan(ctx, "a")
	_, b := trace.WithAsyncSpan(ctx, "b")
	work(ctx)
	a.End()
	b.End()
}

func siblingTask(ctx context.Context) {
	_, span := trace.WithSpan(ctx, "x")
	defer span.End()
	inner, task := trace.WithTask(ctx, "y")
	defer task.End()
	work(inner)
}

func endsInGoroutine(ctx context.Context) {
	_, task := trace.WithTask(ctx, "x")
	go func() {
		time.Sleep(1)
		task.End()
	}()
	work(ctx)
}

func handedOn(ctx context.Context, o *struct{ span *trace.Span }) {
	_, span := trace.WithSpan(ctx, "x")
	o.span = span
	work(ctx)
}

func together(ctx context.Context) {
	_, span := trace.WithSpan(ctx, "x")
	defer span.End()
	workIn(ctx, span)
}

func workIn(ctx context.Context, span *trace.Span) {}

func replaced(ctx, other context.Context) {
	_, span := trace.WithSpan(ctx, "x")
	defer span.End()
	ctx = other
	work(ctx)
}

func another(ctx, other context.Context) {
	_, span := trace.WithSpan(ctx, "x")
	defer span.End()
	work(other)
}

func compared(ctx context.Context) bool {
	inner, span := trace.WithSpan(ctx, "x")
	defer span.End()
	work(ctx)
	return inner == ctx
}

func onOtherPaths(ctx context.Context, b bool) {
	var span *trace.Span
	if b {
		_, span = trace.WithSpan(ctx, "x")
	}
	if b {
		span.End()
	} else {
		work(ctx)
	}
}
