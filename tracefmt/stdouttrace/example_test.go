package stdouttrace_test

import (
	"fmt"
	"io"
	"strings"

	"github.com/spanstack/spanstack/tracefmt/stdouttrace"
)

// Read what a program printed with the SDK's exporter.
func Example() {
	const text = `{"Name":"GET /","SpanContext":{"TraceID":"5b8efff798038103d269b633813fc60c","SpanID":"eee19b7ec3c1b174"},
		"Parent":{"SpanID":"0000000000000000"},"SpanKind":2,
		"StartTime":"2026-01-31T09:05:00.000000001Z","EndTime":"2026-01-31T09:05:00.000001501Z",
		"Attributes":[{"Key":"http.response.status_code","Value":{"Type":"INT64","Value":200}}],
		"Resource":[{"Key":"service.name","Value":{"Type":"STRING","Value":"shop"}}]}`
	r := stdouttrace.NewReader(strings.NewReader(text))
	for {
		e, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(e.Kind, e.Name, e.ID, e.Dur, e.Attrs)
	}
	// Output:
	// process shop  0 []
	// clock   0 []
	// track spans  0 []
	// complete GET / eee19b7ec3c1b174 1500 [{http.response.status_code 200} {trace_id 5b8efff798038103d269b633813fc60c} {span.kind server}]
}
