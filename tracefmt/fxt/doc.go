// Package fxt reads and writes Fuchsia's trace format, which Perfetto's UI opens, too, and which magic-trace and
// others write. It is made for being written by a running program: each event is one record of a few 64-bit words, and
// a file is good up to its last whole record.
//
// A trace is a sequence of records. String and thread records fill two tables, by whose indices events name their
// category, name, arguments and thread. A trace of several programs, which Fuchsia calls providers, has sections of
// each, with tables of their own. Kernel object records give names to processes and threads; these go by numbers of 64
// bits, called koids. Times are ticks, and an initialization record says how many make a second; they are turned into
// nanoseconds exactly, and rounded down.
//
// Written are slices as duration records, complete ones as one record; instants; counters; flows; async slices; log
// lines as log records; processes and tracks with their SourceID as the koid, if that is a number which no other has.
// Slices that overlap others of their track get a thread next to it, since viewers want those of a thread to nest.
// Attributes are arguments of their type, and JSON is a string whose name begins with "spanstack.json.". What the
// format has no place for travels in arguments and blobs whose names begin with "spanstack.", so that a trace which is
// written and read back is the same; see spec.go and extra.go. That includes records that would have more than 15
// arguments, or more than 32 KB: they show what they have room for. Readings of the wall clock are blobs. Perfetto
// skips log records, and events before time 0.
//
// Read are all events, log lines, and the names of processes and threads. Pointers become strings such as "0x7f00",
// koids numbers, blobs among arguments base64. A full buffer of a provider becomes an instant of
// tracefmt.CategoryLoss. Skipped and counted are scheduling, profiler and large records, blobs, userspace objects, and
// records that are malformed inside. Flows and async slices are joined by the decimal text of their numbers (Key).
//
// Facts: https://fuchsia.dev/fuchsia-src/reference/tracing/trace-format, by its sections; for what Perfetto makes of
// it, src/trace_processor/importers/fuchsia of github.com/google/perfetto.
package fxt
