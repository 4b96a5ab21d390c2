package logging_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/slogtest"
	"testing/synctest"
	"time"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/trace"
)

// A syncBuffer is a bytes.Buffer that may be read while it is written to.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// lines returns the lines without their times.
func (s *syncBuffer) lines() []string {
	var lines []string
	for line := range strings.Lines(s.String()) {
		_, rest, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "level=")
		if !ok {
			rest = line
		}
		lines = append(lines, rest)
	}
	return lines
}

func wantLines(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s has\n\t%s\nwant\n\t%s", what, strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func logfmt(l logging.Levels) logging.Options {
	return logging.Options{Format: logging.FormatLogfmt, Levels: l, Stack: logging.StackOff}
}

func TestJoin(t *testing.T) {
	var all, warnings, foreign syncBuffer
	zfs := logging.Levels{Default: slog.LevelError, Subsystems: map[string]slog.Level{"zfs": slog.LevelDebug}}
	text := slog.NewTextHandler(&foreign, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == logging.TraceKey {
			return slog.Attr{}
		}
		return a
	}})
	h := logging.Join(
		logging.NewHandler(&all, logfmt(logging.Levels{Default: slog.LevelDebug})),
		logging.NewHandler(&warnings, logfmt(logging.Levels{Default: slog.LevelWarn})).WithAttrs([]slog.Attr{slog.String("host", "a")}).(*logging.Handler),
		logging.Adapt(text, logging.Options{Levels: zfs}),
	)
	ctx := logging.With(logging.WithHandler(t.Context(), h), slog.Int("job", 1))
	logging.GetLogger(ctx, "zfs").Debug("one", "a", 1)
	logging.GetLogger(ctx, "net").With("b", 2).WithGroup("g").Warn("two", "c", 3)
	logging.GetLogger(ctx, "net").Log(ctx, slog.LevelDebug-1, "nowhere")

	wantLines(t, "all", all.lines(), `DEBUG subsystem=zfs msg=one job=1 a=1`, `WARN subsystem=net msg=two job=1 b=2 g.c=3`)
	wantLines(t, "warnings", warnings.lines(), `WARN subsystem=net msg=two host=a job=1 b=2 g.c=3`)
	wantLines(t, "foreign", foreign.lines(), `DEBUG msg=one subsystem=zfs job=1 a=1`)
	if l := logging.GetLogger(ctx, "net"); l.Enabled(ctx, slog.LevelDebug-1) || !l.Enabled(ctx, slog.LevelDebug) {
		t.Error("Enabled isn't that of the most talkative")
	}
}

// TestJoinIsAHandler also shows that what is joined gets the same attributes as if it were alone.
func TestJoinIsAHandler(t *testing.T) {
	var b bytes.Buffer
	h := logging.Join(logging.NewHandler(io.Discard, logging.Options{}), logging.NewHandler(&b, logging.Options{Format: logging.FormatJSON}))
	err := slogtest.TestHandler(h, func() (results []map[string]any) {
		for line := range strings.Lines(b.String()) {
			results = append(results, parseLine(t, logging.FormatJSON, line))
		}
		return results
	})
	if err != nil {
		t.Error(err)
	}
}

func TestJoinRecordsOnce(t *testing.T) {
	r := trace.NewRecorder(trace.Config{})
	h := logging.Join(logging.NewHandler(io.Discard, logging.Options{}), logging.NewHandler(io.Discard, logging.Options{}))
	ctx, task := trace.WithTask(logging.WithHandler(trace.WithRecorder(t.Context(), r), h), "task")
	logging.GetLogger(ctx, "x").Info("once")
	task.End()
	n := 0
	for _, record := range r.Snapshot() {
		if record.Name == "once" {
			n++
		}
	}
	if n != 1 {
		t.Errorf("recorded %d times", n)
	}
}

// TestJoinReportsLosses wants what one outlet loses to be told on the other one, soon and not too often, and at the
// end.
func TestJoinReportsLosses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ok syncBuffer
		g := newGate()
		q := logging.NewQueue(g, logging.QueueConfig{Bytes: 100, Report: reportText})
		o := logfmt(logging.Levels{})
		blocked := o
		blocked.Name = "blocked"
		h := logging.Join(logging.NewHandler(q, blocked), logging.NewHandler(&ok, o))
		log := logging.GetLogger(logging.WithHandler(t.Context(), h), "x")
		log.Info("taken")
		<-g.entered
		for range 100 {
			log.Info("-")
		}
		time.Sleep(1500 * time.Millisecond)
		lost := `WARN subsystem=logging msg="log lines were lost" outlet=blocked lines=`
		if got := ok.lines(); len(got) != 102 || !strings.HasPrefix(got[101], lost) || !strings.HasSuffix(got[101], `error="the outlet was blocked"`) {
			t.Errorf("%d lines, at the end %q", len(got), got[len(got)-1])
		}
		log.Info("-")
		log.Info("-")
		if got := ok.lines(); len(got) != 104 {
			t.Errorf("%d lines before a second has passed", len(got))
		}
		dropped := h.Dropped()
		g.pass <- verdict{} // the rest is written when all pass
		close(g.done)
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		if got := ok.lines(); len(got) != 105 || !strings.HasPrefix(got[104], lost+"2 ") {
			t.Errorf("%d lines, at the end %q", len(got), got[len(got)-1])
		}
		if h.Dropped() != dropped || dropped < 90 {
			t.Errorf("%d are lost", dropped)
		}
	})
}

