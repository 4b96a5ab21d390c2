package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/capture"
	"github.com/spanstack/spanstack/tracefmt"
)

// consumers says who reads the records of a program under load.
type consumers string

const (
	noConsumer    consumers = "none"
	slowConsumer  consumers = "one that reads a byte a second"
	alsoOneKilled consumers = "the same, and one that is killed"
)

// loadJob measures a program whose goroutines begin and end spans at full speed, while captures write to named pipes
// whose readers hardly read.
type loadJob struct {
	Goroutines int
	Time       time.Duration
	Consumers  consumers
	Dir        string // an existing, empty directory
}

type loadResult struct {
	Spans    uint64  // begun and ended, tasks included
	Rate     float64 // spans a second
	PeakHeap int64   // bytes of objects
	PeakRSS  int64   // bytes; both until the slow reader is let go

	Killed bool // a capture's reader was killed, and the capture said so: its error Is EPIPE

	// What the slow reader finally got: spans with their ends, and records that the text says are lost.
	Delivered, Lost uint64
}

func (j *loadJob) run() (res loadResult, err error) {
	trace.SetLevel(trace.LevelOff)
	rec := trace.NewRecorder(trace.Config{})
	var slow *slowReader
	var killed *killedReader
	if j.Consumers != noConsumer {
		if slow, err = newSlowReader(j.Dir, rec); err != nil {
			return res, err
		}
	}
	if j.Consumers == alsoOneKilled {
		if killed, err = newKilledReader(j.Dir, rec); err != nil {
			return res, err
		}
		time.AfterFunc(j.Time/2, killed.kill)
	}
	peak := watchHeap()
	start := time.Now()
	res.Spans = j.spin(rec)
	res.Rate = float64(res.Spans) / time.Since(start).Seconds()
	res.PeakHeap, res.PeakRSS = peak(), peakRSS()

	if killed != nil {
		res.Killed = errors.Is(killed.capture.Stop(), syscall.EPIPE)
	}
	if slow != nil {
		err = slow.finish()
	}
	return res, err
}

// loadGoroutines is how many goroutines the program under load has.
const loadGoroutines = 64

// duration estimates how long the job takes.
func (j *loadJob) duration() time.Duration { return j.Time + 700*time.Millisecond }

// spin runs the goroutines for the job's time and returns how many tasks and spans they ended.
func (j *loadJob) spin(rec *trace.Recorder) uint64 {
	ctx := trace.WithRecorder(context.Background(), rec)
	var stop atomic.Bool
	var total atomic.Uint64
	var wg sync.WaitGroup
	time.AfterFunc(j.Time, func() { stop.Store(true) })
	for range j.Goroutines {
		wg.Go(func() {
			var n uint64
			for !stop.Load() {
				n += someSpans(ctx)
			}
			total.Add(n)
		})
	}
	wg.Wait()
	return total.Load()
}

// someSpans runs one task of some microseconds.
func someSpans(ctx context.Context) (ended uint64) {
	const pairs = 50
	ctx, task := trace.WithTask(ctx, "task")
	defer task.End()
	for i := range pairs {
		ctx, outer := trace.WithSpan(ctx, "outer", slog.Int("i", i))
		_, inner := trace.WithSpan(ctx, "inner")
		inner.End()
		outer.End()
	}
	return 2*pairs + 1
}

// watchHeap samples the heap until the function that it returns is called, which returns the highest sample.
func watchHeap() (stop func() int64) {
	done, result := make(chan struct{}), make(chan int64)
	go func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		highest := int64(0)
		for {
			select {
			case <-tick.C:
				highest = max(highest, heapBytes())
			case <-done:
				result <- max(highest, heapBytes())
				return
			}
		}
	}()
	return func() int64 { close(done); return <-result }
}

