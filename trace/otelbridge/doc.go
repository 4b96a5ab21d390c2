// Package otelbridge lets OpenTelemetry and package trace know each other's spans: whoever has one keeps it.
//
//	b := otelbridge.New(trace.Default())
//
// From then on, a span of either is the parent of what is started under it with the other, in any order and mixture,
// across goroutines and, by the usual propagators, across processes. Baggage and everything else in contexts passes
// through. What is to be done with spans is up to the program:
//
//	otel.SetTracerProvider(b.TracerProvider())                // libraries that use OpenTelemetry's API need no SDK
//	sdk := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(b.SpanProcessor()))  // or they go on with theirs
//	x := b.Export(otlpExporter, otelbridge.ExportConfig{})    // what package trace records goes to a collector
//	defer x.Close()
//
// # One identity
//
// A span has one span ID and one trace ID, whichever API asks, and log lines, captures and collectors show the same.
// The SDK's spans are in captures by the IDs that they have.
//
// OpenTelemetry's spans may end in any order and on any goroutine, so that they are async spans here.
//
// # Sampling
//
// A trace that comes from a process which doesn't sample it isn't exported from here, nor passed on as sampled. The
// flight recorder has it all the same. There is no sampler: a recorder records all, and costs less than most samplers.
//
// # What is where
//
// Status, kind and scope are attributes of records, named as in OpenTelemetry's "Mapping to non-OTLP formats", and are
// themselves again when they are exported. Lists and maps are JSON. Bounds are those of package trace: values of 1 KiB,
// 128 attributes.
package otelbridge
