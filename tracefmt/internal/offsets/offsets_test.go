package offsets

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestMeet(t *testing.T) {
	for name, c := range map[string]struct {
		in   []Interval
		want Interval
		n    int
		ok   bool
	}{
		"none":                     {nil, Interval{}, 0, false},
		"one":                      {[]Interval{{3, 9}}, Interval{3, 9}, 1, true},
		"inside each other":        {[]Interval{{0, 10}, {2, 4}, {3, 9}}, Interval{3, 4}, 3, true},
		"at a point":               {[]Interval{{0, 5}, {5, 9}}, Interval{5, 5}, 2, true},
		"outlier":                  {[]Interval{{0, 10}, {2, 8}, {100, 200}}, Interval{2, 8}, 2, true},
		"contradictions":           {[]Interval{{20, 30}, {-9, -5}, {40, 41}}, Interval{-9, -5}, 1, true},
		"open on one side":         {[]Interval{{5, NoHi}, {7, NoHi}}, Interval{7, NoHi}, 2, false},
		"open on both sides":       {[]Interval{{5, NoHi}, {NoLo, 8}}, Interval{5, 8}, 2, true},
		"open ones contradict":     {[]Interval{{5, NoHi}, {NoLo, 3}}, Interval{}, 1, false},
		"open beside bounded ones": {[]Interval{{50, NoHi}, {0, 10}}, Interval{0, 10}, 1, true},
	} {
		got, ok := Meet(c.in)
		if ok != c.ok || ok && (got.Interval != c.want || got.Agreeing != c.n || got.All != len(c.in)) {
			t.Errorf("%s: got %+v, %v", name, got, ok)
		}
	}
}

// TestMeetProperty compares Meet with counting at each place.
func TestMeetProperty(t *testing.T) {
	interval := rapid.Custom(func(t *rapid.T) Interval {
		v := Interval{rapid.Int64Range(-20, 20).Draw(t, "lo"), 0}
		v.Hi = v.Lo + rapid.Int64Range(0, 20).Draw(t, "width")
		switch rapid.IntRange(0, 9).Draw(t, "open") {
		case 0:
			v.Lo = NoLo
		case 1:
			v.Hi = NoHi
		}
		return v
	})
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.SliceOfN(interval, 1, 20).Draw(t, "intervals")
		got, ok := Meet(in)
		count := func(at int64) (n int) {
			for _, v := range in {
				if v.Contains(at) {
					n++
				}
			}
			return n
		}
		most := 0
		for at := int64(-50); at <= 50; at++ {
			most = max(most, count(at))
		}
		if got.Agreeing != most || got.Lo > got.Hi {
			t.Fatalf("%+v, %v: %d meet somewhere", got, ok, most)
		}
		below, above := 0, 0 // how many of those that meet there go on
		for _, v := range in {
			if v.Contains(got.Lo) != v.Contains(got.Hi) {
				t.Fatalf("%+v has an end of %+v in it", got, v)
			}
			if v.Contains(got.Lo) && v.Contains(got.Lo-1) {
				below++
			}
			if v.Contains(got.Lo) && v.Contains(got.Hi+1) {
				above++
			}
		}
		if ok && (count(got.Middle()) != most || below == most || above == most) {
			t.Fatalf("%+v isn't where most meet", got)
		}
		rotated := append(slices.Clone(in[1:]), in[0])
		if again, _ := Meet(rotated); again != got {
			t.Fatalf("in another order %+v, was %+v", again, got)
		}
	})
}

func TestExtremes(t *testing.T) {
	v := Exchange(math.MinInt64, math.MaxInt64, math.MaxInt64, math.MinInt64)
	if v.Lo > v.Hi || v.Negated().Negated() != v {
		t.Errorf("got %+v", v)
	}
	if v := Message(5, 3); v != (Interval{2, NoHi}) || v.Negated() != (Interval{NoLo, -2}) {
		t.Errorf("got %+v", v)
	}
	if v := Exchange(0, 10, 105, 120); v != (Interval{-105, NoHi}) {
		t.Errorf("a server that works for longer than its client waits: %+v", v)
	}
	if Add(math.MaxInt64, 1) != math.MaxInt64 || Add(math.MinInt64, -1) != math.MinInt64 || Add(2, -3) != -1 {
		t.Error("Add")
	}
}

func TestTree(t *testing.T) {
	edge := func(from, to int, lo, hi int64) Edge { return Edge{from, to, Estimate{Interval: Interval{lo, hi}}} }
	steps := func(fixed []int, edges ...Edge) (ways [][2]int) {
		for _, s := range Tree([]int{2, 0, 1, 3, 4}, fixed, edges) {
			ways = append(ways, [2]int{s.From, s.To})
		}
		return ways
	}
	for _, c := range []struct{ got, want [][2]int }{
		{steps([]int{0}), nil},
		// From 0 to 2 the way over 1 is better; 3 and 4 are apart.
		{steps([]int{0}, edge(0, 2, 0, 100), edge(0, 1, 0, 10), edge(1, 2, 0, 10), edge(3, 4, 0, 5)), [][2]int{{0, 1}, {1, 2}, {3, 4}}},
		// 0 and 2 are fixed: 1 is compared with the nearer one.
		{steps([]int{0, 2}, edge(0, 2, 0, 1), edge(0, 1, 0, 10), edge(1, 2, 0, 9)), [][2]int{{2, 1}}},
		// Without a fixed one, 2 comes first.
		{steps(nil, edge(0, 2, 3, 4), edge(0, 1, 0, 10)), [][2]int{{2, 0}, {0, 1}}},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("got %v, want %v", c.got, c.want)
		}
	}
	back := Tree([]int{0, 1}, []int{1}, []Edge{edge(0, 1, 3, 9)})
	if len(back) != 1 || back[0].Interval != (Interval{-9, -3}) {
		t.Errorf("backwards: %+v", back)
	}
}

func TestJoined(t *testing.T) {
	j := NewJoined(4)
	if !j.Join(0, 3) || !j.Join(1, 2) || j.Join(3, 0) || j.All() || !j.Join(2, 3) || !j.All() {
		t.Errorf("got %v", j)
	}
}
