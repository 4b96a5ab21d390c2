package trace_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/spanstack/spanstack/trace"
)

// TestRandomPrograms runs random programs, rightly and wrongly written ones, and compares what was recorded with what
// the model predicts: the tree, kinds, outcomes, attributes, instants, anomalies, what is open, and what a consumer gets.
func TestRandomPrograms(t *testing.T) {
	rounds := 5
	if testing.Short() {
		rounds = 1
	}
	t.Run("real time", func(t *testing.T) {
		rapid.Check(t, func(rt *rapid.T) { runProgram(rt, false) })
	})
	// In a bubble the clock stands still while the program runs, there are goroutines, and deadlines pass.
	t.Run("fake time", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			for range rounds {
				rapid.Check(struct{ testing.TB }{t}, func(rt *rapid.T) { runProgram(rt, true) })
			}
		})
	})
}

// A program does random things to a recorder and to a model of it.
type program struct {
	model
	rec     *trace.Recorder
	fake    bool // time is
	scopes  []*scope
	handles []handle
	cancels []cancel
	workers []*worker
	groups  []*group
	patient *reader
	mu      sync.Mutex // while goroutines end that nobody waits for, which they do after a failure
	got     []string   // anomalies
	counted int        // things that were given a name or number
}

// A scope is a context of the program, and the same one without spans.
type scope struct {
	ctx context.Context
	place
}

// A handle is what starting a span returned; node is nil if that was nil.
type handle struct {
	span *trace.Span
	node *node
}

type cancel struct{ real, plain context.CancelCauseFunc }

func runProgram(rt *rapid.T, fake bool) {
	p := &program{fake: fake}
	p.rec = trace.NewRecorder(trace.Config{Logger: slog.New(slog.DiscardHandler), OnAnomaly: func(a trace.Anomaly) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.got = append(p.got, a.Misuse.String()+": "+a.Span.Name())
	}})
	p.patient = newReader(p.rec, trace.ConsumerConfig{})
	p.remote = &trace.Ref{Trace: trace.TraceID{1}, Span: 1}
	ctx, stop := context.WithCancel(context.Background())
	rt.Cleanup(func() { p.stop(); stop() })
	p.addScope(trace.WithRecorder(ctx, p.rec), place{plain: ctx})
	p.addScope(trace.WithRecorder(context.Background(), p.rec), place{plain: context.Background()})
	p.addScope(trace.WithRemote(p.scopes[0].ctx, trace.Remote{Ref: *p.remote}), place{plain: ctx, remote: true})
	rt.Repeat(map[string]func(*rapid.T){
		"":           p.check,
		"task":       p.task,
		"span":       p.span,
		"inner span": p.innerSpan,
		"async span": p.async,
		"detach":     p.detach,
		"derive":     p.derive,
		"cancel":     p.cancelOne,
		"end":        p.end,
		"end inner":  p.endInner,
		"set":        p.set,
		"instant":    p.instant,
		"level":      p.switchLevel,
		"go":         p.goTask,
		"group":      p.startGroup,
		"group go":   p.groupGo,
		"finish":     p.finish,
		"wait":       p.wait,
		"sleep":      p.sleep,
		"poll":       p.poll,
	})
	p.windUp(rt)
}

func (p *program) name() string {
	p.counted++
	return fmt.Sprint("n", p.counted)
}

func (p *program) addScope(ctx context.Context, at place) *scope {
	s := &scope{ctx, at}
	p.scopes = append(p.scopes, s)
	return s
}

// anyScope draws a context, every other time the newest one.
func (p *program) anyScope(rt *rapid.T) *scope {
	if rapid.Bool().Draw(rt, "newest") {
		return p.scopes[len(p.scopes)-1]
	}
	return p.scopes[rapid.IntRange(0, len(p.scopes)-1).Draw(rt, "context")]
}

func (p *program) attrs(rt *rapid.T) (attrs []slog.Attr) {
	for range rapid.IntRange(0, 2).Draw(rt, "attributes") {
		p.counted++
		attrs = append(attrs, slog.Int(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "key"), p.counted))
	}
	return attrs
}

