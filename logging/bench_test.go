package logging_test

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/trace"
)

// benchContext returns a context in two spans of a task, as deep as replication's typical line is.
func benchContext(b *testing.B, h slog.Handler, level trace.Level) (context.Context, *trace.Span) {
	r := trace.NewRecorder(trace.Config{})
	r.SetLevel(level)
	ctx := trace.WithRecorder(b.Context(), r)
	ctx = logging.WithHandler(ctx, h)
	ctx, task := trace.WithTask(ctx, "replicate")
	ctx, outer := trace.WithSpan(ctx, "step")
	ctx, span := trace.WithSpan(ctx, "zfs send")
	b.Cleanup(func() { span.End(); outer.End(); task.End() })
	return ctx, span
}

func logFour(l *slog.Logger) {
	l.Info("sent snapshot", "dataset", "tank/home/alice", "bytes", 1<<20, "resumed", true, "tool", "zfs send")
}

// BenchmarkJSON compares a line by GetLogger with one by a bare slog.JSONHandler that is given the same fields.
func BenchmarkJSON(b *testing.B) {
	for _, level := range []trace.Level{trace.LevelIDs, trace.LevelRecording} {
		b.Run("GetLogger/"+level.String(), func(b *testing.B) {
			ctx, _ := benchContext(b, logging.NewHandler(io.Discard, logging.Options{Format: logging.FormatJSON}), level)
			b.ReportAllocs()
			for b.Loop() {
				logFour(logging.GetLogger(ctx, "zfs"))
			}
		})
	}
	b.Run("bare", func(b *testing.B) {
		ctx, span := benchContext(b, logging.NewHandler(io.Discard, logging.Options{}), trace.LevelRecording)
		_ = ctx
		l := slog.New(slog.NewJSONHandler(io.Discard, nil))
		b.ReportAllocs()
		for b.Loop() {
			l.Info("sent snapshot", "subsystem", "zfs", "trace", span.Stack(),
				"dataset", "tank/home/alice", "bytes", 1<<20, "resumed", true, "tool", "zfs send")
		}
	})
	b.Run("first line of a span", func(b *testing.B) {
		ctx, _ := benchContext(b, logging.NewHandler(io.Discard, logging.Options{Format: logging.FormatJSON}), trace.LevelIDs)
		b.ReportAllocs()
		for b.Loop() {
			ctx, span := trace.WithSpan(ctx, "one")
			logFour(logging.GetLogger(ctx, "zfs"))
			span.End()
		}
	})
}

// BenchmarkFile compares lines that end up in a file: through the queue, and by a bare slog.JSONHandler.
func BenchmarkFile(b *testing.B) {
	b.Run("GetLogger", func(b *testing.B) {
		h, err := logging.Open(logging.Config{Format: logging.FormatJSON, File: filepath.Join(b.TempDir(), "log")})
		if err != nil {
			b.Fatal(err)
		}
		ctx, _ := benchContext(b, h, trace.LevelIDs)
		b.ReportAllocs()
		for b.Loop() {
			logFour(logging.GetLogger(ctx, "zfs"))
		}
		h.Close()
		b.ReportMetric(float64(h.Dropped())/float64(b.N), "lost/op")
	})
	b.Run("GetLogger/blocked pipe", func(b *testing.B) {
		r, w := blockingPipe(b)
		h := logging.OpenWaiting(w, 0)
		ctx, _ := benchContext(b, h, trace.LevelIDs)
		b.ReportAllocs()
		for b.Loop() {
			logFour(logging.GetLogger(ctx, "zfs"))
		}
		r.Close()
		h.Close()
	})
	b.Run("bare", func(b *testing.B) {
		f, err := os.OpenFile(filepath.Join(b.TempDir(), "log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			b.Fatal(err)
		}
		defer f.Close()
		_, span := benchContext(b, logging.NewHandler(io.Discard, logging.Options{}), trace.LevelIDs)
		l := slog.New(slog.NewJSONHandler(f, nil))
		b.ReportAllocs()
		for b.Loop() {
			l.Info("sent snapshot", "subsystem", "zfs", "trace", span.Stack(),
				"dataset", "tank/home/alice", "bytes", 1<<20, "resumed", true, "tool", "zfs send")
		}
	})
}

func BenchmarkFormats(b *testing.B) {
	for _, f := range []logging.Format{logging.FormatHuman, logging.FormatLogfmt, logging.FormatJSON} {
		b.Run(f.String(), func(b *testing.B) {
			ctx, _ := benchContext(b, logging.NewHandler(io.Discard, logging.Options{Format: f}), trace.LevelIDs)
			l := logging.GetLogger(ctx, "zfs")
			b.ReportAllocs()
			for b.Loop() {
				logFour(l)
			}
		})
	}
}

// BenchmarkOff is a line whose level is off. Its loops aren't those of b.Loop, which keeps all arguments alive: that takes
// nearly as long as the line.
func BenchmarkOff(b *testing.B) {
	levels := map[string]logging.Levels{
		"one level":     {},
		"per subsystem": {Subsystems: map[string]slog.Level{"net": slog.LevelDebug, "job": slog.LevelDebug}},
	}
	for name, l := range levels {
		b.Run(name, func(b *testing.B) {
			ctx, _ := benchContext(b, logging.NewHandler(io.Discard, logging.Options{Levels: l}), trace.LevelIDs)
			b.Run("GetLogger", func(b *testing.B) {
				b.ReportAllocs()
				for range b.N {
					logging.GetLogger(ctx, "zfs").Debug("read", "bytes", 1, "tool", "zfs")
				}
			})
			b.Run("GetLogger/With", func(b *testing.B) {
				ctx := logging.With(ctx, slog.Int("a", 1))
				b.ReportAllocs()
				for range b.N {
					logging.GetLogger(ctx, "zfs").Debug("read", "bytes", 1, "tool", "zfs")
				}
			})
			b.Run("kept logger", func(b *testing.B) {
				l := logging.GetLogger(ctx, "zfs")
				b.ReportAllocs()
				for range b.N {
					l.Debug("read", "bytes", 1, "tool", "zfs")
				}
			})
		})
	}
}
