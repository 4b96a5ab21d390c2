package otlp_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/otlp"
	"google.golang.org/protobuf/encoding/protowire"
)

// field returns a field with a length.
func field(num protowire.Number, content ...[]byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, num, protowire.BytesType), bytes.Join(content, nil))
}

func number(num protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, num, protowire.VarintType), v)
}

func fixed(num protowire.Number, v uint64) []byte {
	return protowire.AppendFixed64(protowire.AppendTag(nil, num, protowire.Fixed64Type), v)
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// span returns a ScopeSpans' field with a span of a second.
func span(name string, extra ...[]byte) []byte {
	return field(2, field(1, traceID(1)), field(2, spanID(1)), field(5, []byte(name)), fixed(7, 1e9), fixed(8, 2e9), join(extra...))
}

func resource(service string) []byte {
	return field(1, field(1, field(1, []byte("service.name")), field(2, field(1, []byte(service)))))
}

func spansOf(service string, spans ...[]byte) []byte {
	return field(1, resource(service), field(2, spans...))
}

// frame returns a message as the collector's file exporter writes it.
func frame(message []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(message))), message...)
}

// short says what events are, by process.
func short(events []tracefmt.Event) string {
	names := map[tracefmt.TrackID]string{}
	process := map[tracefmt.TrackID]tracefmt.TrackID{}
	for _, e := range events {
		switch {
		case e.Kind == tracefmt.Process && e.Name != "":
			names[e.Track] = e.Name
		case e.Kind == tracefmt.Track:
			process[e.Track] = e.Process
		}
	}
	var out []string
	for _, e := range events {
		if e.Kind.Timed() && e.Kind != tracefmt.Clock {
			out = append(out, fmt.Sprintf("%s/%s", names[process[e.Track]], e.Name))
		}
	}
	return strings.Join(out, " ")
}

func TestReader(t *testing.T) {
	metric := field(2, field(1, []byte("a metric's name!")), field(3, []byte("By")), field(5, field(1)))
	logRecord := field(2, fixed(1, 1e9), number(2, 9), field(5, field(1, []byte("log"))))
	for name, c := range map[string]struct {
		in           []byte
		want, losses string
	}{
		"two messages":                 {join(spansOf("a", span("x")), spansOf("b", span("y")), spansOf("a", span("z"))), "a/x b/y a/z", ""},
		"frames":                       {join(frame(spansOf("a", span("x"))), frame(nil), frame(join(spansOf("b", span("y")), spansOf("a", span("z"))))), "a/x b/y a/z", ""},
		"empty frames first":           {join(frame(nil), frame(nil), frame(spansOf("a", span("x")))), "a/x", ""},
		"resource after its spans":     {field(1, field(2, span("x"), span("y")), resource("a")), "a/x a/y", ""},
		"no resource":                  {join(field(1, field(2, span("x"))), field(1, field(2, span("y"))), spansOf("a", span("z"))), "/x /y a/z", ""},
		"scope after its spans":        {field(1, resource("a"), field(2, span("x"), field(1, field(1, []byte("library"))))), "a/x", ""},
		"unknown fields":               {join(number(7, 1), field(9, []byte("x")), field(1, fixed(77, 1), resource("a"), field(1000, []byte("?")), field(2, number(200, 3), span("x", field(99, []byte("y")), number(98, 1))))), "a/x", "spans of an instrumentation library, from before OTLP 0.19"},
		"fields of a wrong wire type":  {spansOf("a", span("x", number(9, 1), fixed(5, 1), field(6, []byte("x")))), "a/x", ""},
		"metrics":                      {join(spansOf("a", metric), spansOf("a", span("x"))), "a/x", "record that is neither a span nor a log record, such as a metric"},
		"log records":                  {join(spansOf("a", logRecord), spansOf("a", span("x"))), "a/log a/x", ""},
		"log records without a number": {spansOf("a", field(2, fixed(11, 5), field(5, field(1, []byte("log"))))), "a/log", ""},
		"IDs of other sizes":           {spansOf("a", field(2, field(1, []byte{1}), field(2, spanID(1)), field(4, []byte{2}), field(5, []byte("x")), fixed(7, 1))), "a/x", "span ID that hasn't 8 bytes trace ID that hasn't 16 bytes"},
		"no times":                     {spansOf("a", field(2, field(1, traceID(1)), field(2, spanID(1)), field(5, []byte("x")))), "a/x", ""},
		"times out of range":           {spansOf("a", field(2, field(1, traceID(1)), field(2, spanID(1)), fixed(7, 1<<63))), "", "span whose time is out of range"},
		"ends before it starts":        {spansOf("a", span("x", fixed(8, 5))), "a/x", "span that ends before it starts, made to end at once"},
		"an empty message":             {nil, "", ""},
		"an empty resource":            {field(1), "", ""},
		"a value that is too deep": {spansOf("a", span("x", func() []byte {
			v := field(1, []byte("deep"))
			for range 100 {
				v = field(5, field(1, v))
			}
			return field(9, field(1, []byte("k")), field(2, v))
		}())), "a/x", "value nested deeper than 64"},
		"a span that is too large": {spansOf("a", span(strings.Repeat("x", 65<<20)), span("y")), "a/y", "field of more than 67108864 bytes"},
	} {
		events, losses := read(t, otlp.Format, c.in)
		var what []string
		for _, l := range losses {
			what = append(what, l.What)
		}
		if got, lost := short(events), strings.Join(what, " "); got != c.want || lost != c.losses {
			t.Errorf("%s: got %q, losses %q, want %q, %q", name, got, lost, c.want, c.losses)
		}
	}
	events, _ := read(t, otlp.Format, field(1, field(2, span("x"), field(1, field(1, []byte("library"))))))
	if got := events[len(events)-1].Attr("otel.scope.name").String(); got != "library" {
		t.Errorf("a scope after its spans: %q", got)
	}
}

