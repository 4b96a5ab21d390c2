package offsets

import (
	"cmp"
	"math"
	"slices"
)

// Interval is where an offset is, in ns, its ends included.
type Interval struct{ Lo, Hi int64 }

// Ends of intervals that are open on a side.
const (
	NoLo = math.MinInt64
	NoHi = math.MaxInt64
)

// Negated returns the interval of the negative offset.
func (v Interval) Negated() Interval {
	n := Interval{NoLo, NoHi}
	if v.Hi != NoHi {
		n.Lo = -v.Hi
	}
	if v.Lo != NoLo {
		n.Hi = -v.Lo
	}
	return n
}

// Contains reports whether an offset is in the interval.
func (v Interval) Contains(ns int64) bool { return v.Lo <= ns && ns <= v.Hi }

// Bounded reports whether the interval has both of its ends.
func (v Interval) Bounded() bool { return v.Lo > NoLo && v.Hi < NoHi }

// Middle returns the middle of a bounded interval.
func (v Interval) Middle() int64 { return v.Lo + int64((uint64(v.Hi)-uint64(v.Lo))/2) }

// FarthestFrom returns how far the farthest end of a bounded interval is from an offset.
func (v Interval) FarthestFrom(ns int64) int64 { return max(sub(v.Hi, ns), sub(ns, v.Lo)) }

// Message returns where the offset of the receiver's clock is, which is to be added to its times, if a message left at
// a time of the sender's clock and came at one of the receiver's.
func Message(sent, came int64) Interval { return Interval{sub(sent, came), NoHi} }

// Exchange returns where the offset of a server's clock is, if a client waited for it from and to times of its own
// clock, and the server worked from and to times of that. A server that worked for longer than the client waited was
// waited for with its beginning only.
func Exchange(clientFrom, clientTo, serverFrom, serverTo int64) Interval {
	v := Interval{sub(clientFrom, serverFrom), sub(clientTo, serverTo)}
	if v.Lo > v.Hi {
		v.Hi = NoHi
	}
	return v
}

// most is what differences of times are cut to: some 146 years.
const most = 1 << 62

// sub returns a - b, cut to what is far from overflowing.
func sub(a, b int64) int64 {
	d := a - b
	switch {
	case b > 0 && d > a:
		return -most
	case b < 0 && d < a:
		return most
	}
	return min(max(d, -most), most)
}

// Add returns a + b, or the nearest number that there is.
func Add(a, b int64) int64 {
	s := a + b
	switch {
	case b > 0 && s < a:
		return math.MaxInt64
	case b < 0 && s > a:
		return math.MinInt64
	}
	return s
}

// Estimate is where most of several intervals meet.
type Estimate struct {
	Interval
	Agreeing int // how many intervals these are
	All      int // of so many
}

// Meet returns where most intervals meet. Of several such places it is the one nearest to 0. It returns false if that
// place has no end on one side.
func Meet(intervals []Interval) (Estimate, bool) {
	los, his := make([]int64, len(intervals)), make([]int64, len(intervals))
	for i, v := range intervals {
		los[i], his[i] = v.Lo, v.Hi
	}
	slices.Sort(los)
	slices.Sort(his)
	best := Estimate{All: len(intervals)}
	for i, j := 0, 0; i < len(los); {
		for i < len(los) && los[i] <= his[j] { // i of them have begun, j have ended
			i++
		}
		here := Estimate{Interval{los[i-1], his[j]}, i - j, len(intervals)}
		if here.better(best) {
			best = here
		}
		for i < len(los) && his[j] < los[i] {
			j++
		}
	}
	return best, len(intervals) > 0 && best.Bounded()
}

func (e Estimate) better(than Estimate) bool {
	if e.Agreeing != than.Agreeing {
		return e.Agreeing > than.Agreeing
	}
	return e.Bounded() && (!than.Bounded() || cmp.Compare(distance(e.Middle()), distance(than.Middle())) < 0)
}

// distance returns how far an offset is from 0.
func distance(ns int64) uint64 {
	if ns < 0 {
		return -uint64(ns)
	}
	return uint64(ns)
}
