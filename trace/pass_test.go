package trace_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/tracetest"
)

// spanned starts one of each kind in ctx, ends them with the test, and returns the contexts that they return.
func spanned(t *testing.T, ctx context.Context) map[string]context.Context {
	t.Helper()
	all := map[string]context.Context{}
	start := func(name string, in context.Context, f starter) context.Context {
		ctx, s := f(in, name)
		if s == nil {
			t.Fatal("no span")
		}
		t.Cleanup(s.End)
		all[name] = ctx
		return ctx
	}
	task := start("task", ctx, trace.WithTask)
	span := start("span", task, trace.WithSpan)
	async := start("async span", span, trace.WithAsyncSpan)
	start("task in a span", async, trace.WithTask)
	start("span in a span", span, trace.WithSpan)
	return all
}

func TestContextsPassThrough(t *testing.T) {
	type key struct{}
	deadline := time.Now().Add(time.Hour)
	cause := errors.New("cause")
	base, cancel := context.WithCancelCause(context.WithValue(tracetest.Strict(t), key{}, "value"))
	outer, stop := context.WithDeadline(base, deadline)
	defer stop()
	all := spanned(t, outer)
	for name, ctx := range all {
		if ctx.Value(key{}) != "value" || ctx.Value("other") != nil {
			t.Errorf("%s: values are %v and %v", name, ctx.Value(key{}), ctx.Value("other"))
		}
		if d, ok := ctx.Deadline(); !ok || !d.Equal(deadline) {
			t.Errorf("%s: the deadline is %v, %v", name, d, ok)
		}
		if ctx.Done() != outer.Done() {
			t.Errorf("%s: Done returns another channel than the context around it", name)
		}
		if ctx.Err() != nil || context.Cause(ctx) != nil {
			t.Errorf("%s: before a cancellation Err is %v, the cause %v", name, ctx.Err(), context.Cause(ctx))
		}
	}
	cancel(cause)
	for name, ctx := range all {
		select {
		case <-ctx.Done():
		default:
			t.Errorf("%s: isn't cancelled", name)
		}
		if ctx.Err() != context.Canceled || context.Cause(ctx) != cause {
			t.Errorf("%s: Err is %v, the cause %v", name, ctx.Err(), context.Cause(ctx))
		}
	}
	expired, stop := context.WithDeadlineCause(tracetest.Strict(t), time.Now().Add(-time.Second), cause)
	defer stop()
	for name, ctx := range spanned(t, expired) {
		if ctx.Err() != context.DeadlineExceeded || context.Cause(ctx) != cause {
			t.Errorf("%s: after a deadline Err is %v, the cause %v", name, ctx.Err(), context.Cause(ctx))
		}
	}
	for name, ctx := range spanned(t, trace.WithRecorder(context.Background(), trace.NewRecorder(trace.Config{}))) {
		if _, ok := ctx.Deadline(); ok || ctx.Done() != nil || ctx.Err() != nil {
			t.Errorf("%s: in a context that can't be cancelled it can", name)
		}
	}
}

func TestWithoutCancelOfASpan(t *testing.T) {
	base, cancel := context.WithCancel(tracetest.Strict(t))
	all := spanned(t, base)
	cancel()
	for name, ctx := range all {
		free := context.WithoutCancel(ctx)
		if free.Done() != nil || free.Err() != nil || context.Cause(free) != nil {
			t.Errorf("%s: WithoutCancel leaves it cancelled", name)
		}
		if trace.FromContext(free) != trace.FromContext(ctx) || trace.Stack(free) != trace.Stack(ctx) {
			t.Errorf("%s: WithoutCancel loses the span", name)
		}
	}
}

func TestAfterFunc(t *testing.T) {
	base, cancel := context.WithCancel(tracetest.Strict(t))
	all := spanned(t, base)
	var ran sync.WaitGroup
	var stops []func() bool
	for name, ctx := range all {
		ran.Add(1)
		context.AfterFunc(ctx, ran.Done)
		stops = append(stops, context.AfterFunc(ctx, func() { t.Errorf("%s: a function that was stopped ran", name) }))
	}
	for _, stop := range stops {
		if !stop() || stop() {
			t.Error("stop must be true once")
		}
	}
	cancel()
	ran.Wait()
	for name, ctx := range all {
		ran.Add(1)
		context.AfterFunc(ctx, ran.Done) // at once
		if context.AfterFunc(ctx, func() {})() {
			t.Errorf("%s: stop is true although the context was cancelled before", name)
		}
	}
	ran.Wait()
}

