package main

import (
	"context"
	rt "runtime/trace"
	"strings"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/tracefmt"
)

// BenchmarkContenders runs the whole matrix under "go test -bench", each contender after the other. The tables come from
// the program, whose contenders take turns.
func BenchmarkContenders(b *testing.B) {
	for _, bm := range benchmarks() {
		b.Run(bm.name(), func(b *testing.B) {
			lost, err := bm.inSession(warmup, func(r *runner) { r.bench(b) })
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(100*lost, "lost-%")
		})
	}
}

// TestEachBenchmarkRuns runs every line of the table once.
func TestEachBenchmarkRuns(t *testing.T) {
	m := newMeter(0)
	seen := map[string]bool{}
	for _, b := range benchmarks() {
		if seen[b.name()] {
			t.Errorf("%s: there are two of that name", b.name())
		}
		seen[b.name()] = true
		s, err := m.sample(t.Context(), &b)
		if err != nil || s.n != 1 || s.ns <= 0 {
			t.Errorf("%s: %+v, %v", b.name(), s, err)
		}
		if s.lost != 0 {
			t.Errorf("%s: of a handful of records, %.1f %% were lost", b.name(), 100*s.lost)
		}
	}
}

// TestTurns checks how operations are divided: enough turns for all of them on each goroutine, and spans counted.
func TestTurns(t *testing.T) {
	for _, c := range []struct{ n, ops, goroutines, want int }{
		{1, 1, 1, 1}, {1, 5, 2, 1}, {20, 5, 2, 2}, {21, 5, 2, 3}, {1000, 1, 2, 500},
	} {
		turns := make(chan int, c.goroutines)
		open := func(ctx context.Context) (context.Context, func()) { return ctx, func() {} }
		r := &runner{
			benchmark: &benchmark{loop: func(_ context.Context, n int) { turns <- n }, ops: c.ops, records: c.ops, goroutines: c.goroutines},
			session:   &session{ctx: context.Background(), root: open, rootSpans: 1},
		}
		r.run(c.n, func(loops func()) { loops() })
		for range c.goroutines {
			if got := <-turns; got != c.want {
				t.Errorf("%+v: a goroutine made %d turns", c, got)
			}
		}
		if want := uint64(c.goroutines * (c.want*c.ops + 1)); r.total != want {
			t.Errorf("%+v: %d records counted, want %d", c, r.total, want)
		}
	}
}

// TestRivals checks that what ratios refer to is in the table. Of tracers it is ours, before what is compared with it.
func TestRivals(t *testing.T) {
	missing := map[string]bool{"Event/tracer=runtime-trace-region-off": true} // nothing to compare: events need a span
	ours := map[string]bool{}
	all := map[string]bool{}
	for _, b := range benchmarks() {
		all[b.group+b.contender.name] = true
	}
	for _, b := range benchmarks() {
		if b.contender.logger {
			if !all[b.group+b.contender.rival] {
				t.Errorf("%s: %s isn't in its group", b.name(), b.contender.rival)
			}
			continue
		}
		if isOurs(b.contender.name) || b.contender.name == otelOnOurs.name {
			ours[b.group+b.contender.name] = true
		}
		if !ours[b.group+b.contender.rival] != missing[b.name()] {
			t.Errorf("%s: is %s in its group? %v", b.name(), b.contender.rival, ours[b.group+b.contender.rival])
		}
	}
}

// ended is what the tests look at in a finished span of any tracer.
type ended struct{ id, parent, attrs string }

const wantAttrs = "dataset=tank/home/alice bytes=0 resumed=true compression=1.75"

func TestSpanstackShapes(t *testing.T) {
	checkShapes(t, func(l loop) (spans []ended, root string) {
		s, rec := newSpanstack(trace.LevelRecording)
		ctx, end := s.root(s.ctx)
		l(ctx, 1)
		end()
		for _, r := range rec.Snapshot() {
			if r.Kind == trace.KindTask {
				root = r.ID.String()
			}
			if r.Kind == trace.KindSpan {
				var attrs []string
				for _, a := range r.Attrs {
					attrs = append(attrs, a.String())
				}
				spans = append(spans, ended{r.ID.String(), r.Parent.String(), strings.Join(attrs, " ")})
			}
		}
		return spans, root
	}, spanstackLoops)
}

func TestOTelShapes(t *testing.T) {
	checkShapes(t, func(l loop) (spans []ended, root string) {
		exporter := tracetest.NewInMemoryExporter()
		s := otelSession(sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter)), nil)
		ctx, end := s.root(s.ctx)
		l(ctx, 1)
		end()
		for _, r := range exporter.GetSpans() {
			if r.Name == "root" {
				root = r.SpanContext.SpanID().String()
				continue
			}
			var attrs []string
			for _, a := range r.Attributes {
				attrs = append(attrs, string(a.Key)+"="+a.Value.String())
			}
			spans = append(spans, ended{r.SpanContext.SpanID().String(), r.Parent.SpanID().String(), strings.Join(attrs, " ")})
		}
		return spans, root
	}, otelLoops)
}

