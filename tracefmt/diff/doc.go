// Package diff compares two traces of the same program, such as before and after a change: which paths of slice names
// have become slower or faster, are new, or gone.
//
// A path is that of package summary, from the outermost slice to the innermost, without processes and tracks: their
// numbers, and often their names, differ from run to run. What several of them have of one path is added up. Names that
// have a number in them, such as "request 17", differ from run to run, too; [Normalize] makes them one.
//
// What counts is self time: the part of a slice's duration in which nothing below it was running, on its track or on another
// one, which package summary calls its own time. A slice that has become slower makes all those around it slower, too,
// and those that wait for it, but only its own self time tells where the time went. So changes are sorted by the absolute
// change of their self time, and thresholds are compared with it.
//
// The total of a trace is the sum of the durations of its outermost slices. Those that run side by side add up.
package diff
