package lanes

import (
	"iter"
	"math"
	"slices"
)

// Slice is what has to be known of a slice to place it.
type Slice struct {
	Start, End int64  // ns; End is math.MaxInt64 if it never ended
	ID, Parent string // empty if there is none
}

// identified reports whether a slice says what it belongs to.
func (s *Slice) identified() bool { return s.ID != "" || s.Parent != "" }

// around reports whether the slice goes on at a time or begins then.
func (s *Slice) around(at int64) bool { return s.Start <= at && at < s.End || at == s.Start }

// mayHold reports whether b may be drawn inside of s.
func (s *Slice) mayHold(b *Slice) bool {
	return !s.identified() || !b.identified() || s.ID != "" && s.ID == b.Parent
}

// maxSiblings bounds how many slices of one level are remembered on a lane. A slice that covers more than these can't
// be checked against the oldest of them.
const maxSiblings = 256

// maxDepth is how many slices that nest are remembered. Slices that all have the same times, as in a trace without any,
// would nest in each other for ever.
const maxDepth = 512

const maxSpare = 8

// closed is a slice whose end is known.
type closed struct {
	Slice
	inner []closed // what nests in it; kept for the last one of a level only
}

// row remembers the closed slices of one lane, of late.
type row struct {
	outer []closed   // disjoint, in the order of time
	spare [][]closed // memory for inner
}

// place adds a slice if it nests: if it contains, is inside of, or is apart from each other one, and if what is inside
// belongs there. anyway adds it without looking what belongs where.
func (r *row) place(s *Slice, anyway bool) bool { return r.placeIn(nil, &r.outer, s, anyway, 0) }

func (r *row) placeIn(around *Slice, level *[]closed, s *Slice, anyway bool, depth int) bool {
	list := *level
	i := len(list)
	for i > 0 && list[i-1].End > s.Start {
		i--
	}
	if i < len(list) {
		first := &list[i]
		if first.Start <= s.Start && s.End <= first.End && !isParent(s, &first.Slice) {
			if i < len(list)-1 || depth >= maxDepth {
				return anyway || first.mayHold(s) // what is inside of an earlier one isn't known any more
			}
			return r.placeIn(&first.Slice, &first.inner, s, anyway, depth+1)
		}
	}
	if around != nil && !anyway && !around.mayHold(s) {
		return false
	}
	if i == len(list) { // after all others
		r.append(level, s)
		return true
	}
	j := i
	for ; j < len(list) && list[j].Start < s.End; j++ {
		if list[j].Start < s.Start || list[j].End > s.End || !anyway && !s.mayHold(&list[j].Slice) {
			return false
		}
	}
	covers := closed{Slice: *s}
	if j == len(list) {
		covers.inner = r.copyOf(list[i:j])
	}
	*level = slices.Replace(list, i, j, covers)
	return true
}

// isParent reports whether s is the parent of another slice of the very same time, which came first.
func isParent(s, other *Slice) bool {
	return s.Start == other.Start && s.End == other.End && s.ID != "" && s.ID == other.Parent && s.Parent != other.ID
}

// copyOf returns a copy of slices, in memory that nothing uses any more if there is some.
func (r *row) copyOf(list []closed) []closed {
	var memory []closed
	if n := len(r.spare); n > 0 && len(list) > 0 {
		memory = r.spare[n-1]
		r.spare = r.spare[:n-1]
	}
	return append(memory, list...)
}

func (r *row) append(level *[]closed, s *Slice) {
	list := *level
	if n := len(list); n > 0 {
		if inner := list[n-1].inner; inner != nil && len(r.spare) < maxSpare {
			r.spare = append(r.spare, inner[:0])
		}
		list[n-1].inner = nil
	}
	if len(list) >= maxSiblings {
		list = slices.Delete(list, 0, maxSiblings/2)
	}
	*level = append(list, closed{Slice: *s})
}

// until returns the end of the last slice.
func (r *row) until() int64 {
	if n := len(r.outer); n > 0 {
		return r.outer[n-1].End
	}
	return math.MinInt64
}

// path yields the last slice, the last one inside of that, and so on.
func (r *row) path() iter.Seq[*Slice] {
	return func(yield func(*Slice) bool) {
		for level := r.outer; len(level) > 0; {
			last := &level[len(level)-1]
			if !yield(&last.Slice) {
				return
			}
			level = last.inner
		}
	}
}

// has reports whether a slice with this ID is around a time.
func (r *row) has(id string, at int64) bool {
	for s := range r.path() {
		if !s.around(at) {
			return false
		}
		if s.ID == id {
			return true
		}
	}
	return false
}

// moment returns the last moment until a time at which a slice of the path is the innermost one.
func (r *row) moment(id string, at int64) int64 {
	for level := r.outer; len(level) > 0; {
		last := &level[len(level)-1]
		if last.ID == id {
			return max(last.Start, before(last.inner, at))
		}
		level = last.inner
	}
	return at
}

// since returns the outermost slices that began at a time or later.
func (r *row) since(at int64) []closed {
	i := len(r.outer)
	for i > 0 && r.outer[i-1].Start >= at {
		i--
	}
	return r.outer[i:]
}

// before returns the last moment until a time at which none of the slices is.
func before(list []closed, at int64) int64 {
	for i := range list {
		if s := &list[len(list)-1-i]; s.around(at) {
			at = s.Start - 1
		}
	}
	return at
}

// within reports whether a slice is inside of one that began at a time or later.
func (r *row) within(s *Slice, from int64) bool {
	for c := range r.path() {
		if c.Start <= s.Start && s.End <= c.End {
			return c.Start >= from
		}
	}
	return false
}

// covers reports whether a slice is known that t is in. The end of a slice doesn't count: viewers compute it in
// floating point and might put it a little earlier.
func (r *row) covers(t int64) bool {
	for i := range r.outer {
		s := &r.outer[len(r.outer)-1-i]
		if s.around(t) {
			return true
		}
		if s.End < t {
			return false
		}
	}
	return false
}
