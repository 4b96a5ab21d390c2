package stdouttrace_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/stdouttrace"
)

var update = flag.Bool("update", false, "rewrite the golden file")

// stubs are spans as the SDK hands them to its exporter.
func stubs() tracetest.SpanStubs {
	start := time.Date(2026, 1, 31, 9, 5, 0, 123456789, time.UTC)
	context := func(span byte, remote bool) trace.SpanContext {
		state, err := trace.ParseTraceState("vendor=x")
		if err != nil {
			panic(err)
		}
		return trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1, 2, 15: 3}, SpanID: trace.SpanID{7: span},
			TraceFlags: trace.FlagsSampled, TraceState: state, Remote: remote})
	}
	library := instrumentation.Scope{Name: "my.library", Version: "1.0.0", SchemaURL: "https://opentelemetry.io/schemas/1.40.0",
		Attributes: attribute.NewSet(attribute.String("scope", "attribute"))}
	program := resource.NewSchemaless(attribute.String("service.name", "my.service"), attribute.Int("process.pid", 4242),
		attribute.String("host.name", "a\"b"))
	return tracetest.SpanStubs{
		{Name: "child", SpanContext: context(2, false), Parent: context(1, false), SpanKind: trace.SpanKindClient,
			StartTime: start.Add(time.Millisecond), EndTime: start.Add(2 * time.Millisecond),
			Attributes: []attribute.KeyValue{attribute.Bool("bool", true), attribute.Int64("int", 1<<53+1), attribute.Float64("float", 3),
				attribute.String("text", "é\n<&>"), attribute.BoolSlice("bools", []bool{true, false}), attribute.Int64Slice("ints", []int64{1, 2}),
				attribute.Float64Slice("floats", []float64{1, 2.5}), attribute.StringSlice("texts", []string{"a", "b"}),
				attribute.ByteSlice("bytes", []byte{1, 2, 255}),
				attribute.Slice("mixed", attribute.Int64Value(1), attribute.StringValue("x"), attribute.MapValue(attribute.Float64("y", 2))),
				attribute.Map("map", attribute.String("a", "b"), attribute.Slice("empty"))},
			Events: []sdk.Event{{Name: "exception", Time: start.Add(1500 * time.Microsecond), DroppedAttributeCount: 1,
				Attributes: []attribute.KeyValue{attribute.String("exception.message", "oh")}}},
			Links:             []sdk.Link{{SpanContext: context(9, true), Attributes: []attribute.KeyValue{attribute.Int("n", 1)}}},
			Status:            sdk.Status{Code: codes.Error, Description: "it failed"},
			DroppedAttributes: 1, DroppedEvents: 2, DroppedLinks: 3,
			Resource: program, InstrumentationScope: library},
		{Name: "root", SpanContext: context(1, false), Parent: context(8, true), SpanKind: trace.SpanKindServer,
			StartTime: start, EndTime: start.Add(3 * time.Millisecond), Status: sdk.Status{Code: codes.Ok}, ChildSpanCount: 1, Resource: program},
		{Name: "open", SpanContext: context(3, false), SpanKind: trace.SpanKindInternal, StartTime: start, Resource: program},
	}
}

