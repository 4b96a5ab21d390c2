package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/capture"
)

// A capturesJob measures whether captures and streams over HTTP delay a program that keeps all processors busy: how long
// a piece of work takes, with its span, while clients come and go, and while there are none, in turns.
type capturesJob struct {
	Rounds int
	Window time.Duration // of one measurement
}

// capturesResult has the times of pieces of work, and how many clients there were.
type capturesResult struct {
	Without, With []quantiles // by round
	Opened        int         // captures, streams and looks into the flight recorder
}

// quantiles of times.
type quantiles struct {
	P50, P99, P999, Max time.Duration
	N                   int
}

func quantilesOf(times []time.Duration) quantiles {
	slices.Sort(times)
	at := func(q float64) time.Duration { return times[min(len(times)-1, int(q*float64(len(times))))] }
	return quantiles{P50: at(0.5), P99: at(0.99), P999: at(0.999), Max: times[len(times)-1], N: len(times)}
}

const (
	// captureWork is how long a piece of work takes.
	captureWork = 20 * time.Microsecond
	// captureClients is how many clients there are at a time.
	captureClients = 4
)

func (j *capturesJob) run() (res capturesResult, err error) {
	_, rec := newSpanstack(trace.LevelRecording)
	server, err := capture.Listen("localhost:0", capture.Config{Recorder: rec, MaxCaptures: 100, MaxStreams: 100})
	if err != nil {
		return res, err
	}
	defer server.Stop()
	workers := startPieces(rec)
	defer workers.stop()
	workers.measure(warmup)
	for range j.Rounds {
		res.Without = append(res.Without, quantilesOf(workers.measure(j.Window)))
		c := startClients(server.URL())
		res.With = append(res.With, quantilesOf(workers.measure(j.Window)))
		n, err := c.stop()
		if err != nil {
			return res, err
		}
		res.Opened += n
	}
	return res, nil
}

// pieces are the program's goroutines, one for each processor.
type pieces struct {
	done  chan struct{}
	ended sync.WaitGroup
	mu    sync.Mutex
	times [][]time.Duration // by goroutine, of the measurement that is under way
}

func startPieces(rec *trace.Recorder) *pieces {
	p := &pieces{done: make(chan struct{}), times: make([][]time.Duration, runtime.GOMAXPROCS(0))}
	data := workFor(captureWork)
	for i := range p.times {
		p.ended.Go(func() { p.work(trace.WithRecorder(context.Background(), rec), i, slices.Clone(data)) })
	}
	return p
}

func (p *pieces) work(ctx context.Context, i int, data []byte) {
	ctx, task := trace.WithTask(ctx, "worker", slog.Int("i", i))
	defer task.End()
	var times []time.Duration
	for n := 0; ; n++ {
		start := time.Now()
		_, span := trace.WithSpan(ctx, "piece", slog.Int("n", n))
		data[0] = sha256.Sum256(data)[0]
		span.End()
		times = append(times, time.Since(start))
		if n%256 == 0 {
			select {
			case <-p.done:
				return
			default:
			}
			p.mu.Lock()
			p.times[i] = append(p.times[i], times...)
			p.mu.Unlock()
			times = times[:0]
		}
	}
}

// measure returns the times of the pieces of work in about d.
func (p *pieces) measure(d time.Duration) (all []time.Duration) {
	p.take()
	time.Sleep(d)
	return p.take()
}

func (p *pieces) take() (all []time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.times {
		all = append(all, p.times[i]...)
		p.times[i] = p.times[i][:0]
	}
	return all
}

func (p *pieces) stop() {
	close(p.done)
	p.ended.Wait()
}

// clients open captures and streams, and cut them at random.
type clients struct {
	cancel context.CancelFunc
	ended  sync.WaitGroup
	opened atomic.Int64
	mu     sync.Mutex
	err    error
}

func startClients(url string) *clients {
	ctx, cancel := context.WithCancel(context.Background())
	c := &clients{cancel: cancel}
	for range captureClients {
		c.ended.Go(func() {
			for ctx.Err() == nil {
				if err := c.open(ctx, url); err != nil {
					c.mu.Lock()
					c.err = err
					c.mu.Unlock()
					return
				}
			}
		})
	}
	return c
}

// open opens one, and goes away in the midst of it.
func (c *clients) open(ctx context.Context, url string) error {
	paths := []string{"stream", "capture?seconds=0.1", "flight?last=0.1s"}
	short, cancel := context.WithTimeout(ctx, time.Duration(1+rand.IntN(150))*time.Millisecond)
	defer cancel()
	r, err := http.NewRequestWithContext(short, http.MethodGet, url+paths[rand.IntN(len(paths))], nil)
	if err != nil {
		return err
	}
	c.opened.Add(1)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		if short.Err() != nil {
			return nil // it was cut before the answer
		}
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", r.URL, response.Status)
	}
	if _, err := io.Copy(io.Discard, response.Body); err != nil && short.Err() == nil {
		return err
	}
	return nil
}

func (c *clients) stop() (opened int, err error) {
	c.cancel()
	c.ended.Wait()
	http.DefaultClient.CloseIdleConnections()
	return int(c.opened.Load()), c.err
}

// duration estimates how long the job takes.
func (j *capturesJob) duration() time.Duration {
	return time.Duration(j.Rounds) * (2*j.Window + 100*time.Millisecond)
}
