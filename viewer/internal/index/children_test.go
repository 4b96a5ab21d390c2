package index_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/viewer/internal/gentrace"
	"github.com/spanstack/spanstack/viewer/internal/index"
	"pgregory.net/rapid"
)

// children finds the children of all slices by looking above each.
func children(s *index.Snapshot) map[index.Pos][]index.Pos {
	found := map[index.Pos][]index.Pos{}
	byID := map[string][]index.Pos{}
	each := func(visit func(p index.Pos, d index.Details)) {
		for _, info := range s.Tracks() {
			for pos := range info.Slices {
				p := index.Pos{Track: info.ID, Pos: uint32(pos)}
				d, _ := s.Details(p)
				visit(p, d)
			}
		}
	}
	each(func(p index.Pos, d index.Details) { byID[d.ID] = append(byID[d.ID], p) })
	each(func(p index.Pos, d index.Details) {
		ups := map[index.Pos]bool{}
		if d.Parent != "" {
			for _, up := range byID[d.Parent] {
				ups[up] = true
			}
		}
		if up, ok := s.Above(p); ok {
			ups[up] = true
		}
		delete(ups, p)
		for up := range ups {
			found[up] = append(found[up], p)
		}
	})
	return found
}

// sameChildren compares what Children finds with that.
func sameChildren(t fataler, s *index.Snapshot) {
	t.Helper()
	want := children(s)
	for _, info := range s.Tracks() {
		for pos := range info.Slices {
			p := index.Pos{Track: info.ID, Pos: uint32(pos)}
			total, first, err := s.Children(context.Background(), p, 1000)
			list := want[p]
			slices.SortFunc(list, func(a, b index.Pos) int {
				x, _ := s.Slice(a)
				y, _ := s.Slice(b)
				if x.Start != y.Start {
					return int(min(max(x.Start-y.Start, -1), 1))
				}
				if a.Track != b.Track {
					return int(a.Track) - int(b.Track)
				}
				return int(a.Pos) - int(b.Pos)
			})
			if err != nil || total != len(list) || !slices.Equal(first, list[:min(len(list), 1000)]) {
				t.Fatalf("children of %v: %d, %v\nwant %d, %v: %v", p, total, first, len(list), list, err)
			}
			if _, first, _ := s.Children(context.Background(), p, 2); len(first) != min(total, 2) || !slices.Equal(first, list[:len(first)]) {
				t.Fatalf("the first children of %v: %v, want of %v", p, first, list)
			}
		}
	}
}

func TestChildren(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		list := shuffled(r, fmttest.Events(r))
		sameChildren(r, load(t, list))
		sameChildren(r, live(list, rapid.IntRange(1, 15).Draw(r, "step")))
		bounded(list, rapid.Int64Range(1, 8).Draw(r, "most"), 5, func(s *index.Snapshot) { sameChildren(r, s) })
	})
}

// TestChildrenOverlap has slices on one track that overlap in all ways, some with IDs and parents, and some deeper than
// is drawn.
func TestChildrenOverlap(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		list := header()
		deep := rapid.SampledFrom([]int{0, 0, 0, index.MaxRows}).Draw(r, "deep")
		for i := range deep {
			list = append(list, slice(int64(i)-int64(deep), 1000-int64(i), "around"))
		}
		for i := range rapid.IntRange(1, 25).Draw(r, "slices") {
			e := slice(rapid.Int64Range(0, 20).Draw(r, "start"), rapid.Int64Range(-1, 20).Draw(r, "dur"), "s")
			if rapid.Bool().Draw(r, "has ID") {
				e.ID = fmt.Sprint(rapid.IntRange(0, i).Draw(r, "ID")) // some have the same
			}
			if rapid.Bool().Draw(r, "has parent") {
				e.Parent = fmt.Sprint(rapid.IntRange(0, i+2).Draw(r, "parent"))
			}
			list = append(list, e)
		}
		s := load(t, list)
		if deep > 0 { // children of these are many, and looking for them is slow
			s = live(list, len(list)/2+1)
		}
		sameChildren(r, s)
	})
}

