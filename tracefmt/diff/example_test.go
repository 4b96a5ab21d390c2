package diff_test

import (
	"fmt"
	"os"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/diff"
	"github.com/spanstack/spanstack/tracefmt/summary"
	"github.com/spanstack/spanstack/tracefmt/timeline"
)

// Compare two traces of a program. Its request got a number, and reads from a cache, which made it faster.
func Example() {
	sum := func(events ...tracefmt.Event) *summary.Summary {
		var trace timeline.Timeline
		for i := range events {
			trace.Add(&events[i])
		}
		sum, _ := diff.Sum(trace.Events(), true)
		return sum
	}
	before := sum(
		tracefmt.Event{Kind: tracefmt.Complete, Track: 1, Time: 0, Dur: 5000, Name: "request 17"},
		tracefmt.Event{Kind: tracefmt.Complete, Track: 1, Time: 1000, Dur: 3000, Name: "read disk"})
	after := sum(
		tracefmt.Event{Kind: tracefmt.Complete, Track: 1, Time: 0, Dur: 2500, Name: "request 18"},
		tracefmt.Event{Kind: tracefmt.Complete, Track: 1, Time: 1000, Dur: 400, Name: "read cache"})
	d := diff.Compare(before, after, diff.Threshold{Time: 200})
	if err := d.WriteText(os.Stdout, diff.Style{NameA: "before", NameB: "after"}); err != nil {
		fmt.Println(err)
	}
	// Output:
	// A  before: 5.00µs in 2 slices
	// B  after: 2.50µs in 2 slices (-2.50µs, -50.0%)
	//
	//        ±SELF     %  SELF A  SELF B   ±TOTAL  ±COUNT  ±P50  ±P95  PATH
	//   -  -3.00µs  gone  3.00µs       -  -3.00µs      -1     -     -  request #;read disk
	//   +   +400ns   new       -   400ns   +400ns      +1     -     -  request #;read cache
	//
	// paths that changed: 2; by less than the threshold: 1; that didn't: 0
}
