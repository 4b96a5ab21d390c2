package otelbridge_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	oteltest "go.opentelemetry.io/otel/sdk/trace/tracetest"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/spanstack/spanstack/internal/leaktest"
	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/otelbridge"
	"github.com/spanstack/spanstack/trace/tracetest"
)

func TestMain(m *testing.M) { os.Exit(leaktest.Wrap(m).Run()) }

// newBridge returns a bridge to a recorder of its own, and a context in which that is.
func newBridge(t *testing.T) (*otelbridge.Bridge, context.Context) {
	ctx := tracetest.Strict(t)
	return otelbridge.New(trace.RecorderFromContext(ctx)), ctx
}

// tree returns the records of a context's recorder as an indented list of names.
func tree(ctx context.Context) string {
	var b strings.Builder
	records := trace.RecorderFromContext(ctx).Snapshot()
	var list func(parent trace.ID, depth int)
	list = func(parent trace.ID, depth int) {
		for _, r := range records {
			known := slices.ContainsFunc(records, func(p trace.Record) bool { return p.ID == r.Parent })
			if r.ID != 0 && (r.Parent == parent && parent != 0 || parent == 0 && !known) {
				fmt.Fprintf(&b, "%s%s\n", strings.Repeat("  ", depth), r.Name)
				list(r.ID, depth+1)
			}
		}
	}
	list(0, 0)
	return b.String()
}

// exported returns what an exporter of the bridge gets of all that was recorded.
func exported(t *testing.T, b *otelbridge.Bridge, c otelbridge.ExportConfig) oteltest.SpanStubs {
	t.Helper()
	memory := &keeping{oteltest.NewInMemoryExporter()}
	x := b.Export(memory, c)
	if err := x.Close(); err != nil || x.Lost() > 0 {
		t.Fatalf("%v, %d lost", err, x.Lost())
	}
	return memory.GetSpans()
}

// keeping keeps its spans when it is shut down.
type keeping struct{ *oteltest.InMemoryExporter }

func (keeping) Shutdown(context.Context) error { return nil }

// TestMixture: ours under theirs under ours, theirs by our provider and by an SDK, across goroutines: parents are right,
// and all of it is one trace.
func TestMixture(t *testing.T) {
	for _, sdk := range []bool{false, true} {
		t.Run(fmt.Sprint("sdk=", sdk), func(t *testing.T) {
			b, base := newBridge(t)
			var provider oteltrace.TracerProvider = b.TracerProvider()
			if sdk {
				provider = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(b.SpanProcessor()))
			}
			tracer := provider.Tracer("test")
			ctx1, task := trace.WithTask(base, "task")
			ctx2, their1 := tracer.Start(ctx1, "theirs")
			ctx3, ours := trace.WithSpan(ctx2, "ours")
			ctx4, their2 := tracer.Start(ctx3, "theirs again")
			var wg sync.WaitGroup
			wg.Go(func() {
				ctx, child := trace.WithTask(ctx4, "on a goroutine")
				defer child.End()
				_, s := tracer.Start(ctx, "theirs on it")
				s.End()
			})
			wg.Wait()
			_, root := tracer.Start(ctx4, "root", oteltrace.WithNewRoot())
			root.End()
			if got := oteltrace.SpanContextFromContext(ctx3).SpanID(); got != spanID(ours) {
				t.Errorf("OpenTelemetry finds %v in a context of ours, want %v", got, spanID(ours))
			}
			if got := trace.FromContext(ctx4); got == nil || spanID(got) != their2.SpanContext().SpanID() {
				t.Errorf("we find %v in a context of theirs", got)
			}
			their2.End()
			ours.End()
			their1.End()
			task.End()
			want := "task\n  theirs\n    ours\n      theirs again\n        on a goroutine\n          theirs on it\nroot\n"
			if got := tree(base); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			id := task.Ref().Trace
			for _, s := range []oteltrace.Span{their1, their2} {
				if trace.TraceID(s.SpanContext().TraceID()) != id {
					t.Errorf("%v is of another trace than the task", s.SpanContext())
				}
			}
			if trace.TraceID(root.SpanContext().TraceID()) == id {
				t.Error("the root is of the same trace")
			}
			if n := trace.RecorderFromContext(base).Anomalies(trace.OverlappingSpan); n > 0 {
				t.Errorf("%d anomalies", n)
			}
		})
	}
}

