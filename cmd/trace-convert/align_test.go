package main

import (
	"math"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestMilliseconds(t *testing.T) {
	for _, c := range []struct {
		ns, bound int64
		want      string
	}{
		{137_020_000, 310_000, "+137.02 ms ± 0.31 ms"},
		{137_024_000, 310_000, "+137.02 ms ± 0.32 ms"}, // rounding adds to the error
		{-5, 3, "-0.000005 ms ± 0.000003 ms"},
		{0, 5_500, "+0.0000 ms ± 0.0055 ms"},
		{3_000_000_000, 12_345_678, "+3000 ms ± 13 ms"},
		{3_000_000_000, 9_999_999_999, "+3000 ms ± 10000 ms"},
	} {
		if got := milliseconds(c.ns, c.bound) + " ± " + bound(c.bound, c.ns); got != c.want {
			t.Errorf("%d ± %d: got %s, want %s", c.ns, c.bound, got, c.want)
		}
	}
	if got := milliseconds(1_500_000, 0); got != "+1.5 ms" {
		t.Errorf("without a bound: %s", got)
	}
}

// TestPrintedBound checks that what is printed includes all that the bound does.
func TestPrintedBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ns := rapid.Int64Range(-1e12, 1e12).Draw(t, "ns")
		within := rapid.Int64Range(1, 1e11).Draw(t, "bound")
		printed := func(text string) float64 {
			f, err := strconv.ParseFloat(strings.TrimSuffix(text, " ms"), 64)
			if err != nil {
				t.Fatal(err)
			}
			return f * 1e6
		}
		offset, error := printed(milliseconds(ns, within)), printed(bound(within, ns))
		if math.Abs(offset-float64(ns))+float64(within) > error+0.01 {
			t.Fatalf("%d ± %d is printed as %f ± %f", ns, within, offset, error)
		}
		if error > 1.3*float64(within)+1 {
			t.Fatalf("%d ± %d is printed as ± %f", ns, within, error)
		}
	})
}
