package trace_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/tracetest"
)

// recordOf returns the record of a name.
func recordOf(t *testing.T, ctx context.Context, name string) trace.Record {
	t.Helper()
	for _, r := range trace.RecorderFromContext(ctx).Snapshot() {
		if r.Name == name {
			return r
		}
	}
	t.Fatalf("no record of %q", name)
	return trace.Record{}
}

// TestForeignIdentity: a span that another tracer has named has that name here, and a root the other's trace.
func TestForeignIdentity(t *testing.T) {
	base := tracetest.Strict(t)
	root := trace.Ref{Trace: trace.TraceID{1, 2, 3}, Span: 77}
	ctx, s := trace.AsyncConfig{Ref: root}.Begin(base, "root")
	cctx, child := trace.AsyncConfig{Ref: trace.Ref{Trace: trace.TraceID{9}, Span: 78}}.Begin(ctx, "child")
	tctx, task := trace.WithTask(cctx, "task")
	_, other := trace.AsyncConfig{Root: true}.Begin(tctx, "other root")
	other.End()
	task.End()
	child.End()
	s.End()
	if s.Ref() != root || child.Ref() != (trace.Ref{Trace: root.Trace, Span: 78}) || task.Ref().Trace != root.Trace {
		t.Errorf("refs are %v, %v and %v", s.Ref(), child.Ref(), task.Ref())
	}
	if r := recordOf(t, base, "root"); r.ID != 77 || r.Trace != root.Trace || r.Parent != 0 {
		t.Errorf("%+v", r)
	}
	if r := recordOf(t, base, "child"); r.ID != 78 || r.Parent != 77 {
		t.Errorf("%+v", r)
	}
	if r := recordOf(t, base, "task"); r.Parent != 78 {
		t.Errorf("%+v", r)
	}
	if r := recordOf(t, base, "other root"); r.Parent != 0 || r.Trace == root.Trace || r.Trace != other.Ref().Trace {
		t.Errorf("%+v", r)
	}
	if want := "~" + trace.ID(77).String() + "~" + trace.ID(78).String() + "/"; child.Stack() != want {
		t.Errorf("stack is %s, want %s", child.Stack(), want)
	}
}

// TestGivenTimes: a bridge knows when something happened.
func TestGivenTimes(t *testing.T) {
	base := tracetest.Strict(t)
	epoch := trace.RecorderFromContext(base).Epoch()
	at := func(d time.Duration) time.Time { return epoch.Add(d) }
	ctx, s := trace.AsyncConfig{Start: at(-time.Second)}.Begin(base, "before the recorder")
	_, child := trace.AsyncConfig{Start: at(-2 * time.Second)}.Begin(ctx, "before its parent")
	child.EventAt(at(time.Hour), "later")
	child.EndAt(at(time.Millisecond))
	child.EndAt(at(time.Second)) // too late
	s.EndAt(at(-3 * time.Second))
	for name, want := range map[string][2]time.Duration{
		"before the recorder": {-time.Second, -time.Second},
		"before its parent":   {-time.Second, time.Millisecond},
		"later":               {time.Hour, time.Hour},
	} {
		r := recordOf(t, base, name)
		if start, end := time.Duration(r.Start), time.Duration(r.End); (start-want[0]).Abs() > 10 || (end-want[1]).Abs() > 10 {
			t.Errorf("%s: from %v to %v, want %v", name, start, end, want)
		}
	}
	// What nests ends when it ends.
	tctx, task := trace.WithTask(base, "task")
	_, span := trace.WithSpan(tctx, "span")
	span.EndAt(at(-time.Hour))
	task.EndAt(at(time.Hour))
	if r := recordOf(t, base, "span"); r.End < r.Start || time.Duration(r.End) > time.Minute {
		t.Errorf("%+v", r)
	}
	if r := recordOf(t, base, "task"); time.Duration(r.End) > time.Minute {
		t.Errorf("%+v", r)
	}
}

func TestSetName(t *testing.T) {
	base := tracetest.Strict(t)
	ctx, task := trace.WithTask(base, "GET", slog.String("a", "b"))
	_, span := trace.WithSpan(ctx, "inner")
	task.SetName("GET /items/{id}")
	span.SetName("renamed")
	if task.Name() != "GET /items/{id}" {
		t.Errorf("its name is %q", task.Name())
	}
	var open []string
	for _, r := range trace.RecorderFromContext(base).Active() {
		open = append(open, r.Name)
	}
	if got := strings.Join(open, ", "); got != "GET /items/{id}, renamed" {
		t.Errorf("open: %s", got)
	}
	span.End()
	task.End()
	span.SetName("too late")
	wantTree(t, base, "task GET /items/{id} a=b\n  span renamed\n")
}

