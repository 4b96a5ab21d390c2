// Package laminar tells whether slices of one row of a trace nest, for writers of formats in which they have to.
package laminar

import "slices"

// maxSiblings bounds how many slices of one level are remembered on a row. A slice that covers more than these can't
// be checked against the oldest of them.
const maxSiblings = 256

const maxSpare = 8

// span is a closed slice: from start to end, in ns.
type span struct {
	start, end int64
	inner      []span // what nests in it; kept for the last span of a level only
}

// Lane remembers the slices of one row and tells whether another one nests with them: contains, is inside of, or
// is apart from each. It works for slices that come in the order of their starts, as from a sorted file, and in that
// of their ends, as from a running program. Its memory is bounded, so that of a row's distant past it knows nothing.
type Lane struct {
	outer []span   // disjoint, in the order of time
	spare [][]span // memory for inner
}

// Place adds a slice, from start to end in ns, if it nests, and reports whether it does.
func (l *Lane) Place(start, end int64) bool { return l.place(&l.outer, start, end) }

func (l *Lane) place(level *[]span, start, end int64) bool {
	list := *level
	i := len(list)
	for i > 0 && list[i-1].end > start {
		i--
	}
	if i == len(list) { // after all others
		l.append(level, span{start: start, end: end})
		return true
	}
	if first := &list[i]; first.start <= start && end <= first.end {
		if i < len(list)-1 {
			return true // inside an earlier one, of which the inner slices aren't known any more
		}
		return l.place(&first.inner, start, end)
	}
	j := i
	for ; j < len(list) && list[j].start < end; j++ {
		if list[j].start < start || list[j].end > end {
			return false
		}
	}
	covers := span{start: start, end: end}
	if j == len(list) {
		covers.inner = l.copyOf(list[i:j])
	}
	*level = slices.Replace(list, i, j, covers)
	return true
}

// copyOf returns a copy of spans, in memory that nothing uses any more if there is some.
func (l *Lane) copyOf(spans []span) []span {
	var memory []span
	if n := len(l.spare); n > 0 && len(spans) > 0 {
		memory = l.spare[n-1]
		l.spare = l.spare[:n-1]
	}
	return append(memory, spans...)
}

func (l *Lane) append(level *[]span, s span) {
	list := *level
	if n := len(list); n > 0 {
		if inner := list[n-1].inner; inner != nil && len(l.spare) < maxSpare {
			l.spare = append(l.spare, inner[:0])
		}
		list[n-1].inner = nil
	}
	if len(list) >= maxSiblings {
		list = slices.Delete(list, 0, maxSiblings/2)
	}
	*level = append(list, s)
}

// Covers reports whether a slice is known that t is in. The end of a slice doesn't count: viewers compute it in
// floating point and might put it a little earlier.
func (l *Lane) Covers(t int64) bool {
	for _, s := range slices.Backward(l.outer) {
		if s.start <= t && (t < s.end || t == s.start) {
			return true
		}
		if s.end < t {
			return false
		}
	}
	return false
}
