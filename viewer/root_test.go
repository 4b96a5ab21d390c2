package viewer

import (
	"context"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/viewer/internal/index"
)

// TestRootLimits: what there is too much of isn't explained unasked; where nothing belongs to anything, nothing is to be explained.
func TestRootLimits(t *testing.T) {
	defer func(most int) { maxUnasked = most }(maxUnasked)
	events := listed{{Kind: tracefmt.Process, Track: 1, SourceID: tracefmt.Int64(1), Name: "p"}, {Kind: tracefmt.Track, Track: 2, Process: 1, Name: "t"},
		{Kind: tracefmt.Complete, Track: 2, Time: 0, Dur: 100, Name: "all", ID: "a"},
		{Kind: tracefmt.Complete, Track: 2, Time: 10, Dur: 20, Name: "part", ID: "b", Parent: "a"},
		{Kind: tracefmt.Complete, Track: 2, Time: 200, Dur: 20, Name: "later"}}
	x, err := index.Load(context.Background(), &events, nil)
	if err != nil {
		t.Fatal(err)
	}
	for most, want := range map[int]bool{1: true, 2: false, 3: false} {
		maxUnasked = most
		slice, large, err := rootOf(context.Background(), x.Snapshot())
		if err != nil || slice == nil || slice.Name != "all" || large != want {
			t.Errorf("of at most %d: %+v, large: %v, %v", most, slice, large, err)
		}
	}
	slice, large, err := rootOf(context.Background(), index.New(index.Config{}).Snapshot())
	if slice != nil || large || err != nil {
		t.Errorf("of nothing: %+v, %v, %v", slice, large, err)
	}
}
