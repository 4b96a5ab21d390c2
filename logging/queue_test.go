package logging_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spanstack/spanstack/logging"
)

// A gate is an outlet whose writes block until the test lets them through, each with an error or none.
type gate struct {
	entered chan []byte   // gets each write when it begins
	pass    chan verdict  // one for each write
	done    chan struct{} // closed: all pass
	mu      sync.Mutex
	written bytes.Buffer
}

type verdict struct {
	n   int // bytes to take before the error
	err error
}

func newGate() *gate {
	return &gate{entered: make(chan []byte), pass: make(chan verdict), done: make(chan struct{})}
}

func (g *gate) Write(p []byte) (int, error) {
	v := verdict{n: len(p)}
	select {
	case g.entered <- bytes.Clone(p):
		if v = <-g.pass; v.err == nil {
			v.n = len(p)
		}
	case <-g.done:
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.written.Write(p[:v.n])
	return v.n, v.err
}

func (g *gate) String() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.written.String()
}

func reportText(b []byte, n uint64, cause error) []byte {
	return fmt.Appendf(b, "lost %d: %v\n", n, cause)
}

// write puts lines into the queue and fails on an error.
func write(t *testing.T, q *logging.Queue, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if n, err := q.Write([]byte(line + "\n")); n != len(line)+1 || err != nil {
			t.Fatalf("Write: %d, %v", n, err)
		}
	}
}

func TestQueueCountsAndReportsLosses(t *testing.T) {
	g := newGate()
	q := logging.NewQueue(g, logging.QueueConfig{Bytes: 8, Report: reportText})
	write(t, q, "one")
	<-g.entered                                // the outlet has the first line, and blocks
	write(t, q, "two", "six", "lost", "lost2") // of which two have room
	if n := q.Dropped(); n != 2 {
		t.Errorf("Dropped: %d, want 2", n)
	}
	g.pass <- verdict{}
	<-g.entered // "two" and "six" are being written, so there is room again
	write(t, q, "ten")
	close(g.done)
	g.pass <- verdict{}
	if err := q.Close(); err != nil {
		t.Error(err)
	}
	if got, want := g.String(), "one\ntwo\nsix\nlost 2: the outlet was blocked\nten\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestQueueReportsWithoutAnotherLine(t *testing.T) {
	g := newGate()
	q := logging.NewQueue(g, logging.QueueConfig{Bytes: 4, Report: reportText})
	write(t, q, "one")
	<-g.entered
	write(t, q, "two", "lost")
	close(g.done)
	g.pass <- verdict{}
	if err := q.Close(); err != nil {
		t.Error(err)
	}
	if got, want := g.String(), "one\ntwo\nlost 1: the outlet was blocked\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestQueueOversizedLine(t *testing.T) {
	var out bytes.Buffer
	q := logging.NewQueue(&out, logging.QueueConfig{Bytes: 4, Report: reportText})
	write(t, q, "too long for the queue")
	if err := q.Close(); err != nil || out.String() != "lost 1: the outlet was blocked\n" {
		t.Errorf("%v, %q", err, &out)
	}
}

func TestQueueWriteErrors(t *testing.T) {
	g := newGate()
	q := logging.NewQueue(g, logging.QueueConfig{Report: reportText})
	full := errors.New("disk full")
	write(t, q, "one")
	<-g.entered
	write(t, q, "two", "three")
	g.pass <- verdict{n: 2, err: full} // "on" was written
	if got := string(<-g.entered); got != "\n" {
		t.Fatalf("the incomplete line is followed by %q", got)
	}
	g.pass <- verdict{err: full} // neither "two" nor "three" were
	if err := q.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := q.Dropped(); n != 3 {
		t.Errorf("Dropped: %d, want 3", n)
	}
	write(t, q, "four")
	<-g.entered // the missing line feed
	g.pass <- verdict{}
	if got := string(<-g.entered); got != "lost 3: disk full\nfour\n" {
		t.Fatalf("next write is %q", got)
	}
	g.pass <- verdict{n: len("lost 3: disk full\n"), err: full} // the report was written, "four" was not
	write(t, q, "five")
	if got := string(<-g.entered); got != "lost 1: disk full\nfive\n" {
		t.Fatalf("next write is %q", got)
	}
	g.pass <- verdict{n: 0, err: full} // a report that is lost is no loss, but what it said must be said again
	if err := q.Close(); !errors.Is(err, full) || !strings.Contains(err.Error(), "2 lines") {
		t.Errorf("Close: %v", err)
	}
	if n := q.Dropped(); n != 5 {
		t.Errorf("Dropped: %d, want 5", n)
	}
	if got, want := g.String(), "on\nlost 3: disk full\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestQueueChunks(t *testing.T) {
	g := newGate()
	q := logging.NewQueue(g, logging.QueueConfig{Chunk: 10})
	write(t, q, "0")
	<-g.entered
	write(t, q, "1", "22", "333", "4444", "a line beyond ten", "5")
	g.pass <- verdict{}
	for _, want := range []string{"1\n22\n333\n", "4444\n", "a line beyond ten\n", "5\n"} {
		if got := string(<-g.entered); got != want {
			t.Errorf("chunk %q, want %q", got, want)
		}
		g.pass <- verdict{}
	}
	if err := q.Close(); err != nil {
		t.Error(err)
	}
}

func TestQueueTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		q := logging.NewQueue(g, logging.QueueConfig{Wait: time.Second, FlushTimeout: time.Minute})
		spent := func(f func()) time.Duration {
			start := time.Now()
			f()
			return time.Since(start)
		}
		go func() {
			<-g.entered
			time.Sleep(time.Millisecond)
			g.pass <- verdict{}
		}()
		if d := spent(func() { write(t, q, "one") }); d != time.Millisecond {
			t.Errorf("Write returned after %v, not with the outlet", d)
		}
		if d := spent(func() { write(t, q, "two") }); d != time.Second {
			t.Errorf("Write waited %v", d)
		}
		if d := spent(func() { write(t, q, "three") }); d != 0 {
			t.Errorf("Write waited %v for a stalled outlet", d)
		}
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errors.New("enough"))
		defer cancel()
		if err := q.Flush(ctx); err == nil || err.Error() != "flush log: enough" {
			t.Errorf("Flush: %v", err)
		}
		var err error
		if d := spent(func() { err = q.Close() }); d != time.Minute || err == nil {
			t.Errorf("Close: %v after %v", err, d)
		}
		if _, err := q.Write([]byte("late\n")); !errors.Is(err, os.ErrClosed) || q.Dropped() != 1 {
			t.Errorf("Write after Close: %v, %d dropped", err, q.Dropped())
		}
		close(g.done)
		synctest.Wait() // the goroutine must end, else the bubble complains
		if g.String() != "one\ntwo\nthree\n" {
			t.Errorf("got %q", g)
		}
	})
}

// TestBlockedPipe logs into a pipe that nobody reads, far beyond what pipe and queue hold, then reads it.
func TestBlockedPipe(t *testing.T) {
	before := runtime.NumGoroutine()
	r, w := blockingPipe(t)
	defer r.Close()
	h := logging.OpenWaiting(w, 0)
	l := logging.GetLogger(logging.WithHandler(t.Context(), h), "s")
	const lines = 20000
	filler := strings.Repeat("x", 1000)
	for i := range lines {
		l.Info("m", "i", i, "filler", filler)
	}
	dropped := h.Dropped()
	if dropped == 0 || dropped == lines {
		t.Fatalf("%d of %d lines were dropped", dropped, lines)
	}
	closed := make(chan error)
	go func() { closed <- h.Close() }()
	got, reported, lastReport := 0, 0, false
	for s := bufio.NewScanner(r); s.Scan(); {
		m := parseLine(t, logging.FormatHuman, s.Text()+"\n")
		if lastReport = m["msg"] == "log lines were lost"; lastReport {
			var n int
			if _, err := fmt.Sscan(fmt.Sprint(m["lines"]), &n); err != nil {
				t.Error(err)
			}
			reported += n
			continue
		}
		if m["i"] != fmt.Sprint(got+reported) {
			t.Fatalf("line %v after %d lines and reports of %d lost", m["i"], got, reported)
		}
		got++
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if uint64(reported) != dropped || got+reported != lines {
		t.Errorf("%d lines came, %d reported lost, %d dropped", got, reported, dropped)
	}
	if !lastReport {
		t.Error("the last line isn't the report")
	}
	for runtime.NumGoroutine() > before { // the scheduler may still have to end the queue's goroutine
		runtime.Gosched()
	}
}

// blockingPipe returns a pipe whose write end blocks the thread that writes, as an inherited stderr does.
func blockingPipe(t testing.TB) (r, w *os.File) {
	t.Helper()
	var p [2]int
	if err := syscall.Pipe(p[:]); err != nil {
		t.Fatal(err)
	}
	return os.NewFile(uintptr(p[0]), "read end"), os.NewFile(uintptr(p[1]), "write end")
}

// TestDeadPipe: the reader is gone, which must neither end the program nor go unnoticed.
func TestDeadPipe(t *testing.T) {
	r, w := blockingPipe(t)
	r.Close()
	h := logging.OpenWaiting(w, time.Minute)
	l := slog.New(h)
	l.Info("one")
	l.Info("two")
	if n := h.Dropped(); n != 2 {
		t.Errorf("%d dropped", n)
	}
	if err := h.Close(); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("Close: %v", err)
	}
	if err := h.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}
