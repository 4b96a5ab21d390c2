package jaeger_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	_ "github.com/spanstack/spanstack/tracefmt/all"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/internal/spans/spanstest"
	"github.com/spanstack/spanstack/tracefmt/jaeger"
	"github.com/spanstack/spanstack/tracefmt/otlp"
)

// TestOracle compares a trace in Jaeger's JSON with what Jaeger made it of: OTLP. Jaeger doesn't keep a resource's schema.
func TestOracle(t *testing.T) {
	in, err := os.ReadFile("testdata/otlp2jaeger-in.json")
	if err != nil {
		t.Fatal(err)
	}
	want, err := fmttest.ReadAll(otlp.FormatJSON.NewReader(bytes.NewReader(in)))
	if err != nil {
		t.Fatal(err)
	}
	out, err := os.ReadFile("testdata/otlp2jaeger-out.json")
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		want[i].Attrs = slices.DeleteFunc(want[i].Attrs, func(a tracefmt.Attr) bool { return a.Key == "otel.resource.schema_url" })
	}
	got := read(t, out)
	spanstest.Same(t, got, want)
	fmttest.Diff(t, "with tracks", fmttest.ContentOf(got, tracefmt.KeepsAll), fmttest.ContentOf(want, tracefmt.KeepsAll))
}

const (
	oneSpan  = `{"traceID":"1","spanID":"a","operationName":"n","startTime":5,"duration":2%s}`
	oneTrace = `{"traceID":"1","spans":[` + oneSpan + `],"processes":{"p1":{"serviceName":"s"}}}`
)

