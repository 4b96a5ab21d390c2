package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// A memoryJob measures how much memory trace-convert takes for a trace that comes through a pipe.
type memoryJob struct {
	Rounds int
	Bytes  int64
}

// A memoryRound is one conversion.
type memoryRound struct {
	passage
	PeakRSS int64 // bytes, 0 if that can't be known of another process
}

// measureMemory builds trace-convert, and has it convert Chrome JSON to Perfetto's format.
func measureMemory(ctx context.Context, j memoryJob) (rounds []memoryRound, err error) {
	dir, err := os.MkdirTemp("", "spanstack-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "trace-convert")
	build := interruptible(ctx, []string{"go", "build", "-o", program, "./cmd/trace-convert"})
	build.Dir, build.Env = "..", append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); ctx.Err() != nil {
		return nil, ctx.Err()
	} else if err != nil {
		return nil, fmt.Errorf("build trace-convert: %w\n%s", err, out)
	}
	for range j.Rounds {
		r, err := convertPipe(ctx, program, &operators{Bytes: j.Bytes})
		if err != nil {
			return nil, err
		}
		rounds = append(rounds, r)
	}
	return rounds, nil
}

// watchRSS looks at how much memory another process has taken at most, until peak is called. It is called when the process has ended: what
// it took in its last few milliseconds isn't seen.
func watchRSS(pid int) (peak func() int64) {
	stop, highest := make(chan struct{}), make(chan int64)
	go func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		var n int64
		for {
			n = max(n, peakRSSOf(pid))
			select {
			case <-tick.C:
			case <-stop:
				highest <- n
				return
			}
		}
	}()
	return func() int64 {
		close(stop)
		return <-highest
	}
}

// convertPipe has the program convert what is in a pipe.
func convertPipe(ctx context.Context, program string, in *operators) (r memoryRound, err error) {
	cmd := interruptible(ctx, []string{program, "--to", "perfetto"})
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return r, err
	}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return r, err
	}
	peak := watchRSS(cmd.Process.Pid)
	_, copyErr := io.CopyBuffer(pipe, in, make([]byte, 256<<10))
	err = errors.Join(copyErr, pipe.Close(), cmd.Wait())
	r.PeakRSS = peak()
	if ctx.Err() != nil {
		return r, ctx.Err()
	}
	if err != nil {
		return r, fmt.Errorf("%s: %w\n%s", filepath.Base(program), err, bytes.TrimSpace(stderr.Bytes()))
	}
	r.passage = passage{Bytes: in.written, Time: time.Since(start), CPU: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
	return r, nil
}

// duration estimates how long the job takes.
func (j *memoryJob) duration() time.Duration {
	if j.Rounds == 0 {
		return 0
	}
	return 10*time.Second + time.Duration(j.Rounds)*time.Duration(j.Bytes)*4
}
