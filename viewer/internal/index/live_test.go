package index_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/viewer/internal/gentrace"
	"github.com/spanstack/spanstack/viewer/internal/index"
	"pgregory.net/rapid"
)

// whole writes all that a snapshot shows, track by track. Tracks go by their names, since those of async slices have
// numbers by when they were found, and so do series.
func whole(t testing.TB, s *index.Snapshot) (lines []string) {
	t.Helper()
	place := func(p index.Pos) string {
		info, _ := s.Track(p.Track)
		return fmt.Sprintf("%v %q %s/%d", info.Type, info.Name, info.Source, p.Pos)
	}
	for _, info := range s.Tracks() {
		if info.Type == index.AsyncTrack && info.Slices == 0 {
			continue // slices came out of order, and seemed to belong here
		}
		text := fmt.Sprintf("%s %d rows, %d hidden, %d slices, %d open, %d failed, %d marks, %d-%d, %q %s %v\n", place(index.Pos{Track: info.ID}),
			info.Depth, info.Hidden, info.Slices, info.Open, info.Failed, info.Marks, info.Start, info.End, slices.Sorted(slices.Values(info.Series)), info.Task, info.Attrs)
		for pos := range info.Slices {
			p := index.Pos{Track: info.ID, Pos: uint32(pos)}
			v, _ := s.Slice(p)
			d, _ := s.Details(p)
			text += fmt.Sprintf("%d: row %d %q %q %d-%d %v %v %d %+v\n", pos, v.Row, v.Name, v.Category, v.Start, v.End, v.Open, v.Failed, s.Self(p), d)
		}
		for pos := range info.Marks {
			m, _ := s.Mark(index.Pos{Track: info.ID, Pos: uint32(pos)})
			owner, ok := s.MarkSlice(index.Pos{Track: info.ID, Pos: uint32(pos)})
			text += fmt.Sprintf("%d: %d %q %q %v %v %s %v of %s, %v\n", pos, m.Time, m.Name, m.Category, m.Type, m.Severity, m.Parent, m.Attrs, place(owner), ok)
		}
		lines = append(lines, text)
	}
	total, list, err := s.Flows(context.Background(), index.FlowQuery{Window: index.Everything, Limit: math.MaxInt})
	if err != nil || total != len(list) {
		t.Fatal(total, len(list), err)
	}
	for _, f := range list {
		lines = append(lines, fmt.Sprintf("%s %s from %s %+v to %s %+v", f.Name, f.Category, place(f.From.Pos), f.From.Time, place(f.To.Pos), f.To.Time))
	}
	slices.Sort(lines)
	return lines
}

// shuffled draws an order of events in which what begins and ends may come late, but metadata comes first.
func shuffled(r *rapid.T, list []tracefmt.Event) []tracefmt.Event {
	first := slices.IndexFunc(list, func(e tracefmt.Event) bool { return e.Kind.Timed() && e.Kind != tracefmt.Clock })
	if first < 0 {
		return list
	}
	list = slices.Clone(list)
	for range rapid.IntRange(0, 10).Draw(r, "swaps") {
		i, k := rapid.IntRange(first, len(list)-1).Draw(r, "i"), rapid.IntRange(first, len(list)-1).Draw(r, "k")
		list[i], list[k] = list[k], list[i]
	}
	return list
}

// TestLive checks that a trace which grows comes to the same as if it was loaded at once, in whatever order it comes.
func TestLive(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		list := shuffled(r, fmttest.Events(r))
		loaded := load(t, list)
		grown := live(list, rapid.IntRange(1, 15).Draw(r, "step"))
		if loaded.Zero() != grown.Zero() {
			r.Skip() // the first event came late
		}
		got, want := whole(t, grown), whole(t, loaded)
		for i := range max(len(got), len(want)) {
			if i >= len(got) || i >= len(want) || got[i] != want[i] {
				r.Fatalf("number %d is\n%v\nwant\n%v", i, got[min(i, len(got)):min(i+1, len(got))], want[min(i, len(want)):min(i+1, len(want))])
			}
		}
		same(t, "grown", grown, content(t, loaded.Reader(index.Everything, nil)))
	})
}