func TestReader(t *testing.T) {
	const head = `complete on /%s at 5000 "n" cat "span" id "000000000000000a" parent "%s" dur 2000 {%s "trace_id":5:"00000000000000000000000000000001"%s }`
	plain := fmt.Sprintf(head, "", "", "", "")
	for _, c := range []struct{ name, members, want string }{
		{"nothing else", ``, plain},
		{"nulls", `,"references":null,"tags":null,"logs":null,"process":null,"warnings":null,"flags":null,"parentSpanID":null`, plain},
		{"deprecated parent", `,"parentSpanID":"B"`, fmt.Sprintf(head, "", "000000000000000b", "", "")},
		{"no parent", `,"parentSpanID":"0000000000000000"`, plain},
		{"parent by reference", `,"parentSpanID":"b","references":[{"refType":"CHILD_OF","traceID":"1","spanID":"c"}]`,
			fmt.Sprintf(head, "", "000000000000000c", "", "")},
		{"parent that is followed", `,"references":[{"refType":"FOLLOWS_FROM","traceID":"00000000000000000000000000000001","spanID":"c"}]`,
			fmt.Sprintf(head, "", "000000000000000c", ` "opentracing.ref_type":5:"follows_from"`, "")},
		{"links", `,"references":[{"refType":"CHILD_OF","traceID":"2","spanID":"c"},{"refType":"FOLLOWS_FROM","traceID":"2","spanID":"d"}]`,
			plain + "\n" + `instant on / at 5000 "link" cat "link" id "" parent "000000000000000a" { "link.span":5:"000000000000000c" "link.trace":5:"00000000000000000000000000000002" "opentracing.ref_type":5:"child_of" }` +
				"\n" + `instant on / at 5000 "link" cat "link" id "" parent "000000000000000a" { "link.span":5:"000000000000000d" "link.trace":5:"00000000000000000000000000000002" }`},
		{"types", `,"tags":[{"key":"a","type":"string","value":"x"},{"key":"b","type":"bool","value":true},{"key":"c","type":"int64","value":-5},{"key":"d","type":"float64","value":5},` +
			`{"key":"e","type":"binary","value":"AAE="},{"key":"f","value":1.5},{"key":"g","type":"string","value":[1, 2]},{"key":"h","type":"string","value":null},{"key":"i","type":"new","value":7}]`,
			fmt.Sprintf(head, "", "", ` "a":5:"x" "b":1:"true" "c":2:"-5" "d":4:"5" "e":6:"{\"otel.bytes\":\"AAE=\"}" "f":4:"1.5" "g":6:"[1,2]" "h":6:"null" "i":2:"7"`, "")},
		{"types as strings", `,"tags":[{"key":"b","type":"bool","value":"false"},{"key":"c","type":"int64","value":"9223372036854775807"},{"key":"d","type":"float64","value":"NaN"},{"value":"x","type":"int64","key":"e"},{"type":"binary","key":"f","value":"\n"}]`,
			fmt.Sprintf(head, "", "", ` "b":1:"false" "c":2:"9223372036854775807" "d":4:"NaN" "e":5:"x" "f":5:"\n"`, "")},
		{"what stands for fields", `,"tags":[{"key":"span.kind","type":"string","value":"client"},{"key":"otel.scope.name","type":"string","value":"l"},{"key":"otel.scope.version","type":"string","value":"1"},` +
			`{"key":"otel.status_code","type":"string","value":"ERROR"},{"key":"error","type":"bool","value":true},{"key":"otel.status_description","type":"string","value":"m"},{"key":"w3c.tracestate","type":"string","value":"a=b"},{"key":"x","value":1}]`,
			fmt.Sprintf(head, "", "", ` "x":2:"1"`, ` "span.kind":5:"client" "otel.scope.name":5:"l" "otel.scope.version":5:"1" "otel.trace_state":5:"a=b" "error":5:"m"`)},
		{"internal", `,"tags":[{"key":"span.kind","type":"string","value":"internal"},{"key":"otel.status_code","type":"string","value":"OK"}]`,
			fmt.Sprintf(head, "", "", "", ` "otel.status_code":5:"OK"`)},
		{"error alone", `,"tags":[{"key":"error","type":"bool","value":true}]`, fmt.Sprintf(head, "", "", "", ` "error":1:"true"`)},
		{"no error", `,"tags":[{"key":"error","type":"bool","value":false}]`, fmt.Sprintf(head, "", "", ` "error":1:"false"`, "")},
		{"thread", `,"tags":[{"key":"thread.id","type":"int64","value":7},{"key":"thread.name","type":"string","value":"main"}]`, fmt.Sprintf(head, "7", "", "", "")},
		{"flags", `,"flags":3,"warnings":["w"]`, fmt.Sprintf(head, "", "", ` "jaeger.flags":2:"3" "jaeger.warnings":6:"[\"w\"]"`, "")},
		{"sampled", `,"flags":1`, plain},
		{"nanoseconds", `,"tags":[{"key":"spanstack.ns","type":"string","value":"7 8"}]`, strings.Replace(strings.Replace(plain, "5000", "5007", 1), "2000", "2008", 1)},
		{"nanoseconds that aren't ours", `,"tags":[{"key":"spanstack.ns","type":"string","value":"99999 8"}]`, fmt.Sprintf(head, "", "", ` "spanstack.ns":5:"99999 8"`, "")},
		{"open", `,"tags":[{"key":"spanstack.open","type":"bool","value":true}]`, strings.Replace(plain, "2000", "-1", 1)},
		{"log", `,"logs":[{"timestamp":6,"fields":[{"key":"k","value":1},{"key":"event","type":"string","value":"e"}]},{"fields":[]}]`,
			plain + "\n" + `instant on / at 6000 "e" cat "event" id "" parent "000000000000000a" { "k":2:"1" }`},
		{"log line", `,"logs":[{"timestamp":6.5,"fields":[{"key":"level","type":"string","value":"warning"},{"key":"message","type":"string","value":"m"},{"key":"event","type":"int64","value":5}]}]`,
			plain + "\n" + `log on / at 6500 "m" cat "" id "" parent "000000000000000a" severity WARN { "event":2:"5" }`},
		{"level of something else", `,"logs":[{"timestamp":6,"fields":[{"key":"event","type":"string","value":"e"},{"key":"level","type":"string","value":"ground"}]}]`,
			plain + "\n" + `instant on / at 6000 "e" cat "event" id "" parent "000000000000000a" { "level":5:"ground" }`},
		{"unknown members", `,"startTimeMillis":0,"tag":{"a":[{}]}`, plain},
		{"second start", `,"startTime":"7"`, strings.Replace(plain, "5000", "7000", 1)},
	} {
		span := fmt.Sprintf(oneSpan, c.members)
		for _, container := range []string{"%s", "[%s]", "[[%s]]", "\ufeff%s\n", `{"traceID":"1","spans":[%s]}`, `{"data":[{"spans":[%s],"traceID":"1"}],"errors":null}`,
			`[{"processes":{},"spans":[ %s , ]}]`, "{\"total\":0,\"x\":{\"data\":[5]},\"data\":[{\"traceID\":\"1\",\"spans\":[%s],\"processes\":null,\"warnings\":null}]}"} {
			text := fmt.Sprintf(container, span)
			timed := fmttest.ContentOf(read(t, []byte(text)), tracefmt.KeepsAll).Timed
			if got := strings.Join(timed[1:], "\n"); got != c.want {
				t.Errorf("%s in %q:\n got %s\nwant %s", c.name, container, got, c.want)
			}
			events := read(t, []byte(text))
			spanstest.Same(t, read(t, write(t, events)), events)
		}
	}
}

