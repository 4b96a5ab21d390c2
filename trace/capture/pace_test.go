//go:build unix

package capture_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/capture"
	"github.com/spanstack/spanstack/tracefmt"
)

// TestConsumersThatStall: 64 goroutines trace at full speed while one trace goes into a pipe of which a byte a second is
// read, and the reader of another one goes away. All of them go on, in bounded memory; and when the slow reader wakes
// up, it gets a trace that says how much is missing, to the record.
func TestConsumersThatStall(t *testing.T) {
	const goroutines = 64
	rounds := 20 // of at least so many spans of each goroutine
	if testing.Short() {
		rounds = 3
	}
	rec := trace.NewRecorder(trace.Config{Bytes: 2 << 20, LogBytes: 1 << 20})
	base := trace.WithRecorder(t.Context(), rec)
	slow, slowPipe := startToPipe(t, rec, "slow.json")
	killed, killedPipe := startToPipe(t, rec, "killed.json")
	out := newSlowReader(slowPipe)
	killedPipe.Read(make([]byte, 1))
	killedPipe.Close()

	runtime.GC()
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	stop := make(chan struct{})
	var workers sync.WaitGroup
	var spans [goroutines]struct {
		atomic.Int64
		_ [56]byte
	}
	for i := range spans {
		workers.Go(func() {
			ctx, task := trace.WithTask(base, "worker", slog.Int("i", i))
			defer task.End()
			for {
				select {
				case <-stop:
					return
				default:
				}
				ctx, outer := trace.WithSpan(ctx, "outer", slog.String("text", "some text"))
				_, inner := trace.WithSpan(ctx, "inner")
				inner.End()
				outer.End()
				if spans[i].Add(2)%256 == 0 {
					runtime.Gosched() // 64 goroutines on few processors would wait long for each other
				}
			}
		})
	}
	const most = 3<<20 + 48<<20 // the ring, and what the two consumers decode and write at a time
	for range rounds {
		var last [goroutines]int64
		for i := range spans {
			last[i] = spans[i].Load()
		}
		waitFor(t, func() bool {
			for i := range spans {
				if spans[i].Load() < last[i]+1000 {
					return false
				}
			}
			return true
		})
		runtime.GC()
		if runtime.ReadMemStats(&now); int64(now.HeapInuse)-int64(before.HeapInuse) > most {
			t.Fatalf("%d bytes of memory are used, %d were before", now.HeapInuse, before.HeapInuse)
		}
	}
	close(stop)
	workers.Wait()
	total := int64(goroutines)
	for i := range spans {
		total += spans[i].Load()
	}
	if err := killed.Stop(); err == nil {
		t.Error("a trace whose reader went away can't be complete")
	}

	_, final := trace.WithTask(base, "the final one")
	final.End()
	total++
	out.wakeUp()
	waitFor(t, func() bool { return out.has("the final one") }) // a busy machine takes longer than Stop waits
	if err := slow.Stop(); err != nil {
		t.Fatal(err)
	}
	text := out.all()
	if !json.Valid(text) {
		t.Fatalf("what came out of the pipe is no JSON: %.200q … %q", text, text[max(0, len(text)-200):])
	}
	delivered, lost := count(t, text)
	t.Logf("of %d records %d were delivered, %d lost", total, delivered, lost)
	if lost == 0 || delivered+lost != total {
		t.Errorf("%d records were made, %d delivered, %d lost, so that %d are missing", total, delivered, lost, total-delivered-lost)
	}
}

// TestStreamThatStalls: who streams to a reader that stalls doesn't delay the program, and tells how much is missing.
func TestStreamThatStalls(t *testing.T) {
	const total = 50_000
	rec := trace.NewRecorder(trace.Config{Bytes: 256 << 10})
	base := trace.WithRecorder(t.Context(), rec)
	in, out := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		ended <- capture.Stream(ctx, out, tracefmt.Lookup("chrome"), rec)
		out.Close()
	}()
	first := make([]byte, 1)
	if _, err := in.Read(first); err != nil { // it is under way
		t.Fatal(err)
	}
	for range total {
		_, task := trace.WithTask(base, "task")
		task.End()
	}
	cancel()
	rest := make(chan []byte)
	go func() {
		b, _ := io.ReadAll(in)
		rest <- b
	}()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	delivered, lost := count(t, append(first, <-rest...))
	if lost == 0 || delivered+lost != total {
		t.Errorf("%d records were made, %d delivered, %d lost", total, delivered, lost)
	}
}

// startToPipe starts a trace to a named pipe and returns the pipe's reading end.
func startToPipe(t *testing.T, rec *trace.Recorder, name string) (*capture.File, *os.File) {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	pipe, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pipe.Close() })
	f, err := capture.Start(path, rec)
	if err != nil {
		t.Fatal(err)
	}
	return f, pipe
}

// A slowReader reads a byte a second, until it wakes up and reads all.
type slowReader struct {
	awake, done chan struct{}
	mu          sync.Mutex
	buf         bytes.Buffer
}

// Write adds what was read.
func (r *slowReader) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.Write(p)
}

// has reports whether a text was read.
func (r *slowReader) has(text string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return bytes.Contains(r.buf.Bytes(), []byte(text))
}

func newSlowReader(in io.Reader) *slowReader {
	r := &slowReader{awake: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(r.done)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for asleep := true; asleep; {
			if _, err := io.CopyN(r, in, 1); err != nil {
				return
			}
			select {
			case <-tick.C:
			case <-r.awake:
				asleep = false
			}
		}
		io.Copy(r, in)
	}()
	return r
}

func (r *slowReader) wakeUp() { close(r.awake) }

// all returns what was read when the writer has closed the pipe.
func (r *slowReader) all() []byte {
	<-r.done
	return r.buf.Bytes()
}

// count returns how many ended tasks and spans a trace shows, and how many it says are missing.
func count(t *testing.T, text []byte) (delivered, lost int64) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "trace.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, e := range load(t, path) {
		switch {
		case e.Kind == tracefmt.Complete, e.Kind == tracefmt.End && e.Attr("end").String() != "unknown":
			delivered++
		case e.Category == tracefmt.CategoryLoss:
			n, ok := e.Attr("count").Int64()
			if !ok {
				t.Errorf("a loss says %v", e.Attrs)
			}
			lost += n
		}
	}
	return delivered, lost
}
