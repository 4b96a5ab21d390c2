package cloudtrace

import (
	"bytes"
	"io"

	"github.com/spanstack/spanstack/tracefmt"
)

const (
	name     = "cloudtrace"
	maxTrace = 64 << 20 // bytes of a trace, or of a list of them
)

// Format describes this format.
var Format = &tracefmt.Format{
	Name:        name,
	Description: "traces of Google Cloud Trace as JSON (API v1)",
	Extensions:  []string{".cloudtrace.json", ".cloudtrace"},
	MIMEType:    "application/json",
	Detect:      detect,
	NewReader:   func(r io.Reader) tracefmt.Reader { return NewReader(r) },
	Spans:       true,
}

func init() { tracefmt.Register(Format) }

// detect looks for the members of a trace. Jaeger's and OpenTelemetry's have no project.
func detect(prefix []byte) int {
	text := bytes.TrimLeft(prefix, " \t\r\n\ufeff")
	if len(text) == 0 || text[0] != '{' && text[0] != '[' {
		return 0
	}
	if bytes.Contains(text, []byte(`"projectId"`)) && bytes.Contains(text, []byte(`"traceId"`)) {
		return 90
	}
	return 0
}
