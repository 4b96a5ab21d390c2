package stats_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/stats"
)

var update = flag.Bool("update", false, "rewrite testdata")

func of(events []tracefmt.Event) *stats.Report {
	var s stats.Stats
	for i := range events {
		s.Add(&events[i])
	}
	return s.Report(5, nil)
}

// TestSample has something of everything.
func TestSample(t *testing.T) {
	var s stats.Stats
	events := fmttest.Sample()
	for i := range events {
		s.Add(&events[i])
	}
	r := s.Report(4, []tracefmt.Loss{{What: "something odd", Count: 2, Offset: 17}, {What: "something else", Count: 1, Offset: -1}})
	var text strings.Builder
	if err := r.WriteText(&text, 1); err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]string{"testdata/sample.txt": text.String(), "testdata/sample.json": string(asJSON) + "\n"} {
		if *update {
			if err := os.WriteFile(name, []byte(got), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(name)
		if err != nil || got != string(want) {
			t.Errorf("%s: %v; got\n%s", name, err, got)
		}
	}
}

// TestCounts compares with counts that are made in the simplest way.
func TestCounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := fmttest.Events(t)
		r := of(events)
		kinds := map[string]int64{}
		var timed, begun, ended int64
		for _, e := range events {
			kinds[e.Kind.String()]++
			if e.Kind.Timed() && e.Kind != tracefmt.Clock {
				timed++
			}
			switch e.Kind {
			case tracefmt.Begin, tracefmt.AsyncBegin:
				begun++
			case tracefmt.Complete:
				begun++
				ended++
			case tracefmt.End, tracefmt.AsyncEnd:
				ended++
			}
		}
		for _, k := range r.Kinds {
			if kinds[k.Kind] != k.Count {
				t.Fatalf("%s: %d, want %d", k.Kind, k.Count, kinds[k.Kind])
			}
			delete(kinds, k.Kind)
		}
		inTracks := int64(0)
		for _, p := range r.Processes {
			inTracks += p.Events
		}
		if r.Events != int64(len(events)) || inTracks != timed || len(kinds) > 0 {
			t.Fatalf("%d events, %d on tracks, want %d and %d", r.Events, inTracks, len(events), timed)
		}
		if r.Open != begun-ended || r.Slices.Count+r.Async.Count != ended || r.Unmatched != 0 {
			t.Fatalf("%d are open, %d ended, %d without a begin; want %d and %d", r.Open, r.Slices.Count+r.Async.Count, r.Unmatched, begun-ended, ended)
		}
	})
}

// TestDepth finds the same depth in both orders, and in begins and ends.
func TestDepth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var begins, ends, pairs []tracefmt.Event
		deepest, now := 0, int64(0)
		var grow func(depth int)
		grow = func(depth int) {
			deepest = max(deepest, depth)
			e := tracefmt.Event{Kind: tracefmt.Complete, Track: 1, Time: now}
			at := len(begins)
			begins = append(begins, e)
			pairs = append(pairs, tracefmt.Event{Kind: tracefmt.Begin, Track: 1, Time: now})
			now++
			for range rapid.IntRange(0, 4-min(depth, 4)).Draw(t, "inside") {
				grow(depth + 1)
				now++
			}
			e.Dur = now - e.Time
			begins[at] = e
			ends = append(ends, e)
			pairs = append(pairs, tracefmt.Event{Kind: tracefmt.End, Track: 1, Time: now})
			now++
		}
		for range rapid.IntRange(1, 3).Draw(t, "outermost") {
			grow(1)
		}
		for what, events := range map[string][]tracefmt.Event{"begins": begins, "ends": ends, "pairs": pairs} {
			if got := of(events).Depth; got != deepest {
				t.Fatalf("in the order of %s the depth is %d, want %d", what, got, deepest)
			}
		}
	})
}

// TestBounded feeds more tracks, names, keys and open slices than are told apart.
func TestBounded(t *testing.T) {
	var s stats.Stats
	before := heap()
	const n = 150_000
	for i := range int64(n) {
		name := fmt.Sprintf("a name that is met only once in the trace, which is %d", i)
		for _, e := range []tracefmt.Event{
			{Kind: tracefmt.Complete, Track: tracefmt.TrackID(i + 1), Time: i * 1e6, Dur: i, Name: name},
			{Kind: tracefmt.Log, Track: 1, Time: i * 1e6, Name: "often", Attrs: []tracefmt.Attr{{Key: name, Value: tracefmt.Int64(1)}}},
			{Kind: tracefmt.Complete, Track: 1, Time: i * 10, Dur: 5, Name: "often"},
		} {
			s.Add(&e)
		}
	}
	if after := heap(); after > before+32<<20 {
		t.Errorf("%d KiB are held", (after-before)>>10)
	}
	r := s.Report(1, nil)
	if r.Names[0].Text != "often" || r.Names[0].Count != 2*n || r.OtherNames.Count != n {
		t.Errorf("the heaviest name is %v, others %v", r.Names[0], r.OtherNames)
	}
	tracks := r.Processes[0].Tracks
	if len(tracks) > 1<<16+1 || !slices.ContainsFunc(tracks, func(t *stats.Track) bool { return t.Name == "(others)" }) {
		t.Errorf("%d tracks", len(tracks))
	}
	if r.Busiest.Events == 0 || r.Slices.Max != n-1 {
		t.Errorf("busiest %v, longest %d", r.Busiest, r.Slices.Max)
	}
	runtime.KeepAlive(&s)
}

func TestBusiest(t *testing.T) {
	var events []tracefmt.Event
	for i := range int64(1000) {
		events = append(events, tracefmt.Event{Kind: tracefmt.Instant, Time: -5e9 + i*1e7})
	}
	for i := range int64(50) {
		events = append(events, tracefmt.Event{Kind: tracefmt.Instant, Time: 1e9 + i*1000})
	}
	r := of(events)
	if b := r.Busiest; b.Events < 50 || b.Begin > 1e9 || b.Begin+b.Length < 1e9+50_000 {
		t.Errorf("busiest: %v", b)
	}
	if r.Begin != -5e9 || r.PerSecond < 104 || r.PerSecond > 106 {
		t.Errorf("from %d, %v a second", r.Begin, r.PerSecond)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
