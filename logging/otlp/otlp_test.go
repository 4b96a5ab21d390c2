package otlp_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"strings"
	"testing"
	"testing/slogtest"
	"time"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/spanstack/spanstack/internal/leaktest"
	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/logging/otlp"
	"github.com/spanstack/spanstack/trace"
)

func TestMain(m *testing.M) { os.Exit(leaktest.Wrap(m).Run()) }

// value returns a value as Go has it.
func value(v *commonpb.AnyValue) any {
	switch v := v.GetValue().(type) {
	case *commonpb.AnyValue_StringValue:
		return v.StringValue
	case *commonpb.AnyValue_IntValue:
		return v.IntValue
	case *commonpb.AnyValue_DoubleValue:
		return v.DoubleValue
	case *commonpb.AnyValue_BoolValue:
		return v.BoolValue
	case *commonpb.AnyValue_KvlistValue:
		return attrs(v.KvlistValue.GetValues())
	case nil:
		return nil
	}
	return fmt.Sprintf("%T", v.GetValue())
}

func attrs(list []*commonpb.KeyValue) map[string]any {
	m := map[string]any{}
	for _, kv := range list {
		m[kv.Key] = value(kv.Value)
	}
	return m
}

// both runs a test with each protocol.
func both(t *testing.T, f func(t *testing.T, p otlp.Protocol)) {
	for _, p := range []otlp.Protocol{otlp.HTTP, otlp.GRPC} {
		t.Run(p.String(), func(t *testing.T) { f(t, p) })
	}
}

func open(t *testing.T, c otlp.Config) *logging.Handler {
	t.Helper()
	h, err := otlp.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

// TestSlog: what reaches a collector is what log/slog wants of handlers.
func TestSlog(t *testing.T) {
	c := startCollector(t, otlp.HTTP, "")
	var h *logging.Handler
	slogtest.Run(t, func(t *testing.T) slog.Handler {
		c.records = nil
		h = open(t, otlp.Config{Endpoint: c.endpoint()})
		return h
	}, func(t *testing.T) map[string]any {
		if err := h.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		records := c.got()
		if len(records) != 1 {
			t.Fatalf("%d records", len(records))
		}
		m := attrs(records[0].Attributes)
		m[slog.MessageKey], m[slog.LevelKey] = value(records[0].Body), records[0].SeverityText
		if records[0].TimeUnixNano != 0 {
			m[slog.TimeKey] = time.Unix(0, int64(records[0].TimeUnixNano))
		}
		return m
	})
}

// TestRecords: lines arrive with all that they have, over both protocols, packed or not, on their spans.
func TestRecords(t *testing.T) {
	both(t, func(t *testing.T, p otlp.Protocol) {
		for _, compress := range []bool{false, true} {
			c := startCollector(t, p, "")
			h := open(t, otlp.Config{Protocol: p, Endpoint: c.endpoint(), Compress: compress, Service: "ferry",
				Headers: map[string]string{"x-token": "secret"}})
			ctx := trace.WithRecorder(logging.WithHandler(t.Context(), h), trace.NewRecorder(trace.Config{}))
			ctx, task := trace.WithTask(ctx, "task")
			inner, span := trace.WithSpan(ctx, "span")
			at := time.Now()
			logging.GetLogger(inner, "zfs").Warn("sent", "dataset", "tank/home", "bytes", 1<<40, "guid", uint64(math.MaxUint64),
				"resumed", true, "ratio", 1.5, "took", time.Second, slog.Group("g", "a", 1, slog.Group("h", "b", "c")),
				"error", fs.ErrNotExist, "cause", errors.New("second"), "list", []int{1, 2}, "trace_id", "mine")
			span.End()
			logging.GetLogger(logging.With(ctx, slog.Int("injected", 5)), "zfs").Info("of the task")
			logging.GetLogger(logging.WithHandler(context.Background(), h), "x").Error("outside")
			task.End()
			if err := h.Close(); err != nil {
				t.Fatal(err)
			}
			records := c.got()
			if len(records) != 3 {
				t.Fatalf("%d records", len(records))
			}
			r := records[0]
			want := map[string]any{"subsystem": "zfs", "trace": span.Stack(), "dataset": "tank/home", "bytes": int64(1 << 40),
				"guid": "18446744073709551615", "resumed": true, "ratio": 1.5, "took": int64(time.Second),
				"g": map[string]any{"a": int64(1), "h": map[string]any{"b": "c"}}, "error": "file does not exist", "cause": "second",
				"list": "[1 2]", "trace_id": "mine", "exception.type": "*errors.errorString", "exception.message": "file does not exist"}
			if got := attrs(r.Attributes); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("got  %v\nwant %v", got, want)
			}
			if d := time.Unix(0, int64(r.TimeUnixNano)).Sub(at); d < 0 || d > time.Minute {
				t.Errorf("its time is %v off", d)
			}
			if value(r.Body) != "sent" || r.SeverityText != "WARN" || r.SeverityNumber != logspb.SeverityNumber_SEVERITY_NUMBER_WARN {
				t.Errorf("%v", r)
			}
			on(t, r, span.Ref())
			on(t, records[1], task.Ref())
			on(t, records[2], trace.Ref{})
			if got := attrs(records[1].Attributes)["injected"]; got != int64(5) {
				t.Errorf("injected: %v", got)
			}
			if got := attrs(records[2].Attributes)["trace"]; got != "none" {
				t.Errorf("outside any task: %v", got)
			}
			if got := attrs(c.resource.Attributes)["service.name"]; got != "ferry" {
				t.Errorf("service.name %v", got)
			}
			if p == otlp.HTTP && (c.header.Get("X-Token") != "secret" || (c.header.Get("Content-Encoding") == "gzip") != compress) {
				t.Errorf("header %v", c.header)
			}
		}
	})
}

