package trace_test

import (
	"context"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/tracetest"
)

func TestRemoteParent(t *testing.T) {
	client := tracetest.Strict(t)
	cctx, call := trace.WithTask(client, "call")
	defer call.End()

	server := tracetest.Strict(t)
	rctx := trace.WithRemote(server, trace.Remote{Ref: call.Ref(), Stack: trace.Stack(cctx)})
	ctx, task := trace.WithTask(rctx, "serve")
	_, span := trace.WithSpan(ctx, "read")
	if got, want := span.Stack(), strings.TrimSuffix(call.Stack(), "/")+"/"+task.ID().String()+"."+span.ID().String()+"/"; got != want {
		t.Errorf("stack is %s, want %s", got, want)
	}
	if span.Ref().Trace != call.Ref().Trace {
		t.Error("the trace ID must be the remote one's")
	}
	span.End()
	_, async := trace.WithAsyncSpan(rctx, "background")
	async.End()
	task.End()
	records := trace.RecorderFromContext(server).Snapshot()
	for _, r := range records {
		if (r.Name == "serve" || r.Name == "background") && (r.Parent != call.ID() || r.ParentTask != 0 || r.Trace != call.Ref().Trace) {
			t.Errorf("%s: parent %v, parent task %v, trace %v", r.Name, r.Parent, r.ParentTask, r.Trace)
		}
	}
	if len(records) != 3 {
		t.Errorf("%d records, want 3: the remote span has none here", len(records))
	}
}

// TestRemoteStackIsChecked: what another process sends as an ID stack gets into every log line.
func TestRemoteStackIsChecked(t *testing.T) {
	for _, bad := range []string{"", "/", "x", "/a b/", "/a\n/", "/A/", "/" + strings.Repeat("a", 10_000) + "/", "/{}/"} {
		ctx := trace.WithRemote(tracetest.Strict(t), trace.Remote{Ref: trace.Ref{Span: 7}, Stack: bad})
		_, task := trace.WithTask(ctx, "serve")
		if got, want := task.Stack(), "/"+trace.ID(7).String()+"/"+task.ID().String()+"/"; got != want {
			t.Errorf("with the stack %.20q of a remote parent ours is %q, want %q", bad, got, want)
		}
		task.End()
	}
}

func TestDeepRemoteStack(t *testing.T) {
	ctx := trace.WithRemote(tracetest.Strict(t), trace.Remote{Ref: trace.Ref{Span: 7}, Stack: "/aaaaaaaaaaaaa.bbbbbbbbbbbbb/"})
	var spans []*trace.Span
	for range 40 {
		var s *trace.Span
		ctx, s = trace.WithTask(ctx, "deep")
		spans = append(spans, s)
	}
	got := trace.Stack(ctx)
	if !strings.HasPrefix(got, "/aaaaaaaaaaaaa.bbbbbbbbbbbbb/+9/") || !strings.HasSuffix(got, spans[39].ID().String()+"/") {
		t.Errorf("stack is %s", got)
	}
	for i := range spans {
		spans[len(spans)-1-i].End()
	}
}

func TestSpanUnderRemoteParentHasNoTask(t *testing.T) {
	base := tracetest.Lenient(t)
	_, s := trace.WithSpan(trace.WithRemote(base, trace.Remote{Ref: trace.Ref{Span: 7}}), "lonely")
	s.End()
	if n := trace.RecorderFromContext(base).Anomalies(trace.NoTask); n != 1 {
		t.Errorf("%d anomalies, want 1", n)
	}
	wantTree(t, base, "async lonely\n  anomaly span started without a task in its context span=lonely\n")
}

// other stands for another tracer: its spans are values under its own key, and it finds ours there by the hook.
type (
	otherKey  struct{}
	otherSpan struct {
		name string
		ours *trace.Span // that stands for it among ours
		of   *trace.Span // that it wraps
	}
)

func hook() *trace.Hook {
	return &trace.Hook{
		Key:   otherKey{},
		Value: func(s *trace.Span) any { return &otherSpan{name: "ours: " + s.Name(), of: s} },
		Span: func(v any) *trace.Span {
			o := v.(*otherSpan)
			if o.of != nil {
				return o.of
			}
			return o.ours
		},
	}
}

func withOther(ctx context.Context, name string) (context.Context, *otherSpan) {
	_, s := trace.WithAsyncSpan(ctx, name)
	o := &otherSpan{name: name, ours: s}
	return context.WithValue(ctx, otherKey{}, o), o
}

func TestHook(t *testing.T) {
	base := tracetest.Strict(t)
	trace.RecorderFromContext(base).SetHook(hook())
	innermost := func(ctx context.Context) string {
		o, _ := ctx.Value(otherKey{}).(*otherSpan)
		if o == nil {
			return ""
		}
		return o.name
	}
	if innermost(base) != "" {
		t.Error("the other tracer finds a span where there is none")
	}
	ctx, task := trace.WithTask(base, "task")
	if got := innermost(ctx); got != "ours: task" {
		t.Errorf("the other tracer finds %q in a task of ours", got)
	}
	octx, theirs := withOther(ctx, "theirs")
	if trace.FromContext(octx) != theirs.ours {
		t.Error("we must find the span that stands for theirs")
	}
	sctx, span := trace.WithSpan(octx, "under theirs")
	if got := innermost(sctx); got != "ours: under theirs" {
		t.Errorf("the other tracer finds %q, not the innermost span", got)
	}
	_, third := withOther(sctx, "under ours")
	third.ours.End()
	span.End()
	_, child := trace.WithTask(octx, "child")
	child.End()
	_, free := trace.Detach(octx, "detached")
	free.End()
	theirs.ours.End()
	task.End()
	wantTree(t, base, `task task
  async theirs
    span under theirs
      async under ours
    task child
task detached
  link
`)
}

// TestSpanOrTask: it is a span where there is a task to have it, and a task in no context, and in that of another process's span.
func TestSpanOrTask(t *testing.T) {
	base := tracetest.Strict(t)
	ctx, root := trace.WithSpanOrTask(base, "root")
	_, span := trace.WithSpanOrTask(ctx, "span")
	_, far := trace.WithSpanOrTask(trace.WithRemote(base, trace.Remote{Ref: root.Ref(), Stack: trace.Stack(ctx)}), "far")
	for _, s := range []*trace.Span{far, span, root} {
		s.End()
	}
	kinds := make(map[string]trace.Kind)
	for _, r := range trace.RecorderFromContext(base).Snapshot() {
		kinds[r.Name] = r.Kind
	}
	if kinds["root"] != trace.KindTask || kinds["span"] != trace.KindSpan || kinds["far"] != trace.KindTask {
		t.Errorf("kinds: %v", kinds)
	}
}
