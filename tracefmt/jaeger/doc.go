// Package jaeger reads and writes the JSON of Jaeger's UI, as its button "Trace JSON" and its HTTP API give it and as
// its upload takes it.
//
// An answer has a list of traces ("data"), a trace its spans and the processes that they are of, each under a short
// name. A lone trace, a lone span, lists of both, and several such values one after the other are read, too; spans of
// Jaeger's Elasticsearch storage have their process inside. A span becomes a complete slice with its IDs, its logs
// become instants, or log lines if they have a "level", and the references to other spans than the parent become
// links. The parent is the first CHILD_OF within the trace, or else the first FOLLOWS_FROM. See package
// tracefmt/internal/spans for the rest.
//
// Jaeger writes processes after spans, so a Reader holds a trace's spans, up to [DefaultMaxHeld] bytes: beyond,
// processes are named when their names come. A Writer puts processes first. It holds whole traces, up to
// [DefaultWindow] bytes.
//
// What Jaeger has no place for is in tags: status, kind, scope and trace state as OpenTelemetry has it, nanoseconds
// (spanstack.ns), JSON and large numbers (spanstack.types says which), links with attributes (spanstack.links), slices
// without an end (spanstack.open), and what package spans keeps. All of these come back. Lost and counted: counters,
// flows, instants and log lines outside of slices, clock steps, a trace's own warnings.
//
// Facts: jaegertracing/jaeger, internal/uimodel/model.go and its converter (2025); jaeger-idl, model/v1 (parents, IDs);
// OpenTelemetry specification, "OpenTelemetry to Jaeger Transformation" (2023) and "Mapping to non-OTLP formats";
// OpenTracing semantic conventions, "Log fields table".
package jaeger