func TestErrors(t *testing.T) {
	good := spansOf("a", span("x"))
	head := len(resource("a")) + 2
	for name, c := range map[string]struct {
		in   []byte
		want string
	}{
		"a span beyond its scope":     {field(1, resource("a"), field(2, []byte{2<<3 | 2, 100, 1, 2, 3})), fmt.Sprintf("at byte %d: a field of 100 bytes goes beyond the message that it is in", head+2)},
		"a scope beyond its resource": {field(1, resource("a"), []byte{2<<3 | 2, 100, 1, 2}), fmt.Sprintf("at byte %d: a field of 100 bytes goes beyond", head)},
		"beyond 2^63":                 {field(1, []byte{2<<3 | 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}), "at byte 2: a field of 18446744073709551615 bytes goes beyond"},
		"a scalar beyond its message": {field(1, []byte{3<<3 | 1, 1, 2}, nil), "at byte"},
		"a frame that is too short":   {join(frame(good)[:3], []byte{5}, good), "at byte 4: a field of"},
		"field 0":                     {[]byte{0x02, 1, 1}, "at byte"},
		"a group":                     {join(good, []byte{4<<3 | 3}), fmt.Sprintf("event 1 at byte %d: field 4 has wire type 3", len(good))},
		"malformed span":              {spansOf("a", field(2, []byte{9<<3 | 2, 50, 1})), "malformed protobuf message"},
		"a long number":               {bytes.Repeat([]byte{0xff}, 20), "at byte"},
		"cut short":                   {good[:len(good)-1], "input is cut short"},
		"a huge length, cut short":    {[]byte{1<<3 | 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 1<<3 | 2, 0xff, 0xff, 0xff, 0x1f}, "input is cut short"},
	} {
		r := otlp.NewReader(bytes.NewReader(c.in))
		_, err := fmttest.ReadAll(r)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if syntax, ok := errors.AsType[*tracefmt.SyntaxError](err); !ok || syntax.Offset > int64(len(c.in)) {
			t.Errorf("%s: %v is no SyntaxError within the input", name, err)
		}
	}
}

