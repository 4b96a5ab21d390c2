package trigger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/tracefmt"
)

// TestConcurrency does everything at the same time, and closes the watcher meanwhile. The race detector watches.
func TestConcurrency(t *testing.T) {
	for range 3 {
		rec := trace.NewRecorder(trace.Config{Bytes: 1 << 16, Logger: slog.New(slog.DiscardHandler)})
		w := watch(t, Config{Recorder: rec, Delay: -1, Interval: time.Millisecond, Poll: time.Millisecond, MaxFiles: 3, Format: ".json.gz"},
			Slow(time.Microsecond, nil), Nth(10, Failed(nil)), Anomaly(), AllOf(time.Second, Failed(nil), Cancelled(nil)))
		ctx, cancel := context.WithTimeout(w.ctx, 200*time.Millisecond)
		var all sync.WaitGroup
		for n := range 4 {
			all.Go(func() {
				for ctx.Err() == nil {
					ctx, task := trace.WithTask(ctx, "task", slog.Int("n", n))
					err := errors.New("broken")
					_, span := trace.WithSpan(ctx, "span")
					span.EndErr(&err)
					task.EndErr(&err)
					w.Fire(ctx, "now")
				}
			})
		}
		all.Go(func() {
			for ctx.Err() == nil {
				path, err := w.Dump(ctx, "wait")
				if path == "" && err == nil {
					t.Error("neither a file nor an error")
				}
			}
		})
		time.Sleep(100 * time.Millisecond)
		w.Close()
		all.Wait()
		cancel()
		if errs := w.failures(); len(errs) > 0 {
			t.Error(errs)
		}
		if got := names(t, w.c.Dir); len(got) == 0 || len(got) > 3 {
			t.Errorf("%d dumps are left", len(got))
		}
	}
}

// TestFormatThatPanics must not end the program.
func TestFormatThatPanics(t *testing.T) {
	w := watch(t, Config{Delay: -1, GoTrace: true}) // Go's trace is there already when it panics
	w.format = &tracefmt.Format{Name: "bad", NewWriter: func(io.Writer) tracefmt.Writer { panic("oops") }}
	_, err := w.Dump(t.Context(), "now")
	if err == nil || !strings.HasSuffix(err.Error(), "write it as bad: panic: oops") || len(names(t, w.c.Dir)) != 0 {
		t.Errorf("Dump: %v, left are %q", err, names(t, w.c.Dir))
	}
}

// TestDiskThatHangs wants neither Close nor a panic to wait for it for ever, and nothing that runs afterwards.
func TestDiskThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		hangs := &tracefmt.Format{Name: "hangs", NewWriter: func(io.Writer) tracefmt.Writer {
			<-release
			return new(list)
		}}
		took := func(f func()) time.Duration {
			begin := time.Now()
			f()
			return time.Since(begin)
		}
		w := watch(t, Config{Delay: -1})
		w.format = hangs
		w.Fire(w.ctx, "now")
		synctest.Wait()
		if got := took(func() { w.Fire(w.ctx, "again") }); got != 0 {
			t.Errorf("Fire took %v", got)
		}
		if got := took(w.Close); got != closeTimeout || len(w.failures()) != 1 {
			t.Errorf("Close took %v; errors: %v", got, w.failures())
		}
		idle := watch(t, Config{})
		idle.format = hangs
		panicked := func() {
			defer func() {
				if v := recover(); v != "disaster" {
					t.Errorf("panicked with %v", v)
				}
			}()
			defer idle.OnPanic()
			panic("disaster")
		}
		if got := took(panicked); got != panicTimeout {
			t.Errorf("the panic took %v", got)
		}
		close(release)
	})
}

func TestCauseIsOneLine(t *testing.T) {
	c := Cause{Trigger: "http", Reason: "a\nERROR b\x1b[31m"}
	if got := fmt.Sprint(c); got != "http: a ERROR b [31m" {
		t.Errorf("%q", got)
	}
	long := cut(strings.Repeat("ü", maxText))
	if len(long) > maxText+len("…") || !strings.HasSuffix(long, "ü…") {
		t.Errorf("%d bytes, ending with %q", len(long), long[len(long)-6:])
	}
}