// checkShapes checks that each loop makes the spans that its name promises: the same for all tracers.
func checkShapes(t *testing.T, run func(loop) (spans []ended, root string), loops spanLoops) {
	for _, depth := range []int{1, nestedDepth} {
		for attrs, want := range map[int]string{0: "", 4: wantAttrs} {
			spans, parent := run(loops.shape(depth, attrs))
			children := map[string]ended{}
			for _, s := range spans {
				children[s.parent] = s
				if s.attrs != want {
					t.Errorf("depth %d: attributes %q, want %q", depth, s.attrs, want)
				}
			}
			if len(spans) != depth {
				t.Errorf("depth %d, %d attributes: one turn made %d spans", depth, attrs, len(spans))
			}
			for range depth {
				s, ok := children[parent]
				if !ok {
					t.Fatalf("depth %d, %d attributes: nothing below %s in %v", depth, attrs, parent, spans)
				}
				parent = s.id
			}
		}
	}
}

// TestLevels checks that tracers are in the state that their names say.
func TestLevels(t *testing.T) {
	for _, c := range []struct {
		contender     contender
		ids, recorded bool
		rtEnabled     bool
	}{
		{spanstackOff, false, false, false},
		{spanstackIDs, true, false, false},
		{spanstackRecording, true, true, false},
		{spanstackPolled, true, true, false},
		{spanstackCaptured, true, true, false},
		{regionOff, false, false, false},
		{regionOn, false, false, true},
		{rtTaskOff, false, false, false},
		{rtTaskOn, false, false, true},
	} {
		s, err := c.contender.begin()
		if err != nil {
			t.Fatal(err)
		}
		ctx, end := s.root(s.ctx)
		if got := trace.Stack(ctx) != ""; got != c.ids {
			t.Errorf("%s: has IDs: %v", c.contender.name, got)
		}
		if got := rt.IsEnabled(); got != c.rtEnabled {
			t.Errorf("%s: runtime/trace is on: %v", c.contender.name, got)
		}
		end()
		recorded := len(trace.RecorderFromContext(s.ctx).Snapshot()) > 0
		if recorded != c.recorded {
			t.Errorf("%s: recorded: %v", c.contender.name, recorded)
		}
		if _, err := s.stop(1); err != nil {
			t.Errorf("%s: %v", c.contender.name, err)
		}
	}
}

// TestBatcherLosses checks that what the SDK drops is counted.
func TestBatcherLosses(t *testing.T) {
	s, err := otelSDK(sdktrace.AlwaysSample(), sdktrace.WithMaxQueueSize(1), sdktrace.WithMaxExportBatchSize(1))()
	if err != nil {
		t.Fatal(err)
	}
	const n = 10_000
	otelLoops.plain(s.ctx, n)
	if lost, err := s.stop(n); err != nil || lost == 0 || lost >= n {
		t.Errorf("with a queue of one span, %d of %d were lost; error %v", lost, n, err)
	}
}

// TestCaptureLosses checks that what a capture of ours says it lost is counted.
func TestCaptureLosses(t *testing.T) {
	lostInCaptures.Store(0)
	w := discarding.NewWriter(nil)
	for _, e := range []tracefmt.Event{
		{Kind: tracefmt.Complete, Name: "span", Category: tracefmt.CategorySpan},
		{Kind: tracefmt.Instant, Name: "records lost", Category: tracefmt.CategoryLoss,
			Attrs: []tracefmt.Attr{{Key: "count", Value: tracefmt.Uint64(7)}}},
	} {
		if err := w.Write(&e); err != nil {
			t.Fatal(err)
		}
	}
	if n := lostInCaptures.Load(); n != 7 {
		t.Errorf("%d, want 7", n)
	}
}

// TestConsumerLosses checks that what a consumer of ours got and what it was told is lost add up.
func TestConsumerLosses(t *testing.T) {
	rec := trace.NewRecorder(trace.Config{Bytes: 64 << 10})
	ctx, task := trace.WithTask(trace.WithRecorder(context.Background(), rec), "task")
	consumer := rec.NewConsumer(trace.ConsumerConfig{})
	const n = 10_000
	spanstackLoops.plain(ctx, n)
	task.End()
	var delivered, lost uint64
	fetchAll(consumer, func(r *trace.Record) {
		switch {
		case r.Kind == trace.KindLoss:
			lost += r.Count
		case r.Phase == trace.PhaseComplete || r.Phase == trace.PhaseEnd:
			delivered++
		}
	})
	if delivered+lost != n+1 || lost == 0 {
		t.Errorf("%d delivered and %d lost, of %d", delivered, lost, n+1)
	}
}