// TestDerivedContextsStartNoGoroutine: package context starts a goroutine for every context that is derived from one of
// a type that it can't look into.
func TestDerivedContextsStartNoGoroutine(t *testing.T) {
	base, cancelBase := context.WithCancelCause(tracetest.Strict(t))
	all := spanned(t, base)
	before := runtime.NumGoroutine()
	derived := map[string][]context.Context{}
	for name, ctx := range all {
		for range 20 {
			a, cancel := context.WithCancel(ctx)
			defer cancel()
			b, cancelB := context.WithCancelCause(ctx)
			defer cancelB(nil)
			c, cancelC := context.WithTimeout(ctx, time.Hour)
			defer cancelC()
			d, s := trace.WithAsyncSpan(c, "async")
			defer s.End()
			e, cancelE := context.WithCancel(d)
			defer cancelE()
			defer context.AfterFunc(ctx, func() {})()
			derived[name] = append(derived[name], a, b, c, e)
		}
	}
	if n := runtime.NumGoroutine() - before; n > 0 {
		t.Errorf("%d goroutines were started", n)
	}
	cause := errors.New("cause")
	cancelBase(cause)
	for name, contexts := range derived {
		for _, ctx := range contexts {
			if ctx.Err() != context.Canceled || context.Cause(ctx) != cause {
				t.Errorf("%s: what was derived from it has the error %v, cause %v", name, ctx.Err(), context.Cause(ctx))
			}
		}
	}
}

// errGroup is golang.org/x/sync/errgroup, as far as it matters here.
type errGroup struct {
	wg     sync.WaitGroup
	once   sync.Once
	err    error
	cancel context.CancelCauseFunc
}

func withErrGroup(ctx context.Context) (*errGroup, context.Context) {
	ctx, cancel := context.WithCancelCause(ctx)
	return &errGroup{cancel: cancel}, ctx
}

func (g *errGroup) Go(f func() error) {
	g.wg.Go(func() {
		if err := f(); err != nil {
			g.once.Do(func() { g.err = err; g.cancel(err) })
		}
	})
}

func (g *errGroup) Wait() error {
	g.wg.Wait()
	g.cancel(g.err)
	return g.err
}

func TestErrGroup(t *testing.T) {
	base := tracetest.Strict(t)
	ctx, task := trace.WithTask(base, "task")
	sctx, span := trace.WithSpan(ctx, "span")
	g, gctx := withErrGroup(sctx)
	boom := errors.New("boom")
	ready := make(chan struct{})
	g.Go(func() (err error) {
		ctx, task := trace.WithTask(gctx, "waits")
		defer task.EndErr(&err)
		close(ready)
		<-ctx.Done()
		return ctx.Err()
	})
	g.Go(func() (err error) {
		_, task := trace.WithTask(gctx, "fails")
		defer task.EndErr(&err)
		<-ready
		return boom
	})
	if err := g.Wait(); err != boom {
		t.Errorf("Wait returned %v", err)
	}
	if sctx.Err() != nil {
		t.Error("the span's own context was cancelled")
	}
	span.End()
	task.End()
	if got, want := tracetest.SortedTree(t, base), `task task
  span span
    task fails error=boom
    task waits cancelled=boom
`; got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// TestHTTPServer: a handler's task belongs to the connection's, that one to the server's, the context's cancellation
// reaches the handler's spans, and the recorder learns why they ended.
func TestHTTPServer(t *testing.T) {
	base := tracetest.Strict(t)
	serverCtx, server := trace.WithTask(base, "server")
	var conns sync.WaitGroup // of connections that are open
	entered := make(chan struct{})
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, task := trace.WithTask(r.Context(), "handler")
		defer task.End()
		ctx, span := trace.WithSpan(ctx, "waiting")
		if r.URL.Path == "/fast" {
			span.End()
			io.WriteString(w, trace.Stack(ctx))
			return
		}
		close(entered)
		<-ctx.Done()
		err := ctx.Err()
		span.EndErr(&err)
	}))
	srv.Config.BaseContext = func(net.Listener) context.Context { return serverCtx }
	ended := map[net.Conn]func(){}
	var mu sync.Mutex
	srv.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		ctx, conn := trace.WithAsyncSpan(ctx, "connection")
		conns.Add(1)
		mu.Lock()
		defer mu.Unlock()
		ended[c] = sync.OnceFunc(func() { conn.End(); conns.Done() })
		return ctx
	}
	srv.Config.ConnState = func(c net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			mu.Lock()
			defer mu.Unlock()
			ended[c]()
		}
	}
	srv.Start()
	srv.Client().Transport.(*http.Transport).DisableKeepAlives = true // a connection a request
	clientCtx, client := trace.WithTask(base, "client")
	get := func(ctx context.Context, path string) (string, error) {
		req, err := http.NewRequestWithContext(ctx, "GET", srv.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := srv.Client().Do(req)
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		return string(body), err
	}
	body, err := get(clientCtx, "/fast")
	if err != nil || len(body) < 4*14 || body[1:14] != server.ID().String() {
		t.Errorf("the handler's stack is %q, %v; the server's is %q", body, err, server.Stack())
	}
	ctx, cancel := context.WithCancelCause(clientCtx)
	ctx, span := trace.WithSpan(ctx, "request")
	cause := errors.New("not needed any more")
	go func() {
		<-entered
		cancel(cause)
	}()
	if _, err = get(ctx, "/slow"); !errors.Is(err, cause) || context.Cause(ctx) != cause {
		t.Errorf("the client's error is %v, its cause %v", err, context.Cause(ctx))
	}
	span.EndErr(&err)
	client.End()
	srv.Close()
	conns.Wait()
	server.End()
	if got, want := tracetest.SortedTree(t, base), `task client
  span request cancelled="not needed any more"
task server
  async connection
    task handler
      span waiting
  async connection
    task handler
      span waiting cancelled="context canceled"
`; got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}
