package otelbridge_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	oteltest "go.opentelemetry.io/otel/sdk/trace/tracetest"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/spanstack/spanstack/internal/otelcol"
	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/otelbridge"
)

// A collector is a real one, which forwards what it gets as JSON to a server of the test.
type collector struct {
	program, config string
	grpc, http      string // addresses
	cmd             *exec.Cmd

	mu    sync.Mutex
	spans map[oteltrace.SpanID]oteltest.SpanStub
	took  int // spans, those that came twice included
}

func startCollector(t *testing.T) *collector {
	t.Helper()
	program, err := otelcol.Path()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(program); err != nil {
		if os.Getenv("SPANSTACK_REQUIRE_COLLECTOR") != "" {
			t.Fatalf("there is no collector (make collector builds one): %v", err)
		}
		t.Skipf("there is no collector (make collector builds one): %v", err)
	}
	c := &collector{program: program, grpc: freeAddress(t), http: freeAddress(t), spans: map[oteltrace.SpanID]oteltest.SpanStub{}}
	sink := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.receive(t, w, r) }))
	t.Cleanup(sink.Close)
	c.config = filepath.Join(t.TempDir(), "collector.yaml")
	// Without a queue, the collector takes what it has forwarded, and nothing else.
	config := fmt.Sprintf(`
receivers:
  otlp:
    protocols:
      grpc: {endpoint: %s}
      http: {endpoint: %s}
exporters:
  otlphttp:
    endpoint: %s
    encoding: json
    compression: none
    sending_queue: {enabled: false}
service:
  telemetry:
    metrics: {level: none}
    logs: {level: error}
  pipelines:
    traces: {receivers: [otlp], exporters: [otlphttp]}
`, c.grpc, c.http, sink.URL)
	if err := os.WriteFile(c.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	c.start(t)
	t.Cleanup(func() { c.stop(t) })
	return c
}

func freeAddress(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (c *collector) start(t *testing.T) {
	t.Helper()
	c.cmd = exec.Command(c.program, "--config", c.config)
	c.cmd.Stdout, c.cmd.Stderr = os.Stderr, os.Stderr
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("tcp", c.grpc)
		if err == nil {
			conn.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the collector doesn't listen: %v", err)
		}
	}
}

func (c *collector) stop(t *testing.T) {
	if c.cmd == nil {
		return
	}
	c.cmd.Process.Signal(syscall.SIGTERM)
	if err := c.cmd.Wait(); err != nil {
		t.Errorf("the collector: %v", err)
	}
	c.cmd = nil
}

