package trigger

import (
	"fmt"
	"log/slog"
	"os"
	"testing"

	"github.com/spanstack/spanstack/trace"
)

// BenchmarkLook looks at so many open tasks, each with a span.
func BenchmarkLook(b *testing.B) {
	for _, open := range []int{10, 1000} {
		b.Run(fmt.Sprint(open), func(b *testing.B) {
			rec := trace.NewRecorder(trace.Config{})
			w, err := newWatcher(Config{Recorder: rec})
			if err != nil {
				b.Fatal(err)
			}
			w.needs, w.con = needRecords|needOpen, rec.NewConsumer(trace.ConsumerConfig{FromNow: true})
			w.parts = []detector{Slow(1<<62, Named("replicate")).detector(), Failed(nil).detector()}
			ctx := trace.WithRecorder(b.Context(), rec)
			for i := range open {
				ctx, task := trace.WithTask(ctx, "task", slog.Int("n", i))
				defer task.End()
				_, span := trace.WithSpan(ctx, "span")
				defer span.End()
			}
			for b.Loop() {
				w.look()
			}
		})
	}
}

// BenchmarkRecord is what a look costs for each span that ended since the last.
func BenchmarkRecord(b *testing.B) {
	rec := trace.NewRecorder(trace.Config{})
	w, err := newWatcher(Config{Recorder: rec})
	if err != nil {
		b.Fatal(err)
	}
	w.needs, w.con = needRecords, rec.NewConsumer(trace.ConsumerConfig{FromNow: true})
	w.parts = []detector{Slow(1<<62, Named("replicate")).detector(), Failed(nil).detector()}
	ctx, task := trace.WithTask(trace.WithRecorder(b.Context(), rec), "task")
	defer task.End()
	for b.Loop() {
		b.StopTimer()
		for range 10_000 {
			_, span := trace.WithSpan(ctx, "span")
			span.End()
		}
		b.StartTimer()
		w.look()
	}
	b.ReportMetric(float64(b.Elapsed())/float64(b.N)/10_000, "ns/span")
}

// BenchmarkDump dumps a recorder that is full.
func BenchmarkDump(b *testing.B) {
	for _, format := range []string{".json", ".json.gz"} {
		b.Run(format, func(b *testing.B) {
			rec := trace.NewRecorder(trace.Config{})
			ctx, task := trace.WithTask(trace.WithRecorder(b.Context(), rec), "task")
			defer task.End()
			for i := range 400_000 {
				_, span := trace.WithSpan(ctx, "span", slog.Int("n", i))
				span.End()
			}
			w, err := newWatcher(Config{Recorder: rec, Dir: b.TempDir(), Format: format, MaxFiles: 1})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				path, err := w.write([]Cause{{Trigger: "manual"}}, 0)
				if err != nil {
					b.Fatal(err)
				}
				if info, err := os.Stat(path); err == nil {
					b.ReportMetric(float64(info.Size())/1e6, "MB")
				}
			}
		})
	}
}
