package capture_test

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/capture"
	"github.com/spanstack/spanstack/trace/tracetest"
	"github.com/spanstack/spanstack/tracefmt"
)

// TestSpanThatBecameAsync: a span that a stream showed as open, and that became an async span by the early end of the one
// around it, doesn't stay open in its lane, where the next end would be taken for its own.
func TestSpanThatBecameAsync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := tracetest.Lenient(t)
		path := filepath.Join(t.TempDir(), "trace.json")
		f, err := capture.Start(path, trace.RecorderFromContext(base))
		if err != nil {
			t.Fatal(err)
		}
		ctx, task := trace.WithTask(base, "task")
		ctx, outer := trace.WithSpan(ctx, "outer")
		_, inner := trace.WithSpan(ctx, "inner")
		for _, s := range []*trace.Span{outer, inner, task} {
			time.Sleep(time.Second)
			s.End()
		}
		if err := f.Stop(); err != nil {
			t.Fatal(err)
		}
		if b, _ := os.ReadFile(path); !bytes.Contains(b, []byte("ended while spans in it were open")) {
			t.Error("the anomaly isn't in the trace")
		}
		var open []string // of the only lane
		for _, e := range load(t, path) {
			switch e.Kind {
			case tracefmt.Begin:
				open = append(open, e.Name)
			case tracefmt.End:
				last := len(open) - 1
				if last < 0 || open[last] != e.Name {
					t.Errorf("the end of %q comes while %q are open", e.Name, open)
					continue
				}
				open = open[:last]
			}
		}
		if len(open) > 0 {
			t.Errorf("%q stay open", open)
		}
	})
}

// TestManyNames: a trace that is written for weeks doesn't need memory for every name that a task ever had.
func TestManyNames(t *testing.T) {
	const n = 50_000
	rec := trace.NewRecorder(trace.Config{Bytes: 1 << 20})
	base := trace.WithRecorder(t.Context(), rec)
	path := filepath.Join(t.TempDir(), "trace.json")
	f, err := capture.Start(path, rec)
	if err != nil {
		t.Fatal(err)
	}
	tasks := func(from, n int) {
		for i := range n {
			_, task := trace.WithTask(base, "task "+strconv.Itoa(from+i))
			task.End()
		}
		last := []byte(`"task ` + strconv.Itoa(from+n-1) + `"`)
		waitFor(t, func() bool {
			b, _ := os.ReadFile(path)
			return bytes.Contains(b, last)
		})
	}
	tasks(0, 2*n) // to fill what is bounded
	before := heapInUse()
	tasks(2*n, n)
	if grown := heapInUse() - before; grown > 4<<20 {
		t.Errorf("%d more names take %d bytes", n, grown)
	}
	if err := f.Stop(); err != nil {
		t.Fatal(err)
	}
}

func heapInUse() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
