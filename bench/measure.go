package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A sample is one measurement of one benchmark. Times and sizes are per operation.
type sample struct {
	n      int     // operations
	ns     float64 // by the clock, over all goroutines: with two of them, perfect scaling halves it
	cpuNs  float64 // of the whole process
	bytes  float64 // allocated by the whole process
	allocs float64
	lost   float64 // records that didn't reach where the contender sends them, as a share of the session's
}

// A meter takes samples.
type meter struct {
	benchtime time.Duration // 0 for one operation each, without warming up: do they run at all?
	ballast   []byte        // what a program of some size has on its heap; its pages are never touched
}

func newMeter(benchtime time.Duration) *meter {
	return &meter{benchtime: benchtime, ballast: make([]byte, 64<<20)}
}

// benchtimeOf is the time that package testing is told for b.
func (m *meter) benchtimeOf(b *benchmark) time.Duration {
	stretch := max(1, b.contender.stretch)
	if b.alone {
		stretch = max(stretch, 3) // some garbage collections should be in it
	}
	return m.benchtime * time.Duration(stretch)
}

// duration estimates how long a sample takes. Package testing needs some runs to find out how many operations fit into
// the time.
func (m *meter) duration(b *benchmark) time.Duration {
	return m.benchtimeOf(b)*3/2 + warmup + 50*time.Millisecond
}

// warmup is how long loops run before they are measured: long enough to fill a flight recorder.
const warmup = 40 * time.Millisecond

// sample measures b once, with a session of its own.
func (m *meter) sample(ctx context.Context, b *benchmark) (s sample, err error) {
	if b.alone {
		return m.sampleAlone(ctx, b)
	}
	return m.sampleHere(b)
}

func (m *meter) sampleHere(b *benchmark) (s sample, err error) {
	benchtime, warmup := m.benchtimeOf(b).String(), warmup
	if m.benchtime == 0 {
		benchtime, warmup = "1x", 0
	}
	if err := flag.Set("test.benchtime", benchtime); err != nil {
		return s, err
	}
	var result testing.BenchmarkResult
	s.lost, err = b.inSession(warmup, func(r *runner) {
		result = testing.Benchmark(r.bench)
	})
	if err == nil && result.N == 0 {
		err = fmt.Errorf("benchmark %s: it failed", b.name())
	}
	runtime.KeepAlive(m.ballast)
	n := float64(max(1, result.N))
	s.n, s.ns, s.cpuNs = result.N, float64(result.T.Nanoseconds())/n, result.Extra["cpu-ns/op"]
	s.bytes, s.allocs = float64(result.MemBytes)/n, float64(result.MemAllocs)/n
	return s, err
}

// inSession calls f with a warm contender. It returns the share of records that were lost.
func (b *benchmark) inSession(warmup time.Duration, f func(*runner)) (lost float64, err error) {
	session, err := b.contender.begin()
	if err != nil {
		return 0, fmt.Errorf("benchmark %s: %w", b.name(), err)
	}
	session.ctx = context.WithValue(session.ctx, lookUpKey, "found")
	r := &runner{benchmark: b, session: session}
	r.warm(warmup)
	f(r)
	n, err := session.stop(r.total)
	if err = errors.Join(r.flushErr, err); err != nil {
		return 0, fmt.Errorf("benchmark %s: %w", b.name(), err)
	}
	return float64(n) / float64(max(1, r.total)), nil
}

// A runner runs a benchmark's loop in one session.
type runner struct {
	*benchmark
	session  *session
	total    uint64 // records so far, those of roots included
	flushErr error
}

// warm runs the loop for about d.
func (r *runner) warm(d time.Duration) {
	for start := time.Now(); time.Since(start) < d; {
		r.run(1000, func(loops func()) { loops() })
	}
}

// bench is what package testing calls with a growing b.N.
func (r *runner) bench(b *testing.B) {
	b.ReportAllocs()
	r.run(b.N, func(loops func()) {
		cpu := cpuTime()
		b.ResetTimer()
		loops()
		b.StopTimer()
		b.ReportMetric(float64((cpuTime()-cpu).Nanoseconds())/float64(b.N), "cpu-ns/op")
	})
}

// run makes n operations, divided among the benchmark's goroutines, each below a root of its own. With all roots open it
// calls measured, which is to call loops; that returns when the last loop is through and what it left is flushed, before
// the roots end.
func (r *runner) run(n int, measured func(loops func())) {
	perTurn := r.ops * r.goroutines
	turns := (n + perTurn - 1) / perTurn
	start, end := make(chan struct{}), make(chan struct{})
	var opened, looped, ended sync.WaitGroup
	opened.Add(r.goroutines)
	looped.Add(r.goroutines)
	for range r.goroutines {
		ended.Go(func() {
			ctx, endRoot := r.session.root(r.session.ctx)
			opened.Done()
			<-start
			r.loop(ctx, turns)
			looped.Done()
			<-end
			endRoot()
		})
	}
	opened.Wait()
	measured(func() {
		close(start)
		looped.Wait()
		if flush := r.session.flush; flush != nil {
			r.flushErr = errors.Join(r.flushErr, flush())
		}
	})
	close(end)
	ended.Wait()
	r.total += uint64(r.goroutines) * uint64(turns*r.records+r.session.rootSpans)
}

// cpuTime returns the CPU time that the process has used.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