// printed returns spans as the exporter writes them: compact or, with WithPrettyPrint, with tabs.
func printed(t testing.TB, indent string) []byte {
	t.Helper()
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetIndent("", indent)
	for _, s := range stubs() {
		if err := e.Encode(s); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

func TestConformance(t *testing.T) {
	compact, pretty := printed(t, ""), printed(t, "\t")
	list, err := json.Marshal(stubs())
	if err != nil {
		t.Fatal(err)
	}
	fmttest.RunReader(t, stdouttrace.Format, map[string]fmttest.Input{
		"compact": {Data: compact, More: compact}, "pretty": {Data: pretty}, "array": {Data: list},
	})
}

// TestGolden says what becomes of each member of a span. The oracle is the SDK's own struct, of which the file is made.
func TestGolden(t *testing.T) {
	const path = "testdata/sdk.golden.txt"
	if *update {
		if err := os.WriteFile("testdata/sdk.stdouttrace.json", printed(t, "\t"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, indent := range []string{"", "\t"} {
		events, err := fmttest.ReadAll(stdouttrace.NewReader(bytes.NewReader(printed(t, indent))))
		if err != nil {
			t.Fatal(err)
		}
		got := fmttest.ContentOf(events, tracefmt.KeepsAll).String() + "\n"
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(data) {
			t.Errorf("got\n%s\nwant\n%s", got, data)
		}
	}
}

func TestReader(t *testing.T) {
	const head = `{"Name":"a","SpanContext":{"TraceID":"0102030405060708090a0b0c0d0e0f10","SpanID":"000000000000000a"},`
	const times = `"StartTime":"1970-01-01T00:00:01Z","EndTime":"1970-01-01T00:00:02.000000001Z"`
	for name, c := range map[string]struct{ in, want, losses string }{
		"zone":               {head + `"StartTime":"1970-01-01T02:00:01+02:00","EndTime":"1970-01-01T00:00:02Z"}`, "a 1000000000 1000000000", "[]"},
		"no times":           {head + `"StartTime":"0001-01-01T00:00:00Z","EndTime":"0001-01-01T00:00:00Z"}`, "", "[span without a time (1x, first at byte 0)]"},
		"ends before":        {head + `"StartTime":"1970-01-01T00:00:02Z","EndTime":"1970-01-01T00:00:01Z"}`, "a 2000000000 0", "[span that ends before it starts, made to end at once (1x, first at byte 0)]"},
		"before 1970":        {head + `"StartTime":"1969-01-01T00:00:02Z"}`, "", "[span whose time is out of range (1x, first at byte 0)]"},
		"year 2300":          {head + `"StartTime":"2300-01-01T00:00:02Z"}`, "", "[span whose time is out of range (1x, first at byte 0)]"},
		"concatenated":       {head + times + "}" + head + times + "}", "a 1000000000 1000000001 a 1000000000 1000000001", "[]"},
		"other objects":      {`{"Name":"x"}` + head + times + "}", "a 1000000000 1000000001", "[object that is no span (1x, first at byte 0)]"},
		"array, then object": {" [ " + head + times + "} , " + head + times + "} ]\n" + head + times + "}", "a 1000000000 1000000001 a 1000000000 1000000001 a 1000000000 1000000001", "[]"},
		"old numbers":        {head + times + `,"Status":{"Code":1,"Description":""},"InstrumentationLibrary":{"Name":"l"}}`, "a 1000000000 1000000001 failed", "[]"},
		"nulls":              {head + times + `,"Attributes":null,"Events":null,"Links":null,"Resource":null,"Status":null}`, "a 1000000000 1000000001", "[]"},
		"wrong types":        {head + times + `,"Attributes":5,"Events":{"a":1},"Links":"x","Resource":[1,{"Key":"k"}],"Status":[],"SpanKind":"x","DroppedLinks":-1}`, "a 1000000000 1000000001", "[]"},
	} {
		r := stdouttrace.NewReader(strings.NewReader(c.in))
		events, err := fmttest.ReadAll(r)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var got []string
		for i := range events {
			if e := &events[i]; e.Kind == tracefmt.Complete {
				got = append(got, fmt.Sprintf("%s %d %d", e.Name, e.Time, e.Dur))
				if e.Failed() {
					got = append(got, "failed")
				}
			}
		}
		if text := strings.Join(got, " "); text != c.want || fmt.Sprint(r.Losses()) != c.losses {
			t.Errorf("%s: got %q, losses %v", name, text, r.Losses())
		}
	}
}

func TestErrors(t *testing.T) {
	for in, want := range map[string]string{
		"5":               `read stdouttrace trace: at byte 0: unexpected '5': neither an object nor an array`,
		`{"a":1}`:         `read stdouttrace trace: event 1 at byte 7: no spans in it: no object has a SpanContext`,
		`[{"a":1}{"b":2}`: `read stdouttrace trace: event 1 at byte 8: unexpected '{' between two spans`,
		`[{"a":1},]`:      `read stdouttrace trace: event 1 at byte 9: unexpected ']': neither an object nor an array`,
		`{"Name":}`:       `read stdouttrace trace: event 1 at byte 8: unexpected '}'`,
		`{"Name":"x"`:     `read stdouttrace trace: event 1 at byte 11: input is cut short`,
		`{"SpanContext":{},"StartTime":"2026-01-01T00:00:00Z","Attributes":[{"Key":"k","Value":{"Type":"SLICE","Value":` +
			strings.Repeat(`[{"Type":"SLICE","Value":`, 80) + "[]" + strings.Repeat(`}]`, 80) + `}}]}`: "nested deeper than 64",
	} {
		if _, err := fmttest.ReadAll(stdouttrace.NewReader(strings.NewReader(in))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s: %v, want %s", in, err, want)
		}
	}
}

func TestDetect(t *testing.T) {
	for in, want := range map[string]bool{
		string(printed(t, "")):                                       true,
		string(printed(t, "\t")):                                     true,
		`{"Name":"x"}`:                                               false,
		`{"name":"x","SpanContext":{"TraceID":""}}`:                  false,
		`{"resourceSpans":[{"Name":"SpanContext","TraceID":""}]}`:    false,
		`[{"ph":"X","Name":"SpanContext TraceID"}]`:                  false,
		"[\n" + strings.TrimSpace(string(printed(t, "\t")[:2000])):   true,
		`{"Name":"` + strings.Repeat("long", tracefmt.DetectBytes/4): true,
	} {
		if got := tracefmt.Detect([]byte(in)) == stdouttrace.Format; got != want {
			t.Errorf("%.60q: taken for stdouttrace: %v", in, got)
		}
	}
}

// FuzzReader reads arbitrary bytes. Errors have an offset in the input.
func FuzzReader(f *testing.F) {
	f.Add(printed(f, ""))
	f.Add(printed(f, "\t"))
	f.Add([]byte(`[{"SpanContext":{},"StartTime":"2026-01-01T00:00:00Z","Attributes":[{"Key":"k","Value":{"Type":"MAP","Value":[{"Key":"a","Value":{"Type":"EMPTY","Value":null}}]}}]}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		events, err := fmttest.ReadAll(stdouttrace.NewReader(bytes.NewReader(data)))
		if err != nil {
			syntax, ok := errors.AsType[*tracefmt.SyntaxError](err)
			if !ok || syntax.Offset < 0 || syntax.Offset > int64(len(data)) {
				t.Fatalf("the error isn't a SyntaxError with an offset in the input: %v", err)
			}
		}
		for _, e := range events {
			for _, a := range e.Attrs {
				if a.Value.Kind() == tracefmt.RawValue && !json.Valid([]byte(a.Value.String())) {
					t.Fatalf("attribute %s isn't JSON: %s", a.Key, a.Value)
				}
			}
		}
	})
}