// captureToPipe starts a capture that writes Chrome JSON to a new named pipe, and returns the pipe's other end.
func captureToPipe(path string, rec *trace.Recorder) (*capture.File, *os.File, error) {
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		return nil, nil, &os.PathError{Op: "mkfifo", Path: path, Err: err}
	}
	pipe, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // blocking, it would wait for the writer
	if err != nil {
		return nil, nil, err
	}
	c, err := capture.Start(path, rec)
	if err != nil {
		pipe.Close()
		return nil, nil, err
	}
	return c, pipe, nil
}

// A killedReader reads all it can, until it is killed.
type killedReader struct {
	capture *capture.File
	pipe    *os.File
}

func newKilledReader(dir string, rec *trace.Recorder) (*killedReader, error) {
	c, pipe, err := captureToPipe(filepath.Join(dir, "killed.json"), rec)
	if err != nil {
		return nil, err
	}
	go io.Copy(io.Discard, pipe)
	return &killedReader{c, pipe}, nil
}

func (r *killedReader) kill() { r.pipe.Close() }

// A slowReader reads a byte a second, and once it is let go everything. What it reads goes to a file.
type slowReader struct {
	capture *capture.File
	letGo   chan struct{}
	done    chan error
}

// slowOutput is the name of the file with what the slow reader read, in the job's directory.
const slowOutput = "read.json"

func newSlowReader(dir string, rec *trace.Recorder) (*slowReader, error) {
	out, err := os.Create(filepath.Join(dir, slowOutput))
	if err != nil {
		return nil, err
	}
	c, pipe, err := captureToPipe(filepath.Join(dir, "slow.json"), rec)
	if err != nil {
		out.Close()
		return nil, err
	}
	r := &slowReader{capture: c, letGo: make(chan struct{}), done: make(chan error, 1)}
	go func() {
		defer pipe.Close()
		err := r.crawl(out, pipe)
		if err == nil {
			_, err = io.Copy(out, pipe)
		}
		if closeErr := out.Close(); err == nil {
			err = closeErr
		}
		r.done <- err
	}()
	return r, nil
}

func (r *slowReader) crawl(out io.Writer, pipe io.Reader) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if _, err := io.CopyN(out, pipe, 1); err != nil {
				return err
			}
		case <-r.letGo:
			return nil
		}
	}
}

// finish lets the reader go, completes the capture, and waits until all is read.
func (r *slowReader) finish() error {
	close(r.letGo)
	err := r.capture.Stop()
	if readErr := <-r.done; err == nil {
		err = readErr
	}
	return err
}

// tally returns what a capture tells of: spans and tasks with their ends, and losses.
func tally(in io.Reader) (delivered, lost uint64, err error) {
	r, err := tracefmt.NewReader(in)
	if err != nil {
		return 0, 0, err
	}
	for {
		e, err := r.Next()
		switch {
		case err == io.EOF:
			return delivered, lost, nil
		case err != nil:
			return delivered, lost, err
		case e.Attr("end").String() == "unknown": // its record is among the losses
		case e.Kind == tracefmt.Complete && e.Dur >= 0, e.Kind == tracefmt.End, e.Kind == tracefmt.AsyncEnd:
			delivered++
		}
		lost += statedLoss(e)
	}
}

// measureLoad runs one job in a child process.
func measureLoad(ctx context.Context, j loadJob) (res loadResult, err error) {
	if j.Dir, err = os.MkdirTemp("", "spanstack-bench-"); err != nil {
		return res, err
	}
	defer os.RemoveAll(j.Dir)
	if err := doInChild(ctx, job{Load: &j}, &res); err != nil || j.Consumers == noConsumer {
		return res, err
	}
	file, err := os.Open(filepath.Join(j.Dir, slowOutput))
	if err != nil {
		return res, err
	}
	defer file.Close()
	res.Delivered, res.Lost, err = tally(file)
	if err != nil {
		err = fmt.Errorf("read what the slow reader got: %w", err)
	}
	return res, err
}