func spanID(s *trace.Span) oteltrace.SpanID {
	ref := s.Ref()
	var id oteltrace.SpanID
	for i := range id {
		id[i] = byte(ref.Span >> (56 - 8*i))
	}
	return id
}

// TestExport: what the API is told comes out of an exporter as it is, and as an SDK has it.
func TestExport(t *testing.T) {
	b, base := newBridge(t)
	memory := &keeping{oteltest.NewInMemoryExporter()}
	sdk := sdktrace.NewTracerProvider(sdktrace.WithSyncer(memory))
	for _, p := range []oteltrace.TracerProvider{b.TracerProvider(), sdk} {
		use(base, p)
	}
	got, want := exported(t, b, otelbridge.ExportConfig{}), memory.GetSpans()
	if len(got) != len(want) {
		t.Fatalf("%d spans, want %d", len(got), len(want))
	}
	byName := map[string]oteltest.SpanStub{}
	for _, s := range got {
		byName[s.Name] = s
	}
	for _, w := range want {
		g, ok := byName[w.Name]
		if !ok {
			t.Errorf("there is no %q", w.Name)
			continue
		}
		compare(t, g, w)
	}
}

// compare compares two spans but for their IDs, and for times that weren't given.
func compare(t *testing.T, got, want oteltest.SpanStub) {
	t.Helper()
	if got.SpanKind != want.SpanKind || got.Status != want.Status {
		t.Errorf("%s: %v %v, want %v %v", got.Name, got.SpanKind, got.Status, want.SpanKind, want.Status)
	}
	if got.Parent.IsValid() != want.Parent.IsValid() || got.SpanContext.TraceFlags() != want.SpanContext.TraceFlags() {
		t.Errorf("%s: parent %v, flags %v", got.Name, got.Parent, got.SpanContext.TraceFlags())
	}
	sameAttrs(t, got.Name, got.Attributes, want.Attributes)
	if got.InstrumentationScope.Name != want.InstrumentationScope.Name || got.InstrumentationScope.Version != want.InstrumentationScope.Version ||
		got.InstrumentationScope.SchemaURL != want.InstrumentationScope.SchemaURL || !got.InstrumentationScope.Attributes.Equals(&want.InstrumentationScope.Attributes) {
		t.Errorf("%s: scope %v, want %v", got.Name, got.InstrumentationScope, want.InstrumentationScope)
	}
	if len(got.Events) != len(want.Events) || len(got.Links) != len(want.Links) {
		t.Errorf("%s: %d events, %d links, want %d, %d", got.Name, len(got.Events), len(got.Links), len(want.Events), len(want.Links))
		return
	}
	for i, e := range want.Events {
		if got.Events[i].Name != e.Name {
			t.Errorf("%s: event %q, want %q", got.Name, got.Events[i].Name, e.Name)
		}
		sameAttrs(t, e.Name, got.Events[i].Attributes, e.Attributes)
		sameTime(t, e.Name, got.Events[i].Time, e.Time)
	}
	for i, l := range want.Links {
		if !got.Links[i].SpanContext.Equal(l.SpanContext) {
			t.Errorf("%s: link to %v, want %v", got.Name, got.Links[i].SpanContext, l.SpanContext)
		}
		sameAttrs(t, "link", got.Links[i].Attributes, l.Attributes)
	}
	sameTime(t, got.Name, got.StartTime, want.StartTime)
	sameTime(t, got.Name, got.EndTime, want.EndTime)
}