// TestProcesses reads processes that come before or after their spans, inside of them, twice, or not at all.
func TestProcesses(t *testing.T) {
	span := func(member string) string { return fmt.Sprintf(oneSpan, member) }
	const processes = `"processes":{"p1":{"serviceName":"s","tags":[{"key":"process.pid","type":"int64","value":7},{"key":"host","type":"string","value":"h"}]},"p2":{"serviceName":"t"}}`
	spansText := `"spans":[` + span(`,"processID":"p1"`) + "," + span(`,"processID":"p2"`) + "," + span(`,"processID":"p1"`) + "]"
	named := "process  \"t\" order 0 { }\nprocess 7 \"s\" order 0 { \"host\":5:\"h\" }"
	for _, c := range []struct {
		name, text string
		held       int
		processes  string
	}{
		{"after", "{" + spansText + "," + processes + "}", 0, named},
		{"before", "{" + processes + "," + spansText + "}", 0, named},
		{"after, too late", "{" + spansText + "," + processes + "}", 1, named},
		{"after, late", "{" + spansText + "," + processes + "}", 150, named},
		{"not at all", "{" + spansText + "}", 0, "process  \"\" order 0 { }\nprocess  \"\" order 0 { }"},
		{"in the same trace again", "[{" + spansText + "," + processes + "},{" + spansText + "," + processes + "}]", 0, named},
		{"inside", "[" + span(`,"process":{"serviceName":"t"}`) + "," + span(`,"process":{"tags":[],"serviceName":"t"}`) + "]", 0, "process  \"t\" order 0 { }"},
	} {
		r := jaeger.NewReader(strings.NewReader(c.text))
		r.MaxHeld = c.held
		events, err := fmttest.ReadAll(r)
		if err != nil {
			t.Fatal(c.name, err)
		}
		declared := map[tracefmt.TrackID]bool{0: true}
		for _, e := range events {
			if !e.Kind.Timed() {
				declared[e.Track] = true
			} else if !declared[e.Track] {
				t.Errorf("%s: %v on a track that isn't declared", c.name, e.Kind)
			}
		}
		var got []string
		for _, line := range fmttest.ContentOf(events, tracefmt.KeepsAll).Meta {
			if strings.HasPrefix(line, "process") {
				got = append(got, line)
			}
		}
		if text := strings.Join(got, "\n"); text != c.processes {
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, text, c.processes)
		}
	}
}

func TestErrors(t *testing.T) {
	span := fmt.Sprintf(oneSpan, "")
	for _, c := range []struct {
		text   string
		spans  int
		want   string
		offset int64
	}{
		{"", 0, "input is cut short", 0},
		{" [", 0, "input is cut short", 2},
		{`{"spans":[` + span + "," + span + `,{"spanID"`, 2, "input is cut short", 10 + 2*int64(len(span)+1) + 9},
		{`{"spans":[` + span + "," + span + `],"processes":{"p1":5`, 2, "input is cut short", -1},
		{`{"spans":[` + span + `},`, 1, "unexpected '}'", 10 + int64(len(span))},
		{`{"spans":[` + span + `]]`, 1, "unexpected ']'", -1},
		{span + " x", 1, "unexpected 'x': neither an array nor an object", int64(len(span)) + 1},
		{`{"traceEvents":[]}`, 0, "no trace of Jaeger: an object without \"data\", \"spans\" and \"spanID\"", 0},
		{"[[[[[[[[[[", 0, "nested deeper than 8", 8},
		{`[{"spanID":"a","x":` + strings.Repeat("[", 600), 0, "nested deeper than 512", -1},
		{"x", 0, "unexpected 'x': neither an array nor an object", 0},
	} {
		events, err := fmttest.ReadAll(jaeger.NewReader(strings.NewReader(c.text)))
		syntax, ok := errors.AsType[*tracefmt.SyntaxError](err)
		if !ok || syntax.Err.Error() != c.want || c.offset >= 0 && syntax.Offset != c.offset {
			t.Errorf("%.60q: %v, want %q at %d", c.text, err, c.want, c.offset)
		}
		n := 0
		for _, e := range events {
			if e.Kind == tracefmt.Complete {
				n++
			}
		}
		if n != c.spans {
			t.Errorf("%.60q: %d spans before the error, want %d", c.text, n, c.spans)
		}
	}
}

