package otlp_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"flag"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/otlp"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func text(s string) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: s}}
}

func attr(key string, v *commonpb.AnyValue) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: key, Value: v}
}

func list(vs ...*commonpb.AnyValue) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_ArrayValue{ArrayValue: &commonpb.ArrayValue{Values: vs}}}
}

func dict(kvs ...*commonpb.KeyValue) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_KvlistValue{KvlistValue: &commonpb.KeyValueList{Values: kvs}}}
}

func double(f float64) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_DoubleValue{DoubleValue: f}}
}

func integer(n int64) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: n}}
}

// everyValue has an attribute of each type.
func everyValue() []*commonpb.KeyValue {
	data := &commonpb.AnyValue{Value: &commonpb.AnyValue_BytesValue{BytesValue: []byte{0, 1, 255}}}
	yes := &commonpb.AnyValue{Value: &commonpb.AnyValue_BoolValue{BoolValue: true}}
	return []*commonpb.KeyValue{
		attr("text", text("é\n\"<&>")), attr("none", text("")), attr("bool", yes), attr("int", integer(math.MinInt64)),
		attr("double", double(3)), attr("nan", double(math.NaN())), attr("inf", double(math.Inf(-1))), attr("bytes", data),
		attr("empty", &commonpb.AnyValue{}), attr("list", list(text("a"), integer(1), double(1), double(math.Inf(1)), data, list(), &commonpb.AnyValue{}, yes)),
		attr("map", dict(attr("a", dict(attr("b", list(dict()))))))}
}

const second = 1_769_850_300_000_000_000

func traceID(n byte) []byte { return []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, n} }

func spanID(n byte) []byte { return []byte{0xee, 1, 2, 3, 4, 5, 6, n} }

// everything is a message with every field.
func everything() *tracepb.TracesData {
	resource := &resourcepb.Resource{Attributes: append([]*commonpb.KeyValue{attr("service.name", text("shop")), attr("process.pid", integer(4242))}, everyValue()...)}
	scope := &commonpb.InstrumentationScope{Name: "my.library", Version: "1.0.0", Attributes: everyValue()}
	span := &tracepb.Span{TraceId: traceID(1), SpanId: spanID(1), TraceState: "vendor=x", ParentSpanId: spanID(9), Flags: 0x301,
		Name: "GET /", Kind: tracepb.Span_SPAN_KIND_SERVER, StartTimeUnixNano: second + 1, EndTimeUnixNano: second + 1_000_001,
		Attributes: everyValue(), DroppedAttributesCount: 1, DroppedEventsCount: 2, DroppedLinksCount: math.MaxUint32,
		Events: []*tracepb.Span_Event{{TimeUnixNano: second + 5, Name: "exception", Attributes: everyValue(), DroppedAttributesCount: 3}, {TimeUnixNano: second}},
		Links:  []*tracepb.Span_Link{{TraceId: traceID(2), SpanId: spanID(2), TraceState: "y=z", Attributes: everyValue(), DroppedAttributesCount: 4, Flags: 0x302}},
		Status: &tracepb.Status{Code: tracepb.Status_STATUS_CODE_ERROR, Message: "it failed"}}
	kinds := []*tracepb.Span{span}
	for kind := range int32(5) {
		kinds = append(kinds, &tracepb.Span{TraceId: traceID(1), SpanId: spanID(byte(10 + kind)), Name: "of a kind",
			Kind: tracepb.Span_SpanKind(kind + 1), StartTimeUnixNano: second + uint64(kind), EndTimeUnixNano: second + 10})
	}
	kinds = append(kinds, &tracepb.Span{TraceId: traceID(1), SpanId: spanID(20), Name: "open", Kind: tracepb.Span_SPAN_KIND_INTERNAL, StartTimeUnixNano: second,
		Status: &tracepb.Status{Code: tracepb.Status_STATUS_CODE_OK}},
		&tracepb.Span{TraceId: traceID(1), SpanId: spanID(21), Name: "an error without a text", Kind: tracepb.Span_SPAN_KIND_INTERNAL,
			StartTimeUnixNano: second, EndTimeUnixNano: second, Status: &tracepb.Status{Code: tracepb.Status_STATUS_CODE_ERROR}})
	return &tracepb.TracesData{ResourceSpans: []*tracepb.ResourceSpans{{Resource: resource, SchemaUrl: "https://opentelemetry.io/schemas/1.0.0",
		ScopeSpans: []*tracepb.ScopeSpans{{Scope: scope, Spans: kinds, SchemaUrl: "https://opentelemetry.io/schemas/1.40.0"}}}}}
}

