package main

import (
	"runtime/debug"
	"strings"
)

const longHelp = `trace-convert reads traces, brings them into one order, and writes them in another format or sums them up. It reads
logs, too, whose lines name their spans, and puts the lines there.

The format of an input is found by its content; gzip and zstd are unpacked. "-" is standard input, which is also read
if no INPUT is given. Several inputs are put on one timeline by their clock anchors, if all have one; "trace-convert
merge --help" has more about that. "trace-convert grep" finds what belongs to one task or span, "trace-convert
critical-path" what determined how long it took, and "trace-convert diff" compares two traces.

Written is the normal form: names of processes and tracks first, then events in the order of time, begins and ends
paired. A single trace that would take more than --memory is converted as a stream instead, if the output's format
allows: begins and ends stay apart, and the order of time is found among some thousand events at a time. Several traces,
and what can't be a stream, are put in order on disk then, by temporary files in $TMPDIR (/tmp, if that isn't set). They
take about as much room as the inputs would as JSON, and nothing is left of them, however the program ends. What a
format can't express is told on standard error, with counts. An output file appears under its name only when it is
complete; with a name that ends in ".gz" or ".zst" it is packed.

` + filterHelp + `

Exit codes:
  0    success
  1    failed; no output file was written
  2    the command line is wrong
  3    an input could be read only in part, what could be read was written; or validate found something
  4    nothing was found, by grep or critical-path
  130  interrupted; no output file was written`

const examples = `  trace-convert --summary trace.json            # the tree of tasks and spans, with times
  trace-convert trace.json -o trace.folded      # for flame graphs
  trace-convert trace.json -o trace.pftrace     # for ui.perfetto.dev: smaller, and exact to the nanosecond
  trace-convert trace.json -o trace.pb.gz       # for go tool pprof
  trace-convert a.json b.json -o both.json.gz   # one picture of two processes
  trace-convert trace.json zferry.log -o both.json
                                                # log lines on their spans
  trace-convert grep m7lgfaavf2yy7 zferry.log   # the lines of a span, and of all below it
  zcat old.json.gz | trace-convert > new.json   # Chrome JSON, repaired and in order
` + filterExamples

// version returns the version that the Go command stamped into the program.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && !strings.Contains(info.Main.Version, s.Value[:min(len(s.Value), 12)]) {
			return info.Main.Version + " " + s.Value
		}
	}
	return info.Main.Version
}
