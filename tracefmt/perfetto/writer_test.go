package perfetto_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/chrome"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/perfetto"
	"github.com/spanstack/spanstack/tracefmt/timeline"
)

var update = flag.Bool("update", false, "rewrite golden files")

func write(t testing.TB, events ...tracefmt.Event) []byte {
	data, losses := writeLossy(t, events...)
	if len(losses) > 0 {
		t.Errorf("lost %v", losses)
	}
	return data
}

func writeLossy(t testing.TB, events ...tracefmt.Event) ([]byte, []tracefmt.Loss) {
	t.Helper()
	var out bytes.Buffer
	w := perfetto.NewWriter(&out)
	for i := range events {
		if err := w.Write(&events[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), w.Losses()
}

func read(t testing.TB, data []byte) []tracefmt.Event {
	t.Helper()
	events, err := fmttest.ReadAll(perfetto.NewReader(bytes.NewReader(data)))
	if err != nil {
		t.Fatal(err)
	}
	return events
}

// decode returns a trace as text, as protoc decodes it by the names of Perfetto's schema. Fields that aren't in the
// schema are numbers there.
func decode(t *testing.T, data []byte) string {
	protoc, err := exec.LookPath("protoc")
	if err != nil {
		if os.Getenv("SPANSTACK_REQUIRE_PROTOC") != "" {
			t.Fatal("protoc isn't installed (Debian: protobuf-compiler)")
		}
		t.Skip("protoc isn't installed (Debian: protobuf-compiler)")
	}
	cmd := exec.Command(protoc, "--decode=perfetto.protos.Trace", "-Itestdata", "testdata/subset.proto")
	cmd.Stdin = bytes.NewReader(data)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, stderr.Bytes())
	}
	return string(out)
}

// TestGolden compares what an independent decoder makes of the sample with a text that was reviewed.
func TestGolden(t *testing.T) {
	got := decode(t, write(t, fmttest.Sample()...))
	const file = "testdata/sample.golden.txt"
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
		t.Errorf("the sample became (see -update)\n%s", got)
	}
	for line := range strings.Lines(got) {
		if c := strings.TrimLeft(line, " ")[0]; c >= '0' && c <= '9' {
			t.Errorf("a field that isn't in the schema: %s", line)
		}
	}
}

func onThread(events ...tracefmt.Event) []tracefmt.Event {
	return append([]tracefmt.Event{
		{Kind: tracefmt.Process, Track: 1, SourceID: tracefmt.Int64(7), Name: "p"},
		{Kind: tracefmt.Track, Track: 2, Process: 1, SourceID: tracefmt.Int64(8), Name: "t"},
	}, events...)
}

// TestManyNames writes more names than the tables hold. All come back, and slices stay whole.
func TestManyNames(t *testing.T) {
	var events []tracefmt.Event
	for i := range 40_000 {
		events = append(events, tracefmt.Event{Kind: tracefmt.Complete, Track: 2, Time: int64(i) * 10, Dur: 5,
			Name: fmt.Sprint("name ", i), Category: "c" + fmt.Sprint(i%10)})
	}
	events = onThread(events...)
	data := write(t, events...)
	fmttest.Diff(t, "read back", fmttest.ContentOf(read(t, data), tracefmt.KeepsAll), fmttest.ContentOf(events, tracefmt.KeepsAll))
}

