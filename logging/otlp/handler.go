package otlp

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"

	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/trace"
)

// A handler makes lines fit for otelslog, which converts them: bounded, valid UTF-8, and nothing lost. It also puts
// their span where the SDK looks for it.
type handler struct{ otel slog.Handler }

// Enabled implements slog.Handler. Levels are those of the handler before this one.
func (*handler) Enabled(context.Context, slog.Level) bool { return true }

// WithAttrs implements slog.Handler.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	var c converter
	return &handler{h.otel.WithAttrs(c.attrs(attrs))}
}

// WithGroup implements slog.Handler.
func (h *handler) WithGroup(name string) slog.Handler { return &handler{h.otel.WithGroup(name)} }

// Handle implements slog.Handler.
func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	var c converter
	out := slog.NewRecord(r.Time, r.Level, text(slog.StringValue(r.Message)), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		if a, ok := c.attr(a); ok {
			out.AddAttrs(a)
		}
		return true
	})
	out.AddAttrs(c.exception()...)
	if c.dropped > 0 {
		out.AddAttrs(slog.Int("attrs_dropped", c.dropped))
	}
	return h.otel.Handle(withSpan(ctx), out)
}

// withSpan returns ctx with the innermost span as OpenTelemetry's tracers put one there.
func withSpan(ctx context.Context) context.Context {
	s := trace.FromContext(ctx)
	if s == nil {
		return ctx
	}
	ref := s.Ref()
	c := oteltrace.SpanContextConfig{TraceID: oteltrace.TraceID(ref.Trace), TraceFlags: oteltrace.TraceFlags(0).WithSampled(s.Sampled())}
	binary.BigEndian.PutUint64(c.SpanID[:], uint64(ref.Span))
	return oteltrace.ContextWithSpanContext(ctx, oteltrace.NewSpanContext(c))
}

// A converter converts the attributes of one line.
type converter struct {
	size    int   // in bytes so far
	dropped int   // above logging.MaxLine
	err     error // the first one
}

func (c *converter) attrs(attrs []slog.Attr) []slog.Attr {
	out := make([]slog.Attr, 0, len(attrs))
	for _, a := range attrs {
		if a, ok := c.attr(a); ok {
			out = append(out, a)
		}
	}
	return out
}

// attr converts an attribute, if there is room for it.
func (c *converter) attr(a slog.Attr) (slog.Attr, bool) {
	if a.Equal(slog.Attr{}) {
		return a, false // slog's rule: the zero Attr is ignored
	}
	if c.size >= logging.MaxLine {
		c.dropped++
		return a, false
	}
	a.Key = text(slog.StringValue(a.Key))
	a.Value = c.value(a.Value.Resolve())
	if a.Key == "" && a.Value.Kind() != slog.KindGroup {
		a.Key = "_" // the SDK drops what has no key
	}
	c.size += len(a.Key) + 8
	return a, true
}

func (c *converter) value(v slog.Value) slog.Value {
	switch v.Kind() {
	case slog.KindGroup:
		return slog.GroupValue(c.attrs(v.Group())...)
	case slog.KindUint64:
		if n := v.Uint64(); n > math.MaxInt64 { // OTLP has no such integers, and a float would be another number
			return slog.StringValue(strconv.FormatUint(n, 10))
		}
		return v
	case slog.KindString:
	case slog.KindAny:
		if err, ok := v.Any().(error); ok && c.err == nil {
			c.err = err
		}
	default:
		return v
	}
	s := text(v)
	c.size += len(s)
	return slog.StringValue(s)
}

// exception returns what OpenTelemetry's semantic conventions have for the line's error, besides the attribute that it
// is anyway.
func (c *converter) exception() []slog.Attr {
	if c.err == nil {
		return nil
	}
	return []slog.Attr{slog.String("exception.type", fmt.Sprintf("%T", c.err)),
		slog.String("exception.message", text(slog.AnyValue(c.err)))}
}

// text returns a value as bounded text that protobuf takes.
func text(v slog.Value) string {
	if v.Kind() == slog.KindString && len(v.String()) <= logging.MaxValue {
		return strings.ToValidUTF8(v.String(), "\uFFFD")
	}
	return strings.ToValidUTF8(string(logging.AppendValue(nil, v)), "\uFFFD")
}