// sameTime compares times that were given, which are of another year than the others.
func sameTime(t *testing.T, what string, got, want time.Time) {
	t.Helper()
	if want.Year() == given.Year() && got.Sub(want).Abs() > time.Microsecond {
		t.Errorf("%s: at %v, want %v", what, got, want)
	}
}

func sameAttrs(t *testing.T, what string, got, want []attribute.KeyValue) {
	t.Helper()
	g, w := attribute.NewSet(got...), attribute.NewSet(want...)
	if !reflect.DeepEqual(describe(g), describe(w)) {
		t.Errorf("%s: attributes %v, want %v", what, describe(g), describe(w))
	}
}

func describe(s attribute.Set) (list []string) {
	for _, kv := range s.ToSlice() {
		list = append(list, fmt.Sprintf("%s=%s:%s", kv.Key, kv.Value.Type(), kv.Value.String()))
	}
	return list
}

var given = time.Date(2001, 5, 6, 7, 8, 9, 123456789, time.UTC)

// use does with a provider what the API has.
func use(ctx context.Context, p oteltrace.TracerProvider) {
	tracer := p.Tracer("lib", oteltrace.WithInstrumentationVersion("v1.2.3"), oteltrace.WithSchemaURL("https://example.org/1"),
		oteltrace.WithInstrumentationAttributes(attribute.String("scope", "attr"), attribute.Int("n", 1)))
	state, _ := oteltrace.ParseTraceState("vendor=1")
	other := oteltrace.NewSpanContext(oteltrace.SpanContextConfig{TraceID: oteltrace.TraceID{1}, SpanID: oteltrace.SpanID{2}, TraceFlags: oteltrace.FlagsSampled, TraceState: state})
	unsampled := oteltrace.NewSpanContext(oteltrace.SpanContextConfig{TraceID: oteltrace.TraceID{3}, SpanID: oteltrace.SpanID{4}})
	ctx, parent := tracer.Start(ctx, "parent", oteltrace.WithSpanKind(oteltrace.SpanKindServer), oteltrace.WithTimestamp(given),
		oteltrace.WithLinks(oteltrace.Link{SpanContext: other, Attributes: []attribute.KeyValue{attribute.Int("a", 1)}}),
		oteltrace.WithAttributes(attribute.String("s", "text"), attribute.Bool("b", true), attribute.Int64("i", math.MinInt64), attribute.Float64("f", 2),
			attribute.StringSlice("ss", []string{"a", "\"b\""}), attribute.BoolSlice("bs", []bool{true, false}), attribute.Int64Slice("is", []int64{1, math.MaxInt64}),
			attribute.Float64Slice("fs", []float64{1, 2.5, math.Inf(1), math.NaN()}), attribute.KeyValue{Key: "bytes", Value: attribute.ByteSliceValue([]byte{0, 255})},
			attribute.Map("map", attribute.String("x", "y"), attribute.Int64Slice("list", []int64{1})), attribute.Slice("mixed", attribute.IntValue(1), attribute.StringValue("z"))))
	_, child := tracer.Start(ctx, "child", oteltrace.WithSpanKind(oteltrace.SpanKindClient))
	child.AddEvent("event", oteltrace.WithAttributes(attribute.Int("n", 5)), oteltrace.WithTimestamp(given.Add(time.Second)))
	child.AddEvent("bare")
	child.RecordError(fs.ErrNotExist, oteltrace.WithAttributes(attribute.String("path", "/x")))
	child.RecordError(&fs.PathError{Op: "open", Path: "/x", Err: fs.ErrNotExist})
	child.RecordError(nil)
	child.SetAttributes(attribute.String("k", "first"), attribute.String("k", "second"), attribute.String("", "no key"))
	child.SetAttributes(attribute.String("k", "third"))
	child.SetName("renamed child")
	child.AddLink(oteltrace.Link{SpanContext: unsampled})
	child.AddLink(oteltrace.Link{})
	child.SetStatus(codes.Error, "it failed")
	child.SetStatus(codes.Unset, "ignored")
	child.End()
	child.SetName("too late")
	child.SetAttributes(attribute.String("late", "x"))
	child.AddEvent("late")
	child.RecordError(errors.New("late"))
	child.AddLink(oteltrace.Link{SpanContext: other})
	child.SetStatus(codes.Ok, "late")
	child.End(oteltrace.WithTimestamp(given))
	_, ok := tracer.Start(ctx, "ok", oteltrace.WithSpanKind(oteltrace.SpanKindProducer))
	ok.SetStatus(codes.Ok, "ignored")
	ok.SetStatus(codes.Error, "not any more")
	ok.End()
	_, plain := p.Tracer("plain").Start(ctx, "plain", oteltrace.WithSpanKind(oteltrace.SpanKindConsumer))
	plain.SetStatus(codes.Error, "")
	plain.End()
	parent.End(oteltrace.WithTimestamp(given.Add(time.Minute)))
}