// TestLargeMessage reads one ResourceSpans of 300 MB. Neither it nor its length may be in memory.
func TestLargeMessage(t *testing.T) {
	if testing.Short() {
		t.Skip("short: it reads 300 MB")
	}
	one := span("x", field(9, field(1, []byte("k")), field(2, field(1, bytes.Repeat([]byte("v"), 30_000)))))
	const spans = 10_000
	head := func(num protowire.Number, size int) []byte {
		return protowire.AppendVarint(protowire.AppendTag(nil, num, protowire.BytesType), uint64(size))
	}
	inner := head(2, spans*len(one))
	outer := join(head(1, len(resource("a"))+len(inner)+spans*len(one)), resource("a"), inner)
	n := 0
	r := otlp.NewReader(io.MultiReader(bytes.NewReader(outer), &again{data: one, times: spans}))
	var most uint64
	for {
		e, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind == tracefmt.Complete {
			if n++; n%2000 == 0 {
				runtime.GC()
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapAlloc)
			}
		}
	}
	if n != spans || most > 16<<20 {
		t.Errorf("%d spans of %d, %d MiB of heap", n, spans, most>>20)
	}
}

// again reads as data, several times.
type again struct {
	data []byte
	pos  int
	times,
	done int
}

func (r *again) Read(p []byte) (int, error) {
	if r.pos == len(r.data) {
		r.pos = 0
		r.done++
	}
	if r.done == r.times {
		return 0, io.EOF
	}
	n := copy(p, r.data[r.pos:])
	r.pos += n
	return n, nil
}

