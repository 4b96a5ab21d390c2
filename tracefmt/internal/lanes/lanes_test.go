package lanes

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// pack places slices, written as start-end, start-end:id or start-end:id<parent, and returns their lanes.
func pack(t testing.TB, text string) string {
	var track Track[string, int]
	var b strings.Builder
	for field := range strings.FieldsSeq(text) {
		var s Slice
		times, ids, _ := strings.Cut(field, ":")
		fmt.Sscanf(times, "%d-%d", &s.Start, &s.End)
		s.ID, s.Parent, _ = strings.Cut(ids, "<")
		lane, from, _ := track.Complete(s)
		fmt.Fprintf(&b, " %d", lane.n)
		if from.Lane != nil {
			fmt.Fprintf(&b, "<%d@%d", from.Lane.n, from.At)
		}
	}
	return strings.TrimSpace(b.String())
}

func TestComplete(t *testing.T) {
	for _, tt := range []struct{ name, slices, want string }{
		{"nested, by starts", "0-100 0-40 10-20 20-30 40-40 50-90 60-70", "0 0 0 0 0 0 0"},
		{"nested, by ends", "10-20 20-30 0-40 60-70 50-90 0-100", "0 0 0 0 0 0"},
		{"nested, mixed", "10-20 0-100 30-40 25-50 60-60", "0 0 0 0 0"},
		{"the same twice", "0-10 10-20 20-30 0-30 0-30", "0 0 0 0 0"},
		{"overlapping", "0-10 5-15", "0 1"},
		{"overlapping, by ends", "5-15 0-10", "0 1"},
		{"overlapping inside", "10-20 0-100 15-30", "0 0 1"},
		{"a lane that is free again", "0-10 5-15 10-20 15-25 20-30", "0 1 0 1 0"},
		{"a tree", "0-100:a 10-40:b<a 12-20:c<b 50-90:d<a", "0 0 0 0"},
		{"siblings that overlap", "0-100:a 10-40:b<a 20-50:c<a 30-60:d<a 45-55:e<a", "0 0 1<0@9 2<0@9 0"},
		{"a child of one that is on another lane", "0-100:a 10-40:b<a 20-50:c<a 25-35:d<c 60-70:e<a", "0 0 1<0@9 1 0"},
		{"two roots, one in the time of the other", "0-100:a 10-40:b", "0 1"},
		{"a root in the time of another's children", "0-100:a 10-40:b<a 20-30:c", "0 0 1"},
		{"a child that outlives its parent", "0-100:a 50-150:b<a", "0 1<0@50"},
		{"a child beside the first of its siblings", "0-100:a 0-10:b<a 5-15:c<a", "0 0 1<0@0"},
		{"a child beside two siblings", "0-100:a 10-20:b<a 20-30:c<a 25-35:d<a", "0 0 0 1<0@9"},
		{"a child after its parent", "0-100:a 150-160:b<a", "0 0"},
		{"a child whose parent isn't known", "0-100:a 50-60:b<x", "0 1"},
		{"children first", "10-20:b<a 30-40:c<a 0-100:a", "0 0 0"},
		{"somebody's child first", "10-20:b<x 0-100:a", "0 1"},
		{"the same time as its parent", "0-10:a 0-10:b<a", "0 0"},
		{"the same time as its child", "0-10:b<a 0-10:a", "0 0"},
		{"without IDs among those with", "0-100:a 10-50 20-30", "0 0 0"},
		{"never ended", fmt.Sprintf("0-%d:a 10-20:b<a 30-40:c", math.MaxInt64), "0 0 1"},
	} {
		if got := pack(t, tt.slices); got != tt.want {
			t.Errorf("%s: %s are on lanes %s, want %s", tt.name, tt.slices, got, tt.want)
		}
	}
}

func TestBegin(t *testing.T) {
	var track Track[string, string]
	begin := func(at int64, name string) int {
		l, _ := track.Begin(Slice{Start: at, ID: name}, name)
		return l.n
	}
	end := func(at int64) string {
		l, begun, nests, ok := track.End(at)
		if !ok {
			return "none"
		}
		return fmt.Sprint(l.n, " ", begun.Data, " ", begun.Start, "-", begun.End, " ", nests)
	}
	if a, b, c := begin(10, "a"), begin(20, "b"), begin(15, "earlier"); a != 0 || b != 0 || c != 1 {
		t.Errorf("begins are on lanes %d, %d, %d", a, b, c)
	}
	if l, _, _ := track.Complete(Slice{Start: 22, End: 30, ID: "inside", Parent: "b"}); l.n != 0 {
		t.Errorf("a slice inside of an open one is on lane %d", l.n)
	}
	if l, _, _ := track.Complete(Slice{Start: 12, End: 25}); l.n == 0 {
		t.Error("a slice is where one that is open has begun inside of it")
	}
	for _, want := range []string{"0 b 20-40 true", "1 earlier 15-15 true", "0 a 10-60 true", "none"} {
		at := map[string]int64{"0 b 20-40 true": 40, "0 a 10-60 true": 60}[want]
		if got := end(at); got != want {
			t.Errorf("End(%d) = %s, want %s", at, got, want)
		}
	}
	if track.At(50).n != 0 || track.At(61) != nil {
		t.Error("At is wrong about the time of the last slice")
	}
}