// TestTracks looks at the tracks that slices, async slices and counters get.
func TestTracks(t *testing.T) {
	long := strings.Repeat("x", 10_000)
	data := write(t, onThread(
		tracefmt.Event{Kind: tracefmt.Track, Track: 3, Process: 1, SourceID: tracefmt.Int64(9), Name: "other"},
		tracefmt.Event{Kind: tracefmt.Complete, Track: 2, Time: 0, Dur: 10, Name: "a"},
		tracefmt.Event{Kind: tracefmt.Complete, Track: 2, Time: 5, Dur: 10, Name: "overlaps"},
		tracefmt.Event{Kind: tracefmt.Begin, Track: 3, Time: 20, Name: "b"},
		tracefmt.Event{Kind: tracefmt.Complete, Track: 3, Time: 15, Dur: 10, Name: "around the begin"},
		tracefmt.Event{Kind: tracefmt.AsyncBegin, Track: 2, Time: 20, Name: "up", Key: "1"},
		tracefmt.Event{Kind: tracefmt.AsyncBegin, Track: 2, Time: 21, Name: "up", Key: "2"},
		tracefmt.Event{Kind: tracefmt.AsyncBegin, Track: 2, Time: 22, Name: "inner", Key: "2"},
		tracefmt.Event{Kind: tracefmt.AsyncEnd, Track: 2, Time: 23, Name: "inner", Key: "2"},
		tracefmt.Event{Kind: tracefmt.AsyncEnd, Track: 2, Time: 23, Name: "up", Key: "1"},
		tracefmt.Event{Kind: tracefmt.AsyncBegin, Track: 2, Time: 24, Name: "up", Key: "3"}, // where 1 was
		tracefmt.Event{Kind: tracefmt.AsyncBegin, Track: 2, Time: 25, Name: "up", Key: "4"},
		tracefmt.Event{Kind: tracefmt.Log, Track: 2, Time: 30, Name: "of a thread", Severity: tracefmt.SeverityWarn},
		tracefmt.Event{Kind: tracefmt.Log, Track: 1, Time: 30, Name: "of a process"}, // Perfetto lists threads' lines only
		tracefmt.Event{Kind: tracefmt.Complete, Track: 2, Time: 30, Dur: 1, Name: long},
	)...)
	text := decode(t, data)
	for what, want := range map[string]int{
		`sibling_merge_key: "spanstack.overlap"`:  2,
		`sibling_merge_key: "spanstack.async:up"`: 3,
		`sibling_merge_key: "spanstack.async:i`:   0,
		"tid: 8":                                  1,
		"log_message {":                           1,
		"prio: PRIO_WARN":                         1,
	} {
		if got := strings.Count(text, what); got != want {
			t.Errorf("%s: %d times, want %d\n%.4000s", what, got, want, text)
		}
	}
}

// TestCut cuts a trace behind each packet. Only between the begin and the end of a slice that was complete is it an
// error: a flush never ends there.
func TestCut(t *testing.T) {
	data := write(t, onThread(tracefmt.Event{Kind: tracefmt.Complete, Track: 2, Time: 5, Dur: 10, Name: "a"})...)
	whole := 0
	for n := range data {
		if _, err := fmttest.ReadAll(perfetto.NewReader(bytes.NewReader(data[:n]))); err == nil {
			whole++
		}
	}
	if whole != 4 { // nothing, the first packet, the process, the track
		t.Errorf("%d beginnings are whole traces, want 4", whole)
	}
}

// TestNumbers gives processes and threads numbers that Perfetto has no room for, or that are taken.
func TestNumbers(t *testing.T) {
	events := []tracefmt.Event{
		{Kind: tracefmt.Process, Track: 1, SourceID: tracefmt.Int64(7), Name: "one"},
		{Kind: tracefmt.Process, Track: 2, SourceID: tracefmt.Int64(7), Name: "two"},
		{Kind: tracefmt.Process, Track: 3, SourceID: tracefmt.Int64(0), Name: "zero"},
		{Kind: tracefmt.Process, Track: 4, SourceID: tracefmt.Int64(-5), Name: "negative"},
		{Kind: tracefmt.Process, Track: 5, Name: "none"},
		{Kind: tracefmt.Track, Track: 6, Process: 1, SourceID: tracefmt.Int64(1), Name: "a"},
		{Kind: tracefmt.Track, Track: 7, Process: 1, SourceID: tracefmt.Int64(1), Name: "b"},
		{Kind: tracefmt.Track, Track: 8, Process: 2, SourceID: tracefmt.Uint64(1 << 63), Name: "c"},
	}
	var names []string
	for _, e := range read(t, write(t, events...)) {
		names = append(names, fmt.Sprintf("%d %s %v %d", e.Track, e.Name, e.SourceID, e.Process))
	}
	want := []string{"1 one 7 0", "2 two 7 0", "3 zero 0 0", "4 negative -5 0", "5 none  0",
		"6 a 1 1", "7 b 1 1", "8 c 9223372036854775808 2"}
	if !slices.Equal(names, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(names, "\n"), strings.Join(want, "\n"))
	}
}

// TestCounters has more series than one event may carry, series of both types, and values that are none.
func TestCounters(t *testing.T) {
	var attrs []tracefmt.Attr
	for i := range 12 {
		v := tracefmt.Int64(int64(i) - 5)
		if i%3 == 0 {
			v = tracefmt.Float64(float64(i) / 4)
		}
		attrs = append(attrs, tracefmt.Attr{Key: fmt.Sprint("s", i), Value: v})
	}
	attrs = append(attrs, tracefmt.Attr{Key: "text", Value: tracefmt.String("x")})
	data, losses := writeLossy(t, onThread(tracefmt.Event{Kind: tracefmt.Counter, Track: 2, Time: 5, Name: "c", Attrs: attrs})...)
	if len(losses) != 1 || losses[0].What != "counter's value that isn't a number" {
		t.Errorf("losses: %v", losses)
	}
	var got []tracefmt.Attr
	counters := 0
	for _, e := range read(t, data) {
		if e.Kind == tracefmt.Counter {
			got = append(got, e.Attrs...)
			counters++
		}
	}
	if !slices.Equal(got, attrs[:12]) || counters != 2 {
		t.Errorf("%d counters: %v", counters, got)
	}
}

