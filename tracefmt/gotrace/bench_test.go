package gotrace_test

import (
	"bytes"
	"context"
	"io"
	"os"
	rtrace "runtime/trace"
	"sync"
	"testing"

	"github.com/spanstack/spanstack/tracefmt/gotrace"
	"golang.org/x/exp/trace"
)

// benchTrace returns the trace of a program with many tasks, regions and goroutines; or that in the file GOTRACE, to
// measure with one of another program.
func benchTrace(b *testing.B) []byte {
	b.Helper()
	if name := os.Getenv("GOTRACE"); name != "" {
		return file(b, name)
	}
	var out bytes.Buffer
	if err := rtrace.Start(&out); err != nil {
		b.Skip("the benchmark itself is being traced: ", err)
	}
	var all sync.WaitGroup
	for range 200 {
		ctx, task := rtrace.NewTask(context.Background(), "task")
		for range 5 {
			all.Go(func() {
				for range 20 {
					rtrace.WithRegion(ctx, "outer", func() {
						rtrace.WithRegion(ctx, "inner", func() { rtrace.Log(ctx, "category", "message") })
					})
				}
			})
		}
		all.Wait()
		task.End()
	}
	rtrace.Stop()
	return out.Bytes()
}

// BenchmarkRead measures the reading by itself, and what golang.org/x/exp/trace takes of it.
func BenchmarkRead(b *testing.B) {
	data := benchTrace(b)
	run := func(name string, read func(b *testing.B) (events int64)) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			var n int64
			for b.Loop() {
				n = read(b)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/event")
		})
	}
	var total int64
	run("exp-trace", func(b *testing.B) (n int64) {
		r, err := trace.NewReader(bytes.NewReader(data))
		if err != nil {
			b.Fatal(err)
		}
		for {
			if _, err := r.ReadEvent(); err == io.EOF {
				total = n
				return n
			} else if err != nil {
				b.Fatal(err)
			}
			n++
		}
	})
	for _, all := range []bool{false, true} {
		name := "tracefmt"
		if all {
			name += "-all"
		}
		run(name, func(b *testing.B) int64 {
			r := gotrace.NewReader(bytes.NewReader(data))
			r.States, r.Metrics = all, all
			for {
				if _, err := r.Next(); err == io.EOF {
					return total // of the trace, to be compared
				} else if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
