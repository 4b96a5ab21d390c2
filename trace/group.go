package trace

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
)

// A Group runs functions as child tasks of one span, each on a goroutine of its own, and collects their first error,
// like errgroup of golang.org/x/sync. It is made by [WithTaskGroup].
type Group struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	span   *Span
	wg     sync.WaitGroup
	slots  chan struct{}

	once sync.Once
	err  error
}

// PanicError carries a panic of a group's function to the goroutine that waits for the group.
type PanicError struct {
	Value any    // what panic was called with
	Stack []byte // of the goroutine that panicked
}

// Error implements error.
func (e *PanicError) Error() string {
	return fmt.Sprintf("%v\n\n[panic of a task in a trace.Group]\n%s", e.Value, e.Stack)
}

// Unwrap returns the panic's value, if that was an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// WithTaskGroup starts a span for a group of concurrent tasks, or a task, as [WithSpanOrTask] does. The context it returns is the tasks' parent, and is
// cancelled with the first error as its cause. Wait must be called; it ends the span.
func WithTaskGroup(ctx context.Context, name string, attrs ...slog.Attr) (*Group, context.Context) {
	ctx, span := WithSpanOrTask(ctx, name, attrs...)
	ctx, cancel := context.WithCancelCause(ctx)
	return &Group{ctx: ctx, cancel: cancel, span: span}, ctx
}

// SetLimit bounds the tasks that run at a time; a negative limit is none. It must be called before the first Go.
func (g *Group) SetLimit(n int) {
	if g.slots = nil; n >= 0 {
		g.slots = make(chan struct{}, n)
	}
}

// Go runs f in a child task of that name on a new goroutine, after waiting for a free slot if there is a limit. An
// error of f ends its task with that error, and the first one cancels the group's context. A panic of f is raised
// again by Wait.
func (g *Group) Go(name string, f func(ctx context.Context) error, attrs ...slog.Attr) {
	if g.slots != nil {
		g.slots <- struct{}{}
	}
	ctx, task := startElsewhere(g.ctx, name, attrs)
	g.wg.Go(func() {
		task.onGoroutine()
		err := errGoexit
		defer func() {
			task.EndErr(&err)
			if err != nil {
				g.fail(err)
			}
			if g.slots != nil {
				<-g.slots
			}
		}()
		defer func() {
			if p := recover(); p != nil {
				err = &PanicError{Value: p, Stack: debug.Stack()}
			}
		}()
		err = f(ctx)
	})
}

var errGoexit = errors.New("task left by runtime.Goexit")

func (g *Group) fail(err error) {
	g.once.Do(func() {
		g.err = err
		g.cancel(err)
	})
}

// Wait waits for all tasks, ends the group's span and returns the first error. If a function panicked first, Wait
// panics with a *[PanicError].
func (g *Group) Wait() error {
	g.wg.Wait()
	g.span.EndErr(&g.err)
	g.cancel(g.err)
	if p, ok := g.err.(*PanicError); ok {
		panic(p)
	}
	return g.err
}

// Go runs f in a child task of that name on a new goroutine. Nobody waits for it: unless ctx was detached by
// [context.WithoutCancel], it has to be done before its parent task ends.
func Go(ctx context.Context, name string, f func(ctx context.Context), attrs ...slog.Attr) {
	ctx, task := startElsewhere(ctx, name, attrs) // so that the parent knows of it before Go returns
	go func() {
		task.onGoroutine()
		defer task.End()
		f(ctx)
	}()
}

// startElsewhere is WithTask for a task whose goroutine is about to be started.
func startElsewhere(ctx context.Context, name string, attrs []slog.Attr) (context.Context, *Span) {
	if enabled.Load() == 0 {
		return ctx, nil
	}
	parent := FromContext(ctx)
	return startTask(ctx, recorderOf(ctx, parent), parent, name, attrs, false)
}
