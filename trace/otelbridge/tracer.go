package otelbridge

import (
	"context"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	oteltrace "go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/embedded"

	"github.com/spanstack/spanstack/internal/logslot"
	"github.com/spanstack/spanstack/trace"
)

type tracer struct {
	embedded.Tracer
	bridge *Bridge
	scope  trace.Rendered
}

// Start implements oteltrace.Tracer.
func (t *tracer) Start(ctx context.Context, name string, options ...oteltrace.SpanStartOption) (context.Context, oteltrace.Span) {
	if ctx == nil {
		ctx = context.Background()
	}
	c := oteltrace.NewSpanStartConfig(options...)
	var room [16]slog.Attr
	attrs := appendKind(appendAttrs(room[:0], c.Attributes()), c.SpanKind())
	inner, s := trace.AsyncConfig{Root: c.NewRoot(), Recorder: t.bridge.rec, Common: t.scope, Start: c.Timestamp()}.Begin(ctx, name, attrs...)
	if s == nil { // the recorder is off
		sc := oteltrace.SpanContextFromContext(ctx)
		if c.NewRoot() {
			sc = oteltrace.SpanContext{}
		}
		ctx = oteltrace.ContextWithSpanContext(ctx, sc)
		return ctx, oteltrace.SpanFromContext(ctx)
	}
	out := &span{ours: s, tracer: t, outer: inner}
	for _, l := range c.Links() {
		out.AddLink(l)
	}
	return (*contextOfSpan)(out), out
}

// A span is one that was started by OpenTelemetry's API. It is also the context in which that finds it.
type span struct {
	embedded.Span
	ours   *trace.Span
	tracer *tracer
	outer  context.Context // of package trace

	mu     sync.Mutex
	status uint8 // a codes.Code
	ended  bool
	text   string // of status
}

// contextOfSpan is a span seen as a context.
type contextOfSpan span

func (c *contextOfSpan) Deadline() (time.Time, bool) { return c.outer.Deadline() }
func (c *contextOfSpan) Done() <-chan struct{}       { return c.outer.Done() }
func (c *contextOfSpan) Err() error                  { return c.outer.Err() }

// Value implements context.Context.
func (c *contextOfSpan) Value(key any) any {
	if key == c.tracer.bridge.key {
		return (*span)(c)
	}
	if _, ok := key.(logslot.ContextKey); ok { // the slot within is that of the same span
		return c
	}
	return c.outer.Value(key)
}

// open reports whether the span has not ended. What has ended doesn't change any more.
func (s *span) open() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.ended
}

// End implements oteltrace.Span.
func (s *span) End(options ...oteltrace.SpanEndOption) {
	s.mu.Lock()
	first := !s.ended
	s.ended = true
	status, text := s.status, s.text
	s.mu.Unlock()
	if !first {
		return
	}
	setStatus(s.ours, codes.Code(status), text)
	if len(options) > 0 {
		if c := oteltrace.NewSpanEndConfig(options...); !c.Timestamp().IsZero() {
			s.ours.EndAt(c.Timestamp())
			return
		}
	}
	s.ours.End()
}

// SetStatus implements oteltrace.Span.
func (s *span) SetStatus(code codes.Code, description string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || codes.Code(s.status) > code || code > codes.Ok {
		return
	}
	if s.status = uint8(code); code == codes.Error {
		s.text = description
	}
}

// AddEvent implements oteltrace.Span.
func (s *span) AddEvent(name string, options ...oteltrace.EventOption) {
	if s.open() {
		addEvent(s.ours, name, nil, options)
	}
}

// RecordError implements oteltrace.Span.
func (s *span) RecordError(err error, options ...oteltrace.EventOption) {
	if err != nil && s.open() {
		recordError(s.ours, err, options)
	}
}

// AddLink implements oteltrace.Span.
func (s *span) AddLink(l oteltrace.Link) {
	if s.open() {
		addLink(s.ours, l)
	}
}

// SetName implements oteltrace.Span.
func (s *span) SetName(name string) { s.ours.SetName(name) }

