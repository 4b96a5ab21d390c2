// Package otlp is an outlet of package logging: a collector of OpenTelemetry, reached by OTLP over HTTP or gRPC.
//
//	h, err := otlp.Open(otlp.Config{Endpoint: "http://localhost:4318"})
//	…
//	defer h.Close()
//	ctx = logging.WithHandler(ctx, logging.Join(stderr, h))
//
// Lines are log records of OpenTelemetry's data model. Those that were logged in a task or span have its trace ID and
// span ID, as a trace that is exported has them, so that a backend shows them on the span. The ID stack and the
// subsystem are attributes, trace and subsystem, as in all other formats; groups are maps. An error is text under its
// key; of the first one, there is also what OpenTelemetry's semantic conventions want: exception.type and
// exception.message. Integers above 2⁶³-1, which OTLP doesn't have, are text.
//
// The conversion is [otelslog]'s, and the exporters are OpenTelemetry's. Between them is a processor of its own: the
// SDK's overwrites records that don't fit into its queue, and counts them nowhere. Here they are counted, reported in the
// log itself when the collector takes records again, and reported by other outlets that this one is joined with.
//
// A collector that can't be reached is tried for ever, with waits of up to 10 seconds, while the queue fills. What it
// refuses for good is lost, and counted. What it took without having said so, since the connection broke, is sent again.
//
// [otelslog]: https://pkg.go.dev/go.opentelemetry.io/contrib/bridges/otelslog
package otlp
