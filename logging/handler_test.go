package logging_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/slogtest"
	"time"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/trace"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var formats = []logging.Format{logging.FormatHuman, logging.FormatLogfmt, logging.FormatJSON}

// parseLine parses a line of any format into what slogtest wants to see.
func parseLine(t *testing.T, f logging.Format, line string) map[string]any {
	t.Helper()
	line, ok := strings.CutSuffix(line, "\n")
	if !ok || strings.Contains(line, "\n") {
		t.Fatalf("want one whole line, got %q", line)
	}
	switch f {
	case logging.FormatJSON:
		m, err := parseJSON([]byte(line))
		if err != nil {
			t.Fatal(err)
		}
		return m
	case logging.FormatLogfmt:
		pairs, err := parseLogfmt(line)
		if err != nil {
			t.Fatal(err)
		}
		return nest(pairs)
	}
	m := humanLine.FindStringSubmatch(line)
	if m == nil {
		t.Fatalf("no human line: %q", line)
	}
	pairs, err := parseLogfmt(m[5])
	if err != nil {
		t.Fatal(err)
	}
	out := nest(pairs)
	if m[1] != "" {
		out[slog.TimeKey] = m[1]
	}
	out[slog.LevelKey], out[logging.SubsystemKey], out[slog.MessageKey] = m[2], m[3], strings.TrimRight(m[4], " ")
	return out
}

var humanLine = regexp.MustCompile(`^(?:(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}) )?(\S+) +(\S+) +(.{40}) (.*)$`)

func TestSlog(t *testing.T) {
	for _, f := range formats {
		t.Run(f.String(), func(t *testing.T) {
			var buf bytes.Buffer
			slogtest.Run(t, func(*testing.T) slog.Handler {
				buf.Reset()
				return logging.NewHandler(&buf, logging.Options{Format: f})
			}, func(t *testing.T) map[string]any { return parseLine(t, f, buf.String()) })
		})
		t.Run(f.String()+" by GetLogger", func(t *testing.T) {
			var buf bytes.Buffer
			slogtest.Run(t, func(*testing.T) slog.Handler {
				buf.Reset()
				ctx := logging.WithHandler(t.Context(), logging.NewHandler(&buf, logging.Options{Format: f}))
				return logging.GetLogger(ctx, "zfs").Handler()
			}, func(t *testing.T) map[string]any { return parseLine(t, f, buf.String()) })
		})
	}
	t.Run("foreign handler", func(t *testing.T) {
		var buf bytes.Buffer
		slogtest.Run(t, func(*testing.T) slog.Handler {
			buf.Reset()
			ctx := logging.WithHandler(t.Context(), slog.NewJSONHandler(&buf, nil))
			return logging.GetLogger(ctx, "zfs").Handler()
		}, func(t *testing.T) map[string]any { return parseLine(t, logging.FormatJSON, buf.String()) })
	})
}

type panicker struct{}

func (panicker) Error() string { panic("no message") }

type pointerError struct{ text string }

func (e *pointerError) Error() string { return e.text }

type member struct {
	Name string
	Size int
}

// lineCases are lines whose rendering is kept in golden files.
var lineCases = []struct {
	name string
	log  func(ctx context.Context, l *slog.Logger)
}{
	{"plain", func(_ context.Context, l *slog.Logger) { l.Info("started") }},
	{"levels", func(ctx context.Context, l *slog.Logger) {
		for _, level := range []slog.Level{-8, slog.LevelDebug, slog.LevelInfo, 2, slog.LevelWarn, slog.LevelError, 12} {
			l.Log(ctx, level, "level")
		}
	}},
	{"kinds", func(_ context.Context, l *slog.Logger) {
		l.Info("kinds", "string", "text", "int", -5, "uint", uint64(math.MaxUint64), "float", 1.5, "nan", math.NaN(),
			"bool", true, "duration", 1500*time.Millisecond, "time", time.Date(2026, 1, 2, 3, 4, 5, 600, time.FixedZone("", 3600)),
			"error", errors.New("broken pipe"), "nil", nil, "struct", member{"a b", 3}, "bytes", []byte("raw"),
			"level", slog.LevelWarn)
	}},
	{"groups", func(_ context.Context, l *slog.Logger) {
		l.With("a", 1).WithGroup("g").With("b", 2).WithGroup("h").Info("groups", "c", 3, slog.Group("", slog.Int("d", 4)),
			slog.Group("empty"))
	}},
	{"same names", func(ctx context.Context, l *slog.Logger) {
		ctx = logging.With(ctx, slog.String("job", "outer"), slog.Int("kept", 1), slog.Group("g", "x", 1, "y", 1))
		ctx = logging.With(ctx, slog.String("job", "inner"), slog.Group("g", "y", 2))
		l.With("tool", "zfs").InfoContext(ctx, "same names", "tool", "zpool", "tool", "zdb", slog.Group("g", "z", 3))
	}},
	{"names of ours", func(_ context.Context, l *slog.Logger) {
		l.Info("names of ours", "trace", "/forged/", "msg", "forged", slog.Group("", slog.String("subsystem", "forged")))
	}},
	{"hostile", func(_ context.Context, l *slog.Logger) {
		l.Info("one\ntwo\x1b[31m \"three\"", "nl\n=\" key", "a\r\nb", "esc", "\x1b]0;title\a", "c1", "\u009b31m", "bidi", "a\u202eb",
			"utf8", "\xff\xfe", "empty", "", "backslash", `C:\x`, "spaced backslash", `a \n`, "", "no key", "equal", "a=b",
			"struct", member{"\u009b\x7f\n", 1})
	}},
	{"panics", func(_ context.Context, l *slog.Logger) {
		l.Info("panics", "panic", panicker{}, "nil", (*pointerError)(nil))
	}},
	{"in spans", func(ctx context.Context, l *slog.Logger) {
		ctx, task := trace.WithTask(ctx, "task")
		l.InfoContext(ctx, "in a task")
		ctx, span := trace.WithSpan(ctx, "span")
		ctx2, inner := trace.WithSpan(ctx, "inner")
		l.InfoContext(ctx2, "in spans", "k", "v")
		inner.End()
		l.WarnContext(ctx2, "too late", "k", "v")
		span.End()
		task.End()
	}},
	{"long message", func(_ context.Context, l *slog.Logger) {
		l.Info(strings.Repeat("long ", 10)+"message", "k", "v")
	}},
}