// errorFor draws an error such as code with this context may meet.
func (p *program) errorFor(rt *rapid.T, ctx context.Context) error {
	p.counted++
	return []error{
		nil,
		fmt.Errorf("broken %d", p.counted),
		ctx.Err(),
		context.Cause(ctx),
		fmt.Errorf("send: %w", context.Canceled),
		context.DeadlineExceeded,
	}[rapid.IntRange(0, 5).Draw(rt, "error")]
}

// started notes what starting a span returned. n is what the model says of it.
func (p *program) started(rt *rapid.T, ctx context.Context, s *trace.Span, n *node, at place) *scope {
	if (s == nil) != (n == nil) {
		rt.Fatalf("at level %v the span is %v", p.level, s)
	}
	p.handles = append(p.handles, handle{s, n})
	if n == nil {
		return p.addScope(ctx, at)
	}
	n.id, n.scope = s.ID(), p.addScope(ctx, place{node: n, plain: at.plain})
	if p.offRoot != nil && p.offRoot.id == 0 {
		p.offRoot.id = idOf(p.rec, trace.StartedWhileOff)
	}
	if want, full := p.stackText(n); full && trace.Stack(ctx) != want {
		rt.Fatalf("%s has the stack %q, want %q", n.name, trace.Stack(ctx), want)
	}
	return n.scope
}

func idOf(rec *trace.Recorder, name string) trace.ID {
	for _, r := range rec.Active() {
		if r.Name == name {
			return r.ID
		}
	}
	return 0
}

type starter func(context.Context, string, ...slog.Attr) (context.Context, *trace.Span)

func (p *program) task(rt *rapid.T) { p.start(rt, p.anyScope(rt), trace.KindTask, trace.WithTask) }
func (p *program) span(rt *rapid.T) { p.start(rt, p.anyScope(rt), trace.KindSpan, trace.WithSpan) }
func (p *program) async(rt *rapid.T) {
	p.start(rt, p.anyScope(rt), trace.KindAsync, trace.WithAsyncSpan)
}

func (p *program) start(rt *rapid.T, at *scope, kind trace.Kind, start starter) *scope {
	name, attrs := p.name(), p.attrs(rt)
	n := p.model.start(kind, at.place, name, attrs)
	ctx, s := start(at.ctx, name, attrs...)
	if n == nil && ctx != at.ctx {
		rt.Fatal("off: the context must come back unchanged")
	}
	return p.started(rt, ctx, s, n, at.place)
}

// innermost draws one of the nodes that a span is rightly started in, and rightly ended next.
func (p *program) innermost(rt *rapid.T) *node {
	var tops []*node
	for _, n := range p.nodes {
		if n.kind == trace.KindTask && n.open {
			tops = append(tops, n.stack[len(n.stack)-1])
		}
	}
	if len(tops) == 0 {
		rt.Skip("no task is open")
	}
	return tops[rapid.IntRange(0, len(tops)-1).Draw(rt, "innermost")]
}

func (p *program) innerSpan(rt *rapid.T) {
	p.start(rt, p.innermost(rt).scope, trace.KindSpan, trace.WithSpan)
}

func (p *program) detach(rt *rapid.T) {
	at, name, attrs := p.anyScope(rt), p.name(), p.attrs(rt)
	to := place{plain: context.WithoutCancel(at.plain)}
	n := p.model.start(trace.KindTask, to, name, attrs)
	ctx, s := trace.Detach(at.ctx, name, attrs...)
	if n == nil {
		to.node, to.remote, to.cut = at.node, at.remote, true
	}
	p.started(rt, ctx, s, n, to)
	switch {
	case n != nil && at.remote:
		p.model.instant(trace.KindLink, "", n, "remote")
	case n != nil && at.node != nil:
		p.model.instant(trace.KindLink, "", n, at.node.name)
	}
}

