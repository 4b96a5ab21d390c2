package accounted_test

import (
	"fmt"

	"github.com/spanstack/spanstack/platformtest/accounted"
)

func Example() {
	all := []accounted.Slice{
		{Name: "replicate", ID: "1", Begin: 0, End: 1000},
		{Name: "plan", ID: "2", Parent: "1", Begin: 10, End: 400},
		{Name: "zfs list", ID: "3", Parent: "2", Begin: 20, End: 390},
		{Name: "step", ID: "4", Parent: "1", Begin: 400, End: 995},
	}
	for _, account := range accounted.Of(all, "replicate") {
		fmt.Println(account)
	}
	// Output:
	// replicate 1µs; outside of its children 15ns (1.50 %; at most 10ns at a time, after ""), outside of all that is innermost 35ns (3.50 %)
}