// A brokenOutlet can't be flushed or closed.
type brokenOutlet struct {
	io.Writer
	err error
}

func (b brokenOutlet) Flush(context.Context) error    { return b.err }
func (b brokenOutlet) Close() error                   { return b.err }
func (b brokenOutlet) Dropped() uint64                { return 3 }
func (b brokenOutlet) OnLoss(func(n uint64, _ error)) {}

func TestJoinPassesOn(t *testing.T) {
	errA, errB := errors.New("a"), errors.New("b")
	h := logging.Join(
		logging.NewHandler(brokenOutlet{io.Discard, errA}, logging.Options{}),
		logging.Adapt(slog.DiscardHandler, logging.Options{Outlet: brokenOutlet{nil, errB}}),
		logging.NewHandler(io.Discard, logging.Options{}),
	)
	if err := h.Flush(t.Context()); !errors.Is(err, errA) || !errors.Is(err, errB) {
		t.Errorf("Flush: %v", err)
	}
	if n := h.Dropped(); n != 6 {
		t.Errorf("%d dropped", n)
	}
	if err := h.Close(); !errors.Is(err, errA) || !errors.Is(err, errB) {
		t.Errorf("Close: %v", err)
	}
	if err := h.Close(); err != nil {
		t.Errorf("Close again: %v", err)
	}
	h.SetLevels(logging.Levels{Default: slog.LevelError})
	if l := slog.New(h); h.Levels().Default != slog.LevelError || l.Enabled(t.Context(), slog.LevelWarn) {
		t.Error("the levels aren't those of all")
	}
}

func TestJoinNothing(t *testing.T) {
	h := logging.Join()
	log := logging.GetLogger(logging.WithHandler(t.Context(), h), "x")
	log.Error("lost")
	h.SetLevels(logging.Levels{})
	if log.Enabled(t.Context(), slog.LevelError) || h.Levels().Default != 0 || h.Close() != nil {
		t.Error("it isn't silent")
	}
}

func TestLevelVarIsShared(t *testing.T) {
	var v logging.LevelVar
	a := logging.NewHandler(io.Discard, logging.Options{LevelVar: &v})
	b := logging.NewHandler(io.Discard, logging.Options{LevelVar: &v, Levels: logging.Levels{Default: slog.LevelError}})
	if !b.Enabled(t.Context(), slog.LevelInfo) || b.Enabled(t.Context(), slog.LevelDebug) {
		t.Error("the zero value isn't level info, or Levels counted")
	}
	a.SetLevels(logging.Levels{Default: slog.LevelDebug})
	if !b.Enabled(t.Context(), slog.LevelDebug) || v.Levels().Default != slog.LevelDebug {
		t.Error("the other one has other levels")
	}
}

// sdEncoder is an encoder of the tests'.
type sdEncoder struct{}

func (sdEncoder) AppendLine(b []byte, l *logging.Line) []byte {
	b = append(b, l.Level.String()+" "+l.Subsystem+" "+l.Message...)
	for key, v := range l.Pairs() {
		b = append(logging.AppendKey(append(b, '|'), key), '=')
		b = logging.AppendValue(b, v)
	}
	return append(logging.AppendPairs(append(b, " |"...), l.Attrs...), '\n')
}

func TestEncoder(t *testing.T) {
	var b bytes.Buffer
	h := logging.NewHandler(&b, logging.Options{Encoder: sdEncoder{}})
	logging.GetLogger(logging.WithHandler(t.Context(), h), "x").Info("m", "a b", 1, slog.Group("g", "c", []byte("d e"), slog.Group("", "f", time.Second)), "z", nil)
	want := `INFO x m|a\x20b=1|g.c=d e|g.f=1s|z=<nil> | a\x20b=1 g.c="d e" g.f=1s z=<nil>` + "\n"
	if b.String() != want {
		t.Errorf("got  %swant %s", b.String(), want)
	}
	if got := string(h.AppendLoss(nil, 3, errors.New("gone"))); got != "WARN logging log lines were lost|lines=3|error=gone | lines=3 error=gone\n" {
		t.Errorf("AppendLoss: %s", got)
	}
}