// TestRemote: a trace goes on across processes, with the ID stack if both have our propagator, and isn't exported if it
// isn't sampled.
func TestRemote(t *testing.T) {
	for _, propagator := range []propagation.TextMapPropagator{propagation.TraceContext{}, otelbridge.Propagator{}} {
		for _, sampled := range []bool{true, false} {
			client, cctx := newBridge(t)
			state, _ := oteltrace.ParseTraceState("vendor=1")
			flags := oteltrace.TraceFlags(0).WithSampled(sampled)
			cctx = oteltrace.ContextWithRemoteSpanContext(cctx, oteltrace.NewSpanContext(oteltrace.SpanContextConfig{
				TraceID: oteltrace.TraceID{7}, SpanID: oteltrace.SpanID{8}, TraceFlags: flags, TraceState: state}))
			cctx, task := trace.WithTask(cctx, "task")
			cctx, call := client.TracerProvider().Tracer("c").Start(cctx, "call")
			if got := call.SpanContext(); got.TraceID() != (oteltrace.TraceID{7}) || got.IsSampled() != sampled || got.TraceState().String() != "vendor=1" {
				t.Errorf("sampled=%v: the call is %v, state %q", sampled, got, got.TraceState())
			}
			carrier := propagation.MapCarrier{}
			propagator.Inject(cctx, carrier)

			server, sctx := newBridge(t)
			sctx = propagator.Extract(sctx, carrier)
			sctx, serve := trace.WithTask(sctx, "serve")
			_, inner := server.TracerProvider().Tracer("s").Start(sctx, "inner")
			if got := inner.SpanContext(); got.TraceID() != (oteltrace.TraceID{7}) || got.IsSampled() != sampled || got.TraceState().String() != "vendor=1" {
				t.Errorf("sampled=%v: the inner span is %v, state %q", sampled, got, got.TraceState())
			}
			prefix := "/" + trace.FromContext(cctx).ID().String() + "/"
			if _, ours := propagator.(otelbridge.Propagator); ours {
				prefix = trace.Stack(cctx)
			}
			if !strings.HasPrefix(serve.Stack(), prefix) {
				t.Errorf("the stack is %s, want a prefix %s", serve.Stack(), prefix)
			}
			inner.End()
			serve.End()
			call.End()
			task.End()
			spans := exported(t, server, otelbridge.ExportConfig{})
			if want := map[bool]int{true: 2}[sampled]; len(spans) != want {
				t.Errorf("sampled=%v: %d spans were exported, want %d", sampled, len(spans), want)
			}
			for _, s := range spans {
				if s.Name == "serve" && (s.Parent.SpanID() != call.SpanContext().SpanID() || !s.Parent.IsRemote() || s.SpanContext.TraceState().String() != "vendor=1") {
					t.Errorf("parent %v, state %q", s.Parent, s.SpanContext.TraceState())
				}
			}
			if !strings.Contains(tree(sctx), "serve\n  inner\n") {
				t.Errorf("the flight recorder has\n%s", tree(sctx))
			}
		}
	}
}