// TestSnapshotsStay checks that a snapshot says the same when the trace has grown.
func TestSnapshotsStay(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		list := shuffled(r, fmttest.Events(r))
		x := index.New(index.Config{MaxSlices: rapid.SampledFrom([]int64{0, 5}).Draw(r, "most")})
		type kept struct {
			s    *index.Snapshot
			want []string
		}
		var all []kept
		for i := range list {
			x.Add(&list[i])
			if i%5 == 0 {
				s := x.Publish()
				all = append(all, kept{s, whole(t, s)})
			}
		}
		x.Finish()
		for _, k := range all {
			if got := whole(t, k.s); !slices.Equal(got, k.want) {
				r.Fatalf("gen %d was\n%q\nand is\n%q", k.s.Gen(), k.want, got)
			}
		}
	})
}

// TestConcurrent reads snapshots while the trace grows and its oldest part leaves; for the race detector.
func TestConcurrent(t *testing.T) {
	x := index.New(index.Config{MaxSlices: 3000})
	done := make(chan struct{})
	var wait sync.WaitGroup
	for i := range 3 {
		wait.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				look(t, x.Snapshot(), i)
			}
		})
	}
	r := gentrace.NewReader(gentrace.Config{Spans: 20_000, Tasks: 20})
	for n := 0; ; n++ {
		e, err := r.Next()
		if err != nil {
			break
		}
		x.Add(e)
		if n%500 == 0 {
			x.Publish()
		}
	}
	x.Finish()
	close(done)
	wait.Wait()
	if c := x.Snapshot().Counts(); c.Slices > 4000 || c.Slices < 1500 {
		t.Errorf("%d slices are left", c.Slices)
	}
}

// look asks a snapshot everything that there is to ask.
func look(t *testing.T, s *index.Snapshot, worker int) {
	ctx := context.Background()
	var list []index.TileID
	for _, info := range s.Tracks() {
		list = append(list, index.TileID{Track: info.ID, Index: 0})
		if info.Slices == 0 {
			continue
		}
		p := index.Pos{Track: info.ID, Pos: uint32(info.Slices / 2)}
		d, _ := s.Details(p)
		if found, ok := s.Lookup(d.ID); !ok || found != p {
			t.Errorf("gen %d: slice %v has ID %s, which is found at %v, %v", s.Gen(), p, d.ID, found, ok)
		}
		if found, ok := s.Find(s.Key(p)); !ok || found != p {
			t.Errorf("key %s of %v is found at %v", s.Key(p), p, found)
		}
		for range s.Ancestors(p) {
		}
		if worker == 0 {
			s.LastLog(p)
			if _, _, err := s.Children(ctx, p, 10); err != nil {
				t.Error(err)
			}
		}
	}
	if _, err := s.AppendTiles(nil, 20, list); err != nil {
		t.Error(err)
	}
	if worker == 1 {
		if r, err := s.Search(ctx, index.SearchQuery{Text: "busy", Names: true, Attrs: true, Logs: true, Window: index.Everything, Limit: 10}); err != nil || !r.Complete {
			t.Error(r, err)
		}
		if _, err := s.Marks(ctx, index.MarkQuery{Window: index.Everything, Limit: 10}); err != nil {
			t.Error(err)
		}
		n := int64(0)
		if err := s.Walk(ctx, index.Everything, nil, func(*index.Visit) bool { n++; return true }); err != nil || n != s.Counts().Slices {
			t.Errorf("%d slices were visited of %d: %v", n, s.Counts().Slices, err)
		}
	}
	if _, _, err := s.Flows(ctx, index.FlowQuery{Window: index.Everything, Limit: 10}); err != nil {
		t.Error(err)
	}
	s.Open()
}

