package otlp

import (
	"io"

	"github.com/spanstack/spanstack/tracefmt"
	"google.golang.org/protobuf/encoding/protowire"
)

// Field numbers of messages in opentelemetry-proto. Those of ResourceLogs are those of ResourceSpans, and so on.
const (
	dataResources = 1 // TracesData.resource_spans, LogsData.resource_logs

	// ResourceSpans, trace/v1/trace.proto
	resourceResource = 1
	resourceScopes   = 2
	resourceSchema   = 3

	// ScopeSpans
	scopeScope   = 1
	scopeRecords = 2 // spans, log_records
	scopeSchema  = 3

	// Resource, resource/v1/resource.proto
	resourceAttrs = 1

	// InstrumentationScope, common/v1/common.proto
	scopeName    = 1
	scopeVersion = 2
	scopeAttrs   = 3

	// Span
	spanTrace         = 1
	spanID            = 2
	spanState         = 3
	spanParent        = 4
	spanName          = 5
	spanKind          = 6
	spanStart         = 7 // fixed64
	spanEnd           = 8 // fixed64
	spanAttrs         = 9
	spanDroppedAttrs  = 10
	spanEvents        = 11
	spanDroppedEvents = 12
	spanLinks         = 13
	spanDroppedLinks  = 14
	spanStatus        = 15
	spanFlags         = 16 // fixed32

	// Span.Event
	eventTime    = 1 // fixed64
	eventName    = 2
	eventAttrs   = 3
	eventDropped = 4

	// Span.Link
	linkTrace   = 1
	linkSpan    = 2
	linkState   = 3
	linkAttrs   = 4
	linkDropped = 5
	linkFlags   = 6 // fixed32

	// Status
	statusMessage = 2
	statusCode    = 3

	// LogRecord, logs/v1/logs.proto
	logTime         = 1 // fixed64
	logSeverity     = 2
	logSeverityText = 3
	logBody         = 5
	logAttrs        = 6
	logDropped      = 7
	logFlags        = 8 // fixed32
	logTrace        = 9
	logSpan         = 10
	logObserved     = 11 // fixed64
	logEventName    = 12

	// KeyValue, common/v1/common.proto
	attrKey   = 1
	attrValue = 2

	// AnyValue; ArrayValue.values and KeyValueList.values are 1
	anyString = 1
	anyBool   = 2
	anyInt    = 3
	anyDouble = 4
	anyArray  = 5
	anyMap    = 6
	anyBytes  = 7
	anyValues = 1
)

// Members of JSON objects that stand for what JSON can't express in an attribute, as in package otelbridge.
const (
	bytesMember = "otel.bytes" // base64
	floatMember = "otel.float" // NaN, +Inf or -Inf
)

const (
	maxRecord = 64 << 20 // bytes of one span or log record; larger ones are skipped in protobuf, and an error in JSON
	maxDepth  = 64       // of values in values
)

// Names of the formats.
const (
	name          = "otlp"
	nameJSON      = "otlpjson"
	nameJSONLines = "otlpjsonl"
)

const keepsSpans = tracefmt.KeepsTimes | tracefmt.KeepsOpen | tracefmt.KeepsTracks | tracefmt.KeepsAttrs |
	tracefmt.KeepsIDs | tracefmt.KeepsAsync

// Formats that this package has.
var (
	Format = &tracefmt.Format{
		Name:        name,
		Description: "OpenTelemetry's spans as protobuf (OTLP TracesData)",
		Extensions:  []string{".otlp", ".otlp.pb", ".otlp.bin"},
		MIMEType:    "application/x-protobuf",
		Detect:      detect,
		NewReader:   func(r io.Reader) tracefmt.Reader { return NewReader(r) },
		NewWriter:   func(w io.Writer) tracefmt.Writer { return NewWriter(w) },
		Mode:        tracefmt.Windowed,
		Keeps:       keepsSpans, // instants and log lines in spans only
		Spans:       true,
	}
	FormatJSON = &tracefmt.Format{
		Name:        nameJSON,
		Description: "OpenTelemetry's spans and log records as one JSON object (OTLP/JSON)",
		Extensions:  []string{".otlp.json"},
		MIMEType:    "application/json",
		Detect:      detectJSON,
		NewReader:   func(r io.Reader) tracefmt.Reader { return NewJSONReader(r) },
		NewWriter:   func(w io.Writer) tracefmt.Writer { return NewJSONWriter(w) },
		Mode:        tracefmt.Windowed,
		Keeps:       keepsSpans | tracefmt.KeepsInstants | tracefmt.KeepsLogs,
		Spans:       true,
	}
	FormatJSONLines = &tracefmt.Format{
		Name:        nameJSONLines,
		Description: "OpenTelemetry's spans and log records as JSON lines (the collector's file exporter)",
		Extensions:  []string{".otlp.jsonl", ".otlp.ndjson"},
		MIMEType:    "application/x-ndjson",
		Detect:      detectJSONLines,
		NewReader:   func(r io.Reader) tracefmt.Reader { return newJSONReader(r, nameJSONLines) },
		NewWriter:   func(w io.Writer) tracefmt.Writer { return NewJSONLinesWriter(w) },
		Mode:        tracefmt.Windowed,
		Keeps:       keepsSpans | tracefmt.KeepsInstants | tracefmt.KeepsLogs,
		Spans:       true,
	}
)

func init() {
	tracefmt.Register(Format)
	tracefmt.Register(FormatJSON)
	tracefmt.Register(FormatJSONLines)
}

// nested says of which message the fields of a message are, and of which wire type its other fields. It has what tells
// these messages from those of other formats that begin with the same byte.
type nested struct {
	fields map[protowire.Number]field
}

type field struct {
	typ   protowire.Type
	is    *nested
	proof int // how much it says that this is OTLP
	size  int // of bytes; 0 for any
}