// TestNested looks at how JSON becomes annotations, and that its text comes back.
func TestNested(t *testing.T) {
	deep := strings.Repeat("[", 40) + "1" + strings.Repeat("]", 40)
	texts := []string{`{"a":[1,{"b":"c d"}],"e":{}}`, `["x",-1.5e+300,1.0,1,18446744073709551615,-0,null,true]`, `[]`, `null`,
		`1e999`, `{"":"\n"}`, deep, `[` + deep + `]`}
	var attrs []tracefmt.Attr
	for i, text := range texts {
		attrs = append(attrs, tracefmt.Attr{Key: fmt.Sprint(i), Value: tracefmt.RawJSON(text)})
	}
	data := write(t, onThread(tracefmt.Event{Kind: tracefmt.Instant, Track: 2, Name: "i", Attrs: attrs})...)
	back := read(t, data)
	for i, a := range back[len(back)-1].Attrs {
		if a.Value.String() != texts[i] || a.Value.Kind() != tracefmt.RawValue {
			t.Errorf("%s came back as %s", texts[i], a.Value)
		}
	}
	if text := decode(t, data); !strings.Contains(text, "dict_entries {\n        name: \"a\"\n        array_values {\n          int_value: 1\n") {
		t.Errorf("the first isn't nested:\n%.2000s", text)
	}
}

// TestAllocations wants none for events of the usual kinds, once their names are known.
func TestAllocations(t *testing.T) {
	w := perfetto.NewWriter(io.Discard)
	for _, e := range onThread() {
		if err := w.Write(&e); err != nil {
			t.Fatal(err)
		}
	}
	now := int64(0)
	attrs := []tracefmt.Attr{{Key: "s", Value: tracefmt.String("text")}, {Key: "n", Value: tracefmt.Int64(5)}}
	events := []tracefmt.Event{
		{Kind: tracefmt.Begin, Name: "b", Category: "span", ID: "aaaa", Parent: "bbbb", Attrs: attrs},
		{Kind: tracefmt.Complete, Dur: 1, Name: "c", Category: "span", Attrs: attrs},
		{Kind: tracefmt.Log, Name: "l", Severity: tracefmt.SeverityInfo, Attrs: attrs},
		{Kind: tracefmt.Counter, Name: "n", Attrs: attrs[1:]},
		{Kind: tracefmt.FlowStart, Name: "f", Key: "1"},
		{Kind: tracefmt.AsyncBegin, Name: "a", Key: "1"},
		{Kind: tracefmt.AsyncEnd, Name: "a", Key: "1"},
		{Kind: tracefmt.End},
	}
	round := func() {
		for i := range events {
			now += 10
			e := &events[i]
			e.Track, e.Time = 2, now
			if err := w.Write(e); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range 1000 {
		round()
	}
	if n := testing.AllocsPerRun(1000, round); n > 0 {
		t.Errorf("%.1f allocations for %d events", n, len(events))
	}
}

// TestChromeFiles writes what real programs wrote as Chrome JSON, in its normal form, and reads it back.
func TestChromeFiles(t *testing.T) {
	files, err := filepath.Glob("../chrome/testdata/*/*.json")
	if err != nil || len(files) < 25 {
		t.Fatalf("%d files (%v)", len(files), err)
	}
	compared := 0
	for _, file := range files {
		var tl timeline.Timeline
		if _, err := tl.Read(chrome.NewReader(bytes.NewReader(readFile(t, file)))); err != nil && !errors.Is(err, tracefmt.ErrTruncated) {
			continue // what isn't Chrome JSON all through is of no interest here
		}
		var events []tracefmt.Event
		for e := range tl.Events() {
			events = append(events, *e)
		}
		data, losses := writeLossy(t, events...)
		back := read(t, data)
		if len(losses) > 0 {
			t.Logf("%s: not compared, since it lost %v", file, losses)
			continue
		}
		compared++
		got := fmttest.ContentOf(back, tracefmt.KeepsAll)
		fmttest.Diff(t, file, fmttest.Content{Timed: got.Timed}, fmttest.Content{Timed: fmttest.ContentOf(events, tracefmt.KeepsAll).Timed})
	}
	if compared < 25 {
		t.Errorf("only %d files were compared", compared)
	}
}
