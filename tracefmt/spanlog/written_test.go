package spanlog_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/tracetest"
	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/spanlog"
	"pgregory.net/rapid"
)

// An expected is what a line says: an attribute's value in each format.
type expected struct {
	event tracefmt.Event
	json  []tracefmt.Attr
	fmt   []tracefmt.Attr
}

// TestWritten reads what package logging writes, in both formats, and compares it with what was logged.
func TestWritten(t *testing.T) {
	base := tracetest.Strict(t)
	str := tracefmt.String
	for _, format := range []logging.Format{logging.FormatJSON, logging.FormatLogfmt} {
		for _, style := range []logging.StackStyle{logging.StackFull, logging.StackShort, logging.StackOff} {
			var out bytes.Buffer
			h := logging.NewHandler(&out, logging.Options{Format: format, Stack: style,
				Levels: logging.Levels{Default: slog.LevelDebug - 10}})
			var want []expected
			log := func(ctx context.Context, subsystem string, level slog.Level, message string, attrs ...any) *expected {
				at := time.Now()
				r := slog.NewRecord(at, level, message, 0)
				r.Add(attrs...)
				if err := logging.GetLogger(logging.WithHandler(ctx, h), subsystem).Handler().Handle(ctx, r); err != nil {
					t.Fatal(err)
				}
				e := expected{event: tracefmt.Event{Kind: tracefmt.Log, Time: at.UnixNano(), Name: message, Severity: tracefmt.SeverityOf(level)}}
				place := []tracefmt.Attr{{Key: tracefmt.AttrSubsystem, Value: str(subsystem)}}
				stack := ""
				if s := trace.FromContext(ctx); s != nil {
					stack = s.Stack()
				}
				if style == logging.StackShort {
					stack = short(stack)
				}
				if stack != "" && style != logging.StackOff {
					e.event.Parent = trace.FromContext(ctx).ID().String()
					place = append(place, tracefmt.Attr{Key: tracefmt.AttrStack, Value: str(stack)})
				}
				e.json, e.fmt = place, append([]tracefmt.Attr(nil), place...)
				want = append(want, e)
				return &want[len(want)-1]
			}
			add := func(e *expected, key string, inJSON, inLogfmt tracefmt.Value) {
				e.json = append(e.json, tracefmt.Attr{Key: key, Value: inJSON})
				e.fmt = append(e.fmt, tracefmt.Attr{Key: key, Value: inLogfmt})
			}

			log(base, "main", slog.LevelInfo, "outside of any task")
			ctx, task := trace.WithTask(base, "task")
			log(ctx, "zfs", slog.LevelWarn, `with "quotes", \ and`+"\nline feeds\x1b\u202e")
			inner, span := trace.WithSpan(ctx, "span")
			child, childTask := trace.WithTask(inner, "child")
			_, async := trace.WithAsyncSpan(child, "async")
			e := log(child, "a b", slog.LevelError+2, "5", "n", -5, "big", uint64(math.MaxUint64), "f", 0.1, "large", 1e300, "t", true,
				"s", "x=y", "empty", "", "err", errors.New("no"), "d", 1500*time.Millisecond, "nan", math.NaN(),
				"k ey=", "é", "bad", "a\xffb", slog.Group("g", "a", 1, slog.Group("h", "b", "x")), "list", []int{1, 2}, "nil", nil,
				"trace", "/posed/", "msg", "posed")
			add(e, "n", tracefmt.Int64(-5), tracefmt.Int64(-5))
			add(e, "big", tracefmt.Uint64(math.MaxUint64), tracefmt.Uint64(math.MaxUint64))
			add(e, "f", tracefmt.Float64(0.1), tracefmt.Float64(0.1))
			add(e, "large", tracefmt.Float64(1e300), tracefmt.Float64(1e300))
			add(e, "t", tracefmt.Bool(true), tracefmt.Bool(true))
			add(e, "s", str("x=y"), str("x=y"))
			add(e, "empty", str(""), str(""))
			add(e, "err", str("no"), str("no"))
			add(e, "d", tracefmt.Int64(1.5e9), str("1.5s"))
			add(e, "nan", str("NaN"), str("NaN"))
			add(e, "k ey=", str("é"), str("é"))
			add(e, "bad", str("a\ufffdb"), str("a\xffb"))
			if format == logging.FormatJSON {
				e.json = append(e.json, tracefmt.Attr{Key: "g", Value: tracefmt.RawJSON(`{"a":1,"h":{"b":"x"}}`)})
			} else {
				e.fmt = append(e.fmt, tracefmt.Attr{Key: "g.a", Value: tracefmt.Int64(1)}, tracefmt.Attr{Key: "g.h.b", Value: str("x")})
			}
			add(e, "list", tracefmt.RawJSON("[1,2]"), str("[1 2]"))
			add(e, "nil", tracefmt.RawJSON("null"), str("<nil>"))
			add(e, "fields.trace", str("/posed/"), str("/posed/"))
			add(e, "fields.msg", str("posed"), str("posed"))
			async.End()
			childTask.End()
			span.End()
			e = log(inner, "late", slog.LevelDebug-3, "ended")
			ended := []tracefmt.Attr{{Key: "span_ended", Value: tracefmt.Bool(true)}}
			e.json, e.fmt = append(e.json, ended...), append(e.fmt, ended...)
			task.End()

			r := spanlog.NewReader(bytes.NewReader(out.Bytes()))
			events, err := fmttest.ReadAll(r)
			if err != nil || len(r.Losses()) > 0 {
				t.Fatalf("%v, stacks %v: %v, losses %v, in\n%s", format, style, err, r.Losses(), out.Bytes())
			}
			compare(t, fmt.Sprintf("%v, stacks %v", format, style), events, want, format)
		}
	}
}

