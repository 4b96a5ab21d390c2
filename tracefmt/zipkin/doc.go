// Package zipkin reads and writes Zipkin's JSON, version 2, as its UI downloads and uploads it and its API takes it.
//
// A file is a list of spans. Lists of lists (an answer's traces), lone spans, and several such values one after the
// other, as in files with a span a line, are read, too. A span becomes a complete slice with its IDs, its annotations
// instants; one without a duration is open. A localEndpoint's service and address are a process; its port, and the
// remoteEndpoint, are attributes, see the constants in spec.go. See package tracefmt/internal/spans for the rest.
//
// The client and the server of a call may report spans with the same ID. In the model IDs are unique, so the server's
// half gets another one, and is inside of the client's; so are, in turn, the spans of the server's service that name
// this ID as their parent. The IDs of the file are in the attributes zipkin.id and zipkin.parent, and come back.
// Several servers that answer under one ID aren't told apart.
// Since halves come in any order, a Reader looks at up to [DefaultMaxHeld] bytes of spans together.
//
// Zipkin's tags are strings; the tag spanstack.types says which of them have been something else. Other things that
// it has no place for are in tags as well: status and scope as OpenTelemetry has it, nanoseconds (spanstack.ns),
// links (spanstack.links), a process's attributes (spanstack.process), and what package spans keeps. Attributes of
// events are in the value of the annotation, as OpenTelemetry has it: "name": {"key": "value"}. All of these come
// back. Lost and counted: counters, flows, instants and log lines outside of slices, clock steps, "error" that is
// false, and all but the last of several attributes with one name.
//
// Names are written as they are. A Zipkin server turns those of spans and services into lower case.
//
// Facts: openzipkin/zipkin-api, zipkin2-api.yaml (1.0.0); openzipkin/zipkin, zipkin2/internal/Trace.java and
// SpanNode.java (halves, and what belongs to them); OpenTelemetry specification, "OpenTelemetry to Zipkin
// Transformation" (2025) and "Mapping to non-OTLP formats".
package zipkin