// TestLineage: what came with a trace goes on with it, and everything says whether it is to be exported.
func TestLineage(t *testing.T) {
	base := tracetest.Strict(t)
	ref := trace.Ref{Trace: trace.TraceID{5}, Span: 7}
	ctx := trace.WithRemote(base, trace.Remote{Ref: ref, State: "vendor=1", Unsampled: true})
	tctx, task := trace.WithTask(ctx, "task")
	sctx, span := trace.WithSpan(tctx, "span")
	_, async := trace.WithAsyncSpan(ctx, "async")
	_, child := trace.WithTask(sctx, "child")
	_, free := trace.Detach(sctx, "detached")
	for _, s := range []*trace.Span{task, span, async, child} {
		if s.Sampled() || s.TraceState() != "vendor=1" {
			t.Errorf("%s: sampled %v, state %q", s.Name(), s.Sampled(), s.TraceState())
		}
	}
	if !free.Sampled() || free.TraceState() != "" {
		t.Error("a trace of its own has no past")
	}
	for _, r := range trace.RecorderFromContext(base).Active() {
		if r.Kind == trace.KindSpan {
			continue
		}
		if own := r.Name == "detached"; r.Unsampled == own || (r.State == "vendor=1") == own {
			t.Errorf("open: %+v", r)
		}
	}
	free.End()
	child.End()
	async.End()
	span.End()
	task.End()
	for _, name := range []string{"task", "async", "child"} {
		if r := recordOf(t, base, name); !r.Unsampled || r.State != "vendor=1" || r.Trace != ref.Trace {
			t.Errorf("%+v", r)
		}
	}
	if r := recordOf(t, base, "detached"); r.Unsampled || r.State != "" {
		t.Errorf("%+v", r)
	}
	long := trace.WithRemote(base, trace.Remote{Ref: ref, State: strings.Repeat("a=b,", 200)})
	_, s := trace.WithTask(long, "long")
	s.End()
	if r := recordOf(t, base, "long"); r.State != "" || r.Unsampled {
		t.Errorf("%+v", r)
	}
	var none *trace.Span
	if none.Sampled() || none.TraceState() != "" || none.Recording() {
		t.Error("a nil span is none")
	}
}

func TestRecording(t *testing.T) {
	base := tracetest.Strict(t)
	_, s := trace.WithTask(base, "task")
	if !s.Recording() {
		t.Error("it is recording")
	}
	s.End()
	if s.Recording() {
		t.Error("it has ended")
	}
	trace.RecorderFromContext(base).SetLevel(trace.LevelIDs)
	_, s = trace.WithTask(base, "IDs only")
	if s.Recording() {
		t.Error("it will have no record")
	}
	s.End()
}

// TestForeignConcurrently: bridges call from any goroutine, also what has ended.
func TestForeignConcurrently(t *testing.T) {
	base := tracetest.Strict(t)
	_, s := trace.AsyncConfig{}.Begin(base, "async")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 200 {
				s.SetName("name")
				s.EventAt(time.Now(), "event", slog.Int("i", i))
				s.SetAttrs(slog.Int("i", i))
				_, _, _ = s.Name(), s.Recording(), trace.RecorderFromContext(base).Active()
			}
			s.EndAt(time.Now())
		})
	}
	wg.Wait()
	s.End()
}

// TestJSONValues: a value that is JSON stays that, if it is valid and not too long.
func TestJSONValues(t *testing.T) {
	base := tracetest.Strict(t)
	long := `["` + strings.Repeat("x", 2000) + `"]`
	_, task := trace.WithTask(base, "task", slog.Any("list", json.RawMessage("[1,\n 2]")), slog.Any("bad", json.RawMessage("[1,")),
		slog.Any("long", json.RawMessage(long)))
	task.SetAttrs(slog.Any("map", trace.JSON(`{"a": "b"}`)))
	task.End()
	got := map[string]any{}
	for _, a := range recordOf(t, base, "task").Attrs {
		got[a.Key] = a.Value.Any()
	}
	for key, want := range map[string]any{"list": trace.JSON("[1,2]"), "bad": "[1,", "map": trace.JSON(`{"a":"b"}`)} {
		if !reflect.DeepEqual(got[key], want) {
			t.Errorf("%s is %#v, want %#v", key, got[key], want)
		}
	}
	if s, ok := got["long"].(string); !ok || !strings.HasPrefix(s, long[:900]) || len(s) > 1024 {
		t.Errorf("the long one is %T", got["long"])
	}
}

// TestCommonAttrs: attributes that were rendered once are those of each span, beside its own.
func TestCommonAttrs(t *testing.T) {
	base := tracetest.Strict(t)
	common := trace.Render(slog.String("scope", "lib"), slog.Int("n", 1), slog.Any("json", trace.JSON("[1]")), slog.Any("left out", errors.New("x")))
	ctx, root := trace.AsyncConfig{Common: common}.Begin(base, "root", slog.Bool("own", true), slog.Any("err", errors.New("e")))
	_, child := trace.AsyncConfig{Common: common}.Begin(ctx, "child")
	_, second := trace.AsyncConfig{Common: common}.Begin(ctx, "second", slog.String("scope", "mine"))
	for _, s := range []*trace.Span{second, child, root} {
		s.End()
	}
	for name, want := range map[string]string{"root": "[err=e json=[1] n=1 own=true scope=lib]", "child": "[json=[1] n=1 scope=lib]", "second": "[json=[1] n=1 scope=mine]"} {
		attrs := recordOf(t, base, name).Attrs
		slices.SortFunc(attrs, func(a, b slog.Attr) int { return strings.Compare(a.Key, b.Key) })
		if got := fmt.Sprint(attrs); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
