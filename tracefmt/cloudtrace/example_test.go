package cloudtrace_test

import (
	"fmt"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/cloudtrace"
	"github.com/spanstack/spanstack/tracefmt/timeline"
)

func Example() {
	const text = `{"projectId":"shop","traceId":"6ef9eae4acda422912f705b69539cec8","spans":[
		{"spanId":"7","kind":"RPC_SERVER","name":"/cart","startTime":"2026-01-31T09:05:00Z","endTime":"2026-01-31T09:05:00.25Z"}]}`
	var trace timeline.Timeline
	if _, err := trace.Read(cloudtrace.NewReader(strings.NewReader(text))); err != nil {
		fmt.Println(err)
	}
	for e := range trace.Events() {
		if e.Kind == tracefmt.Complete {
			fmt.Println(e.Name, e.ID, e.Dur)
		}
	}
	// Output: /cart 0000000000000007 250000000
}
