package chrome_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/chrome"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestWriterGolden(t *testing.T) {
	got := writeAll(t, fmttest.Sample())
	const golden = "testdata/sample.golden.json"
	if *update {
		if err := os.WriteFile(golden, got, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestPrefix checks what makes a live file loadable: what was flushed is valid JSON once "]" is added.
func TestPrefix(t *testing.T) {
	var out bytes.Buffer
	w := chrome.NewWriter(&out)
	for _, e := range fmttest.Sample() {
		if err := w.Write(&e); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		if out.Len() > 0 && !json.Valid([]byte(out.String()+"]")) {
			t.Fatalf("not valid JSON with ] added: %s", out.String())
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	for _, line := range lines[:len(lines)-1] {
		if !json.Valid([]byte(strings.TrimSuffix(strings.TrimPrefix(line, "["), ","))) {
			t.Errorf("not one event on a line: %s", line)
		}
	}
}

// written returns the lines that events are written as, without brackets and commas, and the losses.
func written(t *testing.T, events ...tracefmt.Event) (lines []string, losses string) {
	t.Helper()
	var out bytes.Buffer
	w := chrome.NewWriter(&out)
	for _, e := range events {
		if err := w.Write(&e); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if !json.Valid(out.Bytes()) {
		t.Fatalf("not valid JSON: %s", out.String())
	}
	for line := range strings.Lines(strings.Trim(out.String(), "[]\n")) {
		lines = append(lines, strings.TrimRight(line, ",\n"))
	}
	var list []string
	for _, l := range w.Losses() {
		list = append(list, l.String())
	}
	return lines, strings.Join(list, "; ")
}

func expect(t *testing.T, events []tracefmt.Event, losses string, want ...string) {
	t.Helper()
	got, lost := written(t, events...)
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if lost != losses {
		t.Errorf("losses %q, want %q", lost, losses)
	}
}

func attr(key string, v tracefmt.Value) tracefmt.Attr { return tracefmt.Attr{Key: key, Value: v} }

func TestAnchor(t *testing.T) {
	clock := tracefmt.Event{Kind: tracefmt.Clock, Time: 5_000_000, Unix: 42}
	process := tracefmt.Event{Kind: tracefmt.Process, Track: 1, SourceID: tracefmt.Int64(7), Name: "p"}
	slice := tracefmt.Event{Kind: tracefmt.Complete, Track: 1, Time: 5_001_500, Dur: 1, Name: "s"}
	want := []string{
		`{"name":"process_name","ph":"M","pid":7,"tid":0,"args":{"name":"p","spanstack.unix_ns":"42"}}`,
		`{"name":"s","ph":"X","ts":1.5,"dur":0.001,"pid":7,"tid":7}`,
	}
	expect(t, []tracefmt.Event{clock, process, slice}, "", want...)
	expect(t, []tracefmt.Event{process, clock, process, slice}, "", want...)
}

// TestEnds checks what Catapult needs of ends: the order of the file, no repeated args, no time before the begin.
func TestEnds(t *testing.T) {
	expect(t, []tracefmt.Event{
		{Kind: tracefmt.End, Track: 1, Time: 1},
		{Kind: tracefmt.Begin, Track: 1, Time: 10, Name: "a", ID: "x", Attrs: []tracefmt.Attr{attr("n", tracefmt.Int64(1))}},
		{Kind: tracefmt.Begin, Track: 1, Time: 20, Name: "b"},
		{Kind: tracefmt.End, Track: 1, Time: 15, Name: "other"},
		{Kind: tracefmt.End, Track: 1, Time: 30, ID: "x", Attrs: []tracefmt.Attr{attr("n", tracefmt.Int64(2)), attr("m", tracefmt.Int64(3))}},
	}, "end before its begin, moved to it (1x); end without a begin (1x)",
		`{"name":"a","ph":"B","ts":0.01,"pid":0,"tid":1,"args":{"spanstack.id":"x","n":1}}`,
		`{"name":"b","ph":"B","ts":0.02,"pid":0,"tid":1}`,
		`{"name":"b","ph":"E","ts":0.02,"pid":0,"tid":1}`,
		`{"name":"a","ph":"E","ts":0.03,"pid":0,"tid":1,"args":{"spanstack.end.n":2,"m":3}}`)
}

// TestOverlap checks that a slice that doesn't nest gets another lane, and comes back on its own track.
func TestOverlap(t *testing.T) {
	events := []tracefmt.Event{
		{Kind: tracefmt.Process, Track: 1, SourceID: tracefmt.Int64(7)},
		{Kind: tracefmt.Track, Track: 2, Process: 1, SourceID: tracefmt.Int64(8), Name: "main"},
		{Kind: tracefmt.Complete, Track: 2, Time: 0, Dur: 10_000, Name: "a"},
		{Kind: tracefmt.Complete, Track: 2, Time: 5_000, Dur: 10_000, Name: "b"},
		{Kind: tracefmt.Complete, Track: 2, Time: 6_000, Dur: 1_000, Name: "in both"},
		{Kind: tracefmt.Complete, Track: 2, Time: 7_000, Dur: 20_000, Name: "c"},
	}
	want := []string{
		`{"name":"thread_name","ph":"M","pid":7,"tid":8,"args":{"name":"main"}}`,
		`{"name":"a","ph":"X","ts":0,"dur":10,"pid":7,"tid":8}`,
		`{"name":"thread_name","ph":"M","pid":7,"tid":1073741824,"args":{"name":"main (overlap 1)","spanstack.lane_of":8}}`,
		`{"name":"b","ph":"X","ts":5,"dur":10,"pid":7,"tid":1073741824}`,
		`{"name":"in both","ph":"X","ts":6,"dur":1,"pid":7,"tid":8}`,
		`{"name":"thread_name","ph":"M","pid":7,"tid":1073741825,"args":{"name":"main (overlap 2)","spanstack.lane_of":8}}`,
		`{"name":"c","ph":"X","ts":7,"dur":20,"pid":7,"tid":1073741825}`,
	}
	expect(t, events, "", want...)
	back := readText(t, "["+strings.Join(want, ",")+"]")
	fmttest.Diff(t, "read back", fmttest.ContentOf(back, tracefmt.KeepsAll), fmttest.ContentOf(events, tracefmt.KeepsAll))
}

// TestFlows checks that no point of a flow is written outside of a slice or without its start.
func TestFlows(t *testing.T) {
	point := func(k tracefmt.Kind, track tracefmt.TrackID, when int64, key string) tracefmt.Event {
		return tracefmt.Event{Kind: k, Track: track, Time: when, Name: "f", Key: key}
	}
	slice := func(track tracefmt.TrackID, when, dur int64, name string) tracefmt.Event {
		return tracefmt.Event{Kind: tracefmt.Complete, Track: track, Time: when, Dur: dur, Name: name}
	}
	t.Run("before its slices, end first", func(t *testing.T) {
		expect(t, []tracefmt.Event{
			point(tracefmt.FlowEnd, 2, 2000, "k"), point(tracefmt.FlowStart, 1, 1000, "k"),
			slice(2, 2000, 10_000, "child"), slice(1, 0, 20_000, "parent"),
		}, "",
			`{"name":"child","ph":"X","ts":2,"dur":10,"pid":0,"tid":2}`,
			`{"name":"parent","ph":"X","ts":0,"dur":20,"pid":0,"tid":1}`,
			`{"name":"f","ph":"s","cat":"","ts":1,"pid":0,"tid":1,"id":"k"}`,
			`{"name":"f","ph":"f","cat":"","ts":2,"pid":0,"tid":2,"id":"k","bp":"e"}`)
	})
	t.Run("at the next slice", func(t *testing.T) {
		next := point(tracefmt.FlowEnd, 2, 1500, "k")
		next.BindNext = true
		expect(t, []tracefmt.Event{slice(1, 0, 20_000, "parent"), point(tracefmt.FlowStart, 1, 1000, "k"), next, slice(2, 2000, 10_000, "child")}, "",
			`{"name":"parent","ph":"X","ts":0,"dur":20,"pid":0,"tid":1}`,
			`{"name":"f","ph":"s","cat":"","ts":1,"pid":0,"tid":1,"id":"k"}`,
			`{"name":"f","ph":"f","cat":"","ts":1.5,"pid":0,"tid":2,"id":"k"}`,
			`{"name":"child","ph":"X","ts":2,"dur":10,"pid":0,"tid":2}`)
	})
	t.Run("never valid", func(t *testing.T) {
		expect(t, []tracefmt.Event{
			slice(1, 0, 1000, "s"), point(tracefmt.FlowStart, 1, 1000, "at the end"), point(tracefmt.FlowStart, 3, 0, "no slice"),
			point(tracefmt.FlowEnd, 1, 0, "no start"), point(tracefmt.FlowStart, 1, 500, "k"), point(tracefmt.FlowStart, 1, 600, "k"),
			point(tracefmt.FlowEnd, 1, 400, "k"),
		}, "flow point before its start (1x); flow point outside of any slice (2x); flow point without a start (1x); flow start while the flow is open (1x)",
			`{"name":"s","ph":"X","ts":0,"dur":1,"pid":0,"tid":1}`,
			`{"name":"f","ph":"s","cat":"","ts":0.5,"pid":0,"tid":1,"id":"k"}`)
	})
	t.Run("args", func(t *testing.T) {
		with := func(e tracefmt.Event, n int64) tracefmt.Event {
			e.Attrs = []tracefmt.Attr{attr("n", tracefmt.Int64(n))}
			return e
		}
		expect(t, []tracefmt.Event{slice(1, 0, 1000, "s"), with(point(tracefmt.FlowStart, 1, 1, "k"), 1),
			with(point(tracefmt.FlowStep, 1, 2, "k"), 2), with(point(tracefmt.FlowEnd, 1, 3, "k"), 3)}, "",
			`{"name":"s","ph":"X","ts":0,"dur":1,"pid":0,"tid":1}`,
			`{"name":"f","ph":"s","cat":"","ts":0.001,"pid":0,"tid":1,"id":"k","args":{"n":1}}`,
			`{"name":"f","ph":"t","cat":"","ts":0.002,"pid":0,"tid":1,"id":"k","args":{"spanstack.end.n":2}}`,
			`{"name":"f","ph":"f","cat":"","ts":0.003,"pid":0,"tid":1,"id":"k","bp":"e","args":{"n":3}}`)
	})
}

func TestAsync(t *testing.T) {
	expect(t, []tracefmt.Event{
		{Kind: tracefmt.AsyncEnd, Track: 1, Time: 1, Category: "c", Key: "k", Name: "never begun"},
		{Kind: tracefmt.AsyncBegin, Track: 1, Time: 2, Category: "c", Key: "k", Name: "outer"},
		{Kind: tracefmt.AsyncBegin, Track: 1, Time: 3, Category: "c", Key: "local:k", Name: "of this process", ID: "x"},
		{Kind: tracefmt.AsyncEnd, Track: 1, Time: 1, Category: "c", Key: "local:k"},
		{Kind: tracefmt.AsyncBegin, Track: 1, Time: 4, Category: "c", Name: "no key"},
		{Kind: tracefmt.Instant, Track: 1, Time: 50, Name: "last"},
	}, "async end before its begin, moved to it (1x); async end without a begin (1x); async event without an id (1x)",
		`{"name":"outer","ph":"b","cat":"c","ts":0.002,"pid":0,"tid":1,"id":"k"}`,
		`{"name":"of this process","ph":"b","cat":"c","ts":0.003,"pid":0,"tid":1,"id2":{"local":"k"},"args":{"spanstack.id":"x"}}`,
		`{"name":"of this process","ph":"e","cat":"c","ts":0.003,"pid":0,"tid":1,"id2":{"local":"k"}}`,
		`{"name":"last","ph":"i","ts":0.05,"pid":0,"tid":1,"s":"t"}`,
		`{"name":"outer","ph":"e","cat":"c","ts":0.05,"pid":0,"tid":1,"id":"k","args":{"spanstack.open":true}}`)
}

func TestAsyncInside(t *testing.T) {
	async := func(k tracefmt.Kind, when int64, name string) tracefmt.Event {
		return tracefmt.Event{Kind: k, Track: 1, Time: when, Category: "c", Key: "k", Name: name}
	}
	events := []tracefmt.Event{async(tracefmt.AsyncBegin, 1, "outer"), async(tracefmt.AsyncBegin, 2, "inner"), async(tracefmt.AsyncEnd, 3, "outer")}
	want := []string{
		`{"name":"outer","ph":"b","cat":"c","ts":0.001,"pid":0,"tid":1,"id":"k"}`,
		`{"name":"inner","ph":"b","cat":"c","ts":0.002,"pid":0,"tid":1,"id":"k"}`,
		`{"name":"inner","ph":"e","cat":"c","ts":0.003,"pid":0,"tid":1,"id":"k","args":{"spanstack.open":true}}`,
		`{"name":"outer","ph":"e","cat":"c","ts":0.003,"pid":0,"tid":1,"id":"k"}`,
	}
	expect(t, events, "", want...)
	if back := readText(t, "["+strings.Join(want, ",")+"]"); len(back) != 2+len(events) {
		t.Errorf("%d events come back", len(back))
	}
}

func TestCounterValues(t *testing.T) {
	expect(t, []tracefmt.Event{
		{Kind: tracefmt.Counter, Track: 1, Name: "c", Attrs: []tracefmt.Attr{attr("a", tracefmt.Int64(1)), attr("b", tracefmt.String("x"))}},
		{Kind: tracefmt.Counter, Track: 1, Name: "c"},
	}, "counter without a value (1x); counter's value that isn't a number (1x)",
		`{"name":"c","ph":"C","ts":0,"pid":0,"tid":1,"args":{"a":1}}`)
}

func TestInvalidRawJSON(t *testing.T) {
	expect(t, []tracefmt.Event{{Kind: tracefmt.Instant, Track: 1, Attrs: []tracefmt.Attr{
		attr("bad", tracefmt.RawJSON(`{"a":}`)), attr("loose", tracefmt.RawJSON("[1,\n 2]"))}}},
		"attribute that isn't valid JSON, written as a string (1x)",
		`{"name":"","ph":"i","ts":0,"pid":0,"tid":1,"s":"t","args":{"bad":"{\"a\":}","loose":[1,2]}}`)
}