func TestJSON(t *testing.T) {
	const ids = `"traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"EEE19B7EC3C1B174"`
	const a = `"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"a"}}]}`
	wrap := func(span string) string {
		return `{"resourceSpans":[{` + a + `,"scopeSpans":[{"spans":[{` + ids + `,` + span + `}]}]}]}`
	}
	const x = `"name":"x","startTimeUnixNano":"1000000000","endTimeUnixNano":2000000000`
	for name, c := range map[string]struct{ in, want, losses string }{
		"one object":          {wrap(x), "a/x", ""},
		"an array":            {" [" + wrap(x) + " ,\n" + wrap(x) + "]", "a/x a/x", ""},
		"lines":               {wrap(x) + "\n" + wrap(x) + "\r\n", "a/x a/x", ""},
		"concatenated":        {wrap(x) + wrap(x), "a/x a/x", ""},
		"byte order mark":     {"\ufeff" + wrap(x), "a/x", ""},
		"snake case":          {`{"resource_spans":[{` + a + `,"scope_spans":[{"spans":[{"trace_id":"5b8efff798038103d269b633813fc60c","span_id":"eee19b7ec3c1b174","name":"x","start_time_unix_nano":1}]}]}]}`, "a/x", ""},
		"old names":           {`{"resourceSpans":[{` + a + `,"instrumentationLibrarySpans":[{"instrumentationLibrary":{"name":"l"},"spans":[{` + ids + `,` + x + `}]}]}]}`, "a/x", ""},
		"resource last":       {`{"resourceSpans":[{"scopeSpans":[{"spans":[{` + ids + `,` + x + `}]}],` + a + `}]}`, "a/x", ""},
		"unknown members":     {`{"x":[{"y":{}}],"resourceSpans":[{"z":null,` + a + `,"scopeSpans":[{"w":1,"spans":[{"v":[[]],` + ids + `,` + x + `}]}]}]}`, "a/x", ""},
		"nulls":               {`{"resourceSpans":[null,{"resource":null,"scopeSpans":null},{` + a + `,"scopeSpans":[{"scope":null,"spans":[{` + ids + `,` + x + `,"attributes":null,"events":null,"links":null,"status":null,"parentSpanId":null,"kind":null}],"schemaUrl":null}]}],"resourceLogs":null}`, "a/x", ""},
		"names of enums":      {wrap(x + `,"kind":"SPAN_KIND_SERVER","status":{"code":"STATUS_CODE_ERROR"}`), "a/x", ""},
		"negative counts":     {wrap(x + `,"droppedAttributesCount":-1,"droppedEventsCount":"-5"`), "a/x", ""},
		"empty IDs":           {wrap(`"parentSpanId":"",` + x), "a/x", ""},
		"base64 IDs":          {wrap(`"parentSpanId":"7uGbfsPBsXQ=",` + x), "a/x", ""},
		"IDs of other sizes":  {wrap(`"parentSpanId":"abc",` + x), "a/x", "ID that isn't hexadecimal"},
		"metrics":             {`{"resourceMetrics":[{"a":1}]}` + "\n" + wrap(x), "a/x", "metrics"},
		"logs and spans":      {`{"resourceLogs":[{` + a + `,"scopeLogs":[{"logRecords":[{"timeUnixNano":"5","body":{"stringValue":"line"},"severityNumber":"SEVERITY_NUMBER_WARN2"}]}]}]}` + wrap(x), "a/line a/x", ""},
		"times as floats":     {wrap(`"name":"x","startTimeUnixNano":1.0e9,"endTimeUnixNano":"2e9"`), "a/x", ""},
		"ends before":         {wrap(`"name":"x","startTimeUnixNano":"5","endTimeUnixNano":"4"`), "a/x", "span that ends before it starts, made to end at once"},
		"negative time":       {wrap(`"name":"x","startTimeUnixNano":"-5","endTimeUnixNano":"4"`), "", "span whose time is out of range"},
		"plain attributes":    {wrap(x + `,"attributes":[{"key":"k","value":"plain"},{"key":"l"},5]`), "a/x", ""},
		"nothing":             {`{}`, "", ""},
		"nothing in it":       {`{"resourceSpans":[]}`, "", ""},
		"schema after spans":  {`{"resourceSpans":[{` + a + `,"scopeSpans":[{"spans":[{` + ids + `,` + x + `}],"schemaUrl":"s","scope":{"name":"l"}}],"schemaUrl":"r"}]}`, "a/x", ""},
		"escapes in a key":    {`{"resource\u0053pans":[{` + a + `,"scopeSpans":[{"spans":[{` + ids + `,` + x + `}]}]}]}`, "a/x", ""},
		"a member's odd kind": {`{"resourceSpans":[{` + a + `,"scopeSpans":[{"spans":{"a":1}},5,"x"]}]}`, "", ""},
	} {
		r := otlp.NewJSONReader(strings.NewReader(c.in))
		events, err := fmttest.ReadAll(r)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var what []string
		for _, l := range r.Losses() {
			what = append(what, l.What)
		}
		if got, lost := short(events), strings.Join(what, " "); got != c.want || lost != c.losses {
			t.Errorf("%s: got %q, losses %q, want %q, %q", name, got, lost, c.want, c.losses)
		}
		if name == "negative counts" && !events[len(events)-1].Attr("otel.dropped_attributes_count").IsZero() {
			t.Errorf("%s: %v", name, events[len(events)-1].Attrs)
		}
		if name == "schema after spans" {
			e := events[len(events)-2]
			if e.Attr("otel.scope.schema_url").String() != "s" || e.Attr("otel.scope.name").String() != "l" {
				t.Errorf("%s: %v", name, e.Attrs)
			}
		}
	}
}

func TestJSONErrors(t *testing.T) {
	for in, want := range map[string]string{
		"":                           "input is cut short",
		"5":                          "at byte 0: unexpected '5': neither an object nor an array",
		`{"a":1}`:                    "no spans in it: there is neither resourceSpans nor resourceLogs",
		`{"resourceSpans":[}`:        "at byte 18: unexpected '}'",
		`{"resourceSpans":[],}`:      "at byte 20: unexpected '}'",
		`{"resourceSpans":[{},]}`:    "at byte 21: unexpected ']'",
		`{"resourceSpans":[] "a":1}`: "at byte 20: unexpected '\"'",
		`{"resourceSpans":[{}{}]}`:   "at byte 20: unexpected '{'",
		`{"resourceSpans" [`:         "at byte 17: unexpected '['",
		`{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":tru}`:                     "unexpected 't'",
		`{"resourceSpans":[{"scopeSpans":[{"spans":[{"kind":01}`:                      "bad number",
		`{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"x"`:                      "event 1 at byte 54: input is cut short",
		`{"resourceSpans":[{"scopeSpans":[{"spans":[{"a":` + strings.Repeat("[", 600): "nested deeper than 512",
	} {
		if _, err := fmttest.ReadAll(otlp.NewJSONReader(strings.NewReader(in))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v, want %s", in, err, want)
		}
	}
}

