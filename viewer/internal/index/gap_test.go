package index_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/viewer/internal/index"
)

func lossAt(track tracefmt.TrackID, at int64, attrs ...tracefmt.Attr) tracefmt.Event {
	return tracefmt.Event{Kind: tracefmt.Instant, Track: track, Time: at, Name: "records lost", Category: tracefmt.CategoryLoss, Attrs: attrs}
}

func counted(n int64) tracefmt.Attr { return tracefmt.Attr{Key: "count", Value: tracefmt.Int64(n)} }

// gapsOf writes what is missing where.
func gapsOf(t testing.TB, s *index.Snapshot, limit int) (list []string) {
	t.Helper()
	gaps, err := s.Gaps(context.Background(), limit)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range gaps {
		m, ok := s.Mark(g.Mark)
		if !ok || m.Type != index.LossMark || m.Time != g.From || m.Name != g.Name {
			t.Errorf("%+v isn't at a mark, but at %+v", g, m)
		}
		list = append(list, fmt.Sprintf("%d-%d: %d in %d, %d uncounted", g.From+s.Zero(), g.To+s.Zero(), g.Count, g.Marks, g.Uncounted))
	}
	return list
}

// TestGaps: losses are found on all tracks, with what they say and without; if they are many, those beside each other are one.
func TestGaps(t *testing.T) {
	list := append(header(), slice(0, 1000, "all"), lossAt(0, 500, counted(7)), lossAt(2, 100, counted(3)), lossAt(2, 500),
		lossAt(2, 990, tracefmt.Attr{Key: "count", Value: tracefmt.String("many")}),
		tracefmt.Event{Kind: tracefmt.Log, Track: 2, Time: 300, Name: "lost", Severity: 9, Attrs: []tracefmt.Attr{counted(9)}})
	for what, s := range map[string]*index.Snapshot{"loaded": load(t, list), "live": live(list, 1)} {
		all := []string{"100-100: 3 in 1, 0 uncounted", "500-500: 0 in 1, 1 uncounted", "500-500: 7 in 1, 0 uncounted", "990-990: 0 in 1, 1 uncounted"}
		if got := slices.Sorted(slices.Values(gapsOf(t, s, 4))); !slices.Equal(got, all) {
			t.Errorf("%s: %q", what, got)
		}
		if got, want := gapsOf(t, s, 2), []string{"100-500: 10 in 3, 1 uncounted", "990-990: 0 in 1, 1 uncounted"}; !slices.Equal(got, want) {
			t.Errorf("%s: of two parts: %q", what, got)
		}
		if got, want := gapsOf(t, s, 1), []string{"100-990: 10 in 4, 2 uncounted"}; !slices.Equal(got, want) {
			t.Errorf("%s: of one part: %q", what, got)
		}
		if n := s.Counts().LossMarks; n != 4 {
			t.Errorf("%s: %d are counted", what, n)
		}
	}
	if got := gapsOf(t, load(t, header()), 5); got != nil {
		t.Errorf("without losses: %q", got)
	}
}

// TestGapsAmongMany has losses among many other marks, as a trace grows, and as the oldest of it leaves.
func TestGapsAmongMany(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	x := index.New(index.Config{MaxSlices: 2000})
	for _, e := range header() {
		x.Add(&e)
	}
	for i := range int64(20_000) {
		e := slice(i*10, 5, "work")
		x.Add(&e)
		e = tracefmt.Event{Kind: tracefmt.Log, Track: 2, Time: i * 10, Name: "line", Severity: 9}
		if rnd.IntN(300) == 0 {
			e = lossAt(2, i*10, counted(i))
		}
		x.Add(&e)
		if i%777 != 0 {
			continue
		}
		s := x.Publish()
		var want []string
		var marks int64
		for _, info := range s.Tracks() {
			for pos := range info.Marks {
				m, _ := s.Mark(index.Pos{Track: info.ID, Pos: uint32(pos)})
				if m.Type != index.LossMark {
					continue
				}
				n, _ := m.Attrs[0].Value.Int64()
				marks++
				want = append(want, fmt.Sprintf("%d-%d: %d in 1, 0 uncounted", m.Time+s.Zero(), m.Time+s.Zero(), n))
			}
		}
		if got := gapsOf(t, s, 1000); !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))) {
			t.Fatalf("after %d: %q\nwant %q", i, got, want)
		}
		if s.Counts().LossMarks != marks {
			t.Fatalf("after %d: %d are counted, want %d", i, s.Counts().LossMarks, marks)
		}
	}
}

// TestGapsFarApart has a live trace with losses at the ends of all time: what is between the first and the last of them is no number of ns.
func TestGapsFarApart(t *testing.T) {
	for k := range int64(12) {
		list := header()
		for _, at := range []int64{0, math.MinInt64, 1, 2, 3, 4, math.MaxInt64 - k} {
			list = append(list, lossAt(2, at, counted(1)))
		}
		gaps, err := live(list, 3).Gaps(context.Background(), 5)
		marks := 0
		for i, g := range gaps {
			marks += g.Marks
			if i > 0 && g.From <= gaps[i-1].To {
				t.Errorf("%d: %+v", k, gaps)
			}
		}
		if err != nil || len(gaps) < 2 || len(gaps) > 5 || marks != 7 {
			t.Errorf("%d: %+v, %v", k, gaps, err)
		}
	}
}
