package index_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/spanstack/spanstack/tracefmt/chrome"
	"github.com/spanstack/spanstack/viewer/internal/index"
)

// A trace is loaded, asked for the picture of a track, and for a slice.
func Example() {
	const trace = `[
		{"ph":"X","pid":1,"tid":2,"ts":0,"dur":50,"name":"replicate"},
		{"ph":"X","pid":1,"tid":2,"ts":10,"dur":30,"name":"send","args":{"dataset":"tank/db"}}]`
	x, err := index.Load(context.Background(), chrome.NewReader(strings.NewReader(trace)), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	s := x.Snapshot()
	for _, t := range s.Tracks() {
		fmt.Println(t.Type, t.Source, "in", t.Depth, "rows")
		err := s.Walk(context.Background(), index.Everything, []uint32{t.ID}, func(v *index.Visit) bool {
			slice, _ := s.Slice(v.Pos)
			fmt.Println(strings.Repeat("  ", v.Depth+1)+slice.Name, slice.Start, slice.End, s.Key(v.Pos))
			return true
		})
		if err != nil {
			fmt.Println(err)
		}
	}
	found, _ := s.Search(context.Background(), index.SearchQuery{Text: "tank", Attrs: true, Window: index.Everything, Limit: 1})
	fmt.Println(found.Hits[0].What, found.Hits[0].Text)
	// Output:
	// process pid 1 in 0 rows
	// track tid 2 in 2 rows
	//   replicate 0 50000 2:0:0
	//     send 10000 40000 2:10000:0
	// attribute dataset tank/db
}