// exporter returns one that sends to the collector.
func (c *collector) exporter(t *testing.T, protocol string) sdktrace.SpanExporter {
	t.Helper()
	var e sdktrace.SpanExporter
	var err error
	if protocol == "grpc" {
		e, err = otlptracegrpc.New(t.Context(), otlptracegrpc.WithEndpoint(c.grpc), otlptracegrpc.WithInsecure(), otlptracegrpc.WithTimeout(2*time.Second),
			otlptracegrpc.WithRetry(otlptracegrpc.RetryConfig{}))
	} else {
		e, err = otlptracehttp.New(t.Context(), otlptracehttp.WithEndpoint(c.http), otlptracehttp.WithInsecure(), otlptracehttp.WithTimeout(2*time.Second),
			otlptracehttp.WithRetry(otlptracehttp.RetryConfig{}))
	}
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestCollector: what a real collector has got from our exporter, after its own decoding and encoding, is what the
// program made, as an SDK has it, and nothing else.
func TestCollector(t *testing.T) {
	for _, protocol := range []string{"grpc", "http"} {
		t.Run(protocol, func(t *testing.T) {
			c := startCollector(t)
			b, base := newBridge(t)
			memory := &keeping{oteltest.NewInMemoryExporter()}
			use(base, sdktrace.NewTracerProvider(sdktrace.WithSyncer(memory)))
			use(base, b.TracerProvider())
			x := b.Export(c.exporter(t, protocol), otelbridge.ExportConfig{Resource: resource.NewSchemaless(attribute.String("service.name", "bridge"))})
			if err := x.Close(); err != nil || x.Lost() > 0 {
				t.Fatalf("%v, %d lost", err, x.Lost())
			}
			want := memory.GetSpans()
			if len(c.spans) != len(want) || c.took != len(want) {
				t.Errorf("%d spans came, %d of them different, want %d", c.took, len(c.spans), len(want))
			}
			byName := map[string]oteltest.SpanStub{}
			for _, s := range c.spans {
				byName[s.Name] = s
				if v, _ := s.Resource.Set().Value("service.name"); v.AsString() != "bridge" {
					t.Errorf("%s: resource %v", s.Name, s.Resource)
				}
			}
			for _, w := range want {
				g, ok := byName[w.Name]
				if !ok {
					t.Errorf("there is no %q", w.Name)
					continue
				}
				for i, l := range w.Links { // OpenTelemetry's exporter leaves out the tracestate of links
					w.Links[i].SpanContext = l.SpanContext.WithTraceState(oteltrace.TraceState{})
				}
				compare(t, g, w)
				if w.Parent.IsValid() && (g.Parent.SpanID() != byName["parent"].SpanContext.SpanID() || g.SpanContext.TraceID() != byName["parent"].SpanContext.TraceID()) {
					t.Errorf("%s: parent %v", w.Name, g.Parent)
				}
			}
		})
	}
}

// TestCollectorStops: while there is no collector, the program goes on, and afterwards all that was made has come or is
// counted as lost.
func TestCollectorStops(t *testing.T) {
	for _, test := range []struct {
		protocol string
		ring     int // bytes of the flight recorder
		losses   bool
	}{{"grpc", 16 << 20, false}, {"http", 16 << 20, false}, {"grpc", 256 << 10, true}, {"http", 256 << 10, true}} {
		t.Run(fmt.Sprint(test.protocol, " ", test.ring>>10, " KiB"), func(t *testing.T) {
			c := startCollector(t)
			rec := trace.NewRecorder(trace.Config{Bytes: test.ring})
			b := otelbridge.New(rec)
			x := b.Export(c.exporter(t, test.protocol), otelbridge.ExportConfig{Interval: 20 * time.Millisecond, Shutdown: 30 * time.Second})
			ctx := trace.WithRecorder(t.Context(), rec)
			made := map[oteltrace.SpanID]bool{}
			spans := func(n int) {
				for range n {
					_, task := trace.WithTask(ctx, "task")
					made[spanID(task)] = true
					task.End()
				}
			}
			spans(1000)
			if err := x.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			c.stop(t)
			spans(1000)
			time.Sleep(200 * time.Millisecond) // it is tried
			spans(20_000)
			c.start(t)
			spans(1000)
			if err := x.Close(); err != nil && !test.losses {
				t.Fatal(err)
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			for id := range c.spans {
				if !made[id] {
					t.Errorf("%v came, which nobody made", id)
				}
			}
			came, lost := uint64(len(c.spans)), x.Lost()
			if came+lost != uint64(len(made)) || x.Exported() != came || (lost > 0) != test.losses || came < 2000 {
				t.Errorf("%d made, %d came, %d exported, %d lost", len(made), came, x.Exported(), lost)
			}
		})
	}
}

// receive takes what the collector forwards.
func (c *collector) receive(t *testing.T, w http.ResponseWriter, r *http.Request) {
	var traces struct {
		ResourceSpans []struct {
			Resource   struct{ Attributes []keyValue }
			ScopeSpans []struct {
				Scope struct {
					Name, Version string
					Attributes    []keyValue
				}
				SchemaURL string `json:"schemaUrl"`
				Spans     []spanJSON
			}
		}
	}
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(body, &traces)
	}
	if err != nil || r.URL.Path != "/v1/traces" {
		t.Errorf("%s: %v\n%s", r.URL, err, body)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, rs := range traces.ResourceSpans {
		for _, ss := range rs.ScopeSpans {
			for _, s := range ss.Spans {
				stub := s.stub(t)
				stub.Resource = resource.NewSchemaless(attrsOf(t, rs.Resource.Attributes)...)
				stub.InstrumentationScope = instrumentation.Scope{Name: ss.Scope.Name, Version: ss.Scope.Version, SchemaURL: ss.SchemaURL,
					Attributes: attribute.NewSet(attrsOf(t, ss.Scope.Attributes)...)}
				c.spans[stub.SpanContext.SpanID()] = stub
				c.took++
			}
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write([]byte("{}"))
}

// These are of OTLP/JSON: IDs are hexadecimal, and integers of 64 bits are strings.
type (
	spanJSON struct {
		TraceID, SpanID, ParentSpanID, TraceState, Name string
		Kind                                            int
		Flags                                           uint32
		StartTimeUnixNano, EndTimeUnixNano              string
		Attributes                                      []keyValue
		Events                                          []struct {
			TimeUnixNano, Name string
			Attributes         []keyValue
		}
		Links []struct {
			TraceID, SpanID, TraceState string
			Flags                       uint32
			Attributes                  []keyValue
		}
		Status struct {
			Code    int
			Message string
		}
	}
	keyValue struct {
		Key   string
		Value anyValue
	}
	anyValue struct {
		StringValue *string
		BoolValue   *bool
		IntValue    *string
		DoubleValue any
		BytesValue  *string
		ArrayValue  *struct{ Values []anyValue }
		KvlistValue *struct{ Values []keyValue }
	}
)

func (s *spanJSON) stub(t *testing.T) oteltest.SpanStub {
	out := oteltest.SpanStub{
		Name: s.Name, SpanKind: oteltrace.SpanKind(s.Kind), SpanContext: contextOf(t, s.TraceID, s.SpanID, s.TraceState, s.Flags),
		StartTime: timeOf(t, s.StartTimeUnixNano), EndTime: timeOf(t, s.EndTimeUnixNano), Attributes: attrsOf(t, s.Attributes),
	}
	if s.ParentSpanID != "" {
		out.Parent = contextOf(t, s.TraceID, s.ParentSpanID, "", s.Flags)
	}
	for _, e := range s.Events {
		out.Events = append(out.Events, sdktrace.Event{Name: e.Name, Time: timeOf(t, e.TimeUnixNano), Attributes: attrsOf(t, e.Attributes)})
	}
	for _, l := range s.Links {
		out.Links = append(out.Links, sdktrace.Link{SpanContext: contextOf(t, l.TraceID, l.SpanID, l.TraceState, l.Flags), Attributes: attrsOf(t, l.Attributes)})
	}
	// In OTLP, Ok is 1 and Error is 2.
	out.Status = sdktrace.Status{Code: []codes.Code{codes.Unset, codes.Ok, codes.Error}[s.Status.Code], Description: s.Status.Message}
	return out
}

func contextOf(t *testing.T, traceID, id, state string, flags uint32) oteltrace.SpanContext {
	var c oteltrace.SpanContextConfig
	if _, err := hex.Decode(c.TraceID[:], []byte(traceID)); err != nil {
		t.Error(err)
	}
	if _, err := hex.Decode(c.SpanID[:], []byte(id)); err != nil {
		t.Error(err)
	}
	c.TraceFlags = oteltrace.TraceFlags(flags & 0xff)
	c.TraceState, _ = oteltrace.ParseTraceState(state)
	return oteltrace.NewSpanContext(c)
}

func timeOf(t *testing.T, nanos string) time.Time {
	n, err := strconv.ParseInt(nanos, 10, 64)
	if err != nil {
		t.Error(err)
	}
	return time.Unix(0, n)
}

func attrsOf(t *testing.T, list []keyValue) (attrs []attribute.KeyValue) {
	for _, kv := range list {
		attrs = append(attrs, attribute.KeyValue{Key: attribute.Key(kv.Key), Value: kv.Value.value(t)})
	}
	return attrs
}

func (v *anyValue) value(t *testing.T) attribute.Value {
	switch {
	case v.StringValue != nil:
		return attribute.StringValue(*v.StringValue)
	case v.BoolValue != nil:
		return attribute.BoolValue(*v.BoolValue)
	case v.IntValue != nil:
		n, err := strconv.ParseInt(*v.IntValue, 10, 64)
		if err != nil {
			t.Error(err)
		}
		return attribute.Int64Value(n)
	case v.DoubleValue != nil:
		f, err := strconv.ParseFloat(fmt.Sprint(v.DoubleValue), 64)
		if err != nil {
			t.Error(err)
		}
		return attribute.Float64Value(f)
	case v.BytesValue != nil:
		b, err := base64.StdEncoding.DecodeString(*v.BytesValue)
		if err != nil {
			t.Error(err)
		}
		return attribute.ByteSliceValue(b)
	case v.ArrayValue != nil:
		var list []attribute.Value
		for _, e := range v.ArrayValue.Values {
			list = append(list, e.value(t))
		}
		return typed(list)
	case v.KvlistValue != nil:
		return attribute.MapValue(attrsOf(t, v.KvlistValue.Values)...)
	}
	return attribute.Value{}
}

// typed returns a list of values of one type as a list of that type: OTLP has only one sort of lists.
func typed(list []attribute.Value) attribute.Value {
	for _, v := range list {
		if v.Type() != list[0].Type() {
			return attribute.SliceValue(list...)
		}
	}
	var (
		texts  []string
		bools  []bool
		ints   []int64
		floats []float64
	)
	for _, v := range list {
		switch v.Type() {
		case attribute.STRING:
			texts = append(texts, v.AsString())
		case attribute.BOOL:
			bools = append(bools, v.AsBool())
		case attribute.INT64:
			ints = append(ints, v.AsInt64())
		case attribute.FLOAT64:
			floats = append(floats, v.AsFloat64())
		}
	}
	switch {
	case texts != nil:
		return attribute.StringSliceValue(texts)
	case bools != nil:
		return attribute.BoolSliceValue(bools)
	case ints != nil:
		return attribute.Int64SliceValue(ints)
	}
	return attribute.Float64SliceValue(floats)
}
