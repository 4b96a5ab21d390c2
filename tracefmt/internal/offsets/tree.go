package offsets

import (
	"cmp"
	"slices"
)

// Edge is a comparison of two clocks.
type Edge struct {
	From, To int
	Estimate // of what is to be added to the times of To
}

// Step leads from a clock to one that is compared with it.
type Step struct {
	From, To int
	Estimate // of what is to be added to the times of To
}

// Bound returns the greatest error of an edge.
func (e Edge) Bound() uint64 { return uint64(e.Hi) - uint64(e.Lo) }

// Tree returns how to get to all clocks that can be compared with one of the fixed ones, or else, with the first of
// those that can be compared with each other, in the order in which all are given: by the comparisons of the smallest
// errors, each step from a clock that is fixed, the first, or that an earlier step led to. Of two edges with the same
// error, the first one counts.
func Tree(all, fixed []int, edges []Edge) []Step {
	n := len(all)
	sorted := slices.Clone(edges)
	slices.SortStableFunc(sorted, func(a, b Edge) int { return cmp.Compare(a.Bound(), b.Bound()) })
	joined := NewJoined(n)
	for _, f := range fixed {
		joined.Join(f, fixed[0])
	}
	ways := make([][]Step, n)
	for _, e := range sorted {
		if joined.Join(e.From, e.To) {
			back := e.Estimate
			back.Interval = back.Negated()
			ways[e.From] = append(ways[e.From], Step(e))
			ways[e.To] = append(ways[e.To], Step{e.To, e.From, back})
		}
	}
	var steps []Step
	reached := make([]bool, n)
	spread := func(starts ...int) {
		from := slices.Clone(starts)
		for _, i := range from {
			reached[i] = true
		}
		for ; len(from) > 0; from = from[1:] {
			for _, s := range ways[from[0]] {
				if !reached[s.To] {
					reached[s.To] = true
					steps = append(steps, s)
					from = append(from, s.To)
				}
			}
		}
	}
	spread(fixed...)
	for _, first := range all {
		if !reached[first] {
			spread(first)
		}
	}
	return steps
}

// Joined tells which of several things belong together.
type Joined []int

// NewJoined returns n things, none of which belongs to another.
func NewJoined(n int) Joined {
	j := make(Joined, n)
	for i := range j {
		j[i] = i
	}
	return j
}

// Join says that a and b belong together. It returns false if they did already.
func (j Joined) Join(a, b int) bool {
	a, b = j.of(a), j.of(b)
	j[max(a, b)] = min(a, b)
	return a != b
}

// All reports whether all belong together.
func (j Joined) All() bool {
	for i := range j {
		if j.of(i) != 0 {
			return false
		}
	}
	return true
}

func (j Joined) of(i int) int {
	for j[i] != i {
		j[i] = j[j[i]]
		i = j[i]
	}
	return i
}
