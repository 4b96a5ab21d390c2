package zipkin_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	_ "github.com/spanstack/spanstack/tracefmt/all"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/internal/spans/spanstest"
	"github.com/spanstack/spanstack/tracefmt/zipkin"
)

// TestUnchanged: what is written of Zipkin's files says the same as they do, as package json reads them, in the same order.
func TestUnchanged(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) < 7 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		got := write(t, read(t, text))
		list := parse(t, got)
		for i, span := range parse(t, text) {
			if tags, ok := span["tags"].(map[string]any); ok && tags["error"] != nil && tags["otel.status_code"] == nil {
				delete(list[i]["tags"].(map[string]any), "otel.status_code") // OpenTelemetry wants it beside an error
			}
		}
		if !reflect.DeepEqual(list, parse(t, text)) {
			t.Errorf("%s became\n%s", file, got)
		}
	}
}

func parse(t *testing.T, text []byte) (v []map[string]any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

const oneSpan = `{"traceId":"1","id":"a","timestamp":5,"duration":2%s}`

func TestReader(t *testing.T) {
	const head = `complete on /%s at 5000 "" cat "span" id "000000000000000a" parent "%s" dur 2000 {%s "trace_id":5:"00000000000000000000000000000001"%s }`
	const event = "\n" + `instant on / at 6000 %q cat "event" id "" parent "000000000000000a" {%s }`
	plain := fmt.Sprintf(head, "", "", "", "")
	for _, c := range []struct{ name, members, want string }{
		{"nothing else", ``, plain},
		{"nulls", `,"parentId":null,"kind":null,"name":null,"localEndpoint":null,"remoteEndpoint":null,"annotations":null,"tags":null,"debug":null,"shared":null`, plain},
		{"parent", `,"parentId":"00000000000000AB"`, fmt.Sprintf(head, "", "00000000000000ab", "", "")},
		{"kind", `,"kind":"PRODUCER"`, fmt.Sprintf(head, "", "", "", ` "span.kind":5:"producer"`)},
		{"unknown kind", `,"kind":"LOCAL"`, plain},
		{"flags", `,"debug":true,"shared":true`, fmt.Sprintf(head, "", "", ` "zipkin.shared":1:"true" "zipkin.debug":1:"true"`, "")},
		{"remote", `,"remoteEndpoint":{"serviceName":"db","ipv4":"10.0.0.1","ipv6":"::1","port":80},"localEndpoint":{"port":81}`,
			fmt.Sprintf(head, "", "", ` "net.host.port":2:"81" "peer.service":5:"db" "net.peer.ip":5:"10.0.0.1" "net.peer.ipv6":5:"::1" "net.peer.port":2:"80"`, "")},
		{"remote with IPv6", `,"remoteEndpoint":{"ipv6":"::1"}`, fmt.Sprintf(head, "", "", ` "net.peer.ip":5:"::1"`, "")},
		{"tags", `,"tags":{"a":"1","b":"","c":5,"thread.id":"7"}`, fmt.Sprintf(head, "7", "", ` "a":5:"1" "b":5:"" "c":2:"5"`, "")},
		{"types", `,"tags":{"a":"1","b":"2","c":"1e300","d":"true","e":"[1, 2]","f":"18446744073709551615","g":"","h":"x","spanstack.types":"{\"int\":[\"a\",\"h\",\"z\"],\"float\":[\"b\",\"c\"],\"bool\":[\"d\"],\"json\":[\"e\"],\"uint\":[\"f\"],\"none\":[\"g\"],\"new\":[\"h\"]}"}`,
			fmt.Sprintf(head, "", "", ` "a":2:"1" "b":4:"2" "c":4:"1e+300" "d":1:"true" "e":6:"[1,2]" "f":3:"18446744073709551615" "g":0:"" "h":5:"x"`, "")},
		{"types that are no JSON", `,"tags":{"a":"1","spanstack.types":"{\"int\":[\"a\""}`, fmt.Sprintf(head, "", "", ` "a":5:"1" "spanstack.types":5:"{\"int\":[\"a\""`, "")},
		{"error", `,"tags":{"error":"timeout"}`, fmt.Sprintf(head, "", "", "", ` "error":5:"timeout"`)},
		{"error without a message", `,"tags":{"error":""}`, fmt.Sprintf(head, "", "", "", ` "error":1:"true"`)},
		{"error by status", `,"tags":{"otel.status_code":"ERROR","error":"m"}`, fmt.Sprintf(head, "", "", "", ` "error":5:"m"`)},
		{"status", `,"tags":{"otel.status_code":"OK","otel.scope.name":"l"}`, fmt.Sprintf(head, "", "", "", ` "otel.scope.name":5:"l" "otel.status_code":5:"OK"`)},
		{"nanoseconds", `,"tags":{"spanstack.ns":"7 -8"}`, strings.Replace(strings.Replace(plain, "5000", "5007", 1), "2000", "1992", 1)},
		{"annotations", `,"annotations":[{"timestamp":6,"value":"ws"},{"value":"x"},{"timestamp":6,"value":"\"a b\": {\"k\":1,\"f\":2.0,\"n\":{\"otel.float\":\"NaN\"}}"},{"timestamp":6,"value":"\"a\" b"},{"timestamp":6,"value":"\"a\":{} b"}]`,
			plain + fmt.Sprintf(event, "ws", "") + fmt.Sprintf(event, "a b", ` "k":2:"1" "f":4:"2" "n":4:"NaN"`) + fmt.Sprintf(event, `"a" b`, "") + fmt.Sprintf(event, `"a":{} b`, "")},
		{"second timestamp", `,"timestamp":"7"`, strings.Replace(plain, "5000", "7000", 1)},
		{"unknown members", `,"x":[{"id":"y"}]`, plain},
	} {
		span := fmt.Sprintf(oneSpan, c.members)
		for _, container := range []string{"%s", "\ufeff[%s]", "[[],[%s]]", "[ %s , ]\n[]", "[5,%s,{}]"} {
			text := fmt.Sprintf(container, span)
			timed := fmttest.ContentOf(read(t, []byte(text)), tracefmt.KeepsAll).Timed
			if got := strings.Join(timed[1:], "\n"); got != c.want {
				t.Errorf("%s in %q:\n got %s\nwant %s", c.name, container, got, c.want)
			}
		}
		events := read(t, []byte(span))
		spanstest.Same(t, read(t, write(t, events)), events)
	}
}

// TestTimes reads spans that lack some.
func TestTimes(t *testing.T) {
	for text, want := range map[string]string{
		`{"traceId":"1","id":"a","timestamp":5}`:                                                                        "5000 -1",
		`{"traceId":"1","id":"a","timestamp":5,"duration":0}`:                                                           "5000 0",
		`{"traceId":"1","id":"a","duration":5,"annotations":[{"timestamp":9,"value":"b"},{"timestamp":8,"value":"a"}]}`: "8000 5000",
		`{"traceId":"1","id":"a","duration":1,"tags":{"spanstack.ns":"7 -1000"}}`:                                       "7 0",
		`{"traceId":"1","id":"a","duration":1,"tags":{"spanstack.ns":"0 -1000"}}`:                                       "0 0",
	} {
		for _, e := range read(t, []byte(text)) {
			if got := fmt.Sprint(e.Time, " ", e.Dur); e.Kind == tracefmt.Complete && got != want {
				t.Errorf("%s: %s, want %s", text, got, want)
			}
		}
	}
}

// TestShared reads the halves of a call in any order, with and without the flag, all at once and not. They become two
// spans, the spans of the server are inside of the server's, and the file's IDs come back.
func TestShared(t *testing.T) {
	const client = `{"traceId":"1","id":"b","parentId":"a","kind":"CLIENT","timestamp":5,"duration":9,"localEndpoint":{"serviceName":"x"}}`
	const inside = `{"traceId":"1","id":"c","parentId":"b","timestamp":7,"duration":1,"localEndpoint":{"serviceName":"y"}}`
	const beside = `{"traceId":"1","id":"d","parentId":"b","timestamp":7,"duration":1,"localEndpoint":{"serviceName":"x"}}`
	const elsewhere = `{"traceId":"2","id":"b","timestamp":7,"duration":1,"shared":true,"localEndpoint":{"serviceName":"y"}}`
	half := "5ea74a1f5ea74a14"
	for _, more := range []string{`,"shared":true`, `,"kind":"SERVER"`, `,"kind":"SERVER","shared":true`} {
		server := `{"traceId":"00000000000000000000000000000001","id":"b","parentId":"a","timestamp":6,"duration":7,"localEndpoint":{"serviceName":"y"}` + more + `}`
		spans := []string{client, server, inside, beside, elsewhere}
		for range spans {
			spans = append(spans[1:], spans[0])
			for _, together := range []bool{true, false} {
				r := zipkin.NewReader(strings.NewReader("[" + strings.Join(spans, ",") + "]"))
				if !together {
					if slices.Index(spans, server) < slices.Index(spans, client) {
						continue // nobody could know
					}
					r.MaxHeld = len(client)
				}
				events, err := fmttest.ReadAll(r)
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, e := range events {
					if e.Kind == tracefmt.Complete {
						got = append(got, e.ID+" of "+e.Parent)
					}
				}
				slices.Sort(got)
				want := []string{"000000000000000b of ", "000000000000000b of 000000000000000a", "000000000000000c of " + half,
					"000000000000000d of 000000000000000b", half + " of 000000000000000b"}
				if together && !slices.Equal(got, want) {
					t.Errorf("%s: got %q, want %q", spans, got, want)
				}
				if !slices.Contains(got, half+" of 000000000000000b") {
					t.Errorf("%s, together: %v: got %q", spans, together, got)
				}
				if text := write(t, events); !sameSpans(parse(t, text), parse(t, []byte("["+strings.Join(spans, ",")+"]"))) {
					t.Errorf("%s became\n%s", spans, text)
				}
			}
		}
	}
}

// sameSpans compares lists of spans whose IDs may have leading zeros.
func sameSpans(a, b []map[string]any) bool {
	for _, list := range [][]map[string]any{a, b} {
		for _, s := range list {
			for _, key := range []string{"traceId", "id", "parentId"} {
				if text, ok := s[key].(string); ok {
					s[key] = strings.TrimLeft(text, "0")
				}
			}
		}
	}
	return reflect.DeepEqual(a, b)
}

func TestErrors(t *testing.T) {
	span := fmt.Sprintf(oneSpan, "")
	for _, c := range []struct {
		text   string
		spans  int
		want   string
		offset int
	}{
		{"", 0, "input is cut short", 0},
		{"[" + span + ",", 1, "input is cut short", len(span) + 2},
		{"[" + span + "," + span[:30], 1, "input is cut short", len(span) + 32},
		{span + "\n" + span + "\n{", 2, "input is cut short", 2*len(span) + 3},
		{"[" + span + "}", 1, "unexpected '}'", len(span) + 1},
		{span + "]", 1, "unexpected ']': neither an array nor an object", len(span)},
		{`{"a":1}`, 0, "no span of Zipkin: an object without \"id\" or \"traceId\"", 0},
		{"[[[[[[[[[", 0, "nested deeper than 8", 8},
	} {
		events, err := fmttest.ReadAll(zipkin.NewReader(strings.NewReader(c.text)))
		syntax, ok := errors.AsType[*tracefmt.SyntaxError](err)
		if !ok || syntax.Err.Error() != c.want || syntax.Offset != int64(c.offset) {
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
	const text = `[5,{"a":1},{"traceId":"1","id":"a"},{"traceId":"?","id":"a","timestamp":1,"annotations":[{}],"tags":{"peer.service":"a"},"remoteEndpoint":{"serviceName":"b"}}]`
	const want = "[annotation without a timestamp (1x, first at byte 36) element that is no object (1x, first at byte 1) " +
		"member of an endpoint beside a tag that says something else (1x, first at byte 36) object that is no span: without \"id\" or \"traceId\" (1x, first at byte 3) " +
		"span without a timestamp (1x, first at byte 11) trace ID that is no hexadecimal number, replaced by one (1x, first at byte 36)]"
	r := zipkin.NewReader(strings.NewReader(text))
	if _, err := fmttest.ReadAll(r); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(r.Losses()); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

func TestDetect(t *testing.T) {
	for text, want := range map[string]string{
		fmt.Sprintf(oneSpan, ""):                                       "zipkin",
		"[[" + fmt.Sprintf(oneSpan, ""):                                "zipkin",
		"\ufeff [" + fmt.Sprintf(oneSpan, ""):                          "zipkin",
		`[{"ph":"X","ts":1,"args":{"traceId":"1","id":"2"}}]`:          "chrome",
		`{"data":[{"traceID":"1","spans":[{"traceID":"1","spanID":"2"`: "jaeger",
	} {
		if got := tracefmt.Detect([]byte(text)); got == nil || got.Name != want {
			t.Errorf("%.60q is taken for %v, want %s", text, got, want)
		}
	}
}

// TestMemory reads a long list.
func TestMemory(t *testing.T) {
	const size = 24 << 20
	span := fmt.Sprintf(oneSpan, `,"localEndpoint":{"serviceName":"s"},"tags":{"k":"`+strings.Repeat("v", 1000)+`"}`) + ",\n"
	text := "[" + strings.Repeat(span, size/len(span)) + "]"
	r := zipkin.NewReader(strings.NewReader(text))
	r.MaxHeld = 1 << 20
	var before, m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	n, most := 0, int64(0)
	for {
		if _, err := r.Next(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if n++; n%5_000 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&m)
			most = max(most, int64(m.HeapAlloc)-int64(before.HeapAlloc))
		}
	}
	runtime.KeepAlive(text)
	if n < size/len(span) || most > 8<<20 {
		t.Errorf("%d events, the reader holds %d KiB", n, most>>10)
	}
}
