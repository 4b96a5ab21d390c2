// Package trace shows what a running program does: which task does what, for how long, inside what. It is cheap enough
// to stay on for ever, and there when something hangs, not only after it ended.
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
// one. What has a parent but nests nowhere, such as a request that one goroutine sends and another one answers, is an
// async span: [WithAsyncSpan]. What outlives the work that it was started from begins a trace of its own: [Detach].
// Libraries, whose callers may have no task, start what there can be with [WithSpanOrTask].
//
// The contexts are ordinary ones: values, deadlines, cancellation and its cause pass through unchanged.
//
// # Attributes, events, counters, links
//
// Names are constants ("zfs send"); what varies is an attribute ("tank/home"). Attributes are [slog.Attr], as in
// logs, given at the start or added by [Span.SetAttrs]. Those of plain types are rendered at once; those that need code
// of yours to be rendered (Stringers, errors, [slog.LogValuer]s) when the span ends, on the goroutine that ends it, and
// only if it is recorded. All are cut to a bounded size, visibly.
//
// [Span.EndErr] records with what error a span ended, or why it was cancelled ([context.Cause]). [Span.Event] records a
// moment, [Span.Counter] the value of a counter, [Span.Link] that another span has to do with this one, and [Span.Log] a
// line of a log; package logging calls the last for you.
//
// # ID stack
//
// Every task and span has an [ID] that is unique across processes and machines. The path of IDs from the root task to
// a span is its ID stack, [Span.Stack]. With it in every log line (package logging puts it there), searching a log
// for one ID finds the lines of that task or span and of everything below it. A process that works for another one
// goes on with the stack of that: [WithRemote].
//
// # Recorder
//
// Finished tasks and spans, events and log lines go into the newest part of a bounded ring, the flight recorder: see
// [Recorder]. [Default] is always on; [NewRecorder] makes others, for tests and embedded uses. A recorder has no
// goroutine and does no I/O. [Recorder.Snapshot] returns what it holds.
//
// A [Consumer] reads records at its own pace; one that is slow or dead loses records, which it is told, and never delays
// the program. Package trace/capture writes them in formats that viewers open.
//
// # Open work
//
// What is open is known, too: [Active] answers the question where a program hangs, also if nobody looked before. A
// consumer gets the begin of everything that is open for longer than the interval between two of its polls, so that a
// file written from its records shows, wherever it is cut, what was open then.
//
// # Levels
//
// [SetLevel] switches between recording (the default), IDs only, and off, at any time: see [Level]. On a server of 2024 a
// span costs 60 ns and one allocation, 50 ns with IDs only, and 3 ns when off; four attributes add 60 ns. The module bench
// compares that with other tracers.
//
// # Misuse
//
// Nothing here panics or blocks because of how it is called. A span that is ended out of order, started on another
// goroutine than its task's, or never ended, is repaired so that the picture stays true, recorded as an [Anomaly],
// counted, and logged once for each call site. Package tracetest turns anomalies into failures of tests, and the command
// tracevet finds many of them in the source.
//
// # Go's own tools
//
// While an execution trace is taken ([runtime/trace]), tasks, spans and log lines appear in it as user tasks, regions and
// logs. [Recorder.SetProfileLabels] puts the names of tasks and spans on the samples of CPU profiles.
//
// The package depends on the standard library alone, and starts no goroutine.
package trace
