package trace_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/tracetest"
)

//lint:file-ignore tracevet misuse is what many of these tests are about

func wantTree(t *testing.T, ctx context.Context, want string) {
	t.Helper()
	if got := tracetest.Tree(t, ctx); got != want {
		t.Errorf("recorded tree:\n%s\nwant:\n%s", got, want)
	}
}

func TestNesting(t *testing.T) {
	base := tracetest.Strict(t)
	ctx, task := trace.WithTask(base, "replicate", slog.String("dataset", "tank/a"))
	ctx2, plan := trace.WithSpan(ctx, "plan")
	_, list := trace.WithSpan(ctx2, "zfs list", slog.Int("datasets", 3))
	list.End()
	_, list = trace.WithSpan(ctx2, "zfs list")
	list.SetAttrs(slog.Group("exit", slog.Int("code", 1), slog.Bool("core", false)))
	list.SetError(errors.New("no such pool"))
	list.End()
	plan.End()
	_, step := trace.WithTask(ctx, "step")
	step.Event("first byte", slog.Duration("after", time.Second))
	step.Log(time.Now(), slog.LevelWarn, "slow", slog.Float64("mbps", 0.5))
	step.End()
	task.End()
	tracetest.NoLeaks(t, base)
	wantTree(t, base, `task replicate dataset=tank/a
  span plan
    span zfs list datasets=3
    span zfs list exit.code=1 exit.core=false error="no such pool"
  task step
    event first byte after=1s
    log slow mbps=0.5
`)
}

func TestEndErr(t *testing.T) {
	base := tracetest.Strict(t)
	f := func(ctx context.Context, name string, result error) (err error) {
		_, span := trace.WithSpan(ctx, name)
		defer span.EndErr(&err)
		return result
	}
	ctx, task := trace.WithTask(base, "task")
	f(ctx, "good", nil)
	f(ctx, "bad", errors.New("broken"))
	f(ctx, "detached", fmt.Errorf("send: %w", context.Canceled))
	cause := errors.New("user pressed Ctrl-C")
	ctx, cancel := context.WithCancelCause(ctx)
	cancel(cause)
	f(ctx, "cancelled", fmt.Errorf("send: %w", context.Canceled))
	f(ctx, "cancelled with its cause", cause)
	f(ctx, "failed while cancelled", errors.New("disk full"))
	task.EndErr(nil)
	wantTree(t, base, `task task
  span good
  span bad error=broken
  span detached cancelled="send: context canceled"
  span cancelled cancelled="user pressed Ctrl-C"
  span cancelled with its cause cancelled="user pressed Ctrl-C"
  span failed while cancelled error="disk full"
`)
}

func TestMisuseIsRepaired(t *testing.T) {
	tests := []struct {
		name   string
		misuse trace.Misuse
		do     func(ctx context.Context)
		want   string
	}{
		{"no task", trace.NoTask, func(ctx context.Context) {
			ctx, s := trace.WithSpan(ctx, "lonely")
			_, c := trace.WithSpan(ctx, "child")
			c.End()
			s.End()
		}, `
async lonely
  anomaly span started without a task in its context span=lonely
  async child
`},
		{"sibling open", trace.OverlappingSpan, func(ctx context.Context) {
			ctx, task := trace.WithTask(ctx, "task")
			_, a := trace.WithSpan(ctx, "a")
			_, b := trace.WithSpan(ctx, "b")
			a.End()
			b.End()
			task.End()
		}, `
task task
  span a
  async b
    anomaly span started while a sibling was open, or on another goroutine than its task's span=b
`},
		{"parent ended", trace.StartedAfterEnd, func(ctx context.Context) {
			ctx, task := trace.WithTask(ctx, "task")
			actx, a := trace.WithSpan(ctx, "a")
			a.End()
			_, b := trace.WithSpan(actx, "b")
			b.End()
			task.End()
		}, `
task task
  span a
    async b
      anomaly span started in one that had ended span=b
`},
		{"out of order", trace.EndedBeforeChild, func(ctx context.Context) {
			ctx, task := trace.WithTask(ctx, "task")
			ctx, a := trace.WithSpan(ctx, "a")
			ctx, b := trace.WithSpan(ctx, "b")
			_, c := trace.WithSpan(ctx, "c")
			a.End()
			b.End()
			c.End()
			task.End()
		}, `
task task
  span a
    async b
      async c
    anomaly ended while spans in it were open span=a
`},
		{"task before its span", trace.EndedBeforeChild, func(ctx context.Context) {
			ctx, task := trace.WithTask(ctx, "task")
			_, a := trace.WithSpan(ctx, "a")
			task.End()
			a.End()
		}, `
task task
  async a
  anomaly ended while spans in it were open span=task
`},
		{"task before its child", trace.ChildOutlivesParent, func(ctx context.Context) {
			ctx, task := trace.WithTask(ctx, "task")
			_, child := trace.WithTask(ctx, "child")
			task.End()
			child.End()
		}, `
task task
  task child
  anomaly task ended while child tasks of it were running span=task
`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			base := tracetest.Lenient(t)
			tt.do(base)
			tracetest.NoLeaks(t, base)
			wantTree(t, base, strings.TrimPrefix(tt.want, "\n"))
			for m := range trace.ChildOutlivesParent + 1 {
				want := uint64(0)
				if m == tt.misuse {
					want = 1
				}
				if got := trace.RecorderFromContext(base).Anomalies(m); got != want {
					t.Errorf("%d anomalies %q, want %d", got, m, want)
				}
			}
		})
	}
}