func TestDetect(t *testing.T) {
	message := marshal(t, everything())
	profile := join(field(1, number(1, 1), number(2, 2)), field(1, number(1, 3), number(2, 4)), field(2, number(1, 1), number(2, 1)))
	for _, c := range []struct {
		name string
		in   []byte
		want *tracefmt.Format
	}{
		{"a message", message, otlp.Format},
		{"its beginning", message[:200], otlp.Format},
		{"a frame", frame(message), otlp.Format},
		{"without a resource", field(1, field(2, span("x"))), otlp.Format},
		{"log records", spansOf("a", field(2, fixed(1, 1e9), number(2, 9))), otlp.Format},
		{"a large resource", field(1, field(1, field(1, field(1, []byte("service.name")), field(2, field(1, bytes.Repeat([]byte("x"), 9000)))))), nil},
		{"a profile", profile, nil},
		{"text", []byte("\n{\"a\":1}"), nil},
		{"text of one letter", []byte("\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n"), nil},
		{"zeros", make([]byte, 5000), nil},
		{"a strange message", field(1, field(1, field(1, []byte("x"))), number(2, 1)), nil},
		{"JSON", []byte("{ \"resourceSpans\" :\n[]}"), otlp.FormatJSON},
		{"JSON in an array", []byte(`[{"resourceLogs":[]}]`), otlp.FormatJSON},
		{"a line", []byte(`{"resourceSpans":[]}`), otlp.FormatJSONLines},
		{"lines", []byte("{\"resourceSpans\":[]}\n{\"resourceSpans\":[]}\n"), otlp.FormatJSONLines},
		{"a long line", []byte(`{"resourceSpans":[` + strings.Repeat(" ", 5000)), otlp.FormatJSONLines},
		{"metrics and spans", []byte(`{"resourceMetrics":[],"resourceSpans":[]}`), otlp.FormatJSONLines},
	} {
		got := tracefmt.Detect(c.in)
		if c.want == nil && (got == otlp.Format || got == otlp.FormatJSON || got == otlp.FormatJSONLines) || c.want != nil && got != c.want {
			t.Errorf("%s is taken for %v", c.name, got)
		}
		if score := otlp.Format.Detect(c.in); c.name == "a message" && score < 90 {
			t.Errorf("a message might be one, with %d", score)
		}
		for n := range min(len(c.in), 300) { // it may be cut anywhere
			otlp.Format.Detect(c.in[:n])
		}
	}
}

// TestMemory: neither spans, nor scopes, nor resources' schemas add up.
func TestMemory(t *testing.T) {
	var held []uint64
	for _, f := range formats {
		in, out := io.Pipe()
		go func() {
			w := f.NewWriter(out)
			for i := range 20_000 {
				id := fmt.Sprintf("%016x", i+1)
				err := w.Write(&tracefmt.Event{Kind: tracefmt.Complete, Track: 1, Time: int64(i), Dur: 10, ID: id, Name: "n" + id,
					Attrs: []tracefmt.Attr{{Key: "otel.scope.name", Value: tracefmt.String(id)}, {Key: id, Value: tracefmt.String(id)}}})
				if err != nil {
					out.CloseWithError(err)
					return
				}
			}
			out.CloseWithError(w.Close())
		}()
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		r := f.NewReader(in)
		n := 0
		for {
			if _, err := r.Next(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			n++
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		held = append(held, (max(after.HeapAlloc, before.HeapAlloc)-before.HeapAlloc)>>10)
		if n < 20_000 || held[len(held)-1] > 8<<10 {
			t.Errorf("%s: %d events, the reader holds %d KiB", f.Name, n, held)
		}
		runtime.KeepAlive(r)
	}
}