func marshal(t testing.TB, m proto.Message) []byte {
	t.Helper()
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func read(t testing.TB, f *tracefmt.Format, data []byte) (events []tracefmt.Event, losses []tracefmt.Loss) {
	t.Helper()
	r := f.NewReader(bytes.NewReader(data))
	events, err := fmttest.ReadAll(r)
	if err != nil {
		t.Fatalf("%s: %v", f.Name, err)
	}
	return events, tracefmt.LossesOf(r)
}

func write(t testing.TB, f *tracefmt.Format, events []tracefmt.Event) []byte {
	t.Helper()
	var out bytes.Buffer
	w := f.NewWriter(&out)
	for i := range events {
		if err := w.Write(&events[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

var jsonID = regexp.MustCompile(`"(traceId|spanId|parentSpanId)":"([0-9a-f]+)"`)

// unmarshal reads what we wrote with the generated code. Its JSON has IDs in base64, OTLP's in hexadecimal.
func unmarshal(t *testing.T, f *tracefmt.Format, data []byte) *tracepb.TracesData {
	t.Helper()
	var m tracepb.TracesData
	var err error
	if f == otlp.Format {
		err = proto.Unmarshal(data, &m)
	} else {
		data = jsonID.ReplaceAllFunc(data, func(member []byte) []byte {
			parts := jsonID.FindSubmatch(member)
			id, err := hex.DecodeString(string(parts[2]))
			if err != nil {
				t.Fatal(err)
			}
			return []byte(`"` + string(parts[1]) + `":"` + base64.StdEncoding.EncodeToString(id) + `"`)
		})
		err = protojson.Unmarshal(data, &m)
	}
	if err != nil {
		t.Fatalf("%s: %v\n%s", f.Name, err, data)
	}
	return &m
}

// TestOracle has the generated code of opentelemetry-proto write a message with every field, and read what we make of
// it. Nothing may be different.
func TestOracle(t *testing.T) {
	want := everything()
	events, losses := read(t, otlp.Format, marshal(t, want))
	if len(losses) > 0 {
		t.Errorf("losses: %v", losses)
	}
	for _, o := range []protojson.MarshalOptions{{UseEnumNumbers: true}, {UseProtoNames: true}, {Multiline: true, EmitUnpopulated: true}} {
		data, err := o.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		fromJSON, losses := read(t, otlp.FormatJSON, data)
		if len(losses) > 0 && !o.UseProtoNames { // "schema_url" after the spans isn't looked for
			t.Errorf("losses: %v", losses)
		}
		if !o.UseProtoNames {
			fmttest.Diff(t, "JSON", fmttest.ContentOf(fromJSON, tracefmt.KeepsAll), fmttest.ContentOf(events, tracefmt.KeepsAll))
		}
	}
	for _, f := range formats {
		got := unmarshal(t, f, write(t, f, events))
		if a, b := marshal(t, got), marshal(t, want); !bytes.Equal(a, b) {
			diff(t, f.Name, got, want)
		}
	}
}

// TestOracleLogs is TestOracle for log records.
func TestOracleLogs(t *testing.T) {
	record := func(body *commonpb.AnyValue) *logspb.LogRecord {
		return &logspb.LogRecord{TimeUnixNano: second, ObservedTimeUnixNano: second, SeverityNumber: 10, SeverityText: "Information",
			Body: body, Attributes: everyValue(), DroppedAttributesCount: 2, Flags: 3, TraceId: traceID(1), SpanId: spanID(1), EventName: "page.view"}
	}
	want := &logspb.LogsData{ResourceLogs: []*logspb.ResourceLogs{{
		Resource: &resourcepb.Resource{Attributes: []*commonpb.KeyValue{attr("service.name", text("shop"))}},
		ScopeLogs: []*logspb.ScopeLogs{{Scope: &commonpb.InstrumentationScope{Name: "my.library"}, LogRecords: []*logspb.LogRecord{
			record(text("hello")), record(dict(attr("a", list(integer(1))))), record(integer(5)), record(nil),
			{TimeUnixNano: second, ObservedTimeUnixNano: second, SeverityNumber: 17, SeverityText: "ERROR", Body: text("")}}}}}}}
	events, losses := read(t, otlp.Format, marshal(t, want))
	if len(losses) > 0 {
		t.Errorf("losses: %v", losses)
	}
	data := write(t, otlp.FormatJSONLines, events)
	data = jsonID.ReplaceAllFunc(data, func(member []byte) []byte {
		parts := jsonID.FindSubmatch(member)
		id, _ := hex.DecodeString(string(parts[2]))
		return []byte(`"` + string(parts[1]) + `":"` + base64.StdEncoding.EncodeToString(id) + `"`)
	})
	var got logspb.LogsData
	if err := protojson.Unmarshal(data, &got); err != nil {
		t.Fatalf("%v\n%s", err, data)
	}
	want.ResourceLogs[0].ScopeLogs[0].LogRecords[3].Body = text("") // the same as none in the model
	if a, b := marshal(t, &got), marshal(t, want); !bytes.Equal(a, b) {
		diff(t, "logs", &got, want)
	}
}

// TestGolden reads the examples of the specification.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/otlp/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		in, err := tracefmt.NewReader(bytes.NewReader(data))
		if err != nil || in.Format != otlp.FormatJSON {
			t.Errorf("%s: %v", file, err)
			continue
		}
		events, err := fmttest.ReadAll(in)
		if err != nil {
			t.Errorf("%s: %v", file, err)
		}
		got := fmttest.ContentOf(events, tracefmt.KeepsAll).String() + "\n"
		golden := file + ".golden.txt"
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s: got\n%s\nwant\n%s", file, got, want)
		}
	}
}

// diff shows where two messages differ. Lines don't depend on the random spaces of protojson.
func diff(t *testing.T, what string, got, want proto.Message) {
	t.Helper()
	lines := func(m proto.Message) (out []string) {
		for line := range strings.Lines(protojson.Format(m)) {
			out = append(out, strings.Join(strings.Fields(line), " "))
		}
		return out
	}
	fmttest.Diff(t, what, fmttest.Content{Timed: lines(got)}, fmttest.Content{Timed: lines(want)})
	t.Errorf("%s: the same as text, but not as bytes", what)
}
