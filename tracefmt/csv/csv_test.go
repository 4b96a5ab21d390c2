package csv_test

import (
	"bytes"
	stdcsv "encoding/csv"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	_ "github.com/spanstack/spanstack/tracefmt/chrome"
	"github.com/spanstack/spanstack/tracefmt/csv"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/summary"
	"github.com/spanstack/spanstack/tracefmt/timeline"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestConformance(t *testing.T) { fmttest.RunWriter(t, csv.Format) }

func write(t failer, events ...tracefmt.Event) string {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	for i := range events {
		if err := w.Write(&events[i]); err != nil {
			t.Fatalf("%v", err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatalf("%v", err)
	}
	return out.String()
}

// failer is what testing and rapid have in common.
type failer interface{ Fatalf(string, ...any) }

// timelineOf reads a trace that the tests of Chrome's format have.
func timelineOf(t *testing.T, file string) *timeline.Timeline {
	f, err := os.Open(filepath.Join("../chrome/testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := tracefmt.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var trace timeline.Timeline
	if _, err := trace.Read(r); err != nil {
		t.Fatal(err)
	}
	return &trace
}

func TestGolden(t *testing.T) {
	golden := func(name, got string) {
		file := filepath.Join("testdata", name+".golden.csv")
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
	for _, file := range []string{"catapult/simple_trace.json", "catapult/nestable_async.json", "catapult/instance_counters.json"} {
		var out bytes.Buffer
		w := csv.NewWriter(&out)
		if _, err := timelineOf(t, file).WriteTo(w); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		golden(strings.TrimSuffix(filepath.Base(file), ".json"), out.String())
	}
}

// records parses what was written with encoding/csv, as maps from column to cell.
func records(t failer, text string) (list []map[string]string) {
	r := stdcsv.NewReader(strings.NewReader(text))
	all, err := r.ReadAll()
	if err != nil {
		t.Fatalf("encoding/csv: %v\n%s", err, text)
	}
	for _, cells := range all[1:] {
		record := make(map[string]string)
		for i, cell := range cells {
			record[all[0][i]] = cell
		}
		list = append(list, record)
	}
	return list
}

// TestSummary compares counts and durations with package summary, on traces of other programs.
func TestSummary(t *testing.T) {
	for _, file := range []string{"fgtrace/fgtrace.json", "catapult/flow.json", "catapult/main_thread_has_unclosed_slices.json", "catapult/nestable_async.json"} {
		trace := timelineOf(t, file)
		var out bytes.Buffer
		w := csv.NewWriter(&out)
		if _, err := trace.WriteTo(w); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		var slices, open, failed int64
		for _, r := range records(t, out.String()) {
			if r["kind"] != "slice" && r["kind"] != "async" {
				continue
			}
			slices++
			if r["duration_ns"] == "" {
				open++
			}
			if r["error"] != "" {
				failed++
			}
		}
		var sum summary.Summary
		for e := range trace.Events() {
			sum.Add(e)
		}
		sum.Finish()
		var want, wantOpen, wantFailed int64
		for _, p := range sum.Processes {
			want, wantOpen, wantFailed = want+p.Slices, wantOpen+p.Open, wantFailed+p.Failed
		}
		if slices != want || open != wantOpen || failed != wantFailed || slices == 0 {
			t.Errorf("%s: %d slices, %d open, %d failed; the summary has %d, %d and %d", file, slices, open, failed, want, wantOpen, wantFailed)
		}
	}
}

// TestCells has encoding/csv read back random texts.
func TestCells(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[ ",\n=+@;x\t-]{0,8}`))
		e := tracefmt.Event{Kind: tracefmt.Complete, Track: 1, Dur: 1, Name: text.Draw(t, "name"), Category: text.Draw(t, "category"),
			ID: text.Draw(t, "id"), Parent: text.Draw(t, "parent"), Attrs: []tracefmt.Attr{{Key: text.Draw(t, "key"), Value: tracefmt.String(text.Draw(t, "value"))}}}
		all := records(t, write(t, e))
		if len(all) != 1 {
			t.Fatalf("%d rows", len(all))
		}
		r := all[0]
		for column, want := range map[string]string{"name": e.Name, "category": e.Category, "id": e.ID, "parent": e.Parent} {
			if want = strings.ReplaceAll(want, "\r\n", "\n"); r[column] != want { // which encoding/csv does
				t.Fatalf("%s is %q, want %q", column, r[column], want)
			}
		}
		var attrs map[string]string
		a := e.Attrs[0]
		switch {
		case a.Key == "trace_id" || a.Key == "error":
		case json.Unmarshal([]byte(r["attributes"]), &attrs) != nil || attrs[a.Key] != a.Value.String():
			t.Fatalf("attributes are %q, want %v", r["attributes"], a)
		}
	})
}

// TestQuotes says which cells are quoted, whatever one reader would do without.
func TestQuotes(t *testing.T) {
	for name, want := range map[string]string{
		"a": "a", "=1+1": "=1+1", "a;b\t'c'": "a;b\t'c'", "a,b": `"a,b"`, "a\rb": "\"a\rb\"", "a\nb": "\"a\nb\"", `a"b"`: `"a""b"""`, " a": `" a"`, "a ": `"a "`,
		"a\xff": "a\ufffd",
	} {
		text := write(t, tracefmt.Event{Kind: tracefmt.Instant, Name: name})
		if _, row, _ := strings.Cut(text, "\r\n"); row != "instant,,,,,,,,"+want+",,0,trace,,,,,,,\r\n" {
			t.Errorf("%q is in %q, want %q", name, row, want)
		}
	}
}

// TestNumbers has a large number in every place that has one.
func TestNumbers(t *testing.T) {
	const far = 1<<63 - 1
	text := write(t,
		tracefmt.Event{Kind: tracefmt.Clock, Time: 0, Unix: 1753000000_123456789},
		tracefmt.Event{Kind: tracefmt.Process, Track: 1, Name: "p", SourceID: tracefmt.Uint64(1 << 63)},
		tracefmt.Event{Kind: tracefmt.Complete, Track: 1, Time: 1, Dur: far, Name: "long", Attrs: []tracefmt.Attr{{Key: "n", Value: tracefmt.Int64(far)}}},
		tracefmt.Event{Kind: tracefmt.Complete, Track: 1, Time: far, Dur: 1, Name: "too late"})
	all := records(t, text)
	if len(all) != 1 || all[0]["start_ns"] != "1753000000123456790" || all[0]["duration_ns"] != strconv.Itoa(far) ||
		all[0]["pid"] != "9223372036854775808" || all[0]["attributes"] != `{"n":9223372036854775807}` {
		t.Errorf("got %v", all)
	}
}