// on checks that a record is on a span.
func on(t *testing.T, r *logspb.LogRecord, ref trace.Ref) {
	t.Helper()
	if ref == (trace.Ref{}) {
		if len(r.TraceId) > 0 || len(r.SpanId) > 0 {
			t.Errorf("on %x %x, want none", r.TraceId, r.SpanId)
		}
		return
	}
	if !bytes.Equal(r.TraceId, ref.Trace[:]) || !bytes.Equal(r.SpanId, binary.BigEndian.AppendUint64(nil, uint64(ref.Span))) {
		t.Errorf("on %x %x, want %v", r.TraceId, r.SpanId, ref)
	}
}

// TestHostile: nothing that is logged keeps the lines of its batch from arriving.
func TestHostile(t *testing.T) {
	c := startCollector(t, otlp.GRPC, "")
	h := open(t, otlp.Config{Protocol: otlp.GRPC, Endpoint: c.endpoint()})
	log := logging.GetLogger(logging.WithHandler(t.Context(), h), "s\xff")
	log.Info("before")
	log.Info("m\xff\x00\n", "k\xff", "v\xff", "", "no key", "nil", nil, "any", struct{ A string }{"\xff"}, "error", errors.New("\xff"),
		slog.Group("g\xff", "k\xff", "v\xff"), slog.Group("empty"), "panics", panics{}, slog.Attr{}, "huge", strings.Repeat("é", logging.MaxValue))
	many := log
	for i := range 100 {
		many = many.With(fmt.Sprint("k", i), strings.Repeat("x", 4<<10))
	}
	many.Info(strings.Repeat("m", 1<<20))
	log.Info("after")
	if err := h.Close(); err != nil || h.Dropped() > 0 {
		t.Fatal(err, h.Dropped())
	}
	records := c.got()
	if len(records) != 4 {
		t.Fatalf("%d records", len(records))
	}
	got := attrs(records[1].Attributes)
	const bad = "\uFFFD"
	for key, want := range map[string]any{"subsystem": "s" + bad, "k" + bad: "v" + bad, "_": "no key", "nil": "<nil>", "any": "{A:" + bad + "}",
		"error": bad, "exception.message": bad} {
		if got[key] != want {
			t.Errorf("%q is %q, want %q", key, got[key], want)
		}
	}
	if g, _ := got["g"+bad].(map[string]any); g["k"+bad] != "v"+bad {
		t.Errorf("group: %v", got)
	}
	if s, _ := got["huge"].(string); len(s) > logging.MaxValue+20 || !strings.Contains(s, "…(+") {
		t.Errorf("huge value: %d bytes", len(s))
	}
	if s, _ := got["panics"].(string); !strings.Contains(s, "PANIC") {
		t.Errorf("panics: %q", s)
	}
	if value(records[1].Body) != "m"+bad+"\x00\n" {
		t.Errorf("message %q", value(records[1].Body))
	}
	many2 := attrs(records[2].Attributes)
	if dropped, _ := many2["attrs_dropped"].(int64); dropped < 80 || len(many2) > 25 {
		t.Errorf("%d attributes, %d dropped", len(many2), dropped)
	}
	if s, _ := value(records[2].Body).(string); len(s) > logging.MaxValue+20 {
		t.Errorf("message of %d bytes", len(s))
	}
}

