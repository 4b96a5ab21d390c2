package jsonl_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	_ "github.com/spanstack/spanstack/tracefmt/chrome"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/jsonl"
	_ "github.com/spanstack/spanstack/tracefmt/spanlog" // whose lines are not taken for ours
	"github.com/spanstack/spanstack/tracefmt/timeline"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestConformance(t *testing.T) { fmttest.Run(t, jsonl.Format) }

func write(t testing.TB, events ...tracefmt.Event) string {
	var out bytes.Buffer
	w := jsonl.NewWriter(&out)
	for i := range events {
		if err := w.Write(&events[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestGolden(t *testing.T) {
	golden := func(name, got string) {
		file := filepath.Join("testdata", name+".golden.jsonl")
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s became (see -update)\n%s", name, got)
		}
	}
	golden("sample", write(t, fmttest.Sample()...))
	for _, file := range []string{"catapult/simple_trace.json", "catapult/nestable_async.json", "catapult/flow_simple.json"} {
		golden(strings.TrimSuffix(filepath.Base(file), ".json"), converted(t, filepath.Join("../chrome/testdata", file)))
	}
}

// converted returns a trace as trace-convert writes it.
func converted(t *testing.T, file string) string {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	r, err := tracefmt.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	var trace timeline.Timeline
	if _, err := trace.Read(r); err != nil {
		t.Logf("%s: %v", file, err) // what came before is good
	}
	var out bytes.Buffer
	w := jsonl.NewWriter(&out)
	if _, err := trace.WriteTo(w); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, loss := range w.Losses() {
		if loss.What != "async end without a begin" { // which two files have
			t.Errorf("%s: %v", file, loss)
		}
	}
	return out.String()
}

// TestRealTraces wants traces of other programs back as they were, and each line to be JSON.
func TestRealTraces(t *testing.T) {
	files, err := filepath.Glob("../chrome/testdata/*/*.json")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		if info, err := os.Stat(file); err != nil || info.Size() > 100<<10 {
			continue // two of half a megabyte
		}
		text := converted(t, file)
		for line := range strings.Lines(text) {
			if !json.Valid([]byte(line)) {
				t.Fatalf("%s: not JSON: %s", file, line)
			}
		}
		in, err := tracefmt.NewReader(strings.NewReader(text))
		if err != nil || in.Format != jsonl.Format {
			t.Fatalf("%s: %v", file, err)
		}
		events, err := fmttest.ReadAll(in)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if again := write(t, events...); again != text {
			t.Errorf("%s: became\n%.1000s\nafter\n%.1000s", file, again, text)
		}
	}
}

// brief writes events a line each.
func brief(events []tracefmt.Event) string {
	var b strings.Builder
	for _, e := range events {
		switch e.Kind {
		case tracefmt.Process:
			fmt.Fprintf(&b, "process %d %q %v order %d", e.Track, e.Name, e.SourceID, e.Order)
		case tracefmt.Track:
			fmt.Fprintf(&b, "track %d of %d %q %v order %d", e.Track, e.Process, e.Name, e.SourceID, e.Order)
		case tracefmt.Clock:
			fmt.Fprintf(&b, "clock %d is %d", e.Time, e.Unix)
		default:
			fmt.Fprintf(&b, "%v on %d at %d+%d %q id %q parent %q key %q %v", e.Kind, e.Track, e.Time, e.Dur, e.Name, e.ID, e.Parent, e.Key, e.Severity)
		}
		for _, a := range e.Attrs {
			fmt.Fprintf(&b, " %s=%d:%v", a.Key, a.Value.Kind(), a.Value)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// TestReader reads what scripts might write.
func TestReader(t *testing.T) {
	for name, c := range map[string]struct{ text, want, lost string }{
		"the least": {
			text: `{"name":"build","start_ns":1753000000000000000,"duration_ns":2500000000}`,
			want: "clock 1753000000000000000 is 1753000000000000000\n" +
				`complete on 0 at 1753000000000000000+2500000000 "build" id "" parent "" key "" ` + "\n",
		},
		"texts for times": {
			text: `{"name":"a","start":"2025-07-20T10:26:42.5+02:00","end":"2025-07-20T08:26:44Z","error":"exit status 1"}`,
			want: "clock 1753000002500000000 is 1753000002500000000\n" +
				`complete on 0 at 1753000002500000000+1500000000 "a" id "" parent "" key ""  error=5:exit status 1` + "\n",
		},
		"kinds that are left out": {
			text: `{"name":"a","start_ns":1,"end_ns":3,"depth":7,"clock":"unix"}` + "\n\n  " + `{"name":"b","start_ns":2,"severity":"warning"}` + "\r\n" +
				`{"name":"c","start_ns":2e0}`,
			want: "clock 1 is 1\n" + `complete on 0 at 1+2 "a" id "" parent "" key "" ` + "\n" +
				`log on 0 at 2+0 "b" id "" parent "" key "" WARN` + "\n" + `instant on 0 at 2+0 "c" id "" parent "" key "" ` + "\n",
		},
		"places and attributes": {
			text: `{"name":"a","start_ns":1,"end_ns":3,"process":"p","pid":7,"track":"t","rows":5,"attributes":{"x":[1, 2],"error":"e","nothing":null},"ok":true,"none":null,"error":"f","trace_id":"abc"}
{"name":"b","start_ns":1,"process":"p","pid":7}
{"kind":"track","process":"p","pid":7,"track":"t","order":3,"name":"renamed"}
{"kind":"process","process":"q"}
{"kind":"track","process":"r","tid":"s","attributes":{"x":1}}`,
			want: "clock 1 is 1\nprocess 1 \"p\" 7 order 0\ntrack 2 of 1 \"t\"  order 0\n" +
				`complete on 2 at 1+2 "a" id "" parent "" key ""  rows=2:5 x=6:[1,2] error=5:e nothing=6:null ok=1:true trace_id=5:abc` + "\n" +
				`instant on 1 at 1+0 "b" id "" parent "" key "" ` + "\n" +
				"track 2 of 1 \"renamed\"  order 3\nprocess 3 \"q\"  order 0\nprocess 4 \"r\"  order 0\ntrack 5 of 4 \"\" s order 0 x=2:1\n",
		},
		"counters and async slices": {
			text: `{"kind":"counter","name":"c","start_ns":5,"value":0.5}
{"kind":"counter","name":"c","start_ns":5,"series":"in","value":1}
{"kind":"async","name":"a","start_ns":5,"duration_ns":2}
{"kind":"async","name":"a","start_ns":5,"id":"i"}`,
			want: "clock 5 is 5\n" + `counter on 0 at 5+0 "c" id "" parent "" key ""  value=4:0.5` + "\n" + `counter on 0 at 5+0 "c" id "" parent "" key ""  in=2:1` + "\n" +
				`async begin on 0 at 5+0 "a" id "" parent "" key "line 3" ` + "\n" + `async end on 0 at 7+0 "a" id "" parent "" key "line 3" ` + "\n" +
				`async begin on 0 at 5+0 "a" id "i" parent "" key "" ` + "\n",
		},
		"a clock of its own": {
			text: `{"kind":"clock","time_ns":100,"unix_ns":1000}
{"name":"a","start_ns":1050,"duration_ns":1}
{"kind":"clock","time_ns":300,"unix_ns":5000}`,
			want: "clock 100 is 1000\n" + `complete on 0 at 150+1 "a" id "" parent "" key "" ` + "\nclock 300 is 5000\n",
		},
		"no wall clock": {
			text: `{"name":"a","start_ns":5,"duration_ns":1,"clock":"trace"}`,
			want: `complete on 0 at 5+1 "a" id "" parent "" key "" ` + "\n",
		},
		"nonsense": {
			text: `{}
{"kind":"dream","start_ns":1}
{"kind":"slice","name":"no time"}
{"start_ns":"yesterday"}
{"start_ns":1e300}
{"start_ns":5,"end_ns":4}
{"start_ns":5,"duration_ns":-1}
{"start_ns":5,"duration_ns":9223372036854775807}
{"kind":"counter","start_ns":1}
{"kind":"process"}
{"kind":"track","process":"p"}
{"kind":"clock"}
{"start_ns":6,"severity":"LOUD"}`,
			want: "clock 5 is 5\n" + `log on 0 at 6+0 "" id "" parent "" key "" ` + "\n",
			lost: "clock without a time (1x, first at byte 300)|counter without a value (1x, first at byte 218)|line of unknown kind (1x, first at byte 3)|" +
				"line without a time (4x, first at byte 0)|process or track without a name (2x, first at byte 250)|" +
				"time out of range (3x, first at byte 111)|unknown severity (1x, first at byte 317)",
		},
		"byte order mark": {text: "\ufeff" + `{"name":"a","start_ns":5,"clock":"trace"}`, want: `instant on 0 at 5+0 "a" id "" parent "" key "" ` + "\n"},
		"empty":           {},
	} {
		r := jsonl.NewReader(strings.NewReader(c.text))
		events, err := fmttest.ReadAll(r)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := brief(events); got != c.want {
			t.Errorf("%s: got\n%swant\n%s", name, got, c.want)
		}
		var lost []string
		for _, l := range r.Losses() {
			lost = append(lost, l.String())
		}
		if text := strings.Join(lost, "|"); text != c.lost {
			t.Errorf("%s: lost\n%s\nwant\n%s", name, text, c.lost)
		}
	}
}

func TestErrors(t *testing.T) {
	const good = `{"name":"a","start_ns":5}` + "\n"
	for text, want := range map[string]string{
		"[1]":                         `event 2 at byte 26: unexpected '[': not an object`,
		`{"name":"a"` + "\n" + `}`:    `event 2 at byte 26: the line ends inside of its object`,
		`{"name":"a"`:                 `event 2 at byte 37: input is cut short`,
		`{"name":"a"} {"name":"b"}`:   `event 2 at byte 38: more text after the object`,
		`{"name":nil}`:                `event 2 at byte 34: unexpected 'n'`,
		`{"a":` + deep(1000) + "}\n":  `nested deeper than 512`,
		`{"a":"` + huge(17<<20) + `"`: `longer than 16777216 bytes`,
	} {
		events, err := fmttest.ReadAll(jsonl.NewReader(strings.NewReader(good + text)))
		if err == nil || !strings.Contains(err.Error(), want) || len(events) != 2 {
			t.Errorf("%.40s: %d events, %v, want %s", text, len(events), err, want)
		}
	}
}

func deep(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
func huge(n int) string { return strings.Repeat("x", n) }

// TestLongLine has a line of many buffers, and another behind it.
func TestLongLine(t *testing.T) {
	long := huge(3 << 20)
	events, err := fmttest.ReadAll(jsonl.NewReader(strings.NewReader(`{"name":"` + long + `","start_ns":1}` + "\n" + `{"name":"b","start_ns":2}` + "\n")))
	if err != nil || len(events) != 3 || events[1].Name != long || events[2].Name != "b" {
		t.Errorf("%d events, %v", len(events), err)
	}
}

func TestDetect(t *testing.T) {
	for text, want := range map[string]string{
		`{"kind":"clock","clock":"trace"}`:                                      "jsonl",
		`{"name":"a","start_ns":1,"end_ns":2}`:                                  "jsonl",
		`{"name":"a","start":"2025-07-20T08:26:44Z","duration_ns":2`:            "jsonl",
		`{"kind":"slice","name":"` + huge(8000) + `","start_ns":1}`:             "jsonl",
		`{"start_ns":1,"end_ns":2,"name":"` + huge(8000):                        "jsonl",
		`{"name":"` + huge(8000) + `","start_ns":1,"end_ns":2}`:                 "jsonl",
		`{"name":"a","start_ns":1,"rows":"` + huge(8000):                        "jsonl",
		`{"metadata":{"name":"` + huge(8000):                                    "chrome",
		`{"time":"2026-01-31T09:05:00Z","level":"INFO","msg":"m","kind":"log"}`: "spanlog",
		`{"traceEvents":[{"ph":"X","ts":1,"name":"a","kind":"slice"}]}`:         "chrome",
	} {
		got := ""
		if f := tracefmt.Detect([]byte(text)); f != nil {
			got = f.Name
		}
		if got != want {
			t.Errorf("%.60s is %q, want %q", text, got, want)
		}
	}
	for _, text := range []string{`{"kind":"CLIENT","name":"a","start_ns":1,"end_ns":2}`, `{"name":"a"}`, `{"kind":`, `{"kind":"sl`, `{"name":5`, `["kind"]`, `{"kind":"log","time":5}`} {
		if sure := jsonl.Format.Detect([]byte(text)); sure != 0 {
			t.Errorf("%s is taken for it: %d", text, sure)
		}
	}
}

// TestPlaces writes tracks that lack what tells them apart.
func TestPlaces(t *testing.T) {
	at := func(track tracefmt.TrackID, name string) tracefmt.Event {
		return tracefmt.Event{Kind: tracefmt.Instant, Track: track, Name: name}
	}
	process := func(id tracefmt.TrackID, name string, source tracefmt.Value) tracefmt.Event {
		return tracefmt.Event{Kind: tracefmt.Process, Track: id, Name: name, SourceID: source}
	}
	track := func(id, process tracefmt.TrackID, name string, source tracefmt.Value) tracefmt.Event {
		return tracefmt.Event{Kind: tracefmt.Track, Track: id, Process: process, Name: name, SourceID: source}
	}
	got := write(t,
		process(1, "p", tracefmt.Value{}), process(2, "p", tracefmt.Value{}), process(3, "", tracefmt.Value{}),
		track(4, 1, "", tracefmt.Value{}), track(5, 1, "t", tracefmt.Value{}), track(6, 1, "t", tracefmt.Value{}), track(7, 9, "t", tracefmt.Int64(6)),
		process(10, "", tracefmt.Int64(11)), process(11, "", tracefmt.Value{}),
		process(1, "renamed", tracefmt.Value{}), process(1, "renamed", tracefmt.Value{}),
		at(1, "a"), at(2, "b"), at(3, "c"), at(4, "d"), at(5, "e"), at(6, "f"), at(7, "g"), at(8, "undeclared"), at(0, "whole"))
	const want = `{"kind":"process","process":"p"}
{"kind":"process","process":"p","pid":2}
{"kind":"process","pid":3}
{"kind":"track","process":"p","tid":4}
{"kind":"track","process":"p","track":"t"}
{"kind":"track","process":"p","track":"t","tid":6}
{"kind":"track","pid":9,"track":"t","tid":6}
{"kind":"process","pid":11}
{"kind":"process","pid":12}
{"kind":"process","process":"p","name":"renamed"}
{"kind":"clock","clock":"trace"}
{"kind":"instant","name":"a","start_ns":0,"process":"p"}
{"kind":"instant","name":"b","start_ns":0,"process":"p","pid":2}
{"kind":"instant","name":"c","start_ns":0,"pid":3}
{"kind":"instant","name":"d","start_ns":0,"process":"p","tid":4}
{"kind":"instant","name":"e","start_ns":0,"process":"p","track":"t"}
{"kind":"instant","name":"f","start_ns":0,"process":"p","track":"t","tid":6}
{"kind":"instant","name":"g","start_ns":0,"pid":9,"track":"t","tid":6}
{"kind":"instant","name":"undeclared","start_ns":0,"pid":8}
{"kind":"instant","name":"whole","start_ns":0}
`
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// TestClocks writes wall clocks that can't be added to.
func TestClocks(t *testing.T) {
	for _, unix := range []int64{math.MinInt64, -1, math.MaxInt64, 0, 1 << 62} {
		for _, own := range []int64{math.MinInt64, -5, 0, math.MaxInt64} {
			events := []tracefmt.Event{{Kind: tracefmt.Clock, Time: own, Unix: unix}, {Kind: tracefmt.Instant, Time: own, Name: "a"}}
			back, err := fmttest.ReadAll(jsonl.NewReader(strings.NewReader(write(t, events...))))
			if err != nil {
				t.Fatal(err)
			}
			fmttest.Diff(t, fmt.Sprint(own, " is ", unix), fmttest.ContentOf(back, tracefmt.KeepsAll), fmttest.ContentOf(events, tracefmt.KeepsAll))
		}
	}
}

// FuzzReader reads arbitrary text and writes back what it could read, which is read without an error and stable.
func FuzzReader(f *testing.F) {
	f.Add([]byte(write(f, fmttest.Sample()...)))
	for _, text := range []string{
		`{"name":"build","start_ns":1753000000000000000,"duration_ns":2500000000}`,
		`{"name":"a","start":"2025-07-20T10:26:42.5+02:00","end":"2025-07-20T08:26:44Z","error":true}`,
		`{"kind":"async","start_ns":5,"duration_ns":2,"process":1,"track":[],"tid":{},"pid":1e400,"trace_id":7}`,
		`{"kind":"clock","time_ns":-9223372036854775808,"unix_ns":"1970-01-01T00:00:00Z"}` + "\n" + `{"start_ns":9223372036854775807}`,
		`{"kind":"process","process":"p","name":"q","order":1.5}` + "\n" + `{"kind":"end","process":"p","start_ns":1}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		events, err := fmttest.ReadAll(jsonl.NewReader(bytes.NewReader(data)))
		if err != nil {
			syntax, ok := err.(*tracefmt.SyntaxError)
			if !ok || syntax.Offset < 0 || syntax.Offset > int64(len(data)) {
				t.Fatalf("the error isn't a SyntaxError with an offset in the text: %v", err)
			}
		}
		once := write(t, events...)
		back, err := fmttest.ReadAll(jsonl.NewReader(strings.NewReader(once)))
		if err != nil {
			t.Fatalf("written from %q, not readable: %v\n%s", data, err, once)
		}
		if twice := write(t, back...); once != twice {
			back, _ = fmttest.ReadAll(jsonl.NewReader(strings.NewReader(twice)))
			if thrice := write(t, back...); twice != thrice {
				t.Fatalf("not stable:\n%s\n%s\n%s", once, twice, thrice)
			}
		}
	})
}
