// Package chrome reads and writes Chrome trace events as JSON: what chrome://tracing, Perfetto's UI and speedscope
// open, and what many programs write.
//
// Supported: the array and the object container, whole or cut off; slices (B, E, X), instants (i, I, R), counters (C),
// flows (s, t, f, and bind_id), async slices (b, n, e, and the older S, T, p, F), process and thread metadata (M).
// Not expressible in the model, counted as losses when read: samples (P), objects (N, O, D), memory dumps (v, V),
// contexts, clock syncs, stack frames and system traces.
//
// Written is the array form, which stays readable when its end is missing: one event a line, the comma in front of
// all but the first, so that what was flushed becomes valid JSON by adding "]". Timestamps are microseconds with up to
// three decimals, which is exact in nanoseconds. What the format has no place for travels in args under keys that
// begin with "spanstack.", so that a trace which is written and read back is the same; see spec.go.
//
// The Writer emits nothing that Catapult's importer, the one behind chrome://tracing, warns about: it drops and counts
// an end without its begin and a flow that touches no slice, and it moves a slice that overlaps another on its track
// to a lane of its own.
//
// Facts: "Trace Event Format" (docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU); the behaviour
// of Catapult's trace_event_importer as shipped with Go 1.26; Perfetto's trace_processor v58.
package chrome
