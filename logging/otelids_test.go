package logging_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"log/slog"
	"testing"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/trace"
)

// TestOTelIDs: where they are asked for, lines name their span as OpenTelemetry does, and nothing else can.
func TestOTelIDs(t *testing.T) {
	for _, f := range formats {
		t.Run(f.String(), func(t *testing.T) {
			var with, without bytes.Buffer
			h := logging.Join(
				logging.NewHandler(&with, logging.Options{Format: f, OTelIDs: true}),
				logging.NewHandler(&without, logging.Options{Format: f}))
			ctx := trace.WithRecorder(logging.WithHandler(t.Context(), h), trace.NewRecorder(trace.Config{}))
			ctx, task := trace.WithTask(ctx, "task")
			defer task.End()
			inner, span := trace.WithSpan(ctx, "span")
			defer span.End()
			ref := span.Ref()
			traceID, spanID := hex.EncodeToString(ref.Trace[:]), hex.EncodeToString(binary.BigEndian.AppendUint64(nil, uint64(ref.Span)))

			log := logging.GetLogger(ctx, "s")
			log.InfoContext(inner, "m")
			line := parseLine(t, f, with.String())
			if line["trace_id"] != traceID || line["span_id"] != spanID {
				t.Errorf("%v, want trace_id %s, span_id %s", line, traceID, spanID)
			}
			if line := parseLine(t, f, without.String()); line["trace_id"] != nil || line["span_id"] != nil {
				t.Errorf("not asked for: %v", line)
			}

			with.Reset()
			without.Reset()
			log.Info("forged", "trace_id", "other", "span_id", "other", "fields.span_id", "mine")
			line = parseLine(t, f, with.String())
			if line["trace_id"] != traceID {
				t.Errorf("forged: %v", line)
			}
			line = parseLine(t, f, without.String())
			if line["trace_id"] != "other" || line["span_id"] != "other" {
				t.Errorf("attributes that are nobody's were renamed: %v", line)
			}

			with.Reset()
			logging.GetLogger(logging.WithHandler(context.Background(), h), "s").Info("outside any task")
			if line := parseLine(t, f, with.String()); line["trace_id"] != nil || line["span_id"] != nil {
				t.Errorf("outside any task: %v", line)
			}
		})
	}
}

// TestOTelIDsAdapted: a handler of another kind gets them, too.
func TestOTelIDsAdapted(t *testing.T) {
	var out bytes.Buffer
	h := logging.Adapt(slog.NewJSONHandler(&out, nil), logging.Options{OTelIDs: true})
	ctx, task := trace.WithTask(trace.WithRecorder(logging.WithHandler(t.Context(), h), trace.NewRecorder(trace.Config{})), "task")
	defer task.End()
	logging.GetLogger(ctx, "s").Info("m", "trace_id", "other")
	line := parseLine(t, logging.FormatJSON, out.String())
	ref := task.Ref()
	if line["trace_id"] != hex.EncodeToString(ref.Trace[:]) || line["fields.trace_id"] != "other" {
		t.Errorf("%v", line)
	}
}

// TestForeignContext: a handler of another kind finds the line's span in its context, be it the call's or the logger's,
// and what else both carry.
func TestForeignContext(t *testing.T) {
	type key string
	var spans []*trace.Span
	var values []any
	foreign := handlerFunc(func(ctx context.Context, _ slog.Record) error {
		spans = append(spans, trace.FromContext(ctx))
		values = append(values, ctx.Value(key("logger")), ctx.Value(key("call")))
		return nil
	})
	// Alone, and joined to one of ours.
	for _, h := range []slog.Handler{foreign, logging.Join(logging.NewHandler(new(bytes.Buffer), logging.Options{}), logging.Adapt(foreign, logging.Options{}))} {
		spans, values = nil, nil
		ctx := context.WithValue(trace.WithRecorder(t.Context(), trace.NewRecorder(trace.Config{})), key("logger"), 1)
		ctx, task := trace.WithTask(logging.WithHandler(ctx, h), "task")
		inner, span := trace.WithSpan(ctx, "span")
		log := logging.GetLogger(ctx, "s")
		log.Info("m")
		log.InfoContext(context.WithValue(context.Background(), key("call"), 2), "m")
		log.InfoContext(inner, "m")
		span.End()
		task.End()
		if len(spans) != 3 || spans[0] != task || spans[1] != task || spans[2] != span {
			t.Errorf("spans %v, want %v, %v, %v", spans, task, task, span)
		}
		if len(values) != 6 || values[0] != 1 || values[2] != 1 || values[3] != 2 || values[4] != 1 {
			t.Errorf("values %v", values)
		}
	}
}

// A handlerFunc is a handler that does nothing but this.
type handlerFunc func(context.Context, slog.Record) error

func (handlerFunc) Enabled(context.Context, slog.Level) bool          { return true }
func (f handlerFunc) Handle(ctx context.Context, r slog.Record) error { return f(ctx, r) }
func (f handlerFunc) WithAttrs([]slog.Attr) slog.Handler              { return f }
func (f handlerFunc) WithGroup(string) slog.Handler                   { return f }