// TestBounded checks what is left of a live trace that is bounded: the newest slices, what is open, and a mark that says
// where something is missing.
func TestBounded(t *testing.T) {
	const most = 1000
	x := index.New(index.Config{MaxSlices: most})
	list := header()
	early := slice(0, 1, "early")
	early.ID = "some other one" // so that what is open has another place when this has left
	list = append(list, early, tracefmt.Event{Kind: tracefmt.Begin, Track: 2, Time: 0, Name: "whole", ID: "w"})
	const n = 10_000
	for i := range int64(n) {
		e := slice(10+i*10, 5, "part")
		e.ID, e.Parent, e.Attrs = fmt.Sprint("id", i), "w", []tracefmt.Attr{{Key: "i", Value: tracefmt.Int64(i)}}
		list = append(list, e, tracefmt.Event{Kind: tracefmt.Log, Track: 2, Time: 11 + i*10, Name: "line", Parent: e.ID})
	}
	for i := range list {
		x.Add(&list[i])
		if i%100 == 0 {
			s := x.Publish()
			if c := s.Counts(); c.Slices > most+100 {
				t.Fatalf("%d slices after %d events", c.Slices, i)
			}
			if end := s.End(); i > 100 && end < int64(i/2-60)*10 {
				t.Fatalf("the last event after %d was at %d", i, end)
			}
		}
	}
	x.Add(&tracefmt.Event{Kind: tracefmt.End, Track: 2, Time: 200_000, Attrs: attr("how", "well")})
	s := x.Finish()
	p, ok := s.Lookup("w")
	v, _ := s.Slice(p)
	d, _ := s.Details(p)
	if !ok || v.Start != 0 || v.End != 200_000 || len(d.Attrs) != 1 || d.Attrs[0].Value.String() != "well" {
		t.Errorf("the slice that was open is %+v, %+v", v, d)
	}
	p, ok = s.Lookup(fmt.Sprint("id", n-1))
	if up, isBelow := s.Above(p); !ok || !isBelow || s.Key(up) != s.Key(index.Pos{Track: v.Track, Pos: v.Pos.Pos}) {
		t.Errorf("the last slice is %v, %v, below %v", p, ok, up)
	}
	if _, ok := s.Lookup("id5"); ok {
		t.Error("an old slice is still found")
	}
	marks, err := s.Marks(context.Background(), index.MarkQuery{Window: index.Everything, Limit: 10, Text: "older slices"})
	if err != nil || marks.Total != 1 {
		t.Fatalf("%+v, %v", marks, err)
	}
	m, _ := s.Mark(marks.Marks[0])
	if first, _ := s.Slice(index.Pos{Track: v.Track, Pos: 1}); m.Type != index.LossMark || first.Start > m.Time+10 || first.Start < m.Time-10 {
		t.Errorf("the mark is %+v, the first slice behind it %+v", m, first)
	}
	left := s.Counts().Slices
	if got := m.Attrs[0].Value.String(); got != fmt.Sprint(n+2-left) {
		t.Errorf("%s slices left, want %d", got, n+2-left)
	}
}

