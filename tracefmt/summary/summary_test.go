package summary_test

import (
	"flag"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/chrome"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/summary"
	"github.com/spanstack/spanstack/tracefmt/timeline"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func sum(events []tracefmt.Event) *summary.Summary {
	var t timeline.Timeline
	for i := range events {
		t.Add(&events[i])
	}
	return sumOf(&t)
}

func sumOf(t *timeline.Timeline) *summary.Summary {
	var s summary.Summary
	for e := range t.Events() {
		s.Add(e)
	}
	s.Finish()
	return &s
}

func text(t *testing.T, s *summary.Summary, style summary.Style) string {
	var b strings.Builder
	if err := s.WriteText(&b, style); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestGolden(t *testing.T) {
	f, err := os.Open("../chrome/testdata/catapult/simple_trace.json")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var foreign timeline.Timeline
	if _, err := foreign.Read(chrome.NewReader(f)); err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]*summary.Summary{
		"sample": sum(fmttest.Sample()), "foreign": sumOf(&foreign), "empty": sum(nil),
	} {
		got := text(t, s, summary.Style{})
		golden := "testdata/" + name + ".golden.txt"
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
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
	}
	if coloured := text(t, sum(fmttest.Sample()), summary.Style{Colour: true}); !strings.Contains(coloured, "\x1b[31m1\x1b[0m") {
		t.Errorf("no red failure in\n%q", coloured)
	}
}

// find returns the node at a path below a process's root.
func find(t *testing.T, p *summary.Process, path ...string) *summary.Node {
	t.Helper()
	n := p.Root
	for _, name := range path {
		i := slices.IndexFunc(n.Children, func(c *summary.Node) bool { return c.Name == name })
		if i < 0 {
			t.Fatalf("no %q below %q", name, n.Name)
		}
		n = n.Children[i]
	}
	return n
}

func slice(track tracefmt.TrackID, start, end int64, name, id, parent string) tracefmt.Event {
	return tracefmt.Event{Kind: tracefmt.Complete, Track: track, Time: start, Dur: end - start, Name: name, ID: id, Parent: parent}
}

// TestSelf checks self time: what is inside on the same track counts, once; tasks on other tracks don't. Of own time, they do.
func TestSelf(t *testing.T) {
	s := sum([]tracefmt.Event{
		slice(1, 0, 100, "task", "t", ""),
		slice(1, 10, 30, "a", "a", "t"),
		slice(1, 20, 50, "b", "b", "t"), // overlaps a
		slice(1, 60, 70, "c", "c", "t"),
		slice(1, 62, 64, "d", "d", "c"),
		slice(2, 15, 400, "child", "x", "a"), // beside its parent, and longer
	})
	p := s.Processes[0]
	for _, c := range []struct {
		path             string
		total, self, own int64
	}{
		{"task", 100, 100 - 40 - 10, 50}, {"task/a", 20, 20, 5}, {"task/b", 30, 30, 30}, {"task/c", 10, 8, 8}, {"task/c/d", 2, 2, 2},
		{"task/a/child", 385, 385, 385},
	} {
		n := find(t, p, strings.Split(c.path, "/")...)
		if n.Total != c.total || n.Self != c.self || n.Own != c.own || n.Count != 1 {
			t.Errorf("%s: total %d, self %d, own %d, count %d, want %d, %d, %d, 1", c.path, n.Total, n.Self, n.Own, n.Count, c.total, c.self, c.own)
		}
	}
	if s.End != 400 {
		t.Errorf("the trace ends at %d", s.End)
	}
}

// TestOpen checks that open slices count to the end of the trace and stay out of the quantiles.
func TestOpen(t *testing.T) {
	s := sum([]tracefmt.Event{
		{Kind: tracefmt.Begin, Track: 1, Time: 100, Name: "stuck", ID: "s"},
		slice(1, 150, 250, "in", "i", "s"),
		{Kind: tracefmt.Begin, Track: 1, Time: 300, Name: "stuck", ID: "s2", Parent: "s"},
		{Kind: tracefmt.Instant, Track: 1, Time: 1000},
		{Kind: tracefmt.AsyncBegin, Track: 1, Time: 400, Name: "async", ID: "a", Parent: "s", Category: "async"},
	})
	p := s.Processes[0]
	outer, inner, async := find(t, p, "stuck"), find(t, p, "stuck", "stuck"), find(t, p, "stuck", "async")
	if outer.Open != 1 || outer.OpenFrom != 100 || outer.Total != 900 || outer.Self != 900-100-700 || outer.Ended.Count() != 0 {
		t.Errorf("outer: %+v", outer)
	}
	if outer.Own != 900-100-700 || inner.Own != 700 || async.Own != 600 {
		t.Errorf("own times are %d, %d and %d", outer.Own, inner.Own, async.Own)
	}
	if inner.Total != 700 || inner.Self != 700 || async.Total != 600 || async.Open != 1 || p.Open != 3 {
		t.Errorf("inner total %d, async total %d, %d open", inner.Total, async.Total, p.Open)
	}
}

// TestLostParents checks slices whose parent isn't there, or ended before they began.
func TestLostParents(t *testing.T) {
	s := sum([]tracefmt.Event{
		slice(1, 0, 10, "short", "s", ""),
		slice(1, 20, 30, "next", "n", ""),
		slice(2, 25, 30, "late child", "l", "s"),
		slice(2, 40, 50, "orphan", "o", "gone"),
	})
	p := s.Processes[0]
	if len(s.Processes) != 1 {
		t.Fatalf("%d processes", len(s.Processes))
	}
	find(t, p, "short", "late child")
	find(t, p, "orphan")
	if l := s.Losses(); len(l) != 1 || l[0].Count != 1 {
		t.Errorf("losses %v", l)
	}
}

// TestMemory checks that many slices with few paths leave a small tree.
func TestPathsBound(t *testing.T) {
	var s summary.Summary
	for i := range int64(300_000) {
		e := slice(1, i*10, i*10+5, "same", fmt.Sprint(i), "")
		s.Add(&e)
	}
	s.Finish()
	n := find(t, s.Processes[0], "same")
	if n.Count != 300_000 || n.Total != 1_500_000 || n.Ended.At(0.5) != 5 || len(s.Processes[0].Root.Children) != 1 {
		t.Errorf("%+v", n)
	}
}

func TestQuantiles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.OneOf(rapid.IntRange(1, 20), rapid.IntRange(2000, 6000)).Draw(t, "n")
		scale := rapid.Int64Range(1, 1<<40).Draw(t, "scale")
		seed := rapid.Uint64().Draw(t, "seed")
		var q summary.Quantiles
		values := make([]int64, n)
		for i := range values {
			seed = seed*6364136223846793005 + 1442695040888963407
			values[i] = int64(seed>>16) % scale
			q.Add(values[i])
		}
		slices.Sort(values)
		for _, p := range []float64{0, 0.01, 0.5, 0.95, 0.999, 1} {
			want := values[max(int(math.Ceil(p*float64(n))), 1)-1]
			got := q.At(p)
			if bound := want / 128; got < want-bound || got > want+bound {
				t.Fatalf("quantile %v of %d values is %d, want %d", p, n, got, want)
			}
			if n <= 2000 && got != want {
				t.Fatalf("quantile %v of few values is %d, want exactly %d", p, got, want)
			}
		}
		if q.Max() != values[n-1] || q.Count() != int64(n) {
			t.Fatalf("max %d, count %d", q.Max(), q.Count())
		}
	})
}

func TestDuration(t *testing.T) {
	for ns, want := range map[int64]string{
		0: "0s", 5: "5ns", 999: "999ns", 1000: "1.00µs", 1234: "1.23µs", 12345: "12.3µs", 123456: "123µs", 999_499: "999µs",
		999_500: "1.00ms", 9_996: "10.0µs", 59_949_000_000: "59.9s", 59_960_000_000: "1m00s", 60e9: "1m00s", 754e9: "12m34s",
		3600e9: "1h00m", 18_390e9: "5h07m", -1500: "-1.50µs", math.MinInt64: "-2562047h47m",
	} {
		if got := summary.Duration(ns); got != want {
			t.Errorf("Duration(%d) = %s, want %s", ns, got, want)
		}
	}
}

func TestHostileNames(t *testing.T) {
	got := text(t, sum([]tracefmt.Event{slice(1, 0, 1, "a\nb\x1b[31m\u202e\xff", "i", "")}), summary.Style{})
	if !strings.Contains(got, `a\nb\x1b[31m\u202e`) || strings.Count(got, "\n") != 3 {
		t.Errorf("%q", got)
	}
}
