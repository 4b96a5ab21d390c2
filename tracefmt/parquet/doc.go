// Package parquet writes traces as Apache Parquet files, which DuckDB, pandas, Polars, Spark, ClickHouse and their like
// read at the speed of the disk: one row for each slice, async slice, instant, log line, and value of a counter.
//
// A question to a trace is then one of SQL, as of DuckDB:
//
//	SELECT name, count(*), sum(duration_ns)/1e6 AS ms, quantile_cont(duration_ns, 0.99)/1e6 AS p99
//	FROM 'trace.parquet' WHERE kind = 'slice' GROUP BY name ORDER BY ms DESC;
//
//	SELECT attributes['dataset'] AS dataset, count(error) AS failed
//	FROM 'trace.parquet' WHERE name = 'zfs send' GROUP BY dataset;
//
// The columns, with their logical types; all but kind, name, start_ns, clock and attributes are null where there is
// nothing to say:
//
//	kind         STRING     "slice", "async" (a slice that doesn't nest on its track), "instant", "log" or "counter"
//	trace_id     STRING     the ID of the trace that the span belongs to (attribute "trace_id"), if its source has such
//	id           STRING     the slice's own ID; of a counter, the name of its instance
//	parent       STRING     the ID of the slice that caused it: the enclosing one, or the one that started a task
//	process      STRING     the process's name
//	pid          STRING     the number or text by which the source knows the process
//	track        STRING     the name of the thread, goroutine, task …
//	tid          STRING     the number or text by which the source knows that
//	name         STRING     the slice's name, or the log line's message
//	category     STRING     such as "task" or "span"
//	start        TIMESTAMP(NANOS, UTC)  when it began; null if the trace doesn't say what the wall clock was
//	start_ns     INT64      when it began, in nanoseconds
//	clock        STRING     "unix": start_ns counts from 1970-01-01 UTC; "trace": from some moment that its source knows
//	duration_ns  INT64      of a slice, in nanoseconds; null if it was still open when the trace ended
//	depth        INT32      of a slice: how many others are around it on its track; 0 is the outermost
//	error        STRING     why the slice failed: its attribute "error", or "true"; null if it didn't
//	severity     STRING     of a log line: TRACE, DEBUG, INFO, WARN, ERROR or FATAL, perhaps with a number from 2 to 4
//	series       STRING     of a counter: which of its values this is
//	value        DOUBLE     of a counter: the value
//	attributes   MAP<STRING, STRING>  all other attributes: texts as they are, other values as JSON
//
// The order of rows, and what is known of depth, are those of package csv, which writes the same columns. start_ns is
// there beside start for programs that know timestamps to the microsecond only.
//
// Columns are packed with zstd, and those with few values have dictionaries. A row group has at most 65,536 rows or 32
// MiB of text, so that memory doesn't grow with the trace, apart from about 10 KiB a row group for the index at the end
// of the file. Without that index, which Close writes, a file can't be read.
//
// Facts: the Parquet format's LogicalTypes.md (MAP, TIMESTAMP) and Encodings.md. The files are made by
// github.com/parquet-go/parquet-go, which is why no other package than tracefmt/all imports this one.
package parquet
