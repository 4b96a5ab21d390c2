// Package tracefmt holds the neutral event model that every trace format is converted to and from.
//
// A trace is a stream of events. An [Event] is one item of it: the begin or the end of a slice, a complete slice, an
// instant, a log line, a counter's value, one point of a flow arrow, one point of an async slice, or metadata. Events
// happen on tracks. A track is a row of the picture: a process, or something inside a process that does one thing at
// a time, such as a thread, a goroutine or a task's lane. Times are int64 nanoseconds on the trace's own clock; a
// Clock event says what the wall clock read at one of them.
//
// A [Reader] hands out one event at a time and reuses it. A [Writer] takes one event at a time. Most programs need
// three calls:
//
//	r, err := tracefmt.NewReader(file)        // finds the format by content, unpacks gzip and zstd
//	w := format.NewWriter(out)
//	n, err := tracefmt.Copy(w, r)             // then w.Close()
//
// A format is a [Format] value. Format packages register theirs when they are imported, as image formats do; the
// package tracefmt/all imports every one of them, and [Lookup], [ByExtension] and [Detect] find them.
//
// What a format can't express is counted, never dropped in silence: see [Loss].
//
// Programs that record traces don't need this package. They use package trace, and trace/capture joins the two.
package tracefmt