// TestOurSpans: spans of package trace's own API are exported with all that they have.
func TestOurSpans(t *testing.T) {
	b, base := newBridge(t)
	ctx, cancel := context.WithCancelCause(base)
	ctx, task := trace.WithTask(ctx, "task")
	sctx, span := trace.WithSpan(ctx, "span")
	span.Event("event")
	span.Log(time.Now(), 0, "line")
	oteltrace.SpanFromContext(sctx).SetAttributes(attribute.String("by", "OpenTelemetry"))
	oteltrace.SpanFromContext(sctx).AddEvent("theirs")
	oteltrace.SpanFromContext(sctx).End() // nobody's to end but the starter's
	failed := errors.New("broken pipe")
	span.EndErr(&failed)
	_, cancelled := trace.WithSpan(ctx, "cancelled")
	cancel(errors.New("stopped by the user"))
	err := ctx.Err()
	cancelled.EndErr(&err)
	_, open := trace.WithAsyncSpan(base, "open")
	defer open.End()
	task.End()
	spans := exported(t, b, otelbridge.ExportConfig{Logs: true})
	if len(spans) != 3 {
		t.Fatalf("%d spans", len(spans))
	}
	for _, s := range spans {
		switch s.Name {
		case "span":
			if s.Status != (sdktrace.Status{Code: codes.Error, Description: "broken pipe"}) || s.Parent.SpanID() != spanID(task) || len(s.Events) != 3 ||
				s.InstrumentationScope.Name != "github.com/spanstack/spanstack/trace" {
				t.Errorf("%+v", s)
			}
			sameAttrs(t, s.Name, s.Attributes, []attribute.KeyValue{attribute.String("by", "OpenTelemetry")})
		case "cancelled":
			if s.Status != (sdktrace.Status{Code: codes.Error, Description: "stopped by the user"}) {
				t.Errorf("%+v", s)
			}
		}
		if trace.TraceID(s.SpanContext.TraceID()) != task.Ref().Trace {
			t.Errorf("%s is of another trace", s.Name)
		}
	}
}

// TestSDKSpansAreExportedOnce: by the SDK, not by us.
func TestSDKSpansAreExportedOnce(t *testing.T) {
	b, base := newBridge(t)
	sdk := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(b.SpanProcessor()))
	ctx, theirs := sdk.Tracer("lib").Start(base, "theirs")
	_, ours := trace.WithTask(ctx, "ours")
	ours.End()
	theirs.End()
	spans := exported(t, b, otelbridge.ExportConfig{})
	if len(spans) != 1 || spans[0].Name != "ours" || spans[0].Parent.SpanID() != theirs.SpanContext().SpanID() ||
		spans[0].SpanContext.TraceID() != theirs.SpanContext().TraceID() {
		t.Errorf("%+v", spans)
	}
}

