// Package spans is what the formats of tracing systems have in common: spans with IDs, in traces, of resources.
//
// A [Span] has an ID of 64 bits, a parent, a trace, events and links; a [Resource] is the program that it is of. An
// [Emitter] turns spans into events of tracefmt's model, and a [Collector] turns any events into spans. Both agree on
// how the one is written in the other, so that a trace which goes through both comes back as it was:
//
//   - A resource is a process, the value of a span's thread.id and thread.name a track.
//   - A span is a complete slice. What the model has no field for is in attributes, under the names that package
//     otelbridge uses, see the constants Key….
//   - An event of a span is an instant right after the slice, with the span as its Parent; so is a link.
//   - What spans can't say of slices is in attributes under reserved names ("spanstack.…").
//
// Facts: opentelemetry-proto v1.9, trace/v1/trace.proto and logs/v1/logs.proto; OpenTelemetry specification v1.50,
// "Mapping to non-OTLP formats" for names of attributes.
package spans
