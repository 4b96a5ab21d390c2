package trace_test

import (
	"context"
	"log/slog"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/tracetest"
)

// TestGoneParentsComeOnce: a consumer that has just come is told of the ended ancestors of what is open. It must not be
// told of them again by their records, which are still in the ring, behind more than one Poll returns.
func TestGoneParentsComeOnce(t *testing.T) {
	base := tracetest.Strict(t)
	ctx, task := trace.WithTask(base, "gone")
	_, open := trace.WithTask(context.WithoutCancel(ctx), "open")
	for range 50_000 {
		_, s := trace.WithSpan(ctx, "filler")
		s.End()
	}
	task.End()
	r := newReader(trace.RecorderFromContext(base), trace.ConsumerConfig{})
	if err := r.poll(); err != nil {
		t.Error(err)
	}
	open.End()
}

// TestParentThatEndsWhileItIsNeeded: a task at LevelIDs, whose ancestors have ended without records, ends while
// something recorded is started in it. Whether it gets a record or not, no record may name a parent that has none.
func TestParentThatEndsWhileItIsNeeded(t *testing.T) {
	rec := trace.NewRecorder(trace.Config{})
	base := trace.WithRecorder(context.Background(), rec)
	r := newReader(rec, trace.ConsumerConfig{})
	for i := range 2000 {
		rec.SetLevel(trace.LevelIDs)
		ctx := base
		for range 100 {
			var task *trace.Span
			ctx, task = trace.WithTask(context.WithoutCancel(ctx), "ended, without a record")
			task.End()
		}
		ctx, child := trace.WithTask(ctx, "child")
		rec.SetLevel(trace.LevelRecording)
		var both sync.WaitGroup
		var ready atomic.Bool
		both.Go(func() {
			ready.Store(true)
			_, s := trace.WithTask(context.WithoutCancel(ctx), "grandchild")
			s.End()
		})
		for wait := i % 100; !ready.Load() || wait > 0; wait-- { // for a little while, since a moment is to be hit
		}
		child.End()
		both.Wait()
	}
	if err := r.poll(); err != nil {
		t.Fatal(err)
	}
	if orphans := r.orphans(); orphans != nil {
		t.Errorf("the parents of %d records never came: %.200q", len(orphans), orphans)
	}
}

// TestEndOfASpanAndOfTheOneAroundIt is for the race detector: a span whose attributes need code of users ends while the
// early end of the one around it makes it an async span.
func TestEndOfASpanAndOfTheOneAroundIt(t *testing.T) {
	base := tracetest.Lenient(t)
	for range 1000 {
		ctx, task := trace.WithTask(base, "task")
		ctx, outer := trace.WithSpan(ctx, "outer")
		_, inner := trace.WithSpan(ctx, "inner")
		inner.SetAttrs(slog.Any("any", []int{1}))
		var both sync.WaitGroup
		both.Go(outer.End)
		both.Go(inner.End)
		both.Wait()
		task.End()
	}
	tracetest.NoLeaks(t, base)
}

func remoteContext(ctx context.Context) context.Context {
	return trace.WithRemote(ctx, trace.Remote{Ref: trace.Ref{Trace: trace.TraceID{1}, Span: 1}})
}

// TestSpanOfATaskStartedWhileOffUnderARemoteOne: what is missing since the recorder was off is no misuse, in the service
// of another process either.
func TestSpanOfATaskStartedWhileOffUnderARemoteOne(t *testing.T) {
	base := tracetest.Strict(t)
	rec := trace.RecorderFromContext(base)
	rec.SetLevel(trace.LevelOff)
	ctx, task := trace.WithTask(remoteContext(base), "request")
	rec.SetLevel(trace.LevelRecording)
	_, span := trace.WithSpan(ctx, "span")
	span.End()
	task.End()
}

// TestGroupUnderARemoteSpan: a group may be the first activity of this process.
func TestGroupUnderARemoteSpan(t *testing.T) {
	g, _ := trace.WithTaskGroup(remoteContext(tracetest.Strict(t)), "group")
	g.Go("member", func(context.Context) error { return nil })
	g.Wait()
}

// TestGroupWithoutLimit: as in errgroup, whose semantics a group has, a negative limit is none.
func TestGroupWithoutLimit(t *testing.T) {
	g, _ := trace.WithTaskGroup(tracetest.Strict(t), "group")
	defer g.Wait()
	defer func() {
		if p := recover(); p != nil {
			t.Error("SetLimit panics:", p)
		}
	}()
	g.SetLimit(-1)
}

// TestSpanStartedInAnEndedAsyncSpan: "started in one that had ended" is said of spans of any kind.
func TestSpanStartedInAnEndedAsyncSpan(t *testing.T) {
	base := tracetest.Lenient(t)
	ctx, task := trace.WithTask(base, "task")
	ctx, async := trace.WithAsyncSpan(ctx, "async")
	async.End()
	_, span := trace.WithSpan(ctx, "span")
	span.End()
	task.End()
	if n := trace.RecorderFromContext(base).Anomalies(trace.StartedAfterEnd); n != 1 {
		t.Errorf("%d anomalies %q, want 1:\n%s", n, trace.StartedAfterEnd, tracetest.Tree(t, base))
	}
}