func TestLosses(t *testing.T) {
	span := fmt.Sprintf(oneSpan, "")
	for text, want := range map[string]string{
		`[5,"x",{"a":1},` + span + `,null]`:                  "[element that is no object (3x, first at byte 1) object that is neither a trace nor a span (1x, first at byte 7)]",
		`{"spans":[5,` + span + `],"warnings":["a","b"]}`:    "[element of a list of spans that is no object (1x, first at byte 10) warning about a trace (2x, first at byte 100)]",
		`{"data":null,"errors":[{"code":404,"msg":"gone"}]}`: "[error that Jaeger's answer tells of (1x, first at byte 22)]",
		`[{"spanID":"a"},{"startTime":5},{"spanID":"a","startTime":5,"duration":-1,"traceID":"x","logs":[{}]}]`: "[log without a timestamp (1x, first at byte 32) negative duration, taken for 0 (1x, first at byte 32)" +
			" span without a start (1x, first at byte 1) span without an ID (1x, first at byte 16) trace ID that is no hexadecimal number, replaced by one (1x, first at byte 32)]",
	} {
		r := jaeger.NewReader(strings.NewReader(text))
		if _, err := fmttest.ReadAll(r); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if got := fmt.Sprint(r.Losses()); got != want {
			t.Errorf("%s:\n got %s\nwant %s", text, got, want)
		}
	}
}

// TestForeignIDs: IDs may be any text, and come back.
func TestForeignIDs(t *testing.T) {
	events := read(t, []byte(`[{"traceID":"t","spanID":"Root span","startTime":1,"duration":1},{"traceID":"t","spanID":"x","startTime":1,"duration":1,"references":[{"refType":"CHILD_OF","traceID":"t","spanID":"Root span"}]}]`))
	for range 2 {
		for _, line := range []string{`id "Root span" parent ""`, `id "x" parent "Root span"`} {
			if text := fmttest.ContentOf(events, tracefmt.KeepsAll).String(); !strings.Contains(text, line) {
				t.Errorf("%s isn't in\n%s", line, text)
			}
		}
		events = read(t, write(t, events))
	}
}

// TestUnchanged: a trace that is read and written says the same as before.
func TestUnchanged(t *testing.T) {
	text, err := os.ReadFile("testdata/unchanged.json")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := parse(t, write(t, read(t, text))), parse(t, text); !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s", write(t, read(t, text)))
	}
}

func parse(t *testing.T, text []byte) (v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestDetect(t *testing.T) {
	long := strings.Repeat(" ", 2*tracefmt.DetectBytes)
	for text, want := range map[string]string{
		`{"data":[]}`:                                         "jaeger",
		`{ "data" : [ ] , "total" : 0`:                        "jaeger",
		fmt.Sprintf(oneTrace, ""):                             "jaeger",
		"[" + fmt.Sprintf(oneSpan, "") + long:                 "jaeger",
		`{"data":[{"traceID":"1","spans":[` + long:            "jaeger",
		`{"data":[{"traceId":"1","id":"2","timestamp":3}]}`:   "zipkin",
		`{"traceEvents":[{"args":{"traceID":1},"ph":"X"}]}`:   "chrome",
		`[{"traceId":"1","id":"2","name":"x","timestamp":1}]`: "zipkin",
	} {
		prefix := []byte(text)
		got := tracefmt.Detect(prefix[:min(len(prefix), tracefmt.DetectBytes)])
		if got == nil || got.Name != want {
			t.Errorf("%.60q is taken for %v, want %s", text, got, want)
		}
	}
}

// TestMemory reads traces that are large together, and one that is large by itself.
func TestMemory(t *testing.T) {
	const size = 24 << 20
	span := fmt.Sprintf(oneSpan, `,"processID":"p1","tags":[{"key":"k","type":"string","value":"`+strings.Repeat("v", 1000)+`"}]`)
	trace := `{"traceID":"1","spans":[` + span + "," + span + `],"processes":{"p1":{"serviceName":"s"}}},`
	for _, c := range []struct{ name, head, body, tail string }{
		{"many traces", `{"data":[`, trace, `]}`},
		{"one trace", `{"spans":[`, span + ",", `],"processes":{"p1":{"serviceName":"s"}}}`},
	} {
		text := c.head + strings.Repeat(c.body, size/len(c.body)) + c.tail
		r := jaeger.NewReader(strings.NewReader(text))
		r.MaxHeld = 1 << 20
		var most, before runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		n := 0
		for {
			if _, err := r.Next(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			if n++; n%20_000 == 0 {
				runtime.GC()
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most.HeapAlloc = max(most.HeapAlloc, m.HeapAlloc)
			}
		}
		runtime.KeepAlive(text)
		if n < size/len(span)*9/10 {
			t.Errorf("%s: only %d events", c.name, n)
		}
		if grown := int64(most.HeapAlloc) - int64(before.HeapAlloc); grown > 8<<20 {
			t.Errorf("%s: the reader holds %d KiB", c.name, grown>>10)
		}
	}
}
