package otelbridge

import (
	"context"
	"encoding/binary"
	"sync"

	oteltrace "go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/embedded"

	"github.com/spanstack/spanstack/trace"
)

// A Bridge joins a recorder of package trace and OpenTelemetry: spans of either are parents of the other's. Its methods
// may be called concurrently.
type Bridge struct {
	rec *trace.Recorder
	key any // by which OpenTelemetry finds its span in a context

	// spans are those of an SDK that are open, by their ID: what stands for them in the recorder.
	spans sync.Map // oteltrace.SpanID → *trace.Span
}

// New joins a recorder, which is usually [trace.Default], with OpenTelemetry. It should be called before the first span is
// started, and once.
func New(rec *trace.Recorder) *Bridge {
	b := &Bridge{rec: rec, key: contextKey()}
	rec.SetHook(&trace.Hook{
		Key:   b.key,
		Value: func(s *trace.Span) any { return &borrowed{bridge: b, span: s} },
		Span: func(v any) *trace.Span {
			s, _ := v.(oteltrace.Span)
			return b.spanOf(s)
		},
	})
	return b
}

// contextKey returns the key by which OpenTelemetry finds its span, which isn't exported: by a context that is asked for
// it.
func contextKey() any {
	c := &curious{Context: context.Background()}
	oteltrace.SpanFromContext(c)
	return c.asked
}

type curious struct {
	context.Context
	asked any
}

// Value implements context.Context.
func (c *curious) Value(key any) any {
	c.asked = key
	return nil
}

// spanOf returns which span of ours stands for one of OpenTelemetry's; nil if none does, and none can.
func (b *Bridge) spanOf(s oteltrace.Span) *trace.Span {
	switch s := s.(type) {
	case nil:
		return nil
	case *span:
		return s.ours
	case *borrowed:
		return s.span
	}
	sc := s.SpanContext()
	if !sc.IsValid() {
		return nil
	}
	if ours, ok := b.spans.Load(sc.SpanID()); ok {
		return ours.(*trace.Span)
	}
	return b.remote(sc)
}

// remote returns what stands for a span of another process, or for one of an SDK that it doesn't record.
func (b *Bridge) remote(sc oteltrace.SpanContext) *trace.Span {
	state := sc.TraceState()
	r := trace.Remote{Ref: refOf(sc), Stack: state.Get(StackMember), Unsampled: !sc.IsSampled()}
	r.State = state.Delete(StackMember).String()
	return trace.FromContext(trace.WithRemote(trace.WithRecorder(context.Background(), b.rec), r))
}

// refOf returns what names a span of OpenTelemetry.
func refOf(sc oteltrace.SpanContext) trace.Ref {
	id := sc.SpanID()
	return trace.Ref{Trace: trace.TraceID(sc.TraceID()), Span: trace.ID(binary.BigEndian.Uint64(id[:]))}
}

// spanContext returns what a span of ours is to OpenTelemetry.
func spanContext(s *trace.Span) oteltrace.SpanContext {
	ref := s.Ref()
	c := oteltrace.SpanContextConfig{TraceID: oteltrace.TraceID(ref.Trace)}
	binary.BigEndian.PutUint64(c.SpanID[:], uint64(ref.Span))
	if s.Sampled() {
		c.TraceFlags = oteltrace.FlagsSampled
	}
	if text := s.TraceState(); text != "" {
		c.TraceState, _ = oteltrace.ParseTraceState(text) // it was one
	}
	return oteltrace.NewSpanContext(c)
}

// TracerProvider returns a provider whose spans are async spans of the recorder. Programs that use it need no SDK.
func (b *Bridge) TracerProvider() oteltrace.TracerProvider { return &provider{bridge: b} }

type provider struct {
	embedded.TracerProvider
	bridge *Bridge
}

// Tracer implements oteltrace.TracerProvider.
func (p *provider) Tracer(name string, options ...oteltrace.TracerOption) oteltrace.Tracer {
	c := oteltrace.NewTracerConfig(options...)
	return &tracer{bridge: p.bridge, scope: trace.Render(scopeAttrs(name, c.InstrumentationVersion(), c.SchemaURL(), c.InstrumentationAttributes())...)}
}
