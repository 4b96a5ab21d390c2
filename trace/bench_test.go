package trace

import (
	"context"
	"log/slog"
	"testing"
)

// The table of benchmarks against other tracers is in the module bench; these show changes of this package alone.
func BenchmarkSpan(b *testing.B) {
	for _, level := range []Level{LevelRecording, LevelIDs, LevelOff} {
		rec := NewRecorder(Config{})
		ctx, task := WithTask(WithRecorder(context.Background(), rec), "task")
		rec.SetLevel(level)
		if level == LevelOff {
			enabled.Add(-1) // as if the default recorder were off, too
			defer enabled.Add(1)
		}
		b.Run(level.String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, s := WithSpan(ctx, "span")
				s.End()
			}
		})
		b.Run(level.String()+"/attrs=4", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, s := WithSpan(ctx, "span", slog.String("a", "value"), slog.Int("b", 1), slog.Bool("c", true), slog.Float64("d", 1.5))
				s.End()
			}
		})
		task.End()
		rec.SetLevel(LevelOff)
	}
}

func BenchmarkTask(b *testing.B) {
	ctx := WithRecorder(context.Background(), NewRecorder(Config{}))
	b.ReportAllocs()
	for b.Loop() {
		_, t := WithTask(ctx, "task")
		t.End()
	}
}

func BenchmarkSetAttrs(b *testing.B) {
	ctx, task := WithTask(WithRecorder(context.Background(), NewRecorder(Config{})), "task")
	defer task.End()
	b.ReportAllocs()
	for b.Loop() {
		_, s := WithSpan(ctx, "span")
		s.SetAttrs(slog.String("a", "value"), slog.Int("b", 1), slog.Bool("c", true), slog.Float64("d", 1.5))
		s.End()
	}
}

func BenchmarkStack(b *testing.B) {
	ctx, task := WithTask(WithRecorder(context.Background(), NewRecorder(Config{})), "task")
	defer task.End()
	for range 4 {
		var s *Span
		ctx, s = WithSpan(ctx, "around")
		defer s.End()
	}
	b.ReportAllocs()
	for b.Loop() {
		_, s := WithSpan(ctx, "span")
		s.Stack()
		s.End()
	}
}
