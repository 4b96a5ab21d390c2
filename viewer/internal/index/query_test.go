package index_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/viewer/internal/gentrace"
	"github.com/spanstack/spanstack/viewer/internal/index"
)

func generated(t testing.TB, config gentrace.Config) *index.Snapshot {
	t.Helper()
	x, err := index.Load(context.Background(), gentrace.NewReader(config), nil)
	if err != nil {
		t.Fatal(err)
	}
	return x.Snapshot()
}

// task declares a track and the slice of a task on it.
func task(track tracefmt.TrackID, id, parent string) []tracefmt.Event {
	return []tracefmt.Event{
		{Kind: tracefmt.Track, Track: track, Process: 1, SourceID: tracefmt.Int64(int64(track)), Name: "task " + id, Order: int64(track)},
		{Kind: tracefmt.Complete, Track: track, Time: int64(track), Dur: 100, Name: id, Category: tracefmt.CategoryTask, ID: id, Parent: parent},
	}
}

// TestTree checks that tasks are below those that started them, and that circles end.
func TestTree(t *testing.T) {
	list := header()[:1]
	for _, e := range [][3]string{{"2", "a", ""}, {"3", "b", "a"}, {"4", "c", "b"}, {"5", "d", "nowhere"}, {"6", "e", "f"}, {"7", "f", "e"}, {"8", "g", "g"}} {
		list = append(list, task(tracefmt.TrackID(e[0][0]-'0'), e[1], e[2])...)
	}
	list = append(list, tracefmt.Event{Kind: tracefmt.Counter, Track: 3, Time: 5, Name: "bytes", Attrs: []tracefmt.Attr{{Key: "n", Value: tracefmt.Int64(1)}}})
	want := []string{"p <", "task a < p", "task b < task a", "task c < task b", "task d < p", "task f < p", "task e < task f", "task g < p", "bytes < p"}
	for what, s := range map[string]*index.Snapshot{"loaded": load(t, list), "live": live(list, 100), "live, one by one": live(list, 1)} {
		names := map[uint32]string{}
		var got []string
		for _, info := range s.Tracks() {
			names[info.ID] = info.Name
			got = append(got, strings.TrimSpace(info.Name+" < "+names[info.Parent]))
			if info.Name == "task c" && (info.Task != "c" || info.Source != "tid 4") {
				t.Errorf("%+v", info)
			}
		}
		slices.Sort(got)
		sorted := slices.Sorted(slices.Values(want))
		if what == "loaded" || what == "live" { // one by one, the other one of a circle is first
			if !slices.Equal(got, sorted) && !slices.Equal(got, slices.Sorted(slices.Values(append(slices.Clone(want[:5]), "task e < p", "task f < task e", "task g < p", "bytes < p")))) {
				t.Errorf("%s: %q\nwant %q", what, got, want)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: %q", what, got)
		}
	}
}

// TestStarters checks that a track gets below the one that started it also if that is known late: since its slice came later, or what
// turns out to be the track's own first one.
func TestStarters(t *testing.T) {
	x := index.New(index.Config{})
	above := func(track string) string {
		s := x.Publish()
		info, _ := s.Track(trackNamed(t, s, track))
		up, _ := s.Track(info.Parent)
		return up.Name
	}
	add := func(events ...tracefmt.Event) {
		for i := range events {
			x.Add(&events[i])
		}
	}
	add(header()[0])
	add(task(2, "a", "b")...)
	add(task(3, "c", "nowhere")...)
	add(task(4, "d", "d")...)
	if a, c, d := above("task a"), above("task c"), above("task d"); a != "p" || c != "p" || d != "p" {
		t.Errorf("before anything is known, they are below %q, %q and %q", a, c, d)
	}
	add(task(5, "b", "")...)
	if a, c := above("task a"), above("task c"); a != "task b" || c != "p" {
		t.Errorf("when b has come, a is below %q and c below %q", a, c)
	}
	add(tracefmt.Event{Kind: tracefmt.Complete, Track: 3, Time: 1, Dur: 1, Name: "earlier", ID: "e", Parent: "b"})
	if c := above("task c"); c != "task b" {
		t.Errorf("by its first slice, c is below %q", c)
	}
	add(task(6, "nowhere", "")...)
	if c := above("task c"); c != "task b" || index.Waiting(x) != 0 {
		t.Errorf("by its second slice, c is below %q; %d tracks wait", c, index.Waiting(x))
	}
}

// TestStartersLeave checks that a bounded trace doesn't keep what tracks waited for when they were younger.
func TestStartersLeave(t *testing.T) {
	x := index.New(index.Config{MaxSlices: 1000})
	const tracks = 50
	for i := range int64(20_000) {
		x.Add(&tracefmt.Event{Kind: tracefmt.Complete, Track: tracefmt.TrackID(i%tracks + 1), Time: i * 10, Dur: 5, Name: "a", ID: fmt.Sprint("own ", i), Parent: fmt.Sprint("lost ", i)})
		if i%100 == 99 {
			x.Publish()
		}
	}
	if n := index.Waiting(x); n != tracks {
		t.Errorf("%d wait, want %d", n, tracks)
	}
}

// TestKin checks what is above and below a slice, by IDs and by time.
func TestKin(t *testing.T) {
	ctx := context.Background()
	list := append(header(), tracefmt.Event{Kind: tracefmt.Track, Track: 3, Process: 1, Name: "b"})
	add := func(track tracefmt.TrackID, start, dur int64, name, id, parent string) {
		list = append(list, tracefmt.Event{Kind: tracefmt.Complete, Track: track, Time: start, Dur: dur, Name: name, ID: id, Parent: parent})
	}
	add(2, 0, 100, "root", "r", "")
	add(2, 10, 80, "span", "s", "r")
	add(2, 20, 10, "leaf", "l", "s")
	add(2, 40, 10, "chance", "c", "")  // in the time of span by chance
	add(2, 60, 10, "orphan", "o", "?") // its parent isn't there
	add(3, 15, 50, "task", "t", "s")
	add(3, 20, 10, "plain", "", "")
	add(3, 22, 3, "inner", "", "")
	s := load(t, list)
	find := func(id string) index.Pos {
		p, ok := s.Lookup(id)
		if !ok {
			t.Fatalf("slice %q isn't found", id)
		}
		return p
	}
	name := func(p index.Pos) string {
		v, _ := s.Slice(p)
		return v.Name
	}
	up := func(p index.Pos) string {
		above, ok := s.Above(p)
		if !ok {
			return ""
		}
		return name(above)
	}
	for id, want := range map[string]string{"r": "", "s": "root", "l": "span", "c": "", "o": "", "t": "span"} {
		if got := up(find(id)); got != want {
			t.Errorf("%s is below %q, want %q", id, got, want)
		}
	}
	b := find("t").Track
	if got := up(index.Pos{Track: b, Pos: 1}); got != "task" {
		t.Errorf("plain is below %q", got)
	}
	if got := up(index.Pos{Track: b, Pos: 2}); got != "plain" {
		t.Errorf("inner is below %q", got)
	}
	var path []string
	for p := range s.Ancestors(find("t")) {
		path = append(path, name(p))
	}
	if !slices.Equal(path, []string{"span", "root"}) {
		t.Errorf("ancestors %q", path)
	}
	total, first, err := s.Children(ctx, find("s"), 1)
	if err != nil || total != 2 || len(first) != 1 || name(first[0]) != "task" {
		t.Errorf("children of span: %d, %v, %v", total, first, err)
	}
	if total, first, _ := s.Children(ctx, index.Pos{Track: b, Pos: 1}, 9); total != 1 || name(first[0]) != "inner" {
		t.Errorf("children of plain: %d, %v", total, first)
	}
	below := s.Below(find("s"))
	for id, want := range map[string]bool{"r": false, "s": true, "l": true, "t": true, "o": false} {
		if below(find(id)) != want {
			t.Errorf("%s is below span: %v", id, !want)
		}
	}
	if d, _ := s.Details(find("s")); s.Self(find("s")) != 50 || d.Parent != "r" {
		t.Errorf("%+v, by itself for %d", d, s.Self(find("s")))
	}
	if p, ok := s.At(find("s").Track, 2, 45); !ok || name(p) != "chance" {
		t.Errorf("at 45 in row 2 is %v", p)
	}
	if p, ok := s.At(find("s").Track, 2, 35); ok {
		t.Errorf("at 35 in row 2 is %v", name(p))
	}
}

func TestSearch(t *testing.T) {
	ctx := context.Background()
	list := fmttest.Sample()
	for i := range 300 { // so that values get numbers
		e := slice(7000+int64(i), 1, "many")
		e.Attrs = append(attr("state", fmt.Sprint("State ", i%3)), tracefmt.Attr{Key: "n", Value: tracefmt.Int64(int64(i))})
		list = append(list, e)
	}
	s := load(t, list)
	for _, c := range []struct {
		q     index.SearchQuery
		total int
		what  string // of the first
	}{
		{index.SearchQuery{Text: "zfs", Names: true}, 1, "name"},
		{index.SearchQuery{Text: "ZFS", Names: true}, 0, ""},
		{index.SearchQuery{Text: "^zfs.l", Regexp: true, Names: true}, 1, "name"},
		{index.SearchQuery{Text: "tank/DB", Attrs: true}, 0, ""},
		{index.SearchQuery{Text: "tank/db", Attrs: true}, 1, "attribute dataset"},
		{index.SearchQuery{Text: "error=exited", Attrs: true}, 1, "attribute error"},
		{index.SearchQuery{Text: "dataset=exited", Attrs: true}, 0, ""},
		{index.SearchQuery{Text: "state 2", Attrs: true}, 100, "attribute state"},
		{index.SearchQuery{Text: "n=299", Attrs: true}, 1, "attribute n"},
		{index.SearchQuery{Text: "0.25", Attrs: true}, 1, "attribute ratio"},
		{index.SearchQuery{Text: "cccc", IDs: true}, 1, "id"},
		{index.SearchQuery{Text: "/aaaa.cccc/", IDs: true}, 1, "id"},
		{index.SearchQuery{Text: "planning", Logs: true}, 1, "log"},
		{index.SearchQuery{Text: "subsystem=plan", Logs: true}, 1, "attribute subsystem"},
		{index.SearchQuery{Text: "many", Names: true, Window: index.Window{From: 6100, To: 6110}}, 10, "name"},
		{index.SearchQuery{Text: "", Names: true}, 0, ""},
	} {
		if c.q.Window == (index.Window{}) {
			c.q.Window = index.Everything
		}
		c.q.Limit = 20
		got, err := s.Search(ctx, c.q)
		if err != nil || !got.Complete {
			t.Fatal(c.q.Text, got, err)
		}
		what := ""
		if len(got.Hits) > 0 {
			what = got.Hits[0].What
		}
		sum, tracks := 0, 0
		for _, n := range got.Density {
			sum += n
		}
		for _, n := range got.Tracks {
			tracks += n
		}
		if got.Total != c.total || what != c.what || len(got.Hits) != min(c.total, 20) || sum != c.total || tracks != c.total {
			t.Errorf("%+v: %d found, %d in density, %d in tracks, first by %q; want %d by %q", c.q, got.Total, sum, tracks, what, c.total, c.what)
		}
	}
	if _, err := s.Search(ctx, index.SearchQuery{Text: "(", Regexp: true}); err == nil {
		t.Error("a bad regular expression is taken")
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if got, err := s.Search(cancelled, index.SearchQuery{Text: "many", Names: true, Window: index.Everything}); err != nil || got.Complete {
		t.Errorf("a search that was cancelled: %+v, %v", got, err)
	}
}

// TestMarks pages through marks in both directions.
func TestMarks(t *testing.T) {
	ctx := context.Background()
	list := append(header(), tracefmt.Event{Kind: tracefmt.Track, Track: 3, Process: 1, Name: "b"})
	for i := range int64(100) {
		list = append(list, tracefmt.Event{Kind: tracefmt.Log, Track: tracefmt.TrackID(2 + i%2), Time: i / 3, Name: fmt.Sprint("line ", i%10),
			Severity: tracefmt.Severity(1 + i%24)})
	}
	s := load(t, list)
	page := func(q index.MarkQuery) index.MarkResult {
		q.Window, q.Limit = index.Everything, 7
		r, err := s.Marks(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	var forward, backward []index.Pos
	for q := (index.MarkQuery{}); ; {
		r := page(q)
		forward = append(forward, r.Marks...)
		if !r.More {
			break
		}
		q.After = r.Cursors[len(r.Cursors)-1]
	}
	for q := (index.MarkQuery{Last: true}); ; {
		r := page(q)
		backward = append(slices.Clone(r.Marks), backward...)
		if !r.More {
			break
		}
		q.Before = r.Cursors[0]
	}
	if len(forward) != 100 || !slices.Equal(forward, backward) {
		t.Errorf("%d marks forward, %d backward\n%v\n%v", len(forward), len(backward), forward, backward)
	}
	last := int64(0)
	for _, p := range forward {
		m, _ := s.Mark(p)
		if m.Time < last {
			t.Errorf("%+v comes after %d", m, last)
		}
		last = m.Time
	}
	if r := page(index.MarkQuery{Text: "line 3"}); r.Total != 10 {
		t.Errorf("%d have the text", r.Total)
	}
	if r := page(index.MarkQuery{Min: tracefmt.SeverityFatal}); r.Total != 16 {
		t.Errorf("%d are fatal", r.Total)
	}
	if _, err := s.Marks(ctx, index.MarkQuery{After: "1:2"}); err == nil {
		t.Error("a bad cursor is taken")
	}
}

// TestWindow checks what a Reader of a window on some tracks has.
func TestWindow(t *testing.T) {
	s := generated(t, gentrace.Config{Spans: 3000, Tasks: 3})
	w := index.Window{From: 5_000_000, To: 9_000_000}
	track := trackNamed(t, s, "step #2")
	list, err := fmttest.ReadAll(s.Reader(w, []uint32{track}))
	if err != nil {
		t.Fatal(err)
	}
	got := 0
	for _, e := range list {
		switch e.Kind {
		case tracefmt.Complete:
			if got++; e.Time+e.Dur <= w.From || e.Time >= w.To || e.Track != 3 {
				t.Errorf("%+v isn't in the window", e)
			}
		case tracefmt.Log, tracefmt.FlowEnd:
			if e.Time < w.From || e.Time >= w.To {
				t.Errorf("%+v isn't in the window", e)
			}
		}
	}
	want := 0
	err = s.Walk(context.Background(), w, []uint32{track}, func(v *index.Visit) bool {
		want++
		if v.End <= w.From || v.Start >= w.To || v.Depth > 3 {
			t.Errorf("%+v isn't in the window", v)
		}
		return true
	})
	all := 0
	for pos := range 2000 {
		if v, ok := s.Slice(index.Pos{Track: track, Pos: uint32(pos)}); ok && v.Start < w.To && (v.Start >= w.From || v.End > w.From) {
			all++
		}
	}
	if err != nil || got != want || got != all || got < 30 {
		t.Errorf("%d slices were read, %d visited, of %d: %v", got, want, all, err)
	}
}

func TestOpen(t *testing.T) {
	s := load(t, append(header(), begin(5, "a"), begin(6, "b"), slice(7, 1, "c"), begin(8, "d"), end(9, "")))
	var names []string
	for _, p := range s.Open() {
		v, _ := s.Slice(p)
		names = append(names, v.Name)
	}
	if !slices.Equal(names, []string{"a", "b"}) {
		t.Errorf("%q are open", names)
	}
	if s.Now() != 4 || s.End() != 4 {
		t.Errorf("now %d, end %d", s.Now(), s.End())
	}
	x := index.New(index.Config{})
	e := begin(100, "a")
	x.Add(&e)
	x.Reach(150)
	if s := x.Publish(); s.Now() != 50 || s.End() != 0 {
		t.Errorf("now %d, end %d", s.Now(), s.End())
	}
	x.Lost(3, "records were lost", 160)
	s = x.Publish()
	if l := s.Losses(); len(l) != 1 || l[0].Count != 3 {
		t.Errorf("losses %v", l)
	}
}

func TestFlows(t *testing.T) {
	ctx := context.Background()
	s := generated(t, gentrace.Config{Spans: 3000, Tasks: 30})
	total, list, err := s.Flows(ctx, index.FlowQuery{Window: index.Everything, Limit: 10})
	if err != nil || total != 29 || len(list) != 10 {
		t.Fatalf("%d arrows, %d listed: %v", total, len(list), err)
	}
	for _, f := range list {
		if f.Name != "child task" || !f.From.Slice || !f.To.Slice || f.To.Row != 0 || f.From.Time != f.To.Time {
			t.Errorf("%+v", f)
		}
	}
	track := trackNamed(t, s, "step #2")
	if total, _, _ = s.Flows(ctx, index.FlowQuery{Window: index.Everything, Tracks: []uint32{track}, Limit: math.MaxInt}); total != 9 {
		t.Errorf("%d arrows of step #2", total) // to it, and to the 8 that it started
	}
	next := load(t, append(header(), slice(0, 5, "a"), slice(10, 5, "b"),
		tracefmt.Event{Kind: tracefmt.FlowStart, Track: 2, Time: 1, Name: "f", Key: "k"},
		tracefmt.Event{Kind: tracefmt.FlowEnd, Track: 2, Time: 6, Name: "f", Key: "k", BindNext: true}))
	if _, list, _ = next.Flows(ctx, index.FlowQuery{Window: index.Everything, Limit: 1}); len(list) != 1 || list[0].To.Time != 10 || list[0].To.Pos.Pos != 1 {
		t.Errorf("an arrow to the next slice: %+v", list)
	}
	late := load(t, append(header(), slice(0, 9, "a"), // the end is read first
		tracefmt.Event{Kind: tracefmt.FlowEnd, Track: 2, Time: 6, Name: "f", Key: "k"},
		tracefmt.Event{Kind: tracefmt.FlowStart, Track: 2, Time: 1, Name: "f", Key: "k"},
		tracefmt.Event{Kind: tracefmt.FlowEnd, Track: 2, Time: 7, Name: "f", Key: "other"}))
	if total, list, _ = late.Flows(ctx, index.FlowQuery{Window: index.Everything, Limit: 1}); total != 1 || list[0].From.Time != 1 || list[0].To.Time != 6 {
		t.Errorf("an arrow whose end came first: %d, %+v", total, list)
	}
}
