package critical_test

import (
	"fmt"
	"os"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/critical"
	"github.com/spanstack/spanstack/tracefmt/timeline"
)

// A backup sends two file systems at the same time. The slower one determines how long it takes.
func Example() {
	var input timeline.Timeline
	for _, e := range []tracefmt.Event{
		{Kind: tracefmt.Complete, Track: 1, Time: 0, Dur: 10_000, Name: "backup", ID: "b"},
		{Kind: tracefmt.Complete, Track: 1, Time: 500, Dur: 1500, Name: "plan", ID: "p", Parent: "b"},
		{Kind: tracefmt.Complete, Track: 2, Time: 2000, Dur: 3000, Name: "send home", ID: "h", Parent: "b"},
		{Kind: tracefmt.Complete, Track: 3, Time: 2000, Dur: 7000, Name: "send mail", ID: "m", Parent: "b"},
	} {
		input.Add(&e)
	}
	var t critical.Trace
	for e := range input.Events() {
		t.Add(e)
	}
	if err := t.WriteText(os.Stdout, t.Path(t.Longest())); err != nil {
		fmt.Println(err)
	}
	// Output:
	// critical path of backup: 10.0µs in 4 segments
	//
	//      START  DURATION  SHARE  TRACK  SLICE
	//   0.000000     500ns   5.0%         backup
	//   0.000000    1.50µs  15.0%           plan
	//   0.000002    7.00µs  70.0%           send mail
	//   0.000009    1.00µs  10.0%         backup
	//
	//   DURATION  SHARE  SEGMENTS  NAME
	//     7.00µs  70.0%         1  send mail
	//     1.50µs  15.0%         2  backup
	//     1.50µs  15.0%         1  plan
}
