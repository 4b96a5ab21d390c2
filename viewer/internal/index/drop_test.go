package index_test

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/viewer/internal/gentrace"
	"github.com/spanstack/spanstack/viewer/internal/index"
	"pgregory.net/rapid"
)

// bounded takes in a trace of which at most some slices are kept, and visits a snapshot after each step events.
func bounded(list []tracefmt.Event, most int64, step int, visit func(*index.Snapshot)) {
	x := index.New(index.Config{MaxSlices: most})
	for i := range list {
		x.Add(&list[i])
		if (i+1)%step == 0 {
			visit(x.Publish())
		}
	}
	visit(x.Finish())
}

// TestBoundedTiles compares tiles of a trace whose oldest part has left, again and again, with a look at all that is left.
func TestBoundedTiles(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		list := randomSlices(r)
		most := int64(max(1, len(list)/rapid.IntRange(2, 9).Draw(r, "part")))
		bounded(list, most, max(1, len(list)/rapid.IntRange(1, 9).Draw(r, "steps")), func(s *index.Snapshot) {
			if s.Counts().Slices == 0 {
				return
			}
			track := trackNamed(t, s, "a")
			rows := rowsOf(s, track)
			for range 3 {
				level := rapid.IntRange(0, 24).Draw(r, "level")
				tile := rapid.Int64Range(0, bucketOf(s.End(), level+9)+1).Draw(r, "tile")
				b, err := s.AppendTiles(nil, level, []index.TileID{{Track: track, Index: tile}})
				if err != nil {
					r.Fatal(err)
				}
				tiles, _ := decode(t, b)
				got, want := tiles[0].slices, naive(rows, level, tile)
				for _, list := range [][]item{got, want} {
					for i := range list {
						list[i].cover = float32(math.Round(float64(list[i].cover)*1e4) / 1e4)
					}
				}
				if !slices.Equal(got, want) {
					r.Fatalf("gen %d, level %d, tile %d: %.2000v\nwant %.2000v", s.Gen(), level, tile, got, want)
				}
			}
		})
	})
}

// TestBoundedMarks does that with marks and counters, of which there are so many that blocks are summed up.
func TestBoundedMarks(t *testing.T) {
	list := header()
	var values []item
	for i := range int64(6000) {
		v := float64(i * 7919 % 10_007)
		values = append(values, item{start: float64(i * 10), least: v, most: v, at: v})
		list = append(list, slice(i*10, 5, "x"),
			tracefmt.Event{Kind: tracefmt.Log, Track: 2, Time: i * 10, Name: "line", Severity: tracefmt.Severity(i * 31 % 25)},
			tracefmt.Event{Kind: tracefmt.Counter, Track: 1, Time: i * 10, Name: "bytes", Attrs: []tracefmt.Attr{{Key: "n", Value: tracefmt.Float64(v)}}})
	}
	drops, last := 0, 0
	list = append(list[:1:1], list...) // so that steps are whole rounds
	bounded(list, 1500, 777, func(s *index.Snapshot) {
		tracks := []uint32{trackNamed(t, s, "a"), trackNamed(t, s, "bytes")}
		info, _ := s.Track(tracks[0])
		var marks []item
		for pos := range info.Marks {
			m, ok := s.Mark(index.Pos{Track: tracks[0], Pos: uint32(pos)})
			if !ok {
				t.Fatal("there is no mark", pos)
			}
			marks = append(marks, item{start: float64(m.Time), severity: uint32(m.Severity), count: 1, pos: uint32(pos)})
		}
		first := int(marks[0].start) / 10
		if n := int(marks[len(marks)-1].start)/10 + 1 - first; int64(len(marks)) != s.Counts().Logs || len(marks) != n {
			t.Fatalf("%d marks from %d on, %d logs", len(marks), first, s.Counts().Logs)
		}
		drops += min(first-last, 1)
		last = first
		kept := values[max(first-1, 0) : first+len(marks)] // the value that held then, too
		for level := range 16 {
			for tile := range bucketOf(s.End(), level+9) + 2 {
				if level < 6 && tile%9 > 0 {
					continue
				}
				b, err := s.AppendTiles(nil, level, []index.TileID{{Track: tracks[0], Index: tile}, {Track: tracks[1], Index: tile}})
				if err != nil {
					t.Fatal(err)
				}
				tiles, _ := decode(t, b)
				for i := range tiles[0].marks {
					tiles[0].marks[i].kind = 0
				}
				if want := group(marks, 0, level, tile, false); !slices.Equal(tiles[0].marks, want) {
					t.Fatalf("gen %d, level %d, tile %d: marks %.1000v\nwant %.1000v", s.Gen(), level, tile, tiles[0].marks, want)
				}
				if want := group(kept, 0, level, tile, true); !slices.Equal(tiles[1].counts, want) {
					t.Fatalf("gen %d, level %d, tile %d: values %.1000v\nwant %.1000v", s.Gen(), level, tile, tiles[1].counts, want)
				}
			}
		}
	})
	if drops < 5 {
		t.Errorf("the oldest left %d times", drops)
	}
}

