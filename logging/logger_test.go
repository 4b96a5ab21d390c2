package logging_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/trace"
)

// newLog returns a context whose lines come out as JSON, and a function that returns the next line, parsed.
func newLog(t *testing.T, o logging.Options) (context.Context, func() map[string]any) {
	var buf bytes.Buffer
	o.Format = logging.FormatJSON
	ctx := trace.WithRecorder(t.Context(), trace.NewRecorder(trace.Config{}))
	return logging.WithHandler(ctx, logging.NewHandler(&buf, o)), func() map[string]any {
		t.Helper()
		line, err := buf.ReadString('\n')
		if err != nil {
			t.Fatalf("no line: %q, %v", line, err)
		}
		return parseLine(t, logging.FormatJSON, line)
	}
}

// check compares a line but for its time.
func check(t *testing.T, got map[string]any, want map[string]any) {
	t.Helper()
	delete(got, slog.TimeKey)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

func TestContextOfCallWins(t *testing.T) {
	base, next := newLog(t, logging.Options{})
	ctx1, task1 := trace.WithTask(logging.With(base, slog.String("job", "one")), "one")
	defer task1.End()
	ctx2, task2 := trace.WithTask(logging.With(base, slog.String("job", "two")), "two")
	defer task2.End()
	bare, task3 := trace.WithTask(base, "three")
	defer task3.End()

	l := logging.GetLogger(ctx1, "s")
	line := func(task *trace.Span, job string) map[string]any {
		return map[string]any{"level": "INFO", "subsystem": "s", "trace": task.Stack(), "msg": "m", "job": job}
	}
	l.Info("m")
	check(t, next(), line(task1, "one"))
	l.InfoContext(ctx2, "m")
	check(t, next(), line(task2, "two"))
	l.InfoContext(bare, "m")
	check(t, next(), line(task3, "one"))
	l.InfoContext(context.Background(), "m")
	check(t, next(), line(task1, "one"))
}

func TestLevelOffMakesNoTrace(t *testing.T) {
	base, next := newLog(t, logging.Options{})
	r := trace.NewRecorder(trace.Config{})
	r.SetLevel(trace.LevelOff)
	ctx, task := trace.WithTask(trace.WithRecorder(base, r), "off")
	defer task.End()
	logging.GetLogger(ctx, "s").Info("m")
	if got := next()["trace"]; got != logging.NoTrace {
		t.Errorf("trace=%v", got)
	}
}

type valuer struct{ calls *int }

func (v valuer) LogValue() slog.Value {
	*v.calls++
	return slog.IntValue(*v.calls)
}

func TestNothingIsRenderedWhenOff(t *testing.T) {
	base, next := newLog(t, logging.Options{})
	calls := 0
	ctx := logging.With(base, slog.Any("live", valuer{&calls}))
	l := logging.GetLogger(ctx, "s")
	l.Debug("off", "v", valuer{&calls})
	if calls != 0 {
		t.Fatalf("%d values were rendered for a line that is off", calls)
	}
	l.Info("m")
	l.Info("m")
	for want := 1; want <= 2; want++ { // once for outlet and recorder, and afresh for each line
		if got := fmt.Sprint(next()["live"]); got != fmt.Sprint(want) {
			t.Errorf("live=%v, want %d", got, want)
		}
	}
}

func TestFieldsDoNotLeakBetweenContexts(t *testing.T) {
	base, next := newLog(t, logging.Options{})
	outer := logging.With(base, slog.Int("a", 1))
	logging.GetLogger(outer, "s").Info("m") // outer's fields are merged now
	next()
	x, y := logging.With(outer, slog.Int("x", 1)), logging.With(outer, slog.Int("y", 1), slog.Int("a", 2))
	for _, c := range []struct {
		ctx  context.Context
		want string
	}{{x, "map[a:1 x:1]"}, {y, "map[a:2 y:1]"}, {outer, "map[a:1]"}, {x, "map[a:1 x:1]"}} {
		logging.GetLogger(c.ctx, "s").Info("m")
		line := next()
		for _, key := range []string{"time", "level", "subsystem", "trace", "msg"} {
			delete(line, key)
		}
		if got := fmt.Sprint(line); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
	if ctx := logging.With(base); ctx != base {
		t.Error("With without attributes made a context")
	}
}

func TestHandlerInContext(t *testing.T) {
	base, next := newLog(t, logging.Options{})
	ctx := logging.With(base, slog.Int("a", 1))

	var foreign bytes.Buffer
	inner := logging.WithHandler(ctx, slog.NewTextHandler(&foreign, &slog.HandlerOptions{Level: slog.LevelWarn}))
	inner, task := trace.WithTask(inner, "task")
	l := logging.GetLogger(inner, "s").With("w", 0).WithGroup("g")
	l.Info("off")
	l.Warn("on", "b", 2)
	task.End()
	l.Warn("on", "b", 2)
	var lines []string
	for line := range strings.Lines(foreign.String()) {
		_, rest, _ := strings.Cut(line, " ")
		lines = append(lines, rest)
	}
	want := []string{
		"level=WARN msg=on subsystem=s trace=" + task.Stack() + " a=1 w=0 g.b=2\n",
		"level=WARN msg=on subsystem=s trace=" + task.Stack() + " span_ended=true a=1 w=0 g.b=2\n",
	}
	if !reflect.DeepEqual(lines, want) {
		t.Errorf("got %q\nwant %q", lines, want)
	}

	// The attributes of a handler that is put into a context stay with it.
	ctx = logging.WithHandler(ctx, logging.GetLogger(ctx, "other").With("host", "h").Handler())
	logging.GetLogger(ctx, "s").Info("m")
	check(t, next(), map[string]any{"level": "INFO", "subsystem": "s", "trace": "none", "msg": "m",
		"a": number("1"), "host": "h"})
}

// TestBehindAnotherHandler: handlers of ours that are reached through one of another kind write the same line as they
// would directly, by their own levels, and it is recorded once.
func TestBehindAnotherHandler(t *testing.T) {
	r := trace.NewRecorder(trace.Config{})
	var direct, first, second bytes.Buffer
	o := logging.Options{Format: logging.FormatLogfmt, Levels: logging.Levels{Default: slog.LevelError,
		Subsystems: map[string]slog.Level{"s": slog.LevelInfo}}}
	multi := slog.NewMultiHandler(logging.NewHandler(&first, o), logging.NewHandler(&second, logging.Options{
		Format: logging.FormatJSON, Levels: logging.Levels{Default: slog.LevelError}}))
	for _, h := range []slog.Handler{logging.NewHandler(&direct, o), multi} {
		ctx := logging.With(trace.WithRecorder(t.Context(), r), slog.Int("a", 1))
		ctx, task := trace.WithTask(logging.WithHandler(ctx, h), "task")
		task.End()
		for _, subsystem := range []string{"s", "off"} {
			l := slog.New(fixedTime{logging.GetLogger(ctx, subsystem).Handler()})
			l.With("b", 2).WithGroup("g").Info("m", "c", 3, "trace", 4)
			l.Info("m", "trace", "forged")
		}
	}
	if d, f := stable(direct.String()), stable(first.String()); d != f || strings.Count(d, "\n") != 2 {
		t.Errorf("direct: %s\nthrough another: %s", d, f)
	}
	if second.Len() > 0 {
		t.Errorf("level is off, but %s", &second)
	}
	logs := 0
	for _, rec := range r.Snapshot() {
		if rec.Kind == trace.KindLog {
			logs++
		}
	}
	if logs != 4 {
		t.Errorf("%d lines were recorded, want 4", logs)
	}
}

func TestDefault(t *testing.T) {
	initial := logging.Default()
	defer logging.SetDefault(nil)
	before := logging.GetLogger(nil, "early") //lint:ignore SA1012 a nil context must not panic
	var buf bytes.Buffer
	logging.SetDefault(logging.NewHandler(&buf, logging.Options{Format: logging.FormatLogfmt}).WithAttrs(
		[]slog.Attr{slog.String("host", "h")}))
	before.Info("m")
	logging.GetLogger(context.Background(), "late").Info("m")
	logging.GetLogger(logging.WithHandler(t.Context(), nil), "nil").Info("m")
	want := "level=INFO subsystem=early trace=none msg=m\n" +
		"level=INFO subsystem=late trace=none msg=m host=h\n" +
		"level=INFO subsystem=nil trace=none msg=m host=h\n"
	var got strings.Builder
	for line := range strings.Lines(buf.String()) {
		_, rest, _ := strings.Cut(line, " ")
		got.WriteString(rest)
	}
	if got.String() != want {
		t.Errorf("got %s\nwant %s", &got, want)
	}

	logging.SetDefault(before.Handler()) // a logger that goes to the default must not make it go to itself
	before.Info("again")
	if !strings.Contains(buf.String(), "msg=again") {
		t.Error("line lost")
	}
	logging.SetDefault(nil)
	if logging.Default() != initial {
		t.Error("nil did not restore the initial default")
	}
}

func TestRecorderGetsLines(t *testing.T) {
	r := trace.NewRecorder(trace.Config{})
	base, next := newLog(t, logging.Options{})
	ctx := logging.With(trace.WithRecorder(base, r), slog.String("job", "j"))
	ctx, task := trace.WithTask(ctx, "task")
	ctx, span := trace.WithSpan(ctx, "span")
	l := logging.GetLogger(ctx, "s")
	l.WithGroup("g").Warn("m", "k", 1)
	l.Debug("off")
	line := next()
	span.End()
	task.End()

	var logs []trace.Record
	for _, rec := range r.Snapshot() {
		if rec.Kind == trace.KindLog {
			logs = append(logs, rec)
		}
	}
	if len(logs) != 1 {
		t.Fatalf("%d records, want 1: %v", len(logs), logs)
	}
	rec := logs[0]
	if rec.Parent != span.ID() || rec.Task != task.ID() || rec.Name != "m" || rec.Level != slog.LevelWarn {
		t.Errorf("%+v", rec)
	}
	if got, want := fmt.Sprint(rec.Attrs), "[subsystem=s job=j g.k=1]"; got != want {
		t.Errorf("attributes %s, want %s", got, want)
	}
	at, err := time.Parse(time.RFC3339Nano, line["time"].(string))
	if err != nil {
		t.Fatal(err)
	}
	// Both come from one reading of the clocks; only a step of the wall clock since the recorder's start would show.
	if d := r.Epoch().Add(time.Duration(rec.Start)).Sub(at); d.Abs() > time.Millisecond {
		t.Errorf("line and record differ by %v", d)
	}
}

func TestLevelsAtRunTime(t *testing.T) {
	var buf bytes.Buffer
	h := logging.NewHandler(&buf, logging.Options{Format: logging.FormatLogfmt})
	l := logging.GetLogger(logging.WithHandler(t.Context(), h), "zfs.cmd")
	l.Debug("one")
	levels, err := logging.ParseLevels("error, zfs=debug")
	if err != nil {
		t.Fatal(err)
	}
	h.SetLevels(levels)
	l.Debug("two")
	logging.GetLogger(logging.WithHandler(t.Context(), h), "net").Warn("three")
	if got := h.Levels().String(); got != "error,zfs=debug" {
		t.Errorf("Levels: %s", got)
	}
	h.SetLevels(logging.Levels{Default: slog.LevelError})
	l.Warn("four")
	if got := strings.Count(buf.String(), "\n"); got != 1 || !strings.Contains(buf.String(), "two") {
		t.Errorf("wrong lines: %s", &buf)
	}
}

func TestConcurrentLoggers(t *testing.T) {
	const goroutines, lines = 8, 1000
	for _, f := range []logging.Format{logging.FormatLogfmt, logging.FormatJSON} {
		var buf bytes.Buffer // guarded by the handler
		ctx := logging.WithHandler(t.Context(), logging.NewHandler(&buf, logging.Options{Format: f}))
		ctx = logging.With(ctx, slog.String("job", "j"))
		ctx = trace.WithRecorder(ctx, trace.NewRecorder(trace.Config{}))
		var wg sync.WaitGroup
		for g := range goroutines {
			wg.Go(func() {
				ctx, task := trace.WithTask(ctx, "worker")
				defer task.End()
				for i := range lines {
					logging.GetLogger(ctx, "s").Info("m", "g", g, "i", i, "text", "a b\n")
				}
			})
		}
		wg.Wait()
		next := [goroutines]int{}
		stacks := map[string]bool{}
		for line := range strings.Lines(buf.String()) {
			m := parseLine(t, f, line)
			var g, i int
			if _, err := fmt.Sscan(fmt.Sprint(m["g"], " ", m["i"]), &g, &i); err != nil {
				t.Fatal(err)
			}
			if i != next[g] {
				t.Fatalf("goroutine %d: line %d instead of %d", g, i, next[g])
			}
			next[g]++
			stacks[fmt.Sprint(m["trace"])] = true
		}
		for g, n := range next {
			if n != lines {
				t.Errorf("%v: goroutine %d wrote %d lines", f, g, n)
			}
		}
		if len(stacks) != goroutines {
			t.Errorf("%v: %d different stacks", f, len(stacks))
		}
	}
}

func TestLevelOffAllocatesNothing(t *testing.T) {
	ctx, _ := newLog(t, logging.Options{})
	if n := testing.AllocsPerRun(100, func() { logging.GetLogger(ctx, "s").Debug("off", "k", "v") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
