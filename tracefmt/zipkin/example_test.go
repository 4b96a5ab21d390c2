package zipkin_test

import (
	"fmt"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/zipkin"
)

func Example() {
	download := `[
		{"traceId":"1","id":"b","parentId":"a","kind":"CLIENT","name":"get","timestamp":1470150004074202,"duration":94539,
		 "localEndpoint":{"serviceName":"front"}},
		{"traceId":"1","id":"b","parentId":"a","kind":"SERVER","name":"get /","timestamp":1470150004075000,"duration":93577,
		 "localEndpoint":{"serviceName":"back"},"shared":true}]`
	r := zipkin.NewReader(strings.NewReader(download))
	for {
		e, err := r.Next()
		if err != nil {
			break // io.EOF
		}
		if e.Kind == tracefmt.Complete {
			fmt.Println(e.Name, e.ID, "of", e.Parent, "takes", e.Dur, "ns")
		}
	}
	// Output:
	// get 000000000000000b of 000000000000000a takes 94539000 ns
	// get / 5ea74a1f5ea74a14 of 000000000000000b takes 93577000 ns
}