type panics struct{}

func (panics) String() string { panic("no") }

// TestCollectorComesAndGoes: a collector that isn't there yet, or not there for a while, gets all that fits into the
// queue.
func TestCollectorComesAndGoes(t *testing.T) {
	both(t, func(t *testing.T, p otlp.Protocol) {
		first := startCollector(t, p, "")
		first.stop()
		h := open(t, otlp.Config{Protocol: p, Endpoint: first.endpoint(), Queue: logging.QueueConfig{FlushTimeout: 20 * time.Second}})
		log := logging.GetLogger(logging.WithHandler(t.Context(), h), "s")
		for i := range 1000 {
			log.Info("m", "i", i)
		}
		time.Sleep(1500 * time.Millisecond) // it is tried
		c := startCollector(t, p, first.address)
		c.waitFor(1000)
		if err := h.Flush(t.Context()); err != nil { // what it took without having said so would be sent again
			t.Fatal(err)
		}
		c.stop()
		for i := range 1000 {
			log.Info("m", "i", 1000+i)
		}
		time.Sleep(1500 * time.Millisecond)
		again := startCollector(t, p, first.address)
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
		for i, r := range append(c.got(), again.got()...) {
			if got := attrs(r.Attributes)["i"]; got != int64(i) {
				t.Fatalf("line %d is %v", i, got)
			}
		}
		if n := len(c.got()) + len(again.got()); n != 2000 || h.Dropped() != 0 {
			t.Errorf("%d lines arrived, %d were lost", n, h.Dropped())
		}
	})
}

// TestLosses: what doesn't fit is counted, reported where it is missing, and reported by the other outlet.
func TestLosses(t *testing.T) {
	both(t, func(t *testing.T, p otlp.Protocol) {
		c := startCollector(t, p, "")
		c.stop()
		var other bytes.Buffer
		// Room for some 100 lines.
		h := open(t, otlp.Config{Protocol: p, Endpoint: c.endpoint(), Queue: logging.QueueConfig{Bytes: 100 << 10, FlushTimeout: 20 * time.Second}})
		all := logging.Join(logging.NewHandler(&other, logging.Options{Format: logging.FormatJSON, Levels: logging.Levels{Default: slog.LevelWarn}}), h)
		log := logging.GetLogger(logging.WithHandler(t.Context(), all), "s")
		for i := range 5000 {
			log.Info("m", "i", i)
		}
		c = startCollector(t, p, c.address)
		if err := all.Flush(context.Background()); err != nil {
			t.Fatal(err)
		}
		log.Info("later")
		if err := all.Close(); err != nil {
			t.Fatal(err)
		}
		lines, reported := 0, int64(0)
		for _, r := range c.got() {
			if value(r.Body) == "log lines were lost" {
				reported += attrs(r.Attributes)["lines"].(int64)
			} else {
				lines++
			}
		}
		lost := h.Dropped()
		if lines+int(lost) != 5001 || reported != int64(lost) || lost < 1000 {
			t.Errorf("%d lines, %d lost, %d reported", lines, lost, reported)
		}
		if !strings.Contains(other.String(), `"outlet":"otlp","lines":`) {
			t.Errorf("the other outlet: %s", &other)
		}
	})
}

