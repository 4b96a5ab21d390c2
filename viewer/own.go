package viewer

import (
	"cmp"
	"context"
	"slices"

	"github.com/spanstack/spanstack/viewer/internal/index"
)

// apart is when something ran below a slice, on another track.
type apart struct {
	up index.Pos
	stretch
}

// stretch is a time from one moment to another one.
type stretch struct{ from, to int64 }

// waited returns how much of the self time of nodes isn't their own, since something below was running on another track then.
// It is for what aggregateOwn added up of all of a trace, by path.
func (a *aggregation) waited(ctx context.Context) (map[*node]int64, error) {
	slices.SortFunc(a.apart, func(x, y apart) int {
		return cmp.Or(cmp.Compare(x.up.Track, y.up.Track), cmp.Compare(x.up.Pos, y.up.Pos), cmp.Compare(x.from, y.from))
	})
	list := make(map[*node]int64)
	for rest := a.apart; len(rest) > 0; {
		up := rest[0].up
		n := slices.IndexFunc(rest, func(s apart) bool { return s.up != up })
		if n < 0 {
			n = len(rest)
		}
		inner, err := a.inner(ctx, up)
		if err != nil {
			return nil, err
		}
		at, _ := a.snap.Slice(up)
		list[a.chain(up)] += outside(rest[:n], inner, stretch{at.Start, at.End})
		rest = rest[n:]
	}
	return list, nil
}

// inner returns when slices run just inside of one on its track, which isn't its self time anyway. Of async ones nothing is known.
func (a *aggregation) inner(ctx context.Context, p index.Pos) (list []stretch, err error) {
	if t, _ := a.snap.Track(p.Track); t.Type == index.AsyncTrack {
		return nil, nil
	}
	at, _ := a.snap.Slice(p)
	until := at.Start
	depth := -1 // until it comes
	err = a.snap.Walk(ctx, index.Window{From: at.Start, To: at.End}, []uint32{p.Track}, func(v *index.Visit) bool {
		switch {
		case v.Pos == p:
			depth = v.Depth
		case depth >= 0 && v.Depth <= depth:
			return false
		case depth >= 0 && v.Depth == depth+1:
			list = append(list, stretch{max(v.Start, until), v.End})
			until = max(until, v.End)
		}
		return true
	})
	return list, err
}

// outside returns how much of the stretches of a slice's time, which come by their starts, isn't in those inside of it, which do, too.
func outside(list []apart, inner []stretch, within stretch) (sum int64) {
	until := within.from
	for _, s := range list {
		from, to := max(s.from, until), min(s.to, within.to)
		if to <= from {
			continue
		}
		until = to
		for len(inner) > 0 && inner[0].to <= from {
			inner = inner[1:]
		}
		sum += to - from
		for _, in := range inner {
			if in.from >= to {
				break
			}
			sum -= max(min(in.to, to)-max(in.from, from), 0)
		}
	}
	return sum
}