var idText = regexp.MustCompile(`\b(?:[a-p][a-z2-7]{12}|[0-9a-f]{32}|[0-9a-f]{16})\b`)

// stable replaces IDs, which differ from run to run, by numbers in order of appearance.
func stable(text string) string {
	names := map[string]string{}
	return idText.ReplaceAllStringFunc(text, func(id string) string {
		if names[id] == "" {
			names[id] = fmt.Sprintf("<span-%d>", len(names)+1)
		}
		return names[id]
	})
}

// fixedTime is a handler that gives records a fixed time.
type fixedTime struct{ slog.Handler }

var someTime = time.Date(2026, 1, 31, 3, 5, 0, 123456000, time.FixedZone("EST", -5*3600))

func (h fixedTime) Handle(ctx context.Context, r slog.Record) error {
	r.Time = someTime
	return h.Handler.Handle(ctx, r)
}

func (h fixedTime) WithAttrs(a []slog.Attr) slog.Handler { return fixedTime{h.Handler.WithAttrs(a)} }
func (h fixedTime) WithGroup(name string) slog.Handler   { return fixedTime{h.Handler.WithGroup(name)} }

func TestGolden(t *testing.T) {
	local := time.Local
	time.Local = time.FixedZone("CET", 3600)
	t.Cleanup(func() { time.Local = local })
	options := map[string]logging.Options{
		"human":      {Format: logging.FormatHuman},
		"color":      {Format: logging.FormatHuman, Color: true, Stack: logging.StackFull},
		"logfmt":     {Format: logging.FormatLogfmt},
		"json":       {Format: logging.FormatJSON},
		"json-short": {Format: logging.FormatJSON, Stack: logging.StackShort},
		"no-stack":   {Format: logging.FormatLogfmt, Stack: logging.StackOff},
		"color-otel": {Format: logging.FormatHuman, Color: true, OTelIDs: true},
		"json-otel":  {Format: logging.FormatJSON, OTelIDs: true},
	}
	for name, o := range options {
		t.Run(name, func(t *testing.T) {
			o.Levels.Default = -100
			var out bytes.Buffer
			ctx := logging.WithHandler(t.Context(), logging.NewHandler(&out, o))
			ctx = trace.WithRecorder(ctx, trace.NewRecorder(trace.Config{}))
			for _, c := range lineCases {
				out.WriteString("# " + c.name + "\n")
				c.log(ctx, slog.New(fixedTime{logging.GetLogger(ctx, "zfs.cmd").Handler()}))
			}
			text := stable(out.String())
			path := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if text != string(want) {
				t.Errorf("%s differs (rewrite it with -update):\n%s", path, text)
			}
		})
	}
}

func TestBounds(t *testing.T) {
	huge := strings.Repeat("ä\n", 1<<15)
	for _, f := range formats {
		var buf bytes.Buffer
		l := slog.New(logging.NewHandler(&buf, logging.Options{Format: f}))
		attrs := []any{"any", []string{huge}}
		for i := range 100 {
			attrs = append(attrs, fmt.Sprint("k", i), huge, fmt.Sprint("h", i, huge), slog.GroupValue(slog.String(huge, huge)))
		}
		l.Info(huge, attrs...)
		if n := buf.Len(); n > 4*(logging.MaxLine+3*6*logging.MaxValue) {
			t.Errorf("%v: the line has %d bytes", f, n)
		}
		if !strings.Contains(buf.String(), "…(+") || !strings.Contains(buf.String(), "attrs_dropped") {
			t.Errorf("%v: the line doesn't say that something is missing: …%q", f, buf.String()[buf.Len()-100:])
		}
		if f != logging.FormatHuman {
			m := parseLine(t, f, buf.String())
			if len(m) < 6 {
				t.Errorf("%v: only %d fields", f, len(m))
			}
		}
	}
}
