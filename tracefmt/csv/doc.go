// Package csv writes traces as comma-separated values: one row for each slice, async slice, instant, log line, and
// value of a counter, under a header with the names of the columns. Spreadsheets, databases and the usual tools of data
// analysis read it. The columns are the same as in Parquet files (package parquet), whose types they have there; a cell
// with nothing in it means that there is no value.
//
//	kind         "slice", "async" (a slice that doesn't nest on its track), "instant", "log" or "counter"
//	trace_id     the ID of the trace that the span belongs to (attribute "trace_id"), if its source has such
//	id           the slice's own ID; of a counter, the name of its instance
//	parent       the ID of the slice that caused it: the enclosing one, or the one that started a task
//	process      the process's name
//	pid          the number or text by which the source knows the process
//	track        the name of the thread, goroutine, task …
//	tid          the number or text by which the source knows that
//	name         the slice's name, or the log line's message
//	category     such as "task" or "span"
//	start_ns     when it began, in nanoseconds
//	clock        "unix": start_ns counts from 1970-01-01 UTC; "trace": from some moment that only the source knows
//	duration_ns  of a slice, in nanoseconds; nothing if it was still open when the trace ended
//	depth        of a slice: how many others are around it on its track; 0 is the outermost
//	error        why the slice failed: its attribute "error", or "true"; nothing if it didn't
//	severity     of a log line: TRACE, DEBUG, INFO, WARN, ERROR or FATAL, perhaps with a number from 2 to 4
//	series       of a counter: which of its values this is
//	value        of a counter: the value
//	attributes   all other attributes, as a JSON object with their types; nothing if there are none
//
// A slice is a row when its end is known. trace-convert writes whole slices in the order of their starts, so that rows
// are in that order. Where a program writes begins and ends as they happen, a row comes with the end, after the rows of
// what was inside; what never ended comes last. The depth of whole slices that come in the order of their ends can't be
// known, and is too low.
//
// The text is that of RFC 4180: UTF-8, lines end with CR LF, and cells with a comma, quote, line break or outer space
// are quoted. Cells are the data and nothing else. A spreadsheet may take a name that begins with "=", "+", "-" or "@"
// for a formula: what would prevent that is another character in front, which every other reader would take for data.
// Import files of unknown origin with all columns as text.
//
// The format can't be read: it is made for other programs. What comes back as it was is JSON lines (package jsonl).
package csv