// TestBoundedStays checks that what is left of a trace is as it was: the slices with all that they have, what is above
// them, what they are found by, and the arrows between them.
func TestBoundedStays(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		list := fmttest.Events(r)
		step := rapid.IntRange(1, 9).Draw(r, "step")
		var all []*index.Snapshot
		x := index.New(index.Config{})
		for i := range list {
			x.Add(&list[i])
			if (i+1)%step == 0 {
				all = append(all, x.Publish())
			}
		}
		all = append(all, x.Finish())
		n := 0
		bounded(list, rapid.Int64Range(1, 8).Draw(r, "most"), step, func(s *index.Snapshot) {
			stays(r, s, all[n])
			n++
		})
	})
}

// stays checks that all slices and marks of one snapshot are in another one, which has more.
func stays(r *rapid.T, s, all *index.Snapshot) {
	known := map[string]int{}
	texts(all, func(text string, _ index.Pos) { known[text]++ })
	texts(s, func(text string, p index.Pos) {
		if known[text]--; known[text] < 0 {
			r.Fatalf("gen %d: %v, %s, isn't in\n%v", s.Gen(), p, text, known)
		}
		d, _ := s.Details(p)
		if found, ok := s.Lookup(d.ID); d.ID != "" && (!ok || !sameID(s, found, d.ID)) {
			r.Fatalf("gen %d: ID %q is found at %v, %v", s.Gen(), d.ID, found, ok)
		}
		if found, ok := s.Find(s.Key(p)); !ok || found != p {
			r.Fatalf("gen %d: key %s of %v is found at %v", s.Gen(), s.Key(p), p, found)
		}
		if v, _ := s.Slice(p); v.Row < index.MaxRows {
			if at, ok := s.At(p.Track, v.Row, v.Start); !ok || at != p && s.Key(at) == s.Key(p) {
				r.Fatalf("gen %d: in row %d at %d is %v, %v, not %v", s.Gen(), v.Row, v.Start, at, ok, p)
			}
		}
	})
	if _, _, err := s.Flows(context.Background(), index.FlowQuery{Window: index.Everything, Limit: math.MaxInt}); err != nil {
		r.Fatal(err)
	}
	c := index.Counts{}
	for _, info := range s.Tracks() {
		c.Slices, c.Open, c.Failed = c.Slices+info.Slices, c.Open+info.Open, c.Failed+info.Failed
		open, failed := int64(0), int64(0)
		for pos := range info.Slices {
			v, _ := s.Slice(index.Pos{Track: info.ID, Pos: uint32(pos)})
			if v.Open {
				open++
			}
			if v.Failed {
				failed++
			}
		}
		if open != info.Open || failed != info.Failed {
			r.Fatalf("gen %d: track %+v has %d open, %d failed", s.Gen(), info, open, failed)
		}
	}
	if got := s.Counts(); got.Slices != c.Slices || got.Open != c.Open || got.Failed != c.Failed || len(s.Open()) != int(c.Open) {
		r.Fatalf("gen %d: %+v, want %+v; %d are open", s.Gen(), got, c, len(s.Open()))
	}
}

