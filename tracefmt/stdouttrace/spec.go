package stdouttrace

import (
	"bytes"
	"io"

	"github.com/spanstack/spanstack/tracefmt"
)

const (
	name      = "stdouttrace"
	maxSpan   = 64 << 20 // bytes
	maxDepth  = 64       // of values in values
	bytesJSON = "otel.bytes"
)

// Format describes this format.
var Format = &tracefmt.Format{
	Name:        name,
	Description: "spans as OpenTelemetry's Go SDK prints them (stdouttrace)",
	Extensions:  []string{".stdouttrace.json", ".stdouttrace"},
	MIMEType:    "application/json",
	Detect:      detect,
	NewReader:   func(r io.Reader) tracefmt.Reader { return NewReader(r) },
	Spans:       true,
}

func init() { tracefmt.Register(Format) }

// detect looks for the members of a span, of which the name is the first.
func detect(prefix []byte) int {
	text := bytes.TrimLeft(prefix, " \t\r\n\ufeff")
	if len(text) == 0 || text[0] != '{' && text[0] != '[' {
		return 0
	}
	first := bytes.TrimLeft(text, " \t\r\n[{")
	switch {
	case !bytes.HasPrefix(first, []byte(`"Name"`)):
		return 0
	case bytes.Contains(first, []byte(`"SpanContext"`)) && bytes.Contains(first, []byte(`"TraceID"`)):
		return tracefmt.Certain
	case len(prefix) >= tracefmt.DetectBytes: // a long name
		return 30
	}
	return 0
}
