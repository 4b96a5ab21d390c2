package pprof

import (
	"testing"

	"github.com/google/pprof/profile"
	"github.com/spanstack/spanstack/tracefmt"
)

// TestLimit has more samples than are written: those of the least time are left out, and counted.
func TestLimit(t *testing.T) {
	var p profile.Profile
	for i := range int64(maxSamples + 3) {
		p.Sample = append(p.Sample, &profile.Sample{Value: []int64{1, i, i}})
	}
	var left tracefmt.Losses
	limit(&p, &left)
	if len(p.Sample) != maxSamples || p.Sample[maxSamples-1].Value[1] != 3 {
		t.Errorf("%d samples, the last of %d ns", len(p.Sample), p.Sample[len(p.Sample)-1].Value[1])
	}
	if losses := left.List(); len(losses) != 1 || losses[0].Count != 3 {
		t.Errorf("losses: %v", losses)
	}
}
