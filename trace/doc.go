// Package trace shows what a running program does: which task does what, for how long, inside what.
//
// # Tasks and spans
//
// A task is a unit of concurrent activity, usually one goroutine. A span is a named interval inside one task. Both
// live in a [context.Context]: [WithTask] and [WithSpan] return a context to pass on, and a [*Span] to end.
//
//	ctx, task := trace.WithTask(ctx, "replicate", slog.String("dataset", ds))
//	defer task.End()
//
//	ctx, span := trace.WithSpan(ctx, "zfs list")
//	defer span.EndErr(&err)
//
// Spans of a task nest strictly and stay on its goroutine. Work that runs concurrently is a task of its own, with the
// span that it was started from as its parent: [WithTaskGroup] starts several and collects their errors, [Go] starts
// one. What has a parent but nests nowhere is an async span: [WithAsyncSpan].
//
// Names are constants ("zfs send"); what varies is an attribute ("tank/home"). Attributes are [slog.Attr], as in
// logs. They are rendered when a span ends, on the goroutine that ends it, and cut to a bounded size.
//
// # ID stack
//
// Every task and span has an [ID] that is unique across processes and machines. The path of IDs from the root task to
// a span is its ID stack, [Span.Stack]. With it in every log line (package logging puts it there), searching a log
// for one ID finds the lines of that task or span and of everything below it.
//
// # Recorder
//
// Finished tasks and spans, events and log lines go into the newest part of a bounded ring, the flight recorder: see
// [Recorder]. It is always on, has no goroutine, and a span costs one allocation and a fraction of a microsecond. What
// is open is known too: [Active] answers the question where a program hangs. A [Consumer] reads records at its own
// pace; one that is slow or dead loses records, which it is told, and never delays the program.
//
// [SetLevel] switches to IDs without records, or off, at any time.
//
// # Misuse
//
// Nothing here panics or blocks because of how it is called. A span that is ended out of order, started on another
// goroutine than its task's, or never ended, is repaired so that the picture stays true, recorded as an [Anomaly],
// counted, and logged once for each call site. Package tracetest turns anomalies into failures of tests.
//
// The package depends on the standard library alone. Writing captures in some format is the business of package
// trace/capture.
package trace
