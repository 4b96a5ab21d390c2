package otelbridge_test

import (
	"testing"

	"go.opentelemetry.io/otel/attribute"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/otelbridge"
)

// BenchmarkSpan is a child span by OpenTelemetry's API on our core.
func BenchmarkSpan(b *testing.B) {
	rec := trace.NewRecorder(trace.Config{})
	tracer := otelbridge.New(rec).TracerProvider().Tracer("lib", oteltrace.WithInstrumentationVersion("v1.0.0"))
	ctx, root := tracer.Start(trace.WithRecorder(b.Context(), rec), "root")
	defer root.End()
	b.Run("attrs=0", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			_, s := tracer.Start(ctx, "span")
			s.End()
		}
	})
	b.Run("attrs=4", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			_, s := tracer.Start(ctx, "span", oteltrace.WithAttributes(attribute.String("dataset", "tank/home"), attribute.Int("bytes", i),
				attribute.Bool("resumed", true), attribute.Float64("compression", 1.5)))
			s.End()
		}
	})
}
