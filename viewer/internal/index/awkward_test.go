package index_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/viewer/internal/index"
)

func attr(key, value string) []tracefmt.Attr {
	return []tracefmt.Attr{{Key: key, Value: tracefmt.String(value)}}
}

func failing(e tracefmt.Event, text string) tracefmt.Event {
	e.Attrs = attr(tracefmt.AttrError, text)
	return e
}

// TestAwkward puts what traces have that isn't as it should be onto one track.
func TestAwkward(t *testing.T) {
	const far = math.MaxInt64
	for name, c := range map[string]struct {
		events []tracefmt.Event
		want   []string
	}{
		"in the order of ends": {
			[]tracefmt.Event{slice(10, 5, "b"), slice(20, 5, "c"), slice(0, 100, "a")},
			[]string{"0: a 0-100", "1: b 10-15", "1: c 20-25"}},
		"partly over each other": {
			[]tracefmt.Event{slice(0, 10, "a"), slice(5, 10, "b"), slice(10, 10, "c"), slice(11, 1, "d")},
			[]string{"0: a 0-10", "1: b 5-15", "0: c 10-20", "2: d 11-12"}},
		"no length": {
			[]tracefmt.Event{slice(0, 10, "a"), slice(0, 0, "b"), slice(0, 0, "c"), slice(10, 0, "d")},
			[]string{"0: a 0-10", "1: b 0-0", "1: c 0-0", "0: d 10-10"}},
		"equal starts": {
			[]tracefmt.Event{slice(0, 1, "c"), slice(0, 3, "a"), slice(0, 2, "b"), slice(0, 1, "d")},
			[]string{"0: a 0-3", "1: b 0-2", "2: c 0-1", "3: d 0-1"}},
		"begins and ends": {
			[]tracefmt.Event{begin(0, "a"), begin(1, "b"), end(2, ""), begin(3, "c"), end(4, "c"), failing(end(9, "a"), "x")},
			[]string{"0: a 0-9 failed", "1: b 1-2", "1: c 3-4"}},
		"an end that says there is no error": {
			[]tracefmt.Event{failing(begin(0, "a"), "x"), failing(end(9, "a"), "")}, []string{"0: a 0-9"}},
		"ends without begins": {
			[]tracefmt.Event{end(0, "x"), begin(1, "a"), end(2, "y"), end(3, "a"), end(4, "")}, []string{"0: a 1-3"}},
		"begins without names": {
			[]tracefmt.Event{begin(0, ""), begin(1, ""), end(2, ""), end(3, "")}, []string{"0:  0-3", "1:  1-2"}},
		"begins without ends": {
			[]tracefmt.Event{begin(0, "a"), begin(1, "b"), slice(2, 5, "c")},
			[]string{"0: a 0-7 open", "1: b 1-7 open", "2: c 2-7"}},
		"a begin inside of what ended": {
			[]tracefmt.Event{slice(0, 10, "a"), begin(2, "b"), begin(20, "c")},
			[]string{"0: a 0-10", "1: b 2-10", "0: c 20-20 open"}},
		"inner ones end with the outer one": {
			[]tracefmt.Event{begin(0, "a"), begin(1, "b"), begin(2, "c"), end(9, "a")},
			[]string{"0: a 0-9", "1: b 1-9", "2: c 2-9"}},
		"begins and ends out of order": {
			[]tracefmt.Event{end(9, "a"), begin(5, "b"), end(6, ""), begin(0, "a")}, []string{"0: a 0-9", "1: b 5-6"}},
		"open for ever": {
			[]tracefmt.Event{slice(0, tracefmt.Open, "a"), slice(3, 4, "b")}, []string{"0: a 0-7 open", "1: b 3-7"}},
		"the ends of time": {
			[]tracefmt.Event{slice(math.MinInt64, 5, "a"), slice(0, far, "b"), slice(far, 0, "c"), slice(5, far, "d")},
			[]string{"0: a 0-5", fmt.Sprintf("0: b %d-%d", far, far), fmt.Sprintf("1: d %d-%d", far, far), fmt.Sprintf("2: c %d-%d", far, far)}},
	} {
		t.Run(name, func(t *testing.T) {
			list := append(header(), c.events...)
			if got := picture(t, load(t, list), "a"); name != "the ends of time" && !slices.Equal(got, c.want) {
				t.Errorf("loaded: %q\nwant %q", got, c.want)
			}
			for step := range 3 {
				if got, want := picture(t, live(list, step+1), "a"), picture(t, load(t, list), "a"); !slices.Equal(got, want) {
					t.Errorf("live, by %d events: %q\nwant %q", step+1, got, want)
				}
			}
			for level := range index.MaxLevel + 1 {
				s := load(t, list)
				if _, err := s.AppendTiles(nil, level, []index.TileID{{Track: 2, Index: 0}, {Track: 2, Index: -1},
					{Track: 2, Index: math.MaxInt64}, {Track: 2, Index: math.MinInt64}}); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestDeep nests far deeper than is drawn.
func TestDeep(t *testing.T) {
	const depth = 100_000
	list := header()
	for i := range int64(depth) {
		list = append(list, begin(i, "f"))
	}
	for i := range int64(depth) {
		list = append(list, end(depth+i, ""))
	}
	s := load(t, list)
	info, _ := s.Track(trackNamed(t, s, "a"))
	if info.Depth != index.MaxRows || info.Hidden != depth-index.MaxRows || info.Slices != depth || info.Open != 0 {
		t.Errorf("%d rows, %d hidden of %d slices, %d open", info.Depth, info.Hidden, info.Slices, info.Open)
	}
	v, _ := s.Slice(index.Pos{Track: info.ID, Pos: depth - 1})
	if v.Start != depth-1 || v.End != depth || v.Row != index.MaxRows {
		t.Errorf("the innermost is %+v", v)
	}
}

// TestLosses checks that what can't be shown is counted.
func TestLosses(t *testing.T) {
	s := load(t, append(header(), end(0, "x"), slice(1, 9, "a"), begin(2, "b"), begin(20, "c"), begin(21, "d"), begin(22, "e"), end(23, "c"),
		tracefmt.Event{Kind: tracefmt.AsyncEnd, Track: 2, Time: 5, Category: "c", Key: "k"}))
	var got []string
	for _, l := range s.Losses() {
		got = append(got, l.String())
	}
	want := []string{"async end without a begin (1x)", "end without a begin (1x)", "slice without an end, ended with the one around it (3x)"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestAsync checks that async slices of one name share a track and nest within their key only.
func TestAsync(t *testing.T) {
	point := func(kind tracefmt.Kind, at int64, key, name string) tracefmt.Event {
		return tracefmt.Event{Kind: kind, Track: 2, Time: at, Category: "net", Key: key, Name: name, ID: "id of " + name + key}
	}
	begin := func(at int64, key, name string) tracefmt.Event { return point(tracefmt.AsyncBegin, at, key, name) }
	end := func(at int64, key, name string) tracefmt.Event { return point(tracefmt.AsyncEnd, at, key, name) }
	list := append(header(),
		begin(0, "1", "get"), begin(1, "2", "get"), begin(2, "1", "dns"), end(3, "1", "dns"), end(4, "1", "get"),
		begin(5, "3", "get"), end(9, "2", ""), begin(10, "2", "put"), end(12, "2", "put"), begin(11, "4", "get"),
		end(9, "5", "late"), begin(1, "5", "late"))
	want := []string{"0: get 0-4", "1: get 1-9", "2: dns 2-3", "0: get 5-12 open", "1: get 11-12 open"}
	for _, s := range []*index.Snapshot{load(t, list), live(list, 1), live(list, 3)} {
		if got := picture(t, s, "get"); !slices.Equal(got, want) {
			t.Errorf("%q\nwant %q", got, want)
		}
		if got := picture(t, s, "late"); !slices.Equal(got, []string{"0: late 1-9"}) {
			t.Errorf("%q", got)
		}
		if got := picture(t, s, "put"); !slices.Equal(got, []string{"0: put 10-12"}) {
			t.Errorf("%q", got)
		}
		p, ok := s.Lookup("id of dns1")
		if v, _ := s.Slice(p); !ok || v.Name != "dns" {
			t.Errorf("Lookup of a nested async slice: %+v, %v", v, ok)
		}
		if up, ok := s.Above(p); !ok || s.Key(up) != fmt.Sprintf("%d:0:0", p.Track) {
			t.Errorf("it is below %v", up)
		}
	}
}

// TestIDs checks that IDs of all forms come back, and are found.
func TestIDs(t *testing.T) {
	list := header()
	ids := []string{"aaaaaaaaaaaaa", "ppppppppppppp", "zzzzzzzzzzzzz", "p777777777777", "aaaaaaaaaaaa1", "0123456789abcdef", "ffffffffffffffff",
		"0123456789ABCDEF", "a", "日本", "with space", string(make([]byte, 3000))}
	for i, id := range ids {
		e := slice(int64(i), 1, "x")
		e.ID, e.Parent = id, ids[(i+1)%len(ids)]
		list = append(list, e)
	}
	for _, s := range []*index.Snapshot{load(t, list), live(list, 1)} {
		for i, id := range ids {
			p, ok := s.Lookup(id)
			d, _ := s.Details(p)
			if !ok || p.Pos != uint32(i) || d.ID != id || d.Parent != ids[(i+1)%len(ids)] {
				t.Errorf("%.20q is found at %v, %v, with ID %.20q and parent %.20q", id, p, ok, d.ID, d.Parent)
			}
		}
		if _, ok := s.Lookup("aaaaaaaaaaaab"); ok {
			t.Error("an ID that isn't there is found")
		}
	}
}