// TestDetachedWithATimeout: work that goes on after its parent, but not for ever.
func TestDetachedWithATimeout(t *testing.T) {
	base := tracetest.Strict(t)
	ctx, task := trace.WithTask(base, "request")
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Hour)
	defer cancel()
	_, audit := trace.WithTask(ctx, "audit")
	task.End()
	audit.End()
}

// TestSetAttrsAgainAndAgain: a task that lives for long and says now and then how far it is needs bounded memory, and its
// record has the last thing that it said.
func TestSetAttrsAgainAndAgain(t *testing.T) {
	base := tracetest.Strict(t)
	_, task := trace.WithTask(base, "long")
	const n = 200_000
	before := heapInUse()
	for i := range n {
		task.SetAttrs(slog.Int("bytes", i+1))
	}
	if grown := heapInUse() - before; grown > 1<<20 {
		t.Errorf("saying it %d times takes %d bytes", n, grown)
	}
	task.End()
	last := slog.Attr{}
	for _, a := range trace.RecorderFromContext(base).Snapshot()[0].Attrs {
		if a.Key == "bytes" {
			last = a
		}
	}
	if last.Value.Int64() != n {
		t.Errorf("the record says %v, want %d", last, n)
	}
}

func heapInUse() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestLogWithoutATime: a line without a time, which package log/slog allows, is one of now.
func TestLogWithoutATime(t *testing.T) {
	base := tracetest.Strict(t)
	_, task := trace.WithTask(base, "task")
	task.Log(time.Time{}, slog.LevelInfo, "line")
	task.End()
	rec := trace.RecorderFromContext(base)
	for _, r := range rec.Snapshot() {
		if r.Start < 0 || r.Start > rec.Now() {
			t.Errorf("%v %q is of the time %v, %v after the start of the recorder", r.Kind, r.Name, time.Duration(r.Start), time.Duration(rec.Now()))
		}
	}
}

// BenchmarkActive shows that what it takes to see what is open grows with that, not with its square.
func BenchmarkActive(b *testing.B) {
	for _, n := range []int{1000, 8000, 64000} {
		rec := trace.NewRecorder(trace.Config{})
		//lint:ignore tracevet they stay open: that is what is measured
		ctx, _ := trace.WithTask(trace.WithRecorder(b.Context(), rec), "parent")
		for range n {
			//lint:ignore tracevet they stay open: that is what is measured
			trace.WithTask(ctx, "child")
		}
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			for b.Loop() {
				rec.Active()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/span")
		})
	}
}

// BenchmarkReassignedContext is a loop whose body starts a span with the context of the last one, by "=" instead of
// ":=". That is a misuse, but a common one, and mustn't make spans slower and slower.
func BenchmarkReassignedContext(b *testing.B) {
	for _, n := range []int{1000, 10_000, 50_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			rec := trace.NewRecorder(trace.Config{Logger: slog.New(slog.DiscardHandler)})
			for b.Loop() {
				ctx, task := trace.WithTask(trace.WithRecorder(b.Context(), rec), "task")
				for range n {
					var s *trace.Span
					ctx, s = trace.WithSpan(ctx, "span")
					s.End()
				}
				task.End()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/span")
		})
	}
}

// TestNilContext: package context panics if it is given none; a tracer must not.
func TestNilContext(t *testing.T) {
	defer tracetest.NoLeaks(t)
	var none context.Context
	for _, start := range []func(context.Context, string, ...slog.Attr) (context.Context, *trace.Span){
		trace.WithTask, trace.WithSpan, trace.WithAsyncSpan, trace.Detach,
	} {
		ctx, s := start(none, "nil")
		if ctx.Err() != nil || trace.FromContext(ctx) != s {
			t.Error("the context of a span that was started with none isn't a new one")
		}
		s.End()
	}
	if trace.FromContext(none) != nil || trace.Stack(none) != "" {
		t.Error("no context has no span")
	}
}

// TestHugeTexts: a name or an attribute of a megabyte is cut, not kept.
func TestHugeTexts(t *testing.T) {
	base := tracetest.Strict(t)
	huge := strings.Repeat("x", 1<<20)
	ctx, task := trace.WithTask(base, huge, slog.String(huge, huge), slog.Any(huge, huge))
	_, span := trace.WithSpan(ctx, huge, slog.String("a", huge), slog.String("b", huge), slog.String("c", huge), slog.String("d", huge),
		slog.String("e", huge), slog.String("f", huge), slog.Time(huge, time.Now()))
	span.SetAttrs(slog.String(huge, huge))
	span.Event(huge, slog.String(huge, huge))
	for range 20 {
		span.SetAttrs(slog.String("late", huge))
	}
	span.End()
	task.End()
	if n := len(tracetest.Tree(t, base)); n > 20<<10 {
		t.Errorf("%d bytes are recorded", n)
	}
}