func TestDetachedTaskMayOutliveItsParent(t *testing.T) {
	for _, cancellable := range []bool{false, true} {
		base := tracetest.Strict(t)
		ctx := base
		if cancellable {
			var cancel context.CancelFunc
			ctx, cancel = context.WithCancel(base)
			defer cancel()
		}
		ctx, task := trace.WithTask(ctx, "request")
		_, child := trace.WithTask(context.WithoutCancel(ctx), "audit")
		task.End()
		child.End()
		wantTree(t, base, "task request\n  task audit\n")
	}
}

func TestAnomalyIsLoggedOnceACallSite(t *testing.T) {
	var log strings.Builder
	rec := trace.NewRecorder(trace.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	ctx := trace.WithRecorder(t.Context(), rec)
	for range 3 {
		_, s := trace.WithSpan(ctx, "lonely")
		s.End()
	}
	if n := strings.Count(log.String(), "\n"); n != 1 || !strings.Contains(log.String(), "span_test.go:") {
		t.Errorf("want one line that names the call's place, got:\n%s", log.String())
	}
	if n := rec.Anomalies(trace.NoTask); n != 3 {
		t.Errorf("%d anomalies counted, want 3", n)
	}
}

func TestNilSpanDoesNothing(t *testing.T) {
	var s *trace.Span
	err := errors.New("e")
	s.SetAttrs(slog.Int("a", 1))
	s.SetError(err)
	s.Event("e")
	s.Log(time.Now(), slog.LevelInfo, "m")
	s.EndErr(&err)
	s.End()
	if s.Stack() != "" || s.ID() != 0 || !s.Ended() {
		t.Error("a nil span must have no ID, no stack, and have ended")
	}
}

func TestSpanIsNoContext(t *testing.T) {
	if _, ok := any((*trace.Span)(nil)).(interface{ Done() <-chan struct{} }); ok {
		t.Error("*Span has a Done method: defer span.Done() would compile, and do nothing")
	}
}

func TestContextPassesThrough(t *testing.T) {
	type key struct{}
	base := tracetest.Strict(t)
	deadline := time.Now().Add(time.Hour)
	ctx, cancel := context.WithDeadline(context.WithValue(base, key{}, "value"), deadline)
	ctx, task := trace.WithTask(ctx, "task")
	ctx, span := trace.WithSpan(ctx, "span")
	if v := ctx.Value(key{}); v != "value" {
		t.Errorf("value is %v", v)
	}
	if d, ok := ctx.Deadline(); !ok || !d.Equal(deadline) {
		t.Errorf("deadline is %v, %v", d, ok)
	}
	var after sync.WaitGroup
	after.Add(1)
	context.AfterFunc(ctx, after.Done)
	child, childCancel := context.WithCancelCause(ctx)
	defer childCancel(nil)
	cancel()
	after.Wait()
	<-ctx.Done()
	if ctx.Err() != context.Canceled || context.Cause(child) != context.Canceled {
		t.Errorf("ctx.Err is %v, the child's cause %v", ctx.Err(), context.Cause(child))
	}
	if free := context.WithoutCancel(ctx); free.Err() != nil || trace.FromContext(free) != span {
		t.Error("WithoutCancel must keep the span and drop the cancellation")
	}
	span.End()
	task.End()
}

func TestStack(t *testing.T) {
	base := tracetest.Strict(t)
	if s := trace.Stack(base); s != "" {
		t.Errorf("stack without a task is %q", s)
	}
	ctx, a := trace.WithTask(base, "a")
	bctx, b := trace.WithSpan(ctx, "b")
	cctx, c := trace.WithTask(bctx, "c")
	dctx, d := trace.WithAsyncSpan(cctx, "d")
	want := fmt.Sprintf("/%v.%v/%v~%v/", a.ID(), b.ID(), c.ID(), d.ID())
	if got := trace.Stack(dctx); got != want {
		t.Errorf("stack is %q, want %q", got, want)
	}
	ctx = cctx
	var deep [40]*trace.Span
	for i := range deep {
		ctx, deep[i] = trace.WithSpan(ctx, "deep")
	}
	defer func() {
		for _, s := range slices.Backward(deep[:]) {
			s.End()
		}
		for _, s := range []*trace.Span{d, c, b, a} {
			s.End()
		}
	}()
	got := trace.Stack(ctx)
	if !strings.HasPrefix(got, "/"+a.ID().String()+"/+11.") || strings.Count(got, ".") != 31 || !strings.HasSuffix(got, trace.FromContext(ctx).ID().String()+"/") {
		t.Errorf("the stack of 43 members must show the first, 11 left out, and 31 last ones: %q", got)
	}
}

func TestLevels(t *testing.T) {
	base := tracetest.Strict(t)
	rec := trace.RecorderFromContext(base)
	ctx, task := trace.WithTask(base, "task")

	rec.SetLevel(trace.LevelOff)
	off, nothing := trace.WithSpan(ctx, "unseen")
	if off != ctx || nothing != nil {
		t.Error("off: the context must come back unchanged, with a nil span")
	}
	unknown, _ := trace.WithTask(base, "unseen")

	rec.SetLevel(trace.LevelIDs)
	ids, quiet := trace.WithSpan(ctx, "only IDs")
	if quiet.ID() == 0 || trace.Stack(ids) == "" {
		t.Error("IDs: the span must have an ID and a stack")
	}
	quiet.Event("unseen")
	quiet.Log(time.Now(), slog.LevelInfo, "unseen")

	rec.SetLevel(trace.LevelRecording)
	_, inner := trace.WithSpan(ids, "recorded")
	inner.End()
	quiet.End()
	_, orphan := trace.WithSpan(unknown, "orphan")
	orphan.End()

	rec.SetLevel(trace.LevelIDs)
	_, lost := trace.WithSpan(ctx, "unseen")
	lost.End()
	task.End()
	wantTree(t, base, `task task
  span only IDs
    span recorded
async started while off (open)
  async orphan
`)
}

func TestAttributesAreBounded(t *testing.T) {
	base := tracetest.Strict(t)
	var attrs []slog.Attr
	for i := range 100 {
		attrs = append(attrs, slog.String(fmt.Sprint("key", i), strings.Repeat("ö", 5000)))
	}
	_, task := trace.WithTask(base, strings.Repeat("n", 5000), attrs...)
	task.End()
	recs := trace.RecorderFromContext(base).Snapshot()
	r := recs[0]
	total := len(r.Name)
	for _, a := range r.Attrs {
		total += len(a.Key) + len(a.Value.String())
	}
	if total > 20<<10 {
		t.Errorf("the record holds %d bytes of text", total)
	}
	last := r.Attrs[len(r.Attrs)-1]
	if last.Key != "attrs.dropped" || int(last.Value.Int64()) != 100-(len(r.Attrs)-1) {
		t.Errorf("of 100 attributes %d are kept, but the last one says %v", len(r.Attrs)-1, last)
	}
	if !strings.HasPrefix(r.Attrs[0].Value.String(), "ööö") || !strings.Contains(r.Attrs[0].Value.String(), "…(+") {
		t.Errorf("a long value must be cut visibly, is %q", r.Attrs[0].Value)
	}
}

type panicking struct{}

func (*panicking) String() string { panic("boom") }

func TestHostileAttributes(t *testing.T) {
	base := tracetest.Strict(t)
	_, task := trace.WithTask(base, "task", slog.Any("p", (*panicking)(nil)), slog.Any("nil", nil), slog.Attr{}, slog.Any("f", func() {}))
	task.End()
	if got := tracetest.Tree(t, base); !strings.Contains(got, `p="!PANIC rendering *trace_test.panicking: boom"`) {
		t.Errorf("got %s", got)
	}
}

func TestDetach(t *testing.T) {
	base := tracetest.Strict(t)
	type key struct{}
	ctx, cancel := context.WithCancel(context.WithValue(base, key{}, "value"))
	ctx, task := trace.WithTask(ctx, "request")
	free, audit := trace.Detach(ctx, "audit", slog.Int("n", 1))
	cancel()
	task.End()
	if free.Err() != nil || free.Value(key{}) != "value" {
		t.Error("a detached context keeps values and loses cancellation")
	}
	if audit.Ref().Trace == task.Ref().Trace {
		t.Error("a detached task is the root of a trace of its own")
	}
	_, span := trace.WithSpan(free, "write")
	span.End()
	audit.End()
	for _, r := range trace.RecorderFromContext(base).Snapshot() {
		if r.Kind == trace.KindLink && r.Link != task.Ref() {
			t.Errorf("the link is to %v, want %v", r.Link, task.Ref())
		}
	}
	wantTree(t, base, "task request\ntask audit n=1\n  link\n  span write\n")
	root, alone := trace.Detach(base, "alone") // from nothing
	alone.End()
	if trace.FromContext(root) != alone {
		t.Error("Detach works without a task")
	}
}

func TestTooManyOpenSpans(t *testing.T) {
	rec := trace.NewRecorder(trace.Config{MaxOpen: 1000, Logger: slog.New(slog.DiscardHandler)})
	ctx, _ := trace.WithTask(trace.WithRecorder(t.Context(), rec), "task")
	for range 20_000 {
		ctx, _ = trace.WithSpan(ctx, "leak")
	}
	if n := len(rec.Active()); n > 4096+1000+1 {
		t.Errorf("%d spans active", n)
	}
	if rec.Anomalies(trace.TooDeep) != 20_000-4096 || rec.Forgotten() == 0 {
		t.Errorf("%d anomalies, %d forgotten", rec.Anomalies(trace.TooDeep), rec.Forgotten())
	}
}

func TestSetAttrs(t *testing.T) {
	base := tracetest.Strict(t)
	rec := trace.RecorderFromContext(base)
	_, task := trace.WithTask(base, "task", slog.String("state", "new"), slog.Int("n", 1))
	attrs := func(records []trace.Record) string { return fmt.Sprint(records[len(records)-1].Attrs) }
	want := func(want string) {
		t.Helper()
		if got := attrs(rec.Active()); got != want {
			t.Errorf("while it is open: %s, want %s", got, want)
		}
	}
	want("[state=new n=1]")
	task.SetAttrs(slog.String("state", "sending"))
	want("[state=sending n=1]")
	for i := range 1000 { // progress is no leak
		task.SetAttrs(slog.Int("bytes", i), slog.String("state", "still sending"))
	}
	want("[state=still sending n=1 bytes=999]")
	task.SetAttrs(slog.Any("err", errors.New("e"))) // to be rendered at the end
	want("[state=still sending n=1 bytes=999]")
	for i := range 1000 {
		task.SetAttrs(slog.Int(fmt.Sprint("key", i), i))
	}
	task.End()
	task.SetAttrs(slog.String("state", "too late"))
	got := attrs(rec.Snapshot())
	if !strings.HasPrefix(got, "[state=still sending n=1 bytes=999 err=e key0=0 key1=1 ") || !strings.HasSuffix(got, " attrs.dropped=877]") {
		t.Errorf("at the end: %s", got)
	}
}
