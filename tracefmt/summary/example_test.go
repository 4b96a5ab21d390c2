package summary_test

import (
	"fmt"
	"os"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
	_ "github.com/spanstack/spanstack/tracefmt/all"
	"github.com/spanstack/spanstack/tracefmt/summary"
	"github.com/spanstack/spanstack/tracefmt/timeline"
)

func Example() {
	in, err := tracefmt.NewReader(strings.NewReader(`[
		{"ph":"M","name":"process_name","pid":7,"args":{"name":"demo"}},
		{"ph":"X","name":"parse","pid":7,"tid":1,"ts":1000,"dur":200},
		{"ph":"X","name":"parse","pid":7,"tid":1,"ts":1500,"dur":300,"args":{"error":"unexpected end"}},
		{"ph":"X","name":"main","pid":7,"tid":1,"ts":0,"dur":5000}]`))
	if err != nil {
		fmt.Println(err)
		return
	}
	var trace timeline.Timeline // puts the events in order
	if _, err := trace.Read(in); err != nil {
		fmt.Println(err)
	}
	var s summary.Summary
	for e := range trace.Events() {
		s.Add(e)
	}
	s.Finish()
	s.WriteText(os.Stdout, summary.Style{})
	// Output:
	// demo (pid 7): 5.00ms, 3 spans, 1 failed
	//   COUNT   TOTAL    SELF     P50     P95     MAX  FAILED  OPEN  NAME
	//       1  5.00ms  4.50ms  5.00ms  5.00ms  5.00ms       -     -  main
	//       2   500µs   500µs   200µs   300µs   300µs       1     -  └─ parse
}