// TestSDKSpans: those of an SDK are in the recorder with what they have, open ones too.
func TestSDKSpans(t *testing.T) {
	b, base := newBridge(t)
	memory := &keeping{oteltest.NewInMemoryExporter()}
	sdk := sdktrace.NewTracerProvider(sdktrace.WithSyncer(memory), sdktrace.WithSpanProcessor(b.SpanProcessor()))
	ctx, open := sdk.Tracer("lib").Start(base, "open", oteltrace.WithAttributes(attribute.String("a", "b")))
	active := trace.RecorderFromContext(base).Active()
	if len(active) != 1 || active[0].Name != "open" || trace.TraceID(open.SpanContext().TraceID()) != active[0].Trace {
		t.Errorf("open: %+v", active)
	}
	open.End()
	use(ctx, sdk)
	records := trace.RecorderFromContext(base).Snapshot()
	events, links := 0, 0
	for _, r := range records {
		switch r.Kind {
		case trace.KindEvent:
			events++
		case trace.KindLink:
			links++
		}
	}
	wantEvents, wantLinks := 0, 0
	for _, s := range memory.GetSpans() {
		wantEvents, wantLinks = wantEvents+len(s.Events), wantLinks+len(s.Links)
		i := slices.IndexFunc(records, func(r trace.Record) bool { return r.Name == s.Name })
		if i < 0 {
			t.Errorf("there is no %q", s.Name)
			continue
		}
		if (records[i].Status == trace.StatusError) != (s.Status.Code == codes.Error) || records[i].Err != s.Status.Description {
			t.Errorf("%s: status %v %q, want %v", s.Name, records[i].Status, records[i].Err, s.Status)
		}
	}
	if events != wantEvents || links != wantLinks {
		t.Errorf("%d events, %d links, want %d, %d", events, links, wantEvents, wantLinks)
	}
}

// TestLevels: at a level without records, spans have IDs and say that they don't record; with the recorder off, there
// is only the parent.
func TestLevels(t *testing.T) {
	b, base := newBridge(t)
	rec := trace.RecorderFromContext(base)
	tracer := b.TracerProvider().Tracer("t")
	rec.SetLevel(trace.LevelIDs)
	ctx, ids := tracer.Start(base, "IDs")
	if ids.IsRecording() || !ids.SpanContext().IsValid() {
		t.Errorf("recording: %v, %v", ids.IsRecording(), ids.SpanContext())
	}
	rec.SetLevel(trace.LevelOff)
	octx, off := tracer.Start(ctx, "off")
	if off.IsRecording() || off.SpanContext().SpanID() != ids.SpanContext().SpanID() || oteltrace.SpanContextFromContext(octx).SpanID() != ids.SpanContext().SpanID() {
		t.Errorf("recording: %v, %v", off.IsRecording(), off.SpanContext())
	}
	off.SetName("x")
	off.AddEvent("x")
	off.End()
	if _, root := tracer.Start(ctx, "off", oteltrace.WithNewRoot()); root.SpanContext().IsValid() {
		t.Errorf("%v", root.SpanContext())
	}
	ids.End()
	if n := len(rec.Snapshot()); n != 0 {
		t.Errorf("%d records", n)
	}
}

// TestConcurrentUse: the API may be called from any goroutine, also after the end.
func TestConcurrentUse(t *testing.T) {
	b, base := newBridge(t)
	tracer := b.TracerProvider().Tracer("t")
	ctx, s := tracer.Start(base, "shared")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 100 {
				s.SetAttributes(attribute.Int("i", i))
				s.AddEvent("event")
				s.SetStatus(codes.Error, "x")
				s.SetName("name")
				s.RecordError(errors.New("x"))
				_, child := tracer.Start(ctx, "child")
				child.End()
				_, _ = s.IsRecording(), s.SpanContext()
			}
			s.End()
		})
	}
	wg.Wait()
	if s.IsRecording() {
		t.Error("it has ended")
	}
}

// TestBaggage: what else is in a context passes through.
func TestBaggage(t *testing.T) {
	b, base := newBridge(t)
	member, _ := baggage.NewMember("user", "alice")
	bag, _ := baggage.New(member)
	ctx := baggage.ContextWithBaggage(base, bag)
	ctx, task := trace.WithTask(ctx, "task")
	ctx, s := b.TracerProvider().Tracer("t").Start(ctx, "span")
	if got := baggage.FromContext(ctx).Member("user").Value(); got != "alice" {
		t.Errorf("baggage %q", got)
	}
	s.End()
	task.End()
}

// TestNilContext: it must not panic.
func TestNilContext(t *testing.T) {
	b, _ := newBridge(t)
	_, s := b.TracerProvider().Tracer("t").Start(nil, "span") //lint:ignore SA1012 that is what is tested
	s.End()
}
