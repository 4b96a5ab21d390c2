// Package summary adds up the slices of a trace into a tree: one node for each path of names, with the number of
// slices, their durations, and how many failed or never ended.
//
// Where slices have IDs, as those of package trace do, a slice is below its parent: a task below the span that started
// it, on whatever track it ran. Other slices are below the one that encloses them on their track.
//
// Self time is a slice's duration minus the parts of it in which a slice inside of it, on the same track, was running.
// Tasks that a span started run beside it and don't reduce its self time. They do reduce its own time, which is the part of
// its self time in which nothing below it was running on any track: a span that waits for its tasks has none of that
// meanwhile. A slice that never ended counts as running to the end of the trace.
//
// Events come in the order of time, in the normal form of package timeline or as its Stream delivers them.
//
// Memory is bounded by the number of distinct paths and by what is running at one time, not by the number of events.
package summary