// TestSameID has very many slices with the same ID, as of exporters that leave it empty: it takes no longer than others.
func TestSameID(t *testing.T) {
	const n = 300_000
	list := header()
	for i := range int64(n) {
		e := slice(i*10, 5, "x")
		e.ID, e.Parent = "0000000000000000", "0000000000000000"
		list = append(list, e)
	}
	for _, s := range []*index.Snapshot{load(t, list), live(list, n/10)} {
		for pos := range uint32(n) {
			if up, ok := s.Above(index.Pos{Track: 2, Pos: pos}); ok != (pos < n-1) || ok && up.Pos != n-1 {
				t.Fatalf("above %d is %v, %v", pos, up, ok)
			}
		}
		if total, first, err := s.Children(context.Background(), index.Pos{Track: 2, Pos: 7}, 10); total != n-1 || len(first) != 10 || err != nil {
			t.Errorf("%d children, %d listed: %v", total, len(first), err)
		}
	}
}

// TestReach checks which tracks a slice can have waited for.
func TestReach(t *testing.T) {
	list := header()[:1]
	add := func(track tracefmt.TrackID, start, dur int64, name, id, parent string) {
		list = append(list, tracefmt.Event{Kind: tracefmt.Complete, Track: track, Time: start, Dur: dur, Name: name, ID: id, Parent: parent})
	}
	arrow := func(from, to tracefmt.TrackID, at int64, key string) {
		list = append(list, tracefmt.Event{Kind: tracefmt.FlowStart, Track: from, Time: at, Name: "f", Key: key},
			tracefmt.Event{Kind: tracefmt.FlowEnd, Track: to, Time: at + 1, Name: "f", Key: key})
	}
	for track := range tracefmt.TrackID(10) {
		list = append(list, tracefmt.Event{Kind: tracefmt.Track, Track: track + 2, Process: 1, Name: fmt.Sprint("t", track+2)})
	}
	add(2, 0, 1000, "root", "r", "")
	add(3, 100, 500, "task", "t", "r")
	add(3, 110, 400, "span", "s", "t")
	add(4, 120, 100, "pooled", "p", "s")  // below a slice of 3
	add(5, 0, 90, "early", "", "")        // over before it begins
	add(6, 200, 100, "other", "o", "r")   // beside it
	add(7, 200, 100, "sender", "", "")    // sends to 4
	add(8, 150, 100, "helper", "h", "x")  // started by an arrow from 3; its parent isn't there
	add(9, 210, 10, "helped", "", "")     // sends to 7
	add(10, 700, 100, "late", "l", "s")   // below it, but later
	add(11, 50, 20, "before", "", "")     // sent to 3 before it began
	arrow(2, 3, 99, "spawn")              // what started it isn't what it waited for
	arrow(7, 4, 205, "message")           //
	arrow(9, 7, 204, "a message further") //
	arrow(3, 8, 149, "start")             //
	arrow(11, 3, 60, "old message")       //
	s := load(t, list)
	task, ok := s.Lookup("t")
	if !ok {
		t.Fatal("there is no task")
	}
	tracks, err := s.Reach(context.Background(), task)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, id := range tracks {
		info, _ := s.Track(id)
		names = append(names, info.Name)
	}
	if slices.Sort(names); !slices.Equal(names, []string{"t3", "t4", "t7", "t8", "t9"}) {
		t.Errorf("reached: %q", names)
	}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Reach(cancelled, task); err != context.Canceled {
		t.Errorf("cancelled: %v", err)
	}
}

// BenchmarkChildren finds the children of a task, and of an operation, in a large trace.
func BenchmarkChildren(b *testing.B) {
	s := generated(b, gentrace.Config{Spans: *spans, Tasks: 1000})
	track := trackNamed(b, s, "step #2")
	for name, pos := range map[string]uint32{"task": 0, "operation": 1} {
		b.Run(name, func(b *testing.B) {
			total := 0
			for b.Loop() {
				var err error
				if total, _, err = s.Children(context.Background(), index.Pos{Track: track, Pos: pos}, 100); err != nil || total == 0 {
					b.Fatal(total, err)
				}
			}
			b.ReportMetric(float64(total), "children")
		})
	}
}
