// Package jsonl reads and writes traces as JSON lines: one flat JSON object a line, of a schema of our own that is made
// to be written by scripts, and searched with grep and jq. Nothing of a trace is lost in it.
//
// # Writing it
//
// A line with a name, a start and a duration is a slice. That is all it takes:
//
//	{"name":"build","start_ns":1753000000000000000,"duration_ns":2500000000}
//	{"name":"test","start":"2025-07-20T08:26:42.5Z","end":"2025-07-20T08:26:44Z","error":"exit status 1"}
//
// A shell script may do so with
//
//	start=$(date +%s%N)
//	make build
//	printf '{"name":"build","process":"ci","start_ns":%s,"end_ns":%s}\n' $start $(date +%s%N) >>trace.jsonl
//
// and a Python program with
//
//	with open("trace.jsonl", "a") as out:
//	    start = time.time_ns()
//	    work()
//	    slice = {"name": "work", "pid": os.getpid(), "start_ns": start, "end_ns": time.time_ns(), "rows": 7}
//	    print(json.dumps(slice), file=out)
//
// Several programs may append to one file, if each writes its line with one call. The order of lines doesn't matter,
// except for what says so below.
//
// # Members
//
// All members may be left out, and null is as good as left out. A member that isn't in this list is an attribute.
//
//	kind         what the line is, see below; if it is left out: "slice" if there is a duration or end, "log" if there
//	             is a severity, else "instant"
//	name         the slice's name, or the log line's message
//	category     such as "task" or "span"
//	start_ns     when it began or happened, in nanoseconds since 1970-01-01 UTC
//	start        the same as text of RFC 3339, with up to nine decimals
//	duration_ns  of a slice, in nanoseconds; a slice without it is still open
//	end_ns, end  instead of the duration: when it ended
//	process      the process's name
//	pid          its number, or text; a name and a pid together say which process it is
//	track        the name of the thread, goroutine, task … in the process; without it and a tid the line is about the
//	             process, and without a process about everything
//	tid          its number, or text
//	id           the slice's own ID, any text that is unique in the trace
//	parent       the ID of the slice that caused it: the enclosing one, or the one that started a task
//	trace_id     the ID of the trace that a span belongs to, in systems that have such; it is an attribute, too
//	error        why the slice failed: text, or true; it is an attribute, too
//	severity     of a log line: TRACE, DEBUG, INFO, WARN, ERROR or FATAL, perhaps with a number from 2 to 4
//	value        of a counter: its value
//	series       of a counter: what the value is called, if there are several
//	attributes   an object with everything else
//	depth        how many slices are around this one on its track; written for those who read it, not needed
//
// These are the columns that CSV and Parquet files have (packages csv and parquet). What follows is more than they can
// say.
//
// # Kinds
//
//	slice          a slice with its duration, or an open one
//	begin, end     a slice in two lines, as a running program writes it: an end closes the slice that was begun last on
//	               the track, and its attributes are added
//	async          a slice that doesn't nest on its track
//	async_begin, async_instant, async_end
//	               the same in several lines, joined by their key (or id) and category
//	instant        a point in time
//	log            a log line
//	counter        a counter's value, or as attributes several; key names an instance of it
//	flow_start, flow_step, flow_end
//	               points of an arrow between slices, joined by key, name and category; with "bind_next": true an end
//	               points to the next slice on the track, not to the one around it
//	process        more about a process: order (lower ones are shown first), attributes, and name if it has another now
//	track          the same about a track
//	clock          what the wall clock read, see below
//
// # Clocks
//
// Times are ns since 1970, and that is what a line means that has no more to say. A trace with a clock of its own, such
// as the time since a program's start, begins with a line of kind "clock":
//
//	{"kind":"clock","time_ns":5000,"unix_ns":1753000000000000000}
//
// says that at 5,000 ns on that clock the wall clock read unix_ns. The times of all lines are since 1970 nevertheless;
// the reader takes them back to the trace's own clock. Later lines of the kind say how the wall clock was stepped.
//
//	{"kind":"clock","clock":"trace"}
//
// says that nobody knows what the wall clock was: start_ns is on the trace's own clock. So does "clock": "trace" in the
// first line with a time.
//
// # Text
//
// The text is UTF-8. Numbers with neither a point nor an exponent are integers, and keep all of their digits up to 64
// bits, which programs in JavaScript, and jq before 1.7, don't do. The last line needs no line feed. A line that isn't
// a JSON object ends the reading; one that is, but makes no sense, is skipped and counted.
package jsonl
