package main

import (
	"math/rand/v2"
	"slices"
	"time"
)

// A way is one of several ways to do the same work.
type way string

// A passage is one measurement: so many bytes went one way.
type passage struct {
	Bytes     int64
	Time, CPU time.Duration // CPU is that of the process that carries the bytes, not of those at the ends

	ReadWait, WriteWait time.Duration `json:",omitzero"` // as a stream of package zfssend says
}

// speed is in bytes a nanosecond, which are GB/s.
func (p passage) speed() float64 { return float64(p.Bytes) / float64(max(1, p.Time)) }

// A series has a round of measurements for each index, in which every way was measured once.
type series map[way][]passage

// addRound measures each way once, in a random order: what else the machine does hits all of them, and none always comes after the same
// other one.
func (s series) addRound(ways []way, measure func(way) (passage, error)) error {
	ways = slices.Clone(ways)
	rand.Shuffle(len(ways), func(i, j int) { ways[i], ways[j] = ways[j], ways[i] })
	for _, w := range ways {
		p, err := measure(w)
		if err != nil {
			return err
		}
		s[w] = append(s[w], p)
	}
	return nil
}

// of returns a number of each measurement of a way.
func (s series) of(w way, f func(passage) float64) (v []float64) {
	for _, p := range s[w] {
		v = append(v, f(p))
	}
	return v
}

// ratios returns by round how many times as fast as its peer a way is.
func (s series) ratios(w, peer way) (v []float64) {
	for i, p := range s[w] {
		v = append(v, p.speed()/s[peer][i].speed())
	}
	return v
}

// interval returns the narrowest pair of values between which the median of what v is a sample of is with a confidence of 95 % or more.
// It takes the same number of values off both ends of v, sorted, and assumes nothing about how they are distributed: each is below the
// median with a probability of a half. Up to 5 values are too few for that: ok is false then, and the pair is the lowest and the highest.
func interval(v []float64) (low, high float64, ok bool) {
	v = slices.Sorted(slices.Values(v))
	n := len(v)
	const outside = 0.025 // at each end
	// tail is the probability that at most k of n values are below the median, p that just k are.
	k, p := 0, 1.0
	for range n {
		p /= 2
	}
	for tail := p; tail <= outside; tail += p {
		k++
		p *= float64(n-k+1) / float64(k)
	}
	if k == 0 {
		return v[0], v[n-1], false
	}
	return v[k-1], v[n-k], true
}
