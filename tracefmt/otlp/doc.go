// Package otlp reads and writes OpenTelemetry's spans and log records in the forms of OTLP: as protobuf, as one JSON
// object, and as JSON lines, which is what the collector's file exporter writes.
//
// A span becomes a complete slice, its events instants, a log record a log line; see package internal/spans for how the
// rest is mapped. Times are nanoseconds since 1970, as they are.
//
// Read is what is in any of these:
//   - protobuf: TracesData, LogsData and the export requests of both, which have the same form; several of them in a
//     row; and with a length of 4 bytes before each, as the file exporter frames them.
//   - JSON: an object, an array of objects, or any number of them in a row, on lines of their own or not. Keys in
//     snake_case, enums by name, numbers as strings or not, IDs in base64 and the older instrumentationLibrarySpans
//     are taken, too.
//
// Metrics are skipped and counted. A message may be larger than memory: spans are handed out as they are read.
//
// Written are spans with all that they have. Log lines are log records in JSON, and events of their spans in protobuf,
// since a file of spans can't have both; those that are in no span are lost there. So are counters, flows and the later
// snapshots of a clock.
//
// Facts: opentelemetry-proto v1.9 (trace/v1, logs/v1, common/v1, resource/v1); OTLP specification 1.8, "JSON Protobuf
// Encoding"; OpenTelemetry Collector, exporter/fileexporter, README ("format", "compression").
package otlp
