package diff

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/summary"
)

// Numbers are those of all slices of one path in one trace. Times are in ns.
type Numbers struct {
	Count int64 `json:"count"`
	Total int64 `json:"total_ns"` // slices that never ended count to the end of the trace
	Self  int64 `json:"self_ns"`  // in which nothing below it ran, on whatever track
	P50   int64 `json:"p50_ns"`   // of the durations of slices that ended; 0 if none did
	P95   int64 `json:"p95_ns"`

	ended summary.Quantiles
}

// Totals are the numbers of a whole trace.
type Totals struct {
	Slices int64 `json:"slices"`
	Total  int64 `json:"total_ns"` // of the outermost slices
}

// Change is what became of a path.
type Change struct {
	Path []string // names of slices, the outermost first
	A, B *Numbers // in each of the traces; nil if it isn't there
}

// Self returns by how many ns the path's self time grew.
func (c *Change) Self() int64 { return c.of(func(n *Numbers) int64 { return n.Self }) }

// Total returns by how many ns the sum of the path's durations grew.
func (c *Change) Total() int64 { return c.of(func(n *Numbers) int64 { return n.Total }) }

// Count returns how many more slices there are.
func (c *Change) Count() int64 { return c.of(func(n *Numbers) int64 { return n.Count }) }

func (c *Change) of(number func(*Numbers) int64) int64 {
	return orZero(c.B, number) - orZero(c.A, number)
}

func orZero(n *Numbers, number func(*Numbers) int64) int64 {
	if n == nil {
		return 0
	}
	return number(n)
}

// same reports whether nothing is different.
func (c *Change) same() bool {
	return c.A != nil && c.B != nil && c.A.Count == c.B.Count && c.A.Total == c.B.Total && c.A.Self == c.B.Self &&
		c.A.P50 == c.B.P50 && c.A.P95 == c.B.P95
}

// Diff is the difference between two traces.
type Diff struct {
	A, B    Totals
	Changes []Change // by the absolute change of self time, the greatest first
	Same    int      // paths without any change
	Small   int      // paths that changed less than the threshold

	a, b *summary.Summary
}

// Sum adds up the events of a trace, which are in the normal form of package timeline. If normalize is true, slices are
// called what Normalize makes of their names. It also returns what could not be placed.
func Sum(events iter.Seq[*tracefmt.Event], normalize bool) (*summary.Summary, []tracefmt.Loss) {
	var sum summary.Summary
	var names normalizer
	for e := range events {
		if normalize && e.Kind.Timed() {
			renamed := *e
			renamed.Name = names.of(e.Name)
			e = &renamed
		}
		sum.Add(e)
	}
	sum.Finish()
	return &sum, sum.Losses()
}

// Compare returns what became of the paths of a in b, as far as self times changed by min at least.
func Compare(a, b *summary.Summary, min Threshold) *Diff {
	d := &Diff{a: a, b: b}
	paths := make(map[string]*Change)
	d.A = collect(paths, a, func(c *Change) **Numbers { return &c.A })
	d.B = collect(paths, b, func(c *Change) **Numbers { return &c.B })
	for _, c := range paths {
		for _, n := range []*Numbers{c.A, c.B} {
			if n != nil {
				n.P50, n.P95 = n.ended.At(0.5), n.ended.At(0.95)
			}
		}
		switch {
		case c.same():
			d.Same++
		case !min.reached(orZero(c.A, func(n *Numbers) int64 { return n.Self }), c.Self()):
			d.Small++
		default:
			d.Changes = append(d.Changes, *c)
		}
	}
	slices.SortFunc(d.Changes, func(x, y Change) int {
		return cmp.Or(cmp.Compare(size(y.Self()), size(x.Self())), cmp.Compare(size(y.Total()), size(x.Total())),
			slices.Compare(x.Path, y.Path))
	})
	return d
}

func size(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

// collect adds the numbers of a summary to the side of changes that it is.
func collect(paths map[string]*Change, sum *summary.Summary, side func(*Change) **Numbers) (all Totals) {
	var names []string
	for _, p := range sum.Processes {
		for path := range p.Paths() {
			n := path[len(path)-1]
			if n.Track {
				continue
			}
			names = names[:0]
			for _, n := range path {
				if !n.Track {
					names = append(names, n.Name)
				}
			}
			all.Slices += n.Count
			if len(names) == 1 {
				all.Total += n.Total
			}
			key := keyOf(names)
			c := paths[key]
			if c == nil {
				c = &Change{Path: slices.Clone(names)}
				paths[key] = c
			}
			numbers := side(c)
			if *numbers == nil {
				*numbers = new(Numbers)
			}
			(*numbers).add(n)
		}
	}
	return all
}

// keyOf returns a text that only the path of these names has.
func keyOf(names []string) string {
	var b strings.Builder
	for _, name := range names {
		fmt.Fprintf(&b, "%d:%s", len(name), name)
	}
	return b.String()
}

func (n *Numbers) add(node *summary.Node) {
	n.Count += node.Count
	n.Total += node.Total
	n.Self += node.Own
	n.ended.Merge(&node.Ended)
}

// Slower reports whether the total of b is larger than that of a, by more than the threshold.
func (d *Diff) Slower(max Threshold) bool { return max.exceeded(d.A.Total, d.B.Total-d.A.Total) }
