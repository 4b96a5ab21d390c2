// Package perfetto reads and writes Perfetto's own traces: the protobuf messages that ui.perfetto.dev and
// trace_processor open.
//
// A trace is a sequence of packets, and a packet holds one event, one description of a track, or a snapshot of clocks.
// Packets of one sequence build on each other: names are explained once, and numbers stand for them from then on.
//
// Written are slices as a begin and an end, since Perfetto's complete events have microseconds only; instants; log
// lines as instants that are in the UI's list of logs, too; counters, each series with a track; flow points as instants
// with an arrow; async slices on tracks of their own, which the UI shows as one where they have the same name;
// processes and threads. Slices that overlap others of their track get a track next to it. IDs, parents and attributes
// are debug annotations with their types; JSON becomes nested ones. A file is readable after each Flush, needs no end,
// and may be joined with others by cat only if these come from other programs: use trace-convert merge for ours, whose
// tracks have the same numbers.
//
// What the format has no place for travels in annotations, in descriptions of tracks and in merge keys that begin with
// "spanstack.", so that a trace which is written and read back is the same; see spec.go. Times before 0 come back, but
// Perfetto doesn't show them.
//
// Read are track events with all that they build on: interned names, defaults of sequences, clocks and their snapshots,
// older events with Chrome's phases, packets compressed with zlib, and with zstd if the program imports package
// tracefmt/compress, as tracefmt/all does. A track without a thread or process becomes a track
// of the process that it is below. Where packets were lost there is an instant, and what can't be understood without
// them is counted. Not expressible in the model, and counted: other data, such as the kernel's events; call stacks,
// source locations and typed arguments of events.
//
// Facts: protos/perfetto/trace of github.com/google/perfetto, v58, by file and message in spec.go; the behaviour of
// trace_processor's importer (src/trace_processor/importers/proto/track_event_event_importer.h, and slice_tracker.cc).
package perfetto