func sameID(s *index.Snapshot, p index.Pos, id string) bool {
	d, ok := s.Details(p)
	return ok && d.ID == id
}

// texts writes each slice with all that it has.
func texts(s *index.Snapshot, visit func(text string, p index.Pos)) {
	for _, info := range s.Tracks() {
		for pos := range info.Slices {
			p := index.Pos{Track: info.ID, Pos: uint32(pos)}
			v, _ := s.Slice(p)
			d, _ := s.Details(p)
			end := v.End
			if v.Open {
				end = -1
			}
			visit(fmt.Sprintf("%v %q %s: %q %q %d-%d %v %v %q %q %q %v", info.Type, info.Name, info.Source, v.Name, v.Category,
				v.Start+s.Zero(), end+s.Zero(), v.Open, v.Failed, d.ID, d.Parent, d.Key, d.Attrs), p)
		}
	}
}

// TestBoundedTree follows a live trace with tasks, arrows and log lines while its oldest part leaves: what is above and
// below each slice is what its IDs say, arrows lead from slice to slice, and memory is bounded.
func TestBoundedTree(t *testing.T) {
	ctx := context.Background()
	x := index.New(index.Config{MaxBytes: 12 << 20})
	r := gentrace.NewReader(gentrace.Config{Spans: 400_000, Tasks: 20})
	drops := uint64(0)
	for n := 1; ; n++ {
		e, err := r.Next()
		if err != nil {
			break
		}
		x.Add(e)
		if n%5000 > 0 {
			continue
		}
		s := x.Publish()
		if losses := s.Losses(); len(losses) > 0 {
			drops++
		}
		if bytes := index.SizeOf(x); bytes > 14<<20 {
			t.Fatalf("after %d: %d bytes", n, bytes)
		}
		type kin struct {
			total int
			first []index.Pos
			err   error
		}
		known := make(map[index.Pos]kin) // siblings' is asked for once
		for _, info := range s.Tracks() {
			for pos := range min(info.Slices, 40) {
				p := index.Pos{Track: info.ID, Pos: uint32(pos * max(info.Slices/40, 1))}
				d, _ := s.Details(p)
				up, ok := s.Above(p)
				if parent, known := s.Lookup(d.Parent); known && (!ok || up != parent) {
					t.Fatalf("after %d: above %v is %v, %v, but its parent %s is %v", n, p, up, ok, d.Parent, parent)
				}
				if !ok {
					continue
				}
				k, asked := known[up]
				if !asked {
					k.total, k.first, k.err = s.Children(ctx, up, 5000)
					known[up] = k
				}
				if k.err != nil || !slices.Contains(k.first, p) && k.total < 5000 {
					t.Fatalf("after %d: %v isn't among the %d children of %v: %v", n, p, k.total, up, k.err)
				}
			}
		}
	}
	if drops < 10 {
		t.Errorf("there were %d snapshots of which something had left", drops)
	}
}