// SetAttributes implements oteltrace.Span.
func (s *span) SetAttributes(kv ...attribute.KeyValue) { s.ours.SetAttrs(appendAttrs(nil, kv)...) }

// IsRecording implements oteltrace.Span.
func (s *span) IsRecording() bool { return s.ours.Recording() }

// SpanContext implements oteltrace.Span.
func (s *span) SpanContext() oteltrace.SpanContext { return spanContext(s.ours) }

// TracerProvider implements oteltrace.Span.
func (s *span) TracerProvider() oteltrace.TracerProvider { return s.tracer.bridge.TracerProvider() }

// borrowed is a span of package trace, as OpenTelemetry finds it in a context.
type borrowed struct {
	embedded.Span
	bridge *Bridge
	span   *trace.Span
}

// End implements oteltrace.Span. Who has started the span ends it: an API that only finds it doesn't.
func (*borrowed) End(...oteltrace.SpanEndOption) {}

// SetStatus implements oteltrace.Span.
func (b *borrowed) SetStatus(code codes.Code, description string) {
	setStatus(b.span, code, description)
}

// AddEvent implements oteltrace.Span.
func (b *borrowed) AddEvent(name string, options ...oteltrace.EventOption) {
	if b.span.Recording() {
		addEvent(b.span, name, nil, options)
	}
}

// RecordError implements oteltrace.Span.
func (b *borrowed) RecordError(err error, options ...oteltrace.EventOption) {
	if err != nil && b.span.Recording() {
		recordError(b.span, err, options)
	}
}

// AddLink implements oteltrace.Span.
func (b *borrowed) AddLink(l oteltrace.Link) {
	if b.span.Recording() {
		addLink(b.span, l)
	}
}

// SetName implements oteltrace.Span.
func (b *borrowed) SetName(name string) { b.span.SetName(name) }

// SetAttributes implements oteltrace.Span.
func (b *borrowed) SetAttributes(kv ...attribute.KeyValue) { b.span.SetAttrs(appendAttrs(nil, kv)...) }

// IsRecording implements oteltrace.Span.
func (b *borrowed) IsRecording() bool { return b.span.Recording() }

// SpanContext implements oteltrace.Span.
func (b *borrowed) SpanContext() oteltrace.SpanContext { return spanContext(b.span) }

// TracerProvider implements oteltrace.Span.
func (b *borrowed) TracerProvider() oteltrace.TracerProvider { return b.bridge.TracerProvider() }

// statusError is the description of a status.
type statusError string

func (e statusError) Error() string { return string(e) }

func setStatus(s *trace.Span, code codes.Code, text string) {
	switch code {
	case codes.Error:
		s.SetError(statusError(text))
	case codes.Ok:
		s.SetAttrs(slog.String(statusKey, statusOK))
	}
}

func addEvent(s *trace.Span, name string, attrs []slog.Attr, options []oteltrace.EventOption) {
	c := oteltrace.NewEventConfig(options...)
	attrs = appendAttrs(attrs, c.Attributes())
	if c.StackTrace() {
		attrs = append(attrs, slog.String("exception.stacktrace", string(debug.Stack())))
	}
	s.EventAt(c.Timestamp(), name, attrs...)
}

func recordError(s *trace.Span, err error, options []oteltrace.EventOption) {
	addEvent(s, "exception", []slog.Attr{slog.String("exception.type", typeOf(err)), slog.String("exception.message", err.Error())}, options)
}

func addLink(s *trace.Span, l oteltrace.Link) {
	if !l.SpanContext.IsValid() && len(l.Attributes) == 0 && l.SpanContext.TraceState().Len() == 0 {
		return // as the specification wants, "Link"
	}
	attrs := appendAttrs(nil, l.Attributes)
	if state := l.SpanContext.TraceState(); state.Len() > 0 {
		attrs = append(attrs, slog.String(linkStateKey, state.String()))
	}
	if !l.SpanContext.IsSampled() {
		attrs = append(attrs, slog.Bool(linkUnsampledKey, true))
	}
	s.Link(refOf(l.SpanContext), attrs...)
}
