// Package catapult opens traces in Catapult, chrome://tracing's own viewer, and
// reports what the viewer sees. It exists for tests of files that people will
// open there; programs that only want to read a trace have no use for it.
//
// Chromium itself no longer opens chrome://tracing (156 refuses internal
// debugging pages), but the Go distribution ships the viewer for "go tool
// trace". A [Viewer] runs a headless Chromium, serves that copy to it from a
// loopback address, and loads one trace at a time:
//
//   - [Viewer.Load] imports a trace and returns a [Report]: the import warnings,
//     the lanes with their slices, nested as the viewer draws them, and the
//     arrows with the slices that they join.
//   - [Viewer.Screenshot] draws the timeline, with all arrows, and returns a PNG.
//   - [Viewer.Close] waits until Chromium and its temporary files are gone.
//
// Nothing of the viewer is changed or copied: what a Report and a picture show
// is what a person would see.
//
// # Facts about the importer
//
// Trace viewers differ in what they forgive. What follows was seen with the
// viewer of Go 1.26.8 (Catapult 9508452e) in Chromium 156: what it imports is in
// the cases of TestFacts, each with its trace; how it draws was seen in
// pictures. "Warns" means an entry in the list of import warnings, "fails" that
// nothing is shown at all. A lane is one pid and tid.
//
// Open slices, which a B without E or an X without dur makes:
//
//   - They do not warn. They are drawn as "(Did Not Finish)" up to the last
//     event of their lane, not of the trace; the last event of a lane itself
//     gets no length. Whatever follows in the lane is drawn inside of them.
//   - An E ends the open B that was written last in its lane: order in the file
//     counts, not names or times. So Bs go outermost first, Es innermost first.
//     X and instants between them do not matter.
//   - An E without B warns, and so does one with another name, or one in whose
//     args a key of the B's args is repeated. An E before its B in time fails.
//
// Order and nesting:
//
//   - Otherwise the order in the file is free, within a lane and between lanes:
//     slices are sorted by start, exactly. Of slices with equal start, the first
//     in the file is the outer one; a child that is written before such a
//     parent is not nested in it. One nanosecond between the starts suffices.
//   - Ends are compared after rounding to whole µs. A child that ends after its
//     parent is nested only if both ends round to the same µs, otherwise the
//     two overlap in one row, without a warning. Siblings within one rounded µs
//     are drawn nested in each other. The object form with displayTimeUnit "ns"
//     compares in nanoseconds.
//
// Flow arrows (s and f, with bp "e"):
//
//   - Each end binds to the deepest slice of its lane at its time: an X, a B
//     with or without E, or an instant of thread scope, but never an async
//     slice. If there is none, it warns; an f whose s was refused warns too.
//   - A slice's start belongs to it. Its end may miss it: start plus duration is
//     a sum of floats. An arrow to a slice that starts when the previous one
//     ends binds to the previous one. An instant at the same time takes the end.
//   - An open B that is last in its lane has no length, so an arrow from a later
//     time in it warns; any later event in the lane gives it the length.
//   - s and f belong together if id, cat and name are equal. In time s must not
//     be after f; if both have the same time, s must come first in the file.
//     An id is free again after its f. An s without f is silently not drawn.
//   - Without bp the arrow goes to the next slice to start, not to the one
//     around it.
//   - The viewer shows no arrows until "Flow events" is switched on, and draws a
//     head only where f is more than 10 pixels right of s. The colour comes from
//     the arrow's name, as that of a slice from its own, or from cname on s.
//
// Async slices (b, e and n): an open b warns and ends at the last event of its
// id; an n never warns. The key is cat and id, over all processes; slices of
// the same key nest. An e may be written before its b, in another lane, and may
// repeat args.
//
// Metadata: process_name and thread_name may have further args, and may be
// anywhere; the last one counts. Unknown names warn. Lanes without slices are
// dropped. Lanes are ordered by thread_sort_index, then by name as text ("step
// #10" before "step #2"), then by tid.
//
// Instants of thread scope are slices of length 0 to the viewer and nest like
// them, also outside of any span; those of process and global scope are apart.
// An instant just after a span's end is drawn inside if both round to the same
// µs. A scope other than t, p and g warns. "dur":0 on an instant that is older
// than the lane's open B warns that time moves backward, and loses the instant.
//
// Values: zero and negative durations and times are silent, though negative
// durations are drawn wrong. Relative µs with three decimals keep their
// nanoseconds for a day and more; absolute Unix µs lose them. Any args and text
// are fine. An unknown cname or a slice without a name fails. An unknown phase
// or a counter without args warns.
//
// Files: an array may end after an event or after a comma, without its bracket.
// It may not end inside an event, have a comma before its bracket, or be
// followed by text: that fails. The object form cannot be cut at all.
package catapult
