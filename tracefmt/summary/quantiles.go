package summary

import (
	"maps"
	"math"
	"math/bits"
	"slices"
)

// exactValues is how many durations are kept as they are.
const exactValues = 2048

// subBits is the number of bits, below the highest, that a histogram bucket tells apart: buckets are 1/64 of their
// lower bound wide, so that a bucket's middle is at most 1/128 = 0.8 % away from any value in it.
const subBits = 6

// Quantiles collects durations and tells their quantiles: exactly for up to 2,048 of them, and within 0.8 % for more.
// Its memory is at most 16 KiB and one entry for each 1/64 of an octave that occurs. The zero value is ready for use.
type Quantiles struct {
	n       int64
	max     int64
	values  []int64         // while there are few
	sorted  bool            // values are
	buckets map[int32]int64 // afterwards
}

// Add adds a duration in ns; negative ones count as 0.
func (q *Quantiles) Add(ns int64) {
	ns = max(ns, 0)
	q.n++
	q.max = max(q.max, ns)
	if q.buckets != nil {
		q.buckets[bucketOf(ns)]++
		return
	}
	q.values = append(q.values, ns)
	q.sorted = false
	if len(q.values) > exactValues {
		q.buckets = make(map[int32]int64)
		for _, v := range q.values {
			q.buckets[bucketOf(v)]++
		}
		q.values = nil
	}
}

// Count returns how many durations were added.
func (q *Quantiles) Count() int64 { return q.n }

// Max returns the longest duration, always exactly.
func (q *Quantiles) Max() int64 { return q.max }

// At returns the quantile p, from 0 to 1: the smallest duration that at least the fraction p of all don't exceed
// (the nearest-rank definition), or 0 if there are none.
func (q *Quantiles) At(p float64) int64 {
	if q.n == 0 {
		return 0
	}
	rank := min(max(int64(math.Ceil(p*float64(q.n))), 1), q.n)
	if q.buckets == nil {
		if !q.sorted {
			slices.Sort(q.values)
			q.sorted = true
		}
		return q.values[rank-1]
	}
	for _, b := range slices.Sorted(maps.Keys(q.buckets)) {
		if rank -= q.buckets[b]; rank <= 0 {
			return min(middleOf(b), q.max)
		}
	}
	return q.max
}

// bucketOf returns the number of the bucket that v is in. Values below 2^(subBits+1) have one each.
func bucketOf(v int64) int32 {
	u := uint64(v)
	if u < 2<<subBits {
		return int32(u)
	}
	shift := bits.Len64(u) - 1 - subBits
	return int32(shift)<<subBits + int32(u>>shift)
}

// middleOf returns the middle of a bucket.
func middleOf(b int32) int64 {
	if b < 2<<subBits {
		return int64(b)
	}
	shift := b>>subBits - 1
	low := (int64(b&(1<<subBits-1)) | 1<<subBits) << shift
	return low + int64(1)<<shift/2
}

// Merge adds the durations of another collection, which stays as it is.
func (q *Quantiles) Merge(other *Quantiles) {
	for _, v := range other.values {
		q.Add(v)
	}
	for b, n := range other.buckets {
		if q.buckets == nil {
			q.buckets = make(map[int32]int64)
			for _, v := range q.values {
				q.buckets[bucketOf(v)]++
			}
			q.values = nil
		}
		q.buckets[b] += n
		q.n += n
	}
	q.max = max(q.max, other.max)
}
