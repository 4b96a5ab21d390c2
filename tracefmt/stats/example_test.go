package stats_test

import (
	"fmt"
	"io"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/chrome"
	"github.com/spanstack/spanstack/tracefmt/stats"
)

func Example() {
	trace := `[{"name":"all","ph":"X","ts":0,"dur":900,"pid":7,"tid":1},{"name":"part","ph":"X","ts":100,"dur":20,"pid":7,"tid":1}]`
	var s stats.Stats
	r := chrome.NewReader(strings.NewReader(trace))
	for {
		e, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			panic(err)
		}
		s.Add(e)
	}
	report := s.Report(10, tracefmt.LossesOf(r))
	fmt.Println(report.Slices.Count, "slices, the longest takes", report.Slices.Max, "ns, at most", report.Depth, "in each other")
	// Output: 2 slices, the longest takes 900000 ns, at most 2 in each other
}
