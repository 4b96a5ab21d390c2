package logslot_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/trace"
)

type otherKey struct{}

// TestHook: with another tracer's span in the context, no logger is kept that doesn't know of it. The hook is there for
// good, so that this test has a process of its own.
func TestHook(t *testing.T) {
	var out bytes.Buffer
	r := trace.NewRecorder(trace.Config{})
	ctx := trace.WithRecorder(logging.WithHandler(t.Context(), logging.NewHandler(&out, logging.Options{Format: logging.FormatJSON})), r)
	ctx, task := trace.WithTask(ctx, "task")
	defer task.End()
	_, other := trace.WithAsyncSpan(ctx, "the other tracer's")
	defer other.End()

	before := logging.GetLogger(ctx, "s")
	r.SetHook(&trace.Hook{Key: otherKey{}, Value: func(s *trace.Span) any { return s },
		Span: func(v any) *trace.Span { return v.(*trace.Span) }})
	foreign := context.WithValue(ctx, otherKey{}, other)
	for range 2 {
		for want, ctx := range map[*trace.Span]context.Context{task: ctx, other: foreign} {
			out.Reset()
			logging.GetLogger(ctx, "s").Info("m")
			if !strings.Contains(out.String(), `"trace":"`+want.Stack()+`"`) {
				t.Errorf("want %s: %s", want.Stack(), &out)
			}
		}
	}
	if l := logging.GetLogger(ctx, "s"); l == before || l != logging.GetLogger(ctx, "s") {
		t.Error("want another logger than before, and that one kept")
	}
	if l := logging.GetLogger(foreign, "s"); l == logging.GetLogger(foreign, "s") {
		t.Error("a logger is kept for a context that the other tracer may have a span in")
	}
}
