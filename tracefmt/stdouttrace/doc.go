// Package stdouttrace reads what the exporter of that name in OpenTelemetry's Go SDK writes: spans as JSON objects, one
// after the other, pretty-printed or on lines of their own. Arrays of them are read, too.
//
// A span becomes a complete slice, its events instants; see package internal/spans for how the rest is mapped. Times
// are nanoseconds since 1970. A span without an end is open; one without times, as the exporter writes with its option
// WithoutTimestamps, is skipped and counted.
//
// Nothing promises that the form stays as it is: it is the JSON of a Go struct. Members are found by name, and unknown
// ones skipped.
//
// Facts: go.opentelemetry.io/otel v1.47, exporters/stdout/stdouttrace and sdk/trace/tracetest.SpanStub, which is what
// is written; attribute.Value.MarshalJSON; before v1.30 the scope was InstrumentationLibrary alone.
package stdouttrace
