package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/metrics"
	"time"

	"github.com/spanstack/spanstack/trace"
)

// gcJob measures what a full flight recorder adds to a garbage collection. The same process is measured with and
// without one in turn.
type gcJob struct {
	Turns   int // with and without, each
	PerTurn int // collections a turn
}

type gcResult struct {
	With, Without []time.Duration // of one runtime.GC each
}

// node is what the rest of the heap consists of.
type node struct {
	other *node
	_     [7]uint64
}

func (j *gcJob) run() (gcResult, error) {
	program := make([]*node, 128<<10) // 8 MiB of small objects with pointers
	for i := range program {
		program[i] = &node{other: program[i/2]}
	}
	var res gcResult
	for range j.Turns {
		// Without a recorder is the same as with one, but that it is gone again: what making it leaves behind, such as
		// memory to be given back, counts for both.
		fullRecorder().SetLevel(trace.LevelOff)
		settle()
		empty := heapBytes()
		res.Without = append(res.Without, collect(j.PerTurn)...)
		rec := fullRecorder()
		settle()
		if held := heapBytes() - empty; held < ringBytes*3/4 {
			return res, fmt.Errorf("measure garbage collections: a full recorder holds %d bytes, want about %d", held, ringBytes)
		}
		res.With = append(res.With, collect(j.PerTurn)...)
		rec.SetLevel(trace.LevelOff)
	}
	runtime.KeepAlive(program)
	return res, nil
}

const ringBytes = 16 << 20 // of a flight recorder by default

// fullRecorder returns a recorder whose ring is full.
func fullRecorder() *trace.Recorder {
	rec := trace.NewRecorder(trace.Config{Bytes: ringBytes})
	ctx, task := trace.WithTask(trace.WithRecorder(context.Background(), rec), "fill")
	spanstackLoops.attrs(ctx, ringBytes/32) // each takes more than 32 bytes
	task.End()
	return rec
}

// settle lets garbage go.
func settle() {
	for range 3 {
		runtime.GC()
	}
}

// collect times n collections.
func collect(n int) []time.Duration {
	times := make([]time.Duration, n)
	for i := range times {
		start := time.Now()
		runtime.GC()
		times[i] = time.Since(start)
	}
	return times
}

// heapBytes returns the size of the objects on the heap, without stopping the program.
func heapBytes() int64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return int64(s[0].Value.Uint64())
}

// measureGC returns what a full recorder adds to a collection.
func measureGC(ctx context.Context, j gcJob) (*gcResult, error) {
	var res gcResult
	if err := doInChild(ctx, job{GC: &j}, &res); err != nil {
		return nil, err
	}
	return &res, nil
}

// turnDuration estimates how long a turn takes.
func (j *gcJob) turnDuration() time.Duration { return 250 * time.Millisecond }
