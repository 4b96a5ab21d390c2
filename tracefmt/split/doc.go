// Package split writes a trace as several, each of which can be loaded alone.
//
// A Writer splits by time or by size, as the trace goes by: a part has the clock anchor, the processes and tracks that
// are used in it, and at its beginning, with their own times, the slices that reach into it from before: begins of
// those whose end is yet to come, and complete slices whole. So a slice that crosses an edge is in each part that it
// has time in, and sums over parts count it several times. A point of an arrow that starts in an earlier part is left
// out, and counted as a loss.
//
// ByProcess and ByTrace split a trace that is in memory: by what an event belongs to, so that nothing is there twice
// but what concerns the trace as a whole.
package split
