package otelbridge

import (
	"context"
	"log/slog"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/spanstack/spanstack/trace"
)

// sdkKey marks spans that an SDK has made, which exports them itself.
const sdkKey = "otel.sdk"

// SpanProcessor returns a processor that brings the spans of an SDK into the recorder, as async spans with the IDs that
// they have: they are in captures, and parents and children of package trace's, from their beginning on. Attributes,
// events, links and the status come with their end.
func (b *Bridge) SpanProcessor() sdktrace.SpanProcessor { return &processor{b} }

type processor struct{ bridge *Bridge }

// OnStart implements sdktrace.SpanProcessor.
func (p *processor) OnStart(parent context.Context, s sdktrace.ReadWriteSpan) {
	sc := s.SpanContext()
	if parent == nil {
		parent = context.Background()
	}
	attrs := append(appendAttrs(nil, s.Attributes()), slog.Bool(sdkKey, true))
	scope := s.InstrumentationScope()
	attrs = append(attrs, scopeAttrs(scope.Name, scope.Version, scope.SchemaURL, scope.Attributes)...)
	attrs = appendKind(attrs, s.SpanKind())
	if (!s.Parent().IsValid() || s.Parent().IsRemote()) && s.Resource() != nil { // once in this process is enough
		attrs = append(attrs, slog.Any("resource", slog.GroupValue(appendAttrs(nil, s.Resource().Attributes())...)))
	}
	_, ours := trace.AsyncConfig{Ref: refOf(sc), Root: !s.Parent().IsValid(), Recorder: p.bridge.rec, Start: s.StartTime()}.Begin(parent, s.Name(), attrs...)
	if ours != nil {
		p.bridge.spans.Store(sc.SpanID(), ours)
	}
}

// OnEnd implements sdktrace.SpanProcessor.
func (p *processor) OnEnd(s sdktrace.ReadOnlySpan) {
	v, ok := p.bridge.spans.LoadAndDelete(s.SpanContext().SpanID())
	if !ok {
		return
	}
	ours := v.(*trace.Span)
	if s.Name() != ours.Name() {
		ours.SetName(s.Name())
	}
	ours.SetAttrs(appendAttrs(nil, s.Attributes())...)
	if n := s.DroppedAttributes(); n > 0 {
		ours.SetAttrs(slog.Int(droppedKey, n))
	}
	for _, e := range s.Events() {
		ours.EventAt(e.Time, e.Name, appendAttrs(nil, e.Attributes)...)
	}
	for _, l := range s.Links() {
		addLink(ours, oteltrace.Link{SpanContext: l.SpanContext, Attributes: l.Attributes})
	}
	setStatus(ours, s.Status().Code, s.Status().Description)
	ours.EndAt(s.EndTime())
}

// Shutdown implements sdktrace.SpanProcessor.
func (*processor) Shutdown(context.Context) error { return nil }

// ForceFlush implements sdktrace.SpanProcessor.
func (*processor) ForceFlush(context.Context) error { return nil }