// TestBoundedFlows checks that an arrow leaves with the slice that it comes from, and that others stay.
func TestBoundedFlows(t *testing.T) {
	list := header()
	for i := range int64(5000) {
		at := i * 10
		list = append(list, slice(at, 5, "a"),
			tracefmt.Event{Kind: tracefmt.FlowStart, Track: 2, Time: at + 1, Name: "f", Key: fmt.Sprint(i)},
			tracefmt.Event{Kind: tracefmt.FlowEnd, Track: 2, Time: at + 34, Name: "f", Key: fmt.Sprint(i)})
	}
	bounded(list, 1000, 333, func(s *index.Snapshot) {
		total, flows, err := s.Flows(context.Background(), index.FlowQuery{Window: index.Everything, Limit: math.MaxInt})
		if err != nil || total != len(flows) || total != int(s.Counts().Flows) {
			t.Fatal(total, len(flows), s.Counts(), err)
		}
		first, _ := s.Slice(index.Pos{Track: 2})
		for _, f := range flows {
			if f.To.Time-f.From.Time != 33 || !f.From.Slice || f.From.Time < first.Start {
				t.Fatalf("gen %d: %+v", s.Gen(), f)
			}
		}
		slices.SortFunc(flows, func(a, b index.Flow) int { return cmp.Compare(a.From.Time, b.From.Time) })
		for i := 1; i < len(flows); i++ {
			if flows[i].From.Time-flows[i-1].From.Time != 10 {
				t.Fatalf("gen %d: between %+v and %+v one is missing", s.Gen(), flows[i-1], flows[i])
			}
		}
		if late := flows[0].From.Time - first.Start; late > 11 || flows[len(flows)-1].To.Time < s.End()-20 {
			t.Fatalf("gen %d: arrows from %+v to %+v, slices from %d to %d", s.Gen(), flows[0], flows[len(flows)-1], first.Start, s.End())
		}
	})
}

// TestBoundedLong has slices that last, on a track and beside others, while the chunks leave that their records were in, and
// ends that come then; at last, one comes out of order, so that all are paired anew.
func TestBoundedLong(t *testing.T) {
	x := index.New(index.Config{MaxBytes: 4 << 20})
	add := func(e tracefmt.Event) { x.Add(&e) }
	for _, e := range header() {
		add(e)
	}
	for i := range int64(6) {
		name := fmt.Sprint("long ", i)
		add(tracefmt.Event{Kind: tracefmt.Begin, Track: 2, Time: i, Name: name, ID: name, Parent: "parent", Attrs: attr("begin", name)})
		add(tracefmt.Event{Kind: tracefmt.AsyncBegin, Track: 1, Time: i, Name: "async", Key: name, ID: "async " + name, Attrs: attr("begin", name)})
		add(tracefmt.Event{Kind: tracefmt.Counter, Track: 1, Time: i, Name: "bytes", Attrs: []tracefmt.Attr{{Key: name, Value: tracefmt.Int64(i)}}})
	}
	now := int64(10)
	fill := func() {
		for range 60_000 { // of which not half can be kept
			now += 10
			e := tracefmt.Event{Kind: tracefmt.Complete, Track: 2, Time: now, Dur: 5, Name: "short", ID: fmt.Sprint("some longer ID ", now), Parent: "long 0"}
			if add(e); now%50_000 == 0 {
				x.Publish()
			}
		}
	}
	check := func(open int, s *index.Snapshot) {
		for i := range 6 {
			name := fmt.Sprint("long ", i)
			for _, id := range []string{name, "async " + name} {
				p, ok := s.Lookup(id)
				v, _ := s.Slice(p)
				d, _ := s.Details(p)
				want := []tracefmt.Attr{attr("begin", name)[0]}
				if i >= open {
					want = append(want, attr("end", name)[0])
				}
				if !ok || v.Start != int64(i) || v.Open != (i < open) || d.ID != id || !slices.Equal(d.Attrs, want) {
					t.Fatalf("with %d open, %q is %v %+v, %+v", open, id, ok, v, d)
				}
			}
		}
		if total, _, err := s.Children(context.Background(), mustFind(t, s, "long 0"), 1); err != nil || total < 1000 {
			t.Fatalf("with %d open: %d children, %v", open, total, err)
		}
	}
	fill()
	for open := 6; open > 0; open-- {
		check(open, x.Publish())
		name := fmt.Sprint("long ", open-1)
		if open < 3 { // the ends of the others are dropped, too
			break
		}
		add(tracefmt.Event{Kind: tracefmt.End, Track: 2, Time: now + 5, Attrs: attr("end", name)})
		add(tracefmt.Event{Kind: tracefmt.AsyncEnd, Track: 1, Time: now + 5, Category: "", Key: name, Attrs: attr("end", name)})
		check(open-1, x.Publish())
	}
	fill()
	s := x.Publish()
	if _, ok := s.Lookup("long 5"); ok {
		t.Error("what ended long ago is still there")
	}
	add(tracefmt.Event{Kind: tracefmt.Begin, Track: 2, Time: now, Name: "late", ID: "late"})
	add(tracefmt.Event{Kind: tracefmt.Begin, Track: 2, Time: now - 20, Name: "out of order", ID: "order"})
	add(tracefmt.Event{Kind: tracefmt.End, Track: 2, Time: now - 10, Name: "out of order"})
	s = x.Publish()
	for id, start := range map[string]int64{"long 0": 0, "long 1": 1, "late": now, "order": now - 20} {
		if v, _ := s.Slice(mustFind(t, s, id)); v.Start != start || v.Open != (id != "order") {
			t.Errorf("paired anew, %q is %+v", id, v)
		}
	}
	if c := s.Counts(); c.Open != 5 { // with the two async ones
		t.Errorf("%+v", c)
	}
	all, err := fmttest.ReadAll(s.Reader(index.Everything, nil))
	if err != nil || !slices.ContainsFunc(all, func(e tracefmt.Event) bool { return e.Kind == tracefmt.Counter && e.Attr("long 5").String() == "5" }) {
		t.Errorf("the last value of the counter isn't there: %v", err)
	}
}

