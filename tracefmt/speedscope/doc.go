// Package speedscope reads and writes the JSON of speedscope, a viewer of flame graphs over time.
//
// # Writing
//
// Each track with slices becomes one evented profile: begins and ends of frames in nanoseconds, which nest, balance, and
// are in order of time, as speedscope insists. What overlaps without nesting goes to further profiles of the track,
// "name (2)" and so on, and so does what lies within the time of a slice that isn't its parent, as IDs tell. Async slices
// go to profiles of their own, "name async", where only slices of one key nest. All profiles have the trace's start and
// end. A slice that never ended ends with the trace.
//
// Times beyond 2^53 ns, as those since 1970, are written from the trace's start, since JavaScript can't tell them apart;
// the member "spanstack.base_ns" of the file, which speedscope ignores, has what was taken off.
//
// Lost, and counted: IDs, attributes (other than file, line and col, which frames have), instants, log lines, counters,
// flows, and the wall clock. Categories and the numbers of processes and tracks are lost without being counted.
//
// The Writer holds the slices until it is closed.
//
// # Reading
//
// Evented and sampled profiles, in all units. Each profile is a track. Equal frames of successive samples are one slice;
// weights follow each other from startValue on. What is no time (bytes, none) is taken for nanoseconds and counted.
// Frames' files, lines and columns become attributes. An event before its predecessor is put at that one's time, and a
// frame that is closed while others are open in it closes them: both are errors in speedscope, here they are counted.
//
// Facts: src/lib/file-format-spec.ts and src/lib/file-format.ts of github.com/jlfwong/speedscope, and the schema at
// https://www.speedscope.app/file-format-schema.json; version 1.25.0.
package speedscope