// short is what logging.StackShort leaves of a stack.
func short(stack string) string {
	marks := 0
	for i := len(stack) - 2; i > 0; i-- {
		if strings.IndexByte("/.~", stack[i]) >= 0 {
			if marks++; marks == 2 {
				return "…" + stack[i:]
			}
		}
	}
	return stack
}

func compare(t *testing.T, what string, events []tracefmt.Event, want []expected, format logging.Format) {
	t.Helper()
	var offset int64
	n := 0
	for _, e := range events {
		switch e.Kind {
		case tracefmt.Clock:
			offset = e.Unix - e.Time
		case tracefmt.Log:
			if n == len(want) {
				t.Fatalf("%s: more than %d lines", what, n)
			}
			w := want[n]
			n++
			attrs := w.json
			if format == logging.FormatLogfmt {
				attrs = w.fmt
			}
			got := fmt.Sprintf("%d %q %v %q %q", e.Time+offset, e.Name, e.Severity, e.Parent, e.Attrs)
			if text := fmt.Sprintf("%d %q %v %q %q", w.event.Time, w.event.Name, w.event.Severity, w.event.Parent, attrs); got != text {
				t.Errorf("%s: line %d is read as\n%s\nwant\n%s", what, n, got, text)
			}
			for i, a := range e.Attrs {
				if i < len(attrs) && a.Value.Kind() != attrs[i].Value.Kind() {
					t.Errorf("%s: line %d: %s is of kind %d, want %d", what, n, a.Key, a.Value.Kind(), attrs[i].Value.Kind())
				}
			}
		}
	}
	if n != len(want) {
		t.Errorf("%s: %d lines, want %d", what, n, len(want))
	}
}

// TestWrittenStrings: any message and any value of an attribute comes back as it was.
func TestWrittenStrings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		message, value := rapid.String().Draw(t, "message"), rapid.String().Draw(t, "value")
		for _, format := range []logging.Format{logging.FormatJSON, logging.FormatLogfmt} {
			var out bytes.Buffer
			h := logging.NewHandler(&out, logging.Options{Format: format})
			slog.New(h).Info(message, "k", value)
			events, err := fmttest.ReadAll(spanlog.NewReader(&out))
			if err != nil || len(events) != 3 {
				t.Fatalf("%v: %d events, %v", format, len(events), err)
			}
			if e := events[2]; e.Name != message || e.Attr("k").String() != value {
				t.Fatalf("%v: %q and %q, want %q and %q", format, e.Name, e.Attr("k"), message, value)
			}
		}
	})
}

// TestSlog reads what log/slog's own handlers write, which have no place, and IDs of OpenTelemetry as attributes.
func TestSlog(t *testing.T) {
	traceID := hex.EncodeToString([]byte("0123456789abcdef"))
	for _, handler := range []func(*bytes.Buffer) slog.Handler{
		func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
		func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
	} {
		var out bytes.Buffer
		slog.New(handler(&out)).Warn("hello world", "n", 5, "trace_id", traceID, "span_id", "00000000000000ff")
		events, err := fmttest.ReadAll(spanlog.NewReader(&out))
		if err != nil || len(events) != 3 {
			t.Fatalf("%d events, %v", len(events), err)
		}
		e := events[2]
		if n, ok := e.Attr("n").Int64(); !ok || n != 5 || e.Name != "hello world" || e.Severity != tracefmt.SeverityWarn ||
			e.Attr("trace_id").String() != traceID || e.Attr("span_id").String() != "00000000000000ff" || e.Parent != "" {
			t.Errorf("got %+v", e)
		}
		if d := time.Since(time.Unix(0, events[0].Unix)); d < 0 || d > time.Minute {
			t.Errorf("the clock is off by %v", d)
		}
	}
}
