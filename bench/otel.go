package main

import (
	"context"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	oteltrace "go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/otelbridge"
)

// The OpenTelemetry SDK. Never sampled, a span has IDs but isn't recorded, which is what our level "IDs" does.
var (
	otelNoop    = contender{name: "OTel, no-op provider", rival: spanstackOff.name, begin: beginNoop}
	otelNever   = contender{name: "OTel SDK, never sampled", rival: spanstackIDs.name, begin: otelSDK(sdktrace.NeverSample(), longQueue)}
	otelBatcher = contender{name: "OTel SDK, batcher", rival: spanstackRecording.name, begin: otelSDK(sdktrace.AlwaysSample(), longQueue),
		stretch: 2}
	otelDefault = contender{name: "OTel SDK, batcher, default queue", rival: spanstackRecording.name,
		begin: otelSDK(sdktrace.AlwaysSample()), stretch: 2}
)

// otelOnOurs is a provider of OpenTelemetry's API on our core.
var otelOnOurs = contender{name: "OTel API on spanstack", rival: "OTel API on spanstack", begin: beginOTelOnOurs}

func beginOTelOnOurs() (*session, error) {
	_, rec := newSpanstack(trace.LevelRecording)
	s := otelSession(otelbridge.New(rec).TracerProvider(), func(uint64) (uint64, error) { return 0, nil })
	s.ctx = trace.WithRecorder(s.ctx, rec)
	return s, nil
}

// longQueue makes the batcher's queue so long that a loop at full speed doesn't fill it: dropping a span is cheaper
// than handing it over, and would make the SDK look faster than it is where spans count.
var longQueue = sdktrace.WithMaxQueueSize(longQueueSize)

const longQueueSize = 1 << 18

func beginNoop() (*session, error) {
	return otelSession(noop.NewTracerProvider(), func(uint64) (uint64, error) { return 0, nil }), nil
}

func otelSDK(sampler sdktrace.Sampler, options ...sdktrace.BatchSpanProcessorOption) func() (*session, error) {
	return func() (*session, error) {
		sampled := sampler.Description() == sdktrace.AlwaysSample().Description()
		exporter := &discardingExporter{}
		provider := sdktrace.NewTracerProvider(sdktrace.WithSampler(sampler), sdktrace.WithBatcher(exporter, options...))
		return otelSession(provider, func(ended uint64) (lost uint64, err error) {
			err = provider.Shutdown(context.Background())
			if sampled {
				lost = ended - exporter.spans.Load()
			}
			return lost, err
		}), nil
	}
}

// A discardingExporter counts what reaches it.
type discardingExporter struct{ spans atomic.Uint64 }

func (e *discardingExporter) ExportSpans(_ context.Context, spans []sdktrace.ReadOnlySpan) error {
	e.spans.Add(uint64(len(spans)))
	return nil
}

func (e *discardingExporter) Shutdown(context.Context) error { return nil }

type otelTracerKey struct{}

func otelSession(provider oteltrace.TracerProvider, stop func(uint64) (uint64, error)) *session {
	tracer := provider.Tracer("bench")
	return &session{
		ctx: context.WithValue(context.Background(), otelTracerKey{}, tracer),
		root: func(ctx context.Context) (context.Context, func()) {
			ctx, span := tracer.Start(ctx, "root")
			return ctx, func() { span.End() }
		},
		rootSpans: 1,
		stop:      stop,
	}
}

// otelTracer returns the tracer of the session that ctx belongs to. Programs keep it in a variable.
func otelTracer(ctx context.Context) oteltrace.Tracer {
	return ctx.Value(otelTracerKey{}).(oteltrace.Tracer)
}

var otelLoops = spanLoops{
	plain: func(ctx context.Context, n int) {
		tracer := otelTracer(ctx)
		for range n {
			_, s := tracer.Start(ctx, "span")
			s.End()
		}
	},
	attrs: func(ctx context.Context, n int) {
		tracer := otelTracer(ctx)
		for i := range n {
			_, s := otelWithAttrs(ctx, tracer, i)
			s.End()
		}
	},
	nested: func(ctx context.Context, n int) {
		tracer := otelTracer(ctx)
		for range n {
			ctx1, s1 := tracer.Start(ctx, "span 1")
			ctx2, s2 := tracer.Start(ctx1, "span 2")
			ctx3, s3 := tracer.Start(ctx2, "span 3")
			ctx4, s4 := tracer.Start(ctx3, "span 4")
			_, s5 := tracer.Start(ctx4, "span 5")
			s5.End()
			s4.End()
			s3.End()
			s2.End()
			s1.End()
		}
	},
	nestedAttrs: func(ctx context.Context, n int) {
		tracer := otelTracer(ctx)
		for i := range n {
			ctx1, s1 := otelWithAttrs(ctx, tracer, i)
			ctx2, s2 := otelWithAttrs(ctx1, tracer, i)
			ctx3, s3 := otelWithAttrs(ctx2, tracer, i)
			ctx4, s4 := otelWithAttrs(ctx3, tracer, i)
			_, s5 := otelWithAttrs(ctx4, tracer, i)
			s5.End()
			s4.End()
			s3.End()
			s2.End()
			s1.End()
		}
	},
}

func otelWithAttrs(ctx context.Context, tracer oteltrace.Tracer, i int) (context.Context, oteltrace.Span) {
	return tracer.Start(ctx, "span", oteltrace.WithAttributes(attribute.String("dataset", dataset), attribute.Int("bytes", i),
		attribute.Bool("resumed", resumed), attribute.Float64("compression", compression)))
}

// otelPlain, in a context without a span, starts a trace each time.
var otelPlain = otelLoops.plain

func otelSetAttrs(ctx context.Context, n int) {
	tracer := otelTracer(ctx)
	for i := range n {
		_, s := tracer.Start(ctx, "span")
		s.SetAttributes(attribute.String("dataset", dataset), attribute.Int("bytes", i), attribute.Bool("resumed", resumed),
			attribute.Float64("compression", compression))
		s.End()
	}
}

func otelEvents(ctx context.Context, n int) {
	tracer := otelTracer(ctx)
	for i := range n {
		_, s := tracer.Start(ctx, "span")
		for range 4 {
			s.AddEvent("retry", oteltrace.WithAttributes(attribute.Int("attempt", i)))
		}
		s.End()
	}
}

// withOTelSpans opens four spans, so that the next one is at depth 5.
func withOTelSpans(ctx context.Context) (context.Context, func()) {
	tracer := otelTracer(ctx)
	var open []oteltrace.Span
	for range nestedDepth - 1 {
		var s oteltrace.Span
		ctx, s = tracer.Start(ctx, "span")
		open = append(open, s)
	}
	return ctx, func() {
		for i := len(open) - 1; i >= 0; i-- {
			open[i].End()
		}
	}
}

// otelStack renders what belongs into a log line, the IDs of trace and span.
func otelStack(ctx context.Context, n int) {
	tracer := otelTracer(ctx)
	for range n {
		_, s := tracer.Start(ctx, "span")
		sc := s.SpanContext()
		keepText(sc.TraceID().String())
		keepText(sc.SpanID().String())
		s.End()
	}
}

func otelStackAgain(ctx context.Context, n int) {
	s := oteltrace.SpanFromContext(ctx)
	for range n {
		sc := s.SpanContext()
		keepText(sc.TraceID().String())
		keepText(sc.SpanID().String())
	}
}

func otelFromContext(ctx context.Context, n int) {
	for range n {
		if !oteltrace.SpanFromContext(ctx).SpanContext().IsValid() {
			panic("the span isn't found")
		}
	}
}
