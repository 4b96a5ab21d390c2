// Package cloudtrace reads traces of Google Cloud Trace as JSON: of version 1 of its API, in which a trace is an object
// with its spans. Lists of traces, as the API answers when it is asked for several, are read, too.
//
// A span becomes a complete slice with its labels as attributes; see package internal/spans for how the rest is mapped.
// IDs of spans are decimal numbers there, and the 16 hexadecimal digits of the same number here. The project is the
// process.
//
// Facts: Cloud Trace API v1, resource projects.traces (Trace, TraceSpan, SpanKind) and method projects.traces.list.
package cloudtrace
