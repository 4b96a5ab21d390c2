package logging_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"weak"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/trace"
)

type valueKey struct{}

// TestLoggerIsKept: asking for a logger again costs no allocation, in all contexts that have the same span and
// attributes; and in no other.
func TestLoggerIsKept(t *testing.T) {
	ctx := trace.WithRecorder(logging.WithHandler(t.Context(), logging.NewHandler(io.Discard, logging.Options{})), trace.NewRecorder(trace.Config{}))
	ctx, task := trace.WithTask(ctx, "task")
	defer task.End()
	inner, span := trace.WithSpan(ctx, "span")
	defer span.End()
	derived, cancel := context.WithCancel(context.WithValue(inner, valueKey{}, 2))
	defer cancel()

	l := logging.GetLogger(inner, "s")
	if logging.GetLogger(inner, "s") != l || logging.GetLogger(derived, strings.Clone("s")) != l {
		t.Error("made anew")
	}
	for name, other := range map[string]*slog.Logger{
		"subsystem":  logging.GetLogger(inner, "other"),
		"span":       logging.GetLogger(ctx, "s"),
		"attributes": logging.GetLogger(logging.With(inner, slog.Int("a", 1)), "s"),
		"handler":    logging.GetLogger(logging.WithHandler(inner, logging.NewHandler(io.Discard, logging.Options{})), "s"),
	} {
		if other == l {
			t.Errorf("the same with another %s", name)
		}
	}
	if n := testing.AllocsPerRun(100, func() { logging.GetLogger(derived, "s").Debug("off", "k", "v") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestKeptLoggersFollowDefault: a logger that goes to the process's default has the attributes of the present one.
func TestKeptLoggersFollowDefault(t *testing.T) {
	defer logging.SetDefault(nil)
	ctx, task := trace.WithTask(trace.WithRecorder(context.Background(), trace.NewRecorder(trace.Config{})), "task")
	defer task.End()
	for _, host := range []string{"a", "b"} {
		var out bytes.Buffer
		logging.SetDefault(logging.NewHandler(&out, logging.Options{Format: logging.FormatJSON}).WithAttrs([]slog.Attr{slog.String("host", host)}))
		logging.GetLogger(ctx, "s").Info("m")
		logging.GetLogger(ctx, "s").Info("m")
		if n := strings.Count(out.String(), `"host":"`+host+`"`); n != 2 {
			t.Errorf("host %s: %s", host, &out)
		}
	}
}

// TestManySubsystems: whoever makes up names of subsystems gets right loggers, and no more of them are kept than a few.
func TestManySubsystems(t *testing.T) {
	var out bytes.Buffer
	ctx, task := trace.WithTask(trace.WithRecorder(logging.WithHandler(t.Context(), logging.NewHandler(&out, logging.Options{Format: logging.FormatJSON})),
		trace.NewRecorder(trace.Config{})), "task")
	defer task.End()
	var all []weak.Pointer[slog.Logger]
	for i := range 100 {
		l := logging.GetLogger(ctx, strconv.Itoa(i))
		l.Info("m")
		all = append(all, weak.Make(l))
		if line, err := out.ReadString('\n'); err != nil || !strings.Contains(line, `"subsystem":"`+strconv.Itoa(i)+`"`) {
			t.Fatalf("%d: %s (%v)", i, line, err)
		}
	}
	runtime.GC()
	kept := 0
	for _, p := range all {
		if p.Value() != nil {
			kept++
		}
	}
	if kept > 9 {
		t.Errorf("%d are kept", kept)
	}
	runtime.KeepAlive(ctx)
}

// TestContextsAreNotKept: a logger that is kept with a span doesn't keep what hangs on contexts below it.
func TestContextsAreNotKept(t *testing.T) {
	ctx, task := trace.WithTask(trace.WithRecorder(logging.WithHandler(t.Context(), logging.NewHandler(io.Discard, logging.Options{})),
		trace.NewRecorder(trace.Config{})), "task")
	defer task.End()
	body := new([1 << 20]byte)
	p := weak.Make(body)
	logging.GetLogger(context.WithValue(ctx, valueKey{}, body), "s").Info("m")
	body = nil
	for range 10 {
		runtime.GC()
		if p.Value() == nil {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Error("a context's value is still in memory")
	runtime.KeepAlive(ctx)
}

// TestKeptLoggersConcurrently: goroutines that share a context get right loggers.
func TestKeptLoggersConcurrently(t *testing.T) {
	var out bytes.Buffer
	ctx, task := trace.WithTask(trace.WithRecorder(logging.WithHandler(t.Context(), logging.NewHandler(&out, logging.Options{Format: logging.FormatJSON})),
		trace.NewRecorder(trace.Config{})), "task")
	defer task.End()
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 500 {
				name := strconv.Itoa((g + i) % 12)
				logging.GetLogger(ctx, name).Info(name)
			}
		})
	}
	wg.Wait()
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 8*500 {
		t.Errorf("%d lines", len(lines))
	}
	for _, line := range lines {
		m := parseLine(t, logging.FormatJSON, line+"\n")
		if m["subsystem"] != m["msg"] {
			t.Fatalf("%v", m)
		}
	}
}