// TestEnds has slices that were begun and whole ones, which overlap in all ways, and ends that come when what they end was
// shown open: everything is in the row in which it is if it is loaded at once.
func TestEnds(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		list := append(header(), tracefmt.Event{Kind: tracefmt.Track, Track: 3, Process: 1, Name: "b"})
		list = append(list, tracefmt.Event{Kind: tracefmt.Instant, Track: 2, Time: -1000, Name: "first"})
		deep := rapid.SampledFrom([]int{0, 0, 0, 0, 0, index.MaxRows - 2}).Draw(r, "deep")
		for i := range int64(deep) {
			list = append(list, slice(i-1000, 3001-2*i, "around"))
		}
		now := int64(0)
		var async []string
		for range rapid.IntRange(2, 40).Draw(r, "events") {
			now += 2 * rapid.Int64Range(1, 3).Draw(r, "step") // of those that begin and end at once, the first to come would be above
			name := rapid.SampledFrom([]string{"x", "y", "z"}).Draw(r, "name")
			e := tracefmt.Event{Track: 2, Time: now, Name: name}
			switch rapid.IntRange(0, 5).Draw(r, "kind") {
			case 0, 1:
				e.Kind = tracefmt.Begin
			case 2:
				e.Kind = tracefmt.End
				if rapid.Bool().Draw(r, "fails") {
					e = failing(e, "failed")
				}
			case 3:
				e.Kind, e.Dur = tracefmt.Complete, 2*rapid.Int64Range(-1, 12).Draw(r, "dur")+1
				if e.Time -= max(e.Dur, 0); e.Dur > 0 && rapid.Bool().Draw(r, "comes when it begins") {
					e.Time, e.Dur = now+1+2*rapid.Int64Range(0, 4).Draw(r, "early"), e.Dur+1
				} else if e.Dur > 0 && rapid.Bool().Draw(r, "begins with another one") {
					e.Time = now - 2*rapid.Int64Range(1, 6).Draw(r, "steps")
				}
			case 4:
				e.Kind, e.Track, e.Name, e.Key = tracefmt.AsyncBegin, 3, "async", fmt.Sprint(rapid.IntRange(0, 3).Draw(r, "key"))
				async = append(async, e.Key)
			case 5:
				if e.Kind, e.Track, e.Name = tracefmt.AsyncEnd, 3, ""; len(async) == 0 {
					continue
				}
				at := rapid.IntRange(0, len(async)-1).Draw(r, "ends")
				e.Key = async[at]
				async = slices.Delete(async, at, at+1)
				if rapid.Bool().Draw(r, "comes late") {
					e.Time = max(e.Time-rapid.Int64Range(0, 9).Draw(r, "late"), 1)
				}
			}
			list = append(list, e)
		}
		step := rapid.IntRange(1, 7).Draw(r, "publish")
		got, want := whole(t, live(list, step)), whole(t, load(t, list))
		if !slices.Equal(got, want) {
			r.Fatalf("live:\n%v\nloaded:\n%v", got, want)
		}
		got, want = whole(t, published(list, step)), whole(t, published(list, len(list)))
		if !slices.Equal(got, want) {
			r.Fatalf("published often:\n%v\npublished once:\n%v", got, want)
		}
		for level := range 4 {
			grown, loaded := live(list, 3), load(t, list)
			var tracks []uint32
			for _, info := range loaded.Tracks() {
				tracks = append(tracks, info.ID)
			}
			sameTiles(r, grown, loaded, level, 0, tracks...)
		}
	})
}

// TestEndsElsewhere has slices that belong to another place when their end is known.
func TestEndsElsewhere(t *testing.T) {
	async := func(kind tracefmt.Kind, at int64, key string) tracefmt.Event {
		return tracefmt.Event{Kind: kind, Track: 2, Time: at, Name: "async", Key: key}
	}
	from := func(at int64, key string) tracefmt.Event { return async(tracefmt.AsyncBegin, at, key) }
	to := func(at int64, key string) tracefmt.Event { return async(tracefmt.AsyncEnd, at, key) }
	var deep []tracefmt.Event
	for i := range int64(index.MaxRows) {
		deep = append(deep, slice(i, 3000-2*i, "around"))
	}
	for name, list := range map[string][]tracefmt.Event{
		"below the last row":                             append(deep, begin(1000, "a"), end(1001, "a")),
		"inside of one that began at once":               {begin(10, "a"), slice(10, 7, "b"), end(12, "a")},
		"inside of one that is further down":             {begin(0, "a"), slice(1, 2, "b"), slice(2, 28, "c"), begin(5, "d"), end(10, "d")},
		"over before one that was below it":              {begin(0, "a"), slice(9, 2, "b"), end(5, "a")},
		"outlived by one that was below it":              {slice(0, 6, "a"), begin(2, "b"), slice(7, 9, "c"), end(10, "b")},
		"async, and shorter than one that began at once": {from(0, "a"), from(0, "b"), to(5, "a")},
		"async, and over when another one begins":        {from(0, "a"), from(5, "b"), to(5, "a")},
		"async, and over before another one begins":      {from(0, "a"), from(9, "b"), to(5, "a")},
	} {
		list = append(header(), list...)
		got, want := whole(t, published(list, 1)), whole(t, published(list, len(list)))
		if !slices.Equal(got, want) {
			t.Errorf("%s: published often:\n%v\npublished once:\n%v", name, got, want)
		}
	}
}