// TestAnswers: what a collector refuses for good is lost, and what it wants later is sent again.
func TestAnswers(t *testing.T) {
	tests := []struct {
		name     string
		protocol otlp.Protocol
		first    answer // to the first request
		lost     uint64 // of 10
		report   string // the cause in the report
	}{
		{"bad request", otlp.HTTP, answer{status: 400}, 10, "400 Bad Request"},
		{"forbidden", otlp.HTTP, answer{status: 403}, 10, "403 Forbidden"},
		{"overloaded", otlp.HTTP, answer{status: 429, after: "1"}, 0, ""},
		{"unavailable", otlp.HTTP, answer{status: 503}, 0, ""},
		{"partly", otlp.HTTP, answer{rejected: 3, message: "too\n(old)"}, 3, "(3 logs rejected)"},
		{"warning", otlp.HTTP, answer{message: "too fast"}, 0, ""},
		{"invalid argument", otlp.GRPC, answer{err: status.Error(codes.InvalidArgument, "no")}, 10, "no"},
		{"unauthenticated", otlp.GRPC, answer{err: status.Error(codes.Unauthenticated, "who?")}, 10, "who?"},
		{"unavailable", otlp.GRPC, answer{err: status.Error(codes.Unavailable, "later")}, 0, ""},
		{"exhausted", otlp.GRPC, answer{err: status.Error(codes.ResourceExhausted, "full")}, 10, "full"},
		{"partly", otlp.GRPC, answer{rejected: 3, message: "too old"}, 3, "(3 logs rejected)"},
	}
	for _, test := range tests {
		t.Run(test.protocol.String()+"/"+test.name, func(t *testing.T) {
			t.Parallel()
			c := startCollector(t, test.protocol, "")
			c.answer = func(int) (a answer) {
				if c.requests == 1 {
					a = test.first
				}
				return a
			}
			h := open(t, otlp.Config{Protocol: test.protocol, Endpoint: c.endpoint(), Queue: logging.QueueConfig{FlushTimeout: 20 * time.Second}})
			log := logging.GetLogger(logging.WithHandler(t.Context(), h), "s")
			for i := range 10 {
				log.Info("m", "i", i)
			}
			if err := h.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			log.Info("last")
			if err := h.Close(); err != nil {
				t.Fatal(err)
			}
			if h.Dropped() != test.lost {
				t.Errorf("%d lost, want %d", h.Dropped(), test.lost)
			}
			records := c.got()
			want := 11 - int(test.lost)
			if test.lost > 0 {
				want++
				report := records[len(records)-2]
				m := attrs(report.Attributes)
				if text, _ := m["error"].(string); value(report.Body) != "log lines were lost" || m["lines"] != int64(test.lost) || !strings.Contains(text, test.report) {
					t.Errorf("report %v", report)
				}
			}
			if len(records) != want || value(records[len(records)-1].Body) != "last" {
				t.Errorf("%d records, want %d", len(records), want)
			}
		})
	}
}

// TestCloseIsBounded: a collector that doesn't answer doesn't keep the program from ending.
func TestCloseIsBounded(t *testing.T) {
	both(t, func(t *testing.T, p otlp.Protocol) {
		c := startCollector(t, p, "")
		c.answer = func(int) answer { return answer{delay: time.Minute} }
		h := open(t, otlp.Config{Protocol: p, Endpoint: c.endpoint(), Queue: logging.QueueConfig{FlushTimeout: 200 * time.Millisecond}})
		log := logging.GetLogger(logging.WithHandler(t.Context(), h), "s")
		for range 2000 {
			log.Info("m")
		}
		start := time.Now()
		err := h.Close()
		if err == nil || !strings.Contains(err.Error(), "2000 lines") || h.Dropped() != 2000 {
			t.Errorf("%v, %d lost", err, h.Dropped())
		}
		if d := time.Since(start); d > 10*time.Second {
			t.Errorf("it took %v", d)
		}
		log.Info("too late")
		if h.Dropped() != 2001 {
			t.Errorf("%d lost", h.Dropped())
		}
	})
}

func TestConfig(t *testing.T) {
	for _, test := range []struct {
		config otlp.Config
		want   string
	}{
		{otlp.Config{Endpoint: "localhost:4318"}, `otlp: endpoint "localhost:4318": want a URL, http://HOST:PORT or https://HOST:PORT`},
		{otlp.Config{Endpoint: "http://"}, `otlp: endpoint "http://": want a URL, http://HOST:PORT or https://HOST:PORT`},
		{otlp.Config{Endpoint: "http://a b"}, `otlp: endpoint "http://a b": invalid character " " in host name`},
		{otlp.Config{Endpoint: "http://a/v1/logs", Protocol: otlp.GRPC}, `otlp: endpoint "http://a/v1/logs": there is no path with gRPC`},
		{otlp.Config{Endpoint: "http://u:p@a"}, `otlp: endpoint "http://u:p@a": want a URL, http://HOST:PORT or https://HOST:PORT`},
		{otlp.Config{Headers: map[string]string{"a b": "c"}}, `otlp: header "a b": its name or its value is none of HTTP`},
		{otlp.Config{Headers: map[string]string{"a": "c\n"}}, `otlp: header "a": its name or its value is none of HTTP`},
		{otlp.Config{Protocol: 7}, `otlp: unknown protocol 7`},
	} {
		h, err := otlp.Open(test.config)
		if err == nil {
			h.Close()
		}
		if fmt.Sprint(err) != test.want {
			t.Errorf("got  %v\nwant %v", err, test.want)
		}
	}
}
