// Package firefox reads and writes the JSON of Firefox Profiler, which profiler.firefox.com opens.
//
// # Writing
//
// The processed format in its version 57, which newer loaders upgrade. Each process and each track is a thread with
// markers: slices, async slices and those that never ended are intervals, everything else instants. Attributes are fields
// of markers, and counters have schemas with graphs; flows are fields of the format "flow-id", between which arrows are
// drawn. What has no place is in fields that begin with "spanstack.", and in a member "spanstack" of meta and of threads,
// which the loader ignores: so that all comes back. An attribute whose name means something to the loader has "attr." in
// front of it, and one that is JSON is text, with "json.".
//
// Times are in ms from the start of the profile's clock, with the decimals that nanoseconds need. Where they are beyond
// 2^53 ns, as those since 1970 are, they count from the first event. The profile's start is the wall clock's time, if the
// trace has one, else 1970.
//
// Only the display is limited: to 128 categories, to 128 fields of a type, and to 64 counters with graphs.
//
// The Writer holds the trace until it is closed, and brings it into normal form (see package timeline): the format has
// columns, and its pairs of start and end markers would be joined by name, wrongly where slices of one name overlap.
//
// # Reading
//
// Processed profiles and Gecko's own, of all versions with JSON objects for threads: strings in "stringTable" or
// "stringArray" of a thread or shared, tables as columns or as rows with a schema, times as phases or, in older ones, in
// the markers' data. Starts and ends are joined by name, within a thread, as Firefox does. A marker's type becomes the
// attribute "type". Times of other processes in a Gecko profile are moved to the first one's clock.
//
// Samples are on tracks of their own, "NAME (samples)": frames that stay from one sample to the next are one slice, and
// the last sample lasts an interval. Their weights, lines and addresses are lost, and so are, counted, the stacks of
// markers, allocations and counters.
//
// Facts: src/types and docs-developer/CHANGELOG-formats.md of github.com/firefox-devtools/profiler.
package firefox
