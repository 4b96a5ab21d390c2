package nest_test

import (
	"slices"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/nest"
)

func TestOf(t *testing.T) {
	events := []*tracefmt.Event{
		{Kind: tracefmt.Track, Track: 1},
		{Kind: tracefmt.Complete, Track: 1, Time: 0, Dur: 10, Name: "outer", ID: "a"},
		{Kind: tracefmt.Complete, Track: 1, Time: 2, Dur: 3, Name: "inner"},
		{Kind: tracefmt.Log, Track: 1, Time: 3, Name: "in inner"},
		{Kind: tracefmt.Log, Track: 1, Time: 3, Name: "of outer", Parent: "a"},
		{Kind: tracefmt.Log, Track: 9, Time: 3, Name: "of outer, by its stack", Parent: "gone",
			Attrs: []tracefmt.Attr{{Key: tracefmt.AttrStack, Value: tracefmt.String("/a.gone/")}}},
		{Kind: tracefmt.FlowEnd, Track: 1, Time: 4, Name: "to the next", BindNext: true},
		{Kind: tracefmt.FlowEnd, Track: 1, Time: 5, Name: "at the end of inner"},
		{Kind: tracefmt.AsyncBegin, Track: 1, Time: 6, Name: "async", Key: "k", Parent: "b"},
		{Kind: tracefmt.AsyncBegin, Track: 1, Time: 6, Name: "inside", Key: "k"},
		{Kind: tracefmt.AsyncInstant, Track: 1, Time: 6, Key: "k"},
		{Kind: tracefmt.Begin, Track: 1, Time: 7, Name: "open", ID: "b"},
		{Kind: tracefmt.AsyncEnd, Track: 1, Time: 8, Name: "async", Key: "k",
			Attrs: []tracefmt.Attr{{Key: "n", Value: tracefmt.Int64(1)}}},
		{Kind: tracefmt.AsyncEnd, Track: 1, Time: 8, Name: "unknown", Key: "k"},
		{Kind: tracefmt.Instant, Track: 2, Time: 9, Name: "elsewhere"},
		{Kind: tracefmt.Instant, Track: 1, Time: 11, Name: "in what is open"},
	}
	tree := nest.Of(slices.Values(events), nil)
	const outer, inner, async, inside, open = 0, 1, 2, 3, 4
	want := []int32{nest.None, outer, inner, inner, outer, outer, open, inner, async, inside, inside, open, async, nest.None, nest.None, open}
	if !slices.Equal(tree.Owners, want) {
		t.Errorf("owners\n%v, want\n%v", tree.Owners, want)
	}
	// A request that runs during another one isn't inside of it.
	apart := []*tracefmt.Event{
		{Kind: tracefmt.Complete, Track: 1, Time: 0, Dur: 10, Name: "request", ID: "a"},
		{Kind: tracefmt.Complete, Track: 1, Time: 2, Dur: 3, Name: "another", ID: "b"},
		{Kind: tracefmt.Complete, Track: 1, Time: 3, Dur: 1, Name: "its child", ID: "c", Parent: "b"},
		{Kind: tracefmt.Complete, Track: 1, Time: 3, Dur: 1, Name: "an orphan", Parent: "gone"},
		{Kind: tracefmt.Complete, Track: 1, Time: 6, Dur: 1, Name: "child", ID: "d", Parent: "a"},
	}
	for i, n := range nest.Of(slices.Values(apart), nest.Slim()).Nodes {
		if want := []int32{nest.None, nest.None, 1, nest.None, 0}[i]; n.Up != want {
			t.Errorf("%s is inside of %d, want %d", n.Event.Name, n.Up, want)
		}
	}

	above := []int32{nest.None, outer, open, async, nest.None} // async names a parent, which comes later
	depths := []int32{1, 2, 1, 2, 1}                           // async and open aren't in outer, which has an ID
	for i := range tree.Nodes {
		if n := tree.Nodes[i]; tree.Above(int32(i)) != above[i] || n.Depth != depths[i] {
			t.Errorf("%s is below %d, %d deep, want %d and %d", n.Event.Name, tree.Above(int32(i)), n.Depth, above[i], depths[i])
		}
	}
	if n := tree.Nodes[async]; n.End != 8 || n.Attr("n") != tracefmt.Int64(1) || tree.Nodes[inside].End != nest.Endless {
		t.Errorf("async slices: %v", tree.Nodes)
	}
}
