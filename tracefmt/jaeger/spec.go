package jaeger

import (
	"bytes"
	"io"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
)

// Names that Jaeger and OpenTracing give to tags and fields.
const (
	childOf     = "CHILD_OF"
	followsFrom = "FOLLOWS_FROM"

	// keyRefType has the type of a reference where that isn't the usual one: of a span, the parent's; of a link, its own.
	// OpenTelemetry semantic conventions, OpenTracing compatibility; the values are in lower case.
	keyRefType       = "opentracing.ref_type"
	refChildOf       = "child_of"
	refFollowsFrom   = "follows_from"
	fieldEvent       = "event"   // OpenTracing semantic conventions, log fields: what happened
	fieldMessage     = "message" // the same for people
	fieldLevel       = "level"   // its severity, in logs of programs that trace their log lines
	fieldDropped     = "otel.event.dropped_attributes_count"
	flagSampled      = 1
	jsMaxSafeInteger = 1<<53 - 1 // integers beyond are strings, since JavaScript would round them
)

// Attributes and fields that carry what would be lost.
const (
	keyFlags    = "jaeger.flags"    // a span's flags, if they say more than "sampled"
	keyWarnings = "jaeger.warnings" // a span's warnings, a JSON array
	keyNoLog    = "spanstack.log"   // false: an event whose fields look like those of a log line
)

// Bytes are binary tags; in the model they are JSON, as package otelbridge has them.
const (
	bytesBefore = `{"otel.bytes":"`
	bytesAfter  = `"}`
)

const formatName = "jaeger"

// Format describes this format.
var Format = &tracefmt.Format{
	Name:        formatName,
	Description: "Jaeger JSON, as its UI downloads and uploads it",
	Extensions:  []string{".jaeger.json", ".jaeger"},
	MIMEType:    "application/json",
	Detect:      detect,
	NewReader:   func(r io.Reader) tracefmt.Reader { return NewReader(r) },
	NewWriter:   func(w io.Writer) tracefmt.Writer { return NewWriter(w) },
	Mode:        tracefmt.Windowed,
	Keeps: tracefmt.KeepsTimes | tracefmt.KeepsOpen | tracefmt.KeepsTracks | tracefmt.KeepsAttrs | tracefmt.KeepsIDs |
		tracefmt.KeepsAsync, // instants and log lines in spans only
	Spans: true,
}

func init() { tracefmt.Register(Format) }

// detect looks for the names that Jaeger alone spells like this: others write "traceId" and "spanId".
func detect(prefix []byte) int {
	text := bytes.TrimLeft(bytes.TrimPrefix(prefix, []byte("\ufeff")), " \t\r\n")
	if len(text) == 0 || text[0] != '{' && text[0] != '[' {
		return 0
	}
	if isEmptyList(text) {
		return 50
	}
	if !bytes.Contains(text, []byte(`"traceID"`)) {
		return 0
	}
	for _, name := range []string{`"operationName"`, `"spanID"`, `"spans"`, `"processes"`} {
		if bytes.Contains(text, []byte(name)) {
			return 90
		}
	}
	return 30
}

// isEmptyList reports whether text begins as an answer without traces does: {"data":[].
func isEmptyList(text []byte) bool {
	for _, token := range []string{"{", `"data"`, ":", "[", "]"} {
		text = text[jsontext.SkipSpace(text, 0):]
		var ok bool
		if text, ok = bytes.CutPrefix(text, []byte(token)); !ok {
			return false
		}
	}
	return true
}
