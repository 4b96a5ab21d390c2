package laminar

import (
	"fmt"
	"strings"
	"testing"
)

func TestLaminar(t *testing.T) {
	// Slices that nest, in the order of starts, of ends, and mixed, all fit.
	for _, order := range []string{
		"0-100 0-40 10-20 20-30 40-40 50-90 60-70", // starts
		"10-20 20-30 0-40 60-70 50-90 0-100",       // ends
		"10-20 0-100 30-40 25-50 60-60",            // mixed
		"0-10 10-20 20-30 0-30 0-30",
	} {
		var l Lane
		for text := range strings.FieldsSeq(order) {
			var start, end int64
			fmt.Sscanf(text, "%d-%d", &start, &end)
			if !l.Place(start, end) {
				t.Errorf("%s doesn't fit in %q", text, order)
			}
		}
	}
	// The last of each overlaps one of the others.
	for _, order := range []string{"0-10 5-15", "5-15 0-10", "0-100 10-20 15-30", "10-20 0-100 15-30", "0-10 20-30 5-25"} {
		var l Lane
		fields := strings.Fields(order)
		for i, text := range fields {
			var start, end int64
			fmt.Sscanf(text, "%d-%d", &start, &end)
			if got, want := l.Place(start, end), i < len(fields)-1; got != want {
				t.Errorf("Place(%s) of %q = %v", text, order, got)
			}
		}
	}
	// Its memory is bounded.
	var l Lane
	for i := range int64(100_000) {
		l.Place(i*10, i*10+5)
		l.Place(i*10+1, i*10+3)
	}
	if len(l.outer) > maxSiblings {
		t.Errorf("remembers %d slices", len(l.outer))
	}
	if !l.Covers(999_992) || !l.Covers(999_990) || l.Covers(999_995) || l.Covers(999_989) {
		t.Error("Covers is wrong about the last slice")
	}
}
