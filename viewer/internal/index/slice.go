package index

import "math"

// slice is what is known of each slice without its record. There are millions of them.
type slice struct {
	start int64 // absolute, in ns
	dur   int64 // ns; openSlice or openBegin if it has no end
	kind  uint32
	ref   uint32 // of its record; 0 if it has none
}

const (
	openSlice = -1 // a Complete that is open
	openBegin = -2 // a begin without an end
)

// Bits of a slice's kind.
const (
	failedBit = 1 << 31
	pairedBit = 1 << 30 // made of a begin
	nestedBit = 1 << 28 // an async slice inside of another one of its key
	kindMask  = 1<<20 - 1
)

// endless is the end of what is open.
const endless = math.MaxInt64

func (s *slice) open() bool { return s.dur < 0 }

// end returns the absolute end, or endless.
func (s *slice) end() int64 {
	if s.dur < 0 {
		return endless
	}
	return addTimes(s.start, s.dur)
}

// length returns the duration, and the longest of all for an open slice.
func (s *slice) length() int64 {
	if s.dur < 0 {
		return math.MaxInt64
	}
	return s.dur
}

// before reports whether a slice comes before another one that came after it: those that begin earlier do, and of those
// that begin at once, the longer one, which is around the other.
func (s *slice) before(o *slice) bool {
	return s.start < o.start || s.start == o.start && s.length() >= o.length()
}

// addTimes returns a+b, or the nearest that there is.
func addTimes(a, b int64) int64 {
	switch c := a + b; {
	case b > 0 && c < a:
		return math.MaxInt64
	case b < 0 && c > a:
		return math.MinInt64
	default:
		return c
	}
}

// subTimes returns a-b, or the nearest that there is.
func subTimes(a, b int64) int64 {
	switch c := a - b; {
	case b < 0 && c < a:
		return math.MaxInt64
	case b > 0 && c > a:
		return math.MinInt64
	default:
		return c
	}
}

// timed is what is sorted by time; what comes at the same time stays in its order.
type timed[T any] interface {
	*T
	before(*T) bool // or at the same time
}

// sortStable sorts a list by merging, with scratch as memory, which is returned for the next call. Traces are in order
// but for some places: what is in order already costs one look at each value.
func sortStable[T any, P timed[T]](list, scratch []T) []T {
	const run = 16
	for lo := 0; lo < len(list); lo += run {
		insertionSort[T, P](list[lo:min(lo+run, len(list))])
	}
	for size := run; size < len(list); size *= 2 {
		for lo := 0; lo+size < len(list); lo += 2 * size {
			scratch = merge[T, P](list[lo:min(lo+2*size, len(list))], size, scratch)
		}
	}
	return scratch
}

func insertionSort[T any, P timed[T]](list []T) {
	for i := 1; i < len(list); i++ {
		if P(&list[i-1]).before(&list[i]) {
			continue
		}
		v := list[i]
		k := i
		for k > 0 && !P(&list[k-1]).before(&v) {
			list[k] = list[k-1]
			k--
		}
		list[k] = v
	}
}

// merge merges list[:m] and list[m:], each of which is in order.
func merge[T any, P timed[T]](list []T, m int, scratch []T) []T {
	if P(&list[m-1]).before(&list[m]) {
		return scratch
	}
	lo := searchIn(m, func(i int) bool { return !P(&list[i]).before(&list[m]) }) // what is before stays
	scratch = append(scratch[:0], list[lo:m]...)
	i, k, out := 0, m, lo
	for i < len(scratch) && k < len(list) {
		if P(&scratch[i]).before(&list[k]) {
			list[out] = scratch[i]
			i++
		} else {
			list[out] = list[k]
			k++
		}
		out++
	}
	copy(list[out:], scratch[i:])
	return scratch
}

// searchIn is sort.Search.
func searchIn(n int, is func(int) bool) int {
	lo, hi := 0, n
	for lo < hi {
		m := int(uint(lo+hi) >> 1)
		if is(m) {
			hi = m
		} else {
			lo = m + 1
		}
	}
	return lo
}