// derive makes a context of another one, as programs do.
func (p *program) derive(rt *rapid.T) {
	at := p.anyScope(rt)
	to := at.place
	var ctx context.Context
	switch how := rapid.SampledFrom([]string{"cancel", "deadline", "passed deadline", "value", "without cancel"}).Draw(rt, "how"); how {
	case "cancel":
		var c cancel
		ctx, c.real = context.WithCancelCause(at.ctx)
		to.plain, c.plain = context.WithCancelCause(at.plain)
		p.cancels = append(p.cancels, c)
	case "deadline", "passed deadline":
		d := time.Now().Add(map[string]time.Duration{"deadline": time.Hour, "passed deadline": -time.Hour}[how])
		var real, plain context.CancelFunc
		ctx, real = context.WithDeadline(at.ctx, d)
		to.plain, plain = context.WithDeadline(at.plain, d)
		p.cancels = append(p.cancels, cancel{func(error) { real() }, func(error) { plain() }})
	case "value":
		ctx = context.WithValue(at.ctx, scope{}, how)
	case "without cancel":
		ctx, to.plain, to.cut = context.WithoutCancel(at.ctx), context.WithoutCancel(at.plain), true
	}
	p.addScope(ctx, to)
}

func (p *program) cancelOne(rt *rapid.T) {
	if len(p.cancels) == 0 {
		rt.Skip("nothing to cancel")
	}
	c := p.cancels[rapid.IntRange(0, len(p.cancels)-1).Draw(rt, "context")]
	var cause error
	if rapid.Bool().Draw(rt, "with a cause") {
		cause = errors.New("cause " + p.name())
	}
	c.real(cause)
	c.plain(cause)
}

func (p *program) anyHandle(rt *rapid.T) handle {
	if len(p.handles) == 0 {
		rt.Skip("nothing was started")
	}
	return p.handles[rapid.IntRange(0, len(p.handles)-1).Draw(rt, "span")]
}

func (p *program) end(rt *rapid.T)      { p.endOne(rt, p.anyHandle(rt)) }
func (p *program) endInner(rt *rapid.T) { p.endOne(rt, p.handleOf(p.innermost(rt))) }

func (p *program) handleOf(n *node) handle { return handle{trace.FromContext(n.scope.ctx), n} }

func (p *program) endOne(rt *rapid.T, h handle) {
	var err error
	if h.node != nil {
		err = p.errorFor(rt, h.node.plain)
	}
	p.model.end(h.node, err)
	if err == nil && rapid.Bool().Draw(rt, "without error") {
		h.span.End()
	} else {
		h.span.EndErr(&err)
	}
}

func (p *program) set(rt *rapid.T) {
	h := p.anyHandle(rt)
	if attrs := p.attrs(rt); len(attrs) > 0 {
		h.span.SetAttrs(attrs...)
		h.node.setAttrs(attrs)
		return
	}
	err := p.errorFor(rt, p.scopes[0].plain)
	h.span.SetError(err)
	h.node.setError(err)
}

func (p *program) instant(rt *rapid.T) {
	h, name := p.anyHandle(rt), p.name()
	switch kind := rapid.SampledFrom([]trace.Kind{trace.KindEvent, trace.KindLog, trace.KindCounter, trace.KindLink}).Draw(rt, "kind"); kind {
	case trace.KindEvent:
		h.span.Event(name)
		p.model.instant(kind, name, h.node, "")
	case trace.KindLog:
		h.span.Log(time.Now(), slog.LevelWarn, name)
		p.model.instant(kind, name, h.node, "WARN")
	case trace.KindCounter:
		if rapid.Bool().Draw(rt, "float") {
			h.span.CounterFloat(name, 0.5)
			p.model.instant(kind, name, h.node, "0.5")
		} else {
			h.span.Counter(name, -7)
			p.model.instant(kind, name, h.node, "-7")
		}
	case trace.KindLink:
		to := p.anyHandle(rt)
		h.span.Link(to.span.Ref())
		more := ""
		if to.node != nil {
			more = to.node.name
		}
		p.model.instant(kind, "", h.node, more)
	}
}

func (p *program) switchLevel(rt *rapid.T) {
	l := rapid.SampledFrom([]trace.Level{trace.LevelRecording, trace.LevelRecording, trace.LevelIDs, trace.LevelOff}).Draw(rt, "level")
	p.setLevel(l)
	p.rec.SetLevel(l)
}

func (p *program) sleep(rt *rapid.T) {
	if !p.fake {
		rt.Skip("only where that takes no time")
	}
	time.Sleep(rapid.SampledFrom([]time.Duration{1, time.Microsecond, time.Second, 40 * time.Minute}).Draw(rt, "duration"))
	synctest.Wait() // for deadlines
}