// TestBoundedEnds has slices that last longer than what is kept. They have the attributes of their begins and their ends as long as they
// are there, whichever of these leaves next.
func TestBoundedEnds(t *testing.T) {
	x := index.New(index.Config{MaxBytes: 4 << 20})
	const last, every = 50_000, 1500
	seen := 0
	for i := range int64(400_000) {
		at := i * 10
		x.Add(&tracefmt.Event{Kind: tracefmt.Complete, Track: 2, Time: at, Dur: 5, Name: "short", ID: fmt.Sprint("some longer ID ", i)})
		if i%every == 0 {
			id := fmt.Sprint("long ", i)
			x.Add(&tracefmt.Event{Kind: tracefmt.AsyncBegin, Track: 3, Time: at, Name: "long", Key: id, ID: id, Attrs: attr("begin", id)})
		}
		if began := i - last; began >= 0 && began%every == 0 {
			id := fmt.Sprint("long ", began)
			x.Add(&tracefmt.Event{Kind: tracefmt.AsyncEnd, Track: 3, Time: at, Name: "long", Key: id, ID: id, Attrs: attr("end", id)})
		}
		if i%2000 > 0 {
			continue
		}
		s := x.Publish()
		found := int64(0)
		for began := i - i%every; began >= 0; began -= every {
			id := fmt.Sprint("long ", began)
			p, ok := s.Lookup(id)
			if d, _ := s.Details(p); ok {
				found++
				want := attr("begin", id)
				if v, _ := s.Slice(p); !v.Open {
					seen++
					want = append(want, attr("end", id)...)
				}
				if d.ID != id || !slices.Equal(d.Attrs, want) {
					t.Fatalf("after %d, %q is %+v", i, id, d)
				}
			}
		}
		if info, _ := s.Track(trackNamed(t, s, "long")); info.Slices != found {
			t.Fatalf("after %d, %d long ones are found, and there are %d", i, found, info.Slices)
		}
	}
	if seen < 1000 {
		t.Errorf("only %d ends were seen", seen)
	}
}

func mustFind(t *testing.T, s *index.Snapshot, id string) index.Pos {
	t.Helper()
	p, ok := s.Lookup(id)
	if !ok {
		t.Fatalf("%q isn't found", id)
	}
	return p
}
