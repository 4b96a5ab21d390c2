package index

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"sync"
)

// A Gap is where records are missing: what a mark of type LossMark says, or several that are close to each other.
type Gap struct {
	Mark      Pos    // the first, as Snapshot.Mark has it
	Name      string // of the first
	From, To  int64  // when the first and the last are
	Marks     int
	Count     int64 // how many records are missing, as far as the marks say
	Uncounted int   // marks that don't say it
}

// attrCount is the attribute of a mark of type LossMark that says how many records are missing.
const attrCount = "count"

// Gaps returns where records are missing, in the order of time, at most limit places. Of more marks, those in the same
// of limit equal parts of the time from the first to the last of them are one. It looks at marks of other types as
// little as it can. If ctx is done before the end, the error is that of ctx.
func (s *Snapshot) Gaps(ctx context.Context, limit int) ([]Gap, error) {
	var mu sync.Mutex
	var all []Gap
	err := s.inParallel(ctx, s.tracks, func(_ int, t *track) {
		var list []Gap
		for pos := range t.lossMarks() {
			list = append(list, s.gap(Pos{t.id, pos}))
		}
		mu.Lock()
		defer mu.Unlock()
		all = append(all, list...)
	})
	slices.SortFunc(all, func(a, b Gap) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.Mark.Track, b.Mark.Track), cmp.Compare(a.Mark.Pos, b.Mark.Pos))
	})
	return joined(all, limit), err
}

// gap returns that of one mark.
func (s *Snapshot) gap(p Pos) Gap {
	m, _ := s.Mark(p)
	g := Gap{Mark: p, Name: m.Name, From: m.Time, To: m.Time, Marks: 1, Uncounted: 1}
	for _, a := range m.Attrs {
		if n, ok := a.Value.Int64(); ok && a.Key == attrCount && n >= 0 {
			g.Count, g.Uncounted = n, 0
		}
	}
	return g
}

// joined has those of a list, which is in order, be one that are in the same of limit equal parts.
func joined(list []Gap, limit int) []Gap {
	if len(list) <= limit {
		return list
	}
	first := list[0].From
	part := subTimes(list[len(list)-1].From, first)/int64(limit) + 1
	short := list[:1]
	for _, g := range list[1:] {
		last := &short[len(short)-1]
		if subTimes(g.From, first)/part > subTimes(last.From, first)/part {
			short = append(short, g)
			continue
		}
		last.To = g.To
		last.Marks += g.Marks
		last.Count = addTimes(last.Count, g.Count)
		last.Uncounted += g.Uncounted
	}
	return short
}

// lossMarks yields the positions of the marks of type LossMark. Whole blocks in which there is none are passed over.
func (t *track) lossMarks() iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		for i := 0; i < t.marks.len(); i++ {
			n := t.peakOff + i
			if block := n / blockLen; n%blockLen == 0 && block < t.peaks.len() && t.peaks.at(block).types&(1<<LossMark) == 0 {
				i += blockLen - 1
				continue
			}
			if t.marks.at(i).typ() == LossMark && !yield(uint32(i)) {
				return
			}
		}
	}
}
