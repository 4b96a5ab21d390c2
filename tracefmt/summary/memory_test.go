package summary

import (
	"fmt"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
)

// TestMemory checks that what is kept for slices with IDs doesn't grow with their number.
func TestMemory(t *testing.T) {
	var s Summary
	for i := range 4 * remembered {
		e := tracefmt.Event{Kind: tracefmt.Complete, Track: 1, Time: int64(i) * 10, Dur: 5, Name: "same", ID: fmt.Sprint(i)}
		s.Add(&e)
	}
	if len(s.ids) > remembered+2 || len(s.ended) > remembered {
		t.Errorf("%d IDs and %d ended slices are remembered", len(s.ids), len(s.ended))
	}
	s.Finish()
	n := s.Processes[0].Root.Children[0]
	if n.Count != 4*remembered || n.Ended.values != nil || len(n.Ended.buckets) != 1 {
		t.Errorf("%d slices, %d values and %d buckets kept", n.Count, len(n.Ended.values), len(n.Ended.buckets))
	}
}
