package parquet_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/internal/npmtest"
	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/parquet"
	"github.com/spanstack/spanstack/tracefmt/summary"
	"github.com/spanstack/spanstack/tracefmt/timeline"
)

// queryScript has DuckDB, which has its own reader of Parquet, judge our files. testdata/npm says which version.
const queryScript = `
import { DuckDBInstance } from '@duckdb/node-api';
const [file, ...queries] = process.argv.slice(1);
const db = await (await DuckDBInstance.create(':memory:')).connect();
await db.run("CREATE VIEW t AS FROM '" + file + "'");
const results = [];
for (const q of queries) results.push((await db.runAndReadAll(q)).getRowsJson());
console.log(JSON.stringify(results));
`

// query has DuckDB answer questions about a file, which is the view t. Numbers of 64 bits come as texts.
func query(t *testing.T, data []byte, queries ...string) [][][]any {
	t.Helper()
	dir := npmtest.Install(t, "testdata/npm")
	file := filepath.Join(t.TempDir(), "trace.parquet")
	if err := os.WriteFile(file, data, 0o666); err != nil {
		t.Fatal(err)
	}
	out := npmtest.Node(t, dir, queryScript, append([]string{file}, queries...)...)
	var results [][][]any
	if err := json.Unmarshal([]byte(out), &results); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return results
}

// byName is what a summary says of the slices of a name, in all places.
func byName(trace *timeline.Timeline) (count, total, open map[string]int64) {
	count, total, open = make(map[string]int64), make(map[string]int64), make(map[string]int64)
	var sum summary.Summary
	for e := range trace.Events() {
		sum.Add(e)
	}
	sum.Finish()
	for _, p := range sum.Processes {
		for path := range p.Paths() {
			n := path[len(path)-1]
			if n.Track {
				continue
			}
			count[n.Name] += n.Count
			open[n.Name] += n.Open
			total[n.Name] += n.Total
		}
	}
	return count, total, open
}

// TestDuckDB compares what DuckDB finds in files with what package summary finds in the traces.
func TestDuckDB(t *testing.T) {
	var generated timeline.Timeline
	long(40_000, generated.Add)
	for name, trace := range map[string]*timeline.Timeline{
		"fgtrace":   timelineOf(t, "fgtrace/fgtrace.json"),
		"unclosed":  timelineOf(t, "catapult/main_thread_has_unclosed_slices.json"),
		"generated": &generated,
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			w := parquet.NewWriter(&out)
			if _, err := trace.WriteTo(w); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			results := query(t, out.Bytes(),
				`SELECT name, count(*)::VARCHAR, coalesce(sum(duration_ns), 0)::VARCHAR, count(*) FILTER (duration_ns IS NULL)::VARCHAR
				 FROM t WHERE kind IN ('slice', 'async') GROUP BY name`,
				`SELECT attributes['dataset'], count(*)::VARCHAR, count(error)::VARCHAR, sum(attributes['bytes']::BIGINT)::VARCHAR
				 FROM t WHERE name = 'send' GROUP BY 1 ORDER BY 1`,
				`SELECT count(*)::VARCHAR, count(DISTINCT name)::VARCHAR, min(start)::VARCHAR, min(severity) FROM t WHERE kind = 'log'`)
			count, total, open := byName(trace)
			if len(results[0]) != len(count) || len(count) == 0 {
				t.Errorf("%d names, want %d", len(results[0]), len(count))
			}
			for _, row := range results[0] {
				name := row[0].(string)
				want := fmt.Sprint([]any{name, fmt.Sprint(count[name]), fmt.Sprint(total[name]), fmt.Sprint(open[name])})
				if got := fmt.Sprint(row); got != want && open[name] == 0 || row[1] != fmt.Sprint(count[name]) || row[3] != fmt.Sprint(open[name]) {
					t.Errorf("name, count, ns and open are %s, want %s", got, want)
				}
			}
			if name != "generated" {
				return
			}
			for i, row := range results[1] { // 4,000 rounds each: i, i+10, i+20 …
				failed, bytes := 0, 0
				for n := i; n < 40_000; n += 10 {
					bytes += n
					if n%7 == 0 {
						failed++
					}
				}
				if got, want := fmt.Sprint(row), fmt.Sprintf("[tank/%d 4000 %d %d]", i, failed, bytes); got != want {
					t.Errorf("by dataset: %s, want %s", got, want)
				}
			}
			if got := fmt.Sprint(results[2], len(results[1])); got != "[[40000 40000 2025-07-20 08:26:40+00 INFO]] 10" {
				t.Errorf("logs: %s", got)
			}
		})
	}
}

// TestDuckDBOddities has DuckDB read a file without rows, and one with a row of every kind and odd texts.
func TestDuckDBOddities(t *testing.T) {
	if got := query(t, write(t), "SELECT count(*)::VARCHAR FROM t"); fmt.Sprint(got) != "[[[0]]]" {
		t.Errorf("an empty trace has %v rows", got)
	}
	odd := "\x00 \"'\\\n\u2028😀 a\xff"
	events := append(fmttest.Sample(), tracefmt.Event{Kind: tracefmt.Complete, Track: 1, Name: odd, Dur: 1,
		Attrs: []tracefmt.Attr{{Key: odd, Value: tracefmt.String(odd)}}})
	got := query(t, write(t, events...), "SELECT kind, count(*)::VARCHAR FROM t GROUP BY kind ORDER BY kind",
		"SELECT name, map_keys(attributes)[1], map_values(attributes)[1] FROM t WHERE duration_ns = 1",
		"SELECT attributes::VARCHAR, (start_ns - 1753000000123456789)::VARCHAR FROM t WHERE name = 'zfs list'",
		"SELECT series, value FROM t WHERE kind = 'counter' AND id IS NULL ORDER BY ALL")
	clean := strings.ToValidUTF8(odd, "\ufffd")
	for i, want := range []string{
		"[[async 1] [counter 3] [instant 4] [log 1] [slice 6]]",
		fmt.Sprint([]any{[]any{clean, clean, clean}}),
		`[[{ratio=0.25, cached=true, args='["list","-H"]', big=9223372036854775808} 2001]]`,
		"[[received 5] [sent 10]]",
	} {
		if text := fmt.Sprint(got[i]); text != want {
			t.Errorf("got %q, want %q", text, want)
		}
	}
}
