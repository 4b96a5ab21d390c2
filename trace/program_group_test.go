package trace_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing/synctest"

	"pgregory.net/rapid"

	"github.com/spanstack/spanstack/trace"
)

// The part of a random program that has goroutines. They do nothing but wait until the program tells them how to end, and
// it goes on when they have.

// A worker is a goroutine that [trace.Go] or a group started.
type worker struct {
	handle
	group  *group
	result chan func() error
}

type group struct {
	*trace.Group
	handle
	scope   *scope
	cancel  context.CancelCauseFunc // of the plain context
	running int
	err     error // the first one
}

// needsBubble skips an action in real time, where nothing tells that a goroutine is done.
func (p *program) needsBubble(rt *rapid.T) {
	if !p.fake {
		rt.Skip("only in a bubble")
	}
}

// startWorker starts a goroutine by a function that gets its name and what it is to do.
func (p *program) startWorker(rt *rapid.T, at *scope, start func(name string, f func(context.Context) error)) *worker {
	w := &worker{result: make(chan func() error)}
	began := make(chan context.Context)
	name := p.name()
	n := p.model.start(trace.KindTask, at.place, name, nil)
	start(name, func(ctx context.Context) error {
		began <- ctx
		return (<-w.result)()
	})
	ctx := <-began
	w.handle = handle{newSpan(ctx, at.ctx), n}
	p.started(rt, ctx, w.span, n, at.place)
	p.workers = append(p.workers, w)
	return w
}

// newSpan returns the innermost span of ctx, unless it is the one of outer, too.
func newSpan(ctx, outer context.Context) *trace.Span {
	if s := trace.FromContext(ctx); s != trace.FromContext(outer) {
		return s
	}
	return nil
}

func (p *program) goTask(rt *rapid.T) {
	p.needsBubble(rt)
	at := p.anyScope(rt)
	p.startWorker(rt, at, func(name string, f func(context.Context) error) {
		trace.Go(at.ctx, name, func(ctx context.Context) { f(ctx) })
	})
}

func (p *program) startGroup(rt *rapid.T) {
	p.needsBubble(rt)
	at, name, kind := p.anyScope(rt), p.name(), trace.KindSpan
	if at.node == nil {
		kind = trace.KindTask
	}
	g := &group{handle: handle{node: p.model.start(kind, at.place, name, nil)}}
	var ctx context.Context
	g.Group, ctx = trace.WithTaskGroup(at.ctx, name)
	g.span = newSpan(ctx, at.ctx)
	g.scope = p.started(rt, ctx, g.span, g.node, at.place)
	g.scope.plain, g.cancel = context.WithCancelCause(at.plain)
	p.groups = append(p.groups, g)
}

func (p *program) anyGroup(rt *rapid.T) *group {
	if len(p.groups) == 0 {
		rt.Skip("no group")
	}
	return p.groups[rapid.IntRange(0, len(p.groups)-1).Draw(rt, "group")]
}

func (p *program) groupGo(rt *rapid.T) {
	g := p.anyGroup(rt)
	w := p.startWorker(rt, g.scope, func(name string, f func(context.Context) error) { g.Go(name, f) })
	w.group = g
	g.running++
}

// finish ends one goroutine, in one of the ways in which they do.
func (p *program) finish(rt *rapid.T) {
	if len(p.workers) == 0 {
		rt.Skip("no goroutine")
	}
	w := p.workers[rapid.IntRange(0, len(p.workers)-1).Draw(rt, "goroutine")]
	if w.group == nil {
		p.finishOne(rt, w, func() error { return nil }, nil)
		return
	}
	err := p.errorFor(rt, w.group.scope.plain)
	switch rapid.SampledFrom([]string{"return", "panic", "exit"}).Draw(rt, "end") {
	case "return":
		p.finishOne(rt, w, func() error { return err }, err)
	case "panic":
		if err == nil {
			err = errors.New("boom")
		}
		p.finishOne(rt, w, func() error { panic(err) }, &trace.PanicError{Value: err})
	case "exit":
		p.finishOne(rt, w, func() error { runtime.Goexit(); return nil }, errGoexit())
	}
}

// errGoexit returns the error with which a task ends that runtime.Goexit left.
var errGoexit = sync.OnceValue(func() error {
	g, _ := trace.WithTaskGroup(trace.WithRecorder(context.Background(), trace.NewRecorder(trace.Config{})), "group")
	g.Go("task", func(context.Context) error { runtime.Goexit(); return nil })
	return g.Wait()
})

// finishOne ends a goroutine by result, which makes err the end of its task.
func (p *program) finishOne(rt *rapid.T, w *worker, result func() error, err error) {
	for i := range p.workers {
		if p.workers[i] == w {
			p.workers = append(p.workers[:i], p.workers[i+1:]...)
			break
		}
	}
	p.model.end(w.node, err)
	w.result <- result
	synctest.Wait()
	g := w.group
	if g == nil {
		return
	}
	if g.running--; err == nil || g.err != nil {
		return
	}
	g.err = err
	cause := context.Cause(g.scope.ctx)
	if g.scope.plain.Err() == nil && firstPart(cause) != firstPart(err) {
		rt.Fatalf("the group failed with %v, and was cancelled with %v", err, cause)
	}
	g.cancel(cause)
}

// firstPart returns the text of an error without the stack of a panic.
func firstPart(err error) string {
	if err == nil {
		return ""
	}
	text, _, _ := strings.Cut(err.Error(), "\n\n[panic")
	return text
}

func (p *program) wait(rt *rapid.T) {
	g := p.anyGroup(rt)
	if g.running > 0 {
		rt.Skip("it would block")
	}
	p.waitFor(rt, g)
}

func (p *program) waitFor(rt *rapid.T, g *group) {
	p.model.end(g.node, g.err)
	err, panicked := waitOrRecover(g)
	if _, panics := g.err.(*trace.PanicError); firstPart(err) != firstPart(g.err) || panicked != panics {
		rt.Fatalf("Wait ended with %v, panicking: %v, want %v", err, panicked, g.err)
	}
	g.cancel(err)
}

// waitOrRecover returns what Wait returns, or panics with.
func waitOrRecover(g interface{ Wait() error }) (err error, panicked bool) {
	defer func() {
		if p := recover(); p != nil {
			err, panicked = p.(*trace.PanicError), true
		}
	}()
	return g.Wait(), false
}

// stop ends all goroutines.
func (p *program) stop() {
	for _, w := range p.workers {
		w.result <- func() error { return nil }
	}
	for _, c := range p.cancels {
		c.real(nil)
		c.plain(nil)
	}
	for _, g := range p.groups {
		g.cancel(nil)
		waitOrRecover(g)
	}
}
