package jaeger_test

import (
	"fmt"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/jaeger"
)

func Example() {
	download := `{"data":[{"traceID":"1","spans":[
		{"traceID":"1","spanID":"a","operationName":"buy","references":[],"startTime":1521186011926119,"duration":2839,
		 "tags":[{"key":"error","type":"bool","value":true}],"logs":[],"processID":"p1"},
		{"traceID":"1","spanID":"b","operationName":"count","references":[{"refType":"CHILD_OF","traceID":"1","spanID":"a"}],
		 "startTime":1521186011927000,"duration":10,"tags":[],"logs":[],"processID":"p1"}],
		"processes":{"p1":{"serviceName":"shop","tags":[]}},"warnings":null}]}`
	r := jaeger.NewReader(strings.NewReader(download))
	for {
		e, err := r.Next()
		if err != nil {
			break // io.EOF
		}
		switch e.Kind {
		case tracefmt.Process:
			fmt.Println("process", e.Name)
		case tracefmt.Complete:
			fmt.Println(e.Name, e.ID, "of", e.Parent, "takes", e.Dur, "ns, failed:", e.Failed())
		}
	}
	// Output:
	// process shop
	// buy 000000000000000a of  takes 2839000 ns, failed: true
	// count 000000000000000b of 000000000000000a takes 10000 ns, failed: false
}