// TestBounded: what is remembered of the past is bounded.
func TestBounded(t *testing.T) {
	var track Track[int, int]
	for i := range int64(100_000) {
		track.Complete(Slice{Start: i * 10, End: i*10 + 5})
		track.Complete(Slice{Start: i*10 + 1, End: i*10 + 3})
	}
	l := track.Lanes[0]
	if len(track.Lanes) != 1 || len(l.row.outer) > maxSiblings {
		t.Errorf("%d lanes, %d slices are remembered", len(track.Lanes), len(l.row.outer))
	}
	for at, want := range map[int64]bool{999_992: true, 999_990: true, 999_995: false, 999_989: false} {
		if got := track.At(at) != nil; got != want {
			t.Errorf("At(%d) finds a slice: %v", at, got)
		}
	}
	for i := range int64(200_000) {
		track.Complete(Slice{Start: 1e7 + i, End: 1e7 + i + 100, ID: fmt.Sprint(i)})
	}
	if n := len(track.Lanes); n != 100 || len(track.index.homes) > maxHomes {
		t.Errorf("%d lanes for 100 slices at a time, %d slices known by ID", n, len(track.index.homes))
	}
}

// forest draws slices with IDs: children mostly inside of their parents, in the order of starts.
func forest(t *rapid.T) []Slice {
	n := rapid.IntRange(1, 60).Draw(t, "n")
	var all []Slice
	for i := range n {
		s := Slice{ID: fmt.Sprint("s", i)}
		s.Start = rapid.Int64Range(0, 100).Draw(t, "start")
		length := rapid.Int64Range(0, 60).Draw(t, "length")
		if p := rapid.IntRange(-1, i-1).Draw(t, "parent"); p >= 0 {
			s.Parent = all[p].ID
			s.Start = min(all[p].Start+s.Start/4, all[p].End)
			if rapid.IntRange(0, 9).Draw(t, "outlives") > 0 {
				length = min(length, all[p].End-s.Start)
			}
		}
		s.End = s.Start + length
		all = append(all, s)
	}
	slices.SortStableFunc(all, func(a, b Slice) int {
		if a.Start != b.Start {
			return int(a.Start - b.Start)
		}
		return int(b.End - a.End)
	})
	return all
}

// TestRandom checks what the package promises of slices with IDs, and that many lanes are searched as few are.
func TestRandom(t *testing.T) {
	defer func(n int) { few = n }(few)
	rapid.Check(t, func(t *rapid.T) {
		all := forest(t)
		few = 1 << 30
		var plain, indexed Track[int, int]
		lanes := map[string]*Lane[int, int]{}
		var placed []Slice
		for _, s := range all {
			l, _, _ := plain.Complete(s)
			for _, other := range placed {
				if lanes[other.ID] != l {
					continue
				}
				apart := other.End <= s.Start || s.End <= other.Start
				inside := other.Start <= s.Start && s.End <= other.End
				around := s.Start <= other.Start && other.End <= s.End
				if !apart && !inside && !around {
					t.Fatalf("%+v and %+v overlap on lane %d", other, s, l.n)
				}
			}
			placed = append(placed, s)
			lanes[s.ID] = l
		}
		for _, s := range placed {
			checkHolder(t, placed, lanes, s)
		}
		few = 0
		for _, s := range all {
			if l, _, _ := indexed.Complete(s); l.n != lanes[s.ID].n {
				t.Fatalf("%+v is on lane %d with an index, and %d without, of\n%+v", s, l.n, lanes[s.ID].n, all)
			}
		}
	})
}

// checkHolder checks that what is drawn around a slice, next to it, is its parent.
func checkHolder(t *rapid.T, all []Slice, lanes map[string]*Lane[int, int], s Slice) {
	if s.Start == s.End {
		return // at an edge it is in both
	}
	var holder *Slice
	for i := range all {
		o := &all[i]
		if o.ID == s.Parent && o.Start == s.Start && o.End == s.End && lanes[o.ID] == lanes[s.ID] {
			return // it is drawn right above
		}
		if o.ID == s.ID || lanes[o.ID] != lanes[s.ID] || o.Start > s.Start || s.End > o.End || o.Start == s.Start && o.End == s.End {
			continue
		}
		if holder == nil || o.Start > holder.Start || o.Start == holder.Start && o.End <= holder.End {
			holder = o
		}
	}
	if holder != nil && holder.ID != s.Parent {
		t.Fatalf("%+v is drawn inside of %+v", s, *holder)
	}
}

// TestSameTimes has slices that all have the same times: they nest, but not for ever.
func TestSameTimes(t *testing.T) {
	var track Track[int, int]
	for range 100_000 {
		if l, _, _ := track.Complete(Slice{Start: 7, End: 12}); l.n != 0 {
			t.Fatalf("one is on lane %d", l.n)
		}
	}
	depth := 0
	for range track.Lanes[0].row.path() {
		depth++
	}
	if depth != maxDepth+1 {
		t.Errorf("%d slices that nest are remembered", depth)
	}
}
