package main

import (
	"bytes"
	"fmt"
	"strings"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

const introduction = `<!-- Written by "make bench". Don't edit it. -->
# Benchmarks

What package trace costs, beside the OpenTelemetry SDK and runtime/trace, package logging, beside log/slog, zap and zerolog,
and conversions of traces, beside what others take to read them, measured in one run on one machine. Compare ratios: times
are those of this machine and of what else it did. Streams of ZFS, and zferry beside syncoid, are measured in
[benchmarks-zfs.md](benchmarks-zfs.md), and the viewer in [benchmarks-viewer.md](benchmarks-viewer.md).

`

const notes = `
- **ns** is the median of %s, and min–max their spread. It is wall time divided by the operations of all goroutines, so
  that with two of them perfect scaling halves it. Nested spans are counted one by one.
- **CPU ns**, **B** and **allocs** are those of the whole process, goroutines of consumers and exporters included.
- **ratio** is how many times the time of spanstack it takes, at the level that does the comparable thing: no-op and off
  against off, never sampled (a span has IDs, but isn't recorded) against IDs, everything else against recording.
- **lost** is the share of ended spans that didn't arrive where they are sent. Loops at full speed end spans faster than
  most consumers take them.
- spanstack at the level recording keeps the newest 16 MiB of records in memory, by default, and sends them nowhere.
  *Polled*, a consumer fetches them every 100 ms and drops them. *Captured*, they are rendered as Chrome JSON every
  100 ms; the text is dropped. Both say what they lost, and the program never waits for them.
- The OpenTelemetry SDK hands spans to a batcher, whose exporter here drops them without looking. Its default queue, of
  %d spans, overflows in such a loop, and an overflow is silent and fast. The rows to compare with are those without
  losses, which have a queue of %d; the others are shown for completeness.
- runtime/trace has no attributes. The rows with attributes log four messages in each region or task. On, it also
  records what the scheduler does.
- All tracers share a heap with 64 MiB of ballast, so that garbage collections are as frequent for all; but *in a small
  program* each has a process of its own with nothing else on the heap. Each is warm when it is measured. They take turns
  in each round.
`

const targetNotes = `
A cost is the higher one of those at depths 1 and 5, on one goroutine. "As fast" is the lowest and the highest ratio of
all groups of spans, with a long queue for the batcher; the lowest one counts. A log line's ratios are those on one and two
goroutines; the highest one counts. A disabled line is the most expensive one of those whose arguments are constants.
Throughput with a stopped reader is the median of the ratios of all rounds, with the interval that has the true median in
it with a confidence of 95 %.
`

// markdown renders the report.
func (r *report) markdown() []byte {
	var out bytes.Buffer
	out.WriteString(introduction)
	fmt.Fprintf(&out, "- CPU: %s, %s\n- Go: %s\n- Peers: %s\n- Reproduce: `%s`\n", r.CPU, r.Platform, r.Go, strings.Join(r.Peers, ", "), r.Command)
	if r.hasRows(false) {
		out.WriteString("\n## Operations\n\n")
		r.operations("tracer", false).write(&out)
		fmt.Fprintf(&out, notes, count(r.Rounds, "round"), sdktrace.DefaultMaxQueueSize, longQueueSize)
	}
	if r.hasRows(true) {
		r.writeLines(&out)
	}
	out.WriteString("\n## Targets\n\n")
	r.targets().write(&out)
	out.WriteString(targetNotes)
	if r.Load != nil {
		r.writeLoad(&out)
	}
	if r.GC != nil {
		r.writeGC(&out)
	}
	if r.Captures != nil {
		r.writeCaptures(&out)
	}
	if r.Stopped != nil {
		r.writeStopped(&out)
	}
	if r.Conversions != nil || r.Memory != nil {
		r.writeConversions(&out)
	}
	return out.Bytes()
}

// operations has the rows of loggers, or of tracers.
func (r *report) operations(heading string, loggers bool) *table {
	t := newTable("operation", heading, "ns:", "min–max:", "CPU ns:", "B:", "allocs:", "ratio:", "lost:")
	last := ""
	for i := range r.Rows {
		row := &r.Rows[i]
		if row.Logger != loggers {
			continue
		}
		what := row.What
		if what == last {
			what = ""
		}
		last = row.What
		t.add(what, row.Contender, nanoseconds(row.Ns), nanoseconds(row.Min)+"–"+nanoseconds(row.Max), nanoseconds(row.CPUNs),
			fmt.Sprintf("%.0f", row.Bytes), fmt.Sprintf("%.1f", row.Allocs), r.ratio(row), percent(row.Lost))
	}
	return t
}

// ratio compares a row with its rival's of the same group.
func (r *report) ratio(of *row) string {
	rival := r.row(of.Group, of.Rival)
	switch {
	case rival == nil || rival.Ns == 0:
		return ""
	case rival == of:
		return "1"
	}
	return ratio(of.Ns / rival.Ns)
}

func ratio(f float64) string {
	if f < 10 {
		return fmt.Sprintf("%.2f", f)
	}
	return fmt.Sprintf("%.1f", f)
}

func nanoseconds(ns float64) string {
	if ns < 10 {
		return fmt.Sprintf("%.1f", ns)
	}
	return fmt.Sprintf("%.0f", ns)
}

// percent shows a share, and nothing for none.
func percent(share float64) string {
	if share == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f %%", 100*share)
}

func mib(n int64) string { return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20)) }

const loadNotes = `
Peaks are those until the load ends. Then the slow reader reads all. What it has, spans and stated losses, is compared
with what the program ended; the difference, over all runs, is what is unaccounted for. The capture whose reader was
killed said so (EPIPE) in %d of %s.
`

const loadText = `
## Under load

%d goroutines begin and end spans at full speed, and the flight recorder is on. Captures write Chrome JSON to named
pipes. Medians of %s, each in a process of its own; ratios are of neighbours in time.

`

func (r *report) writeLoad(out *bytes.Buffer) {
	fmt.Fprintf(out, loadText, loadGoroutines, count(len(r.Load[noConsumer]), "run"))
	t := newTable("consumers", "spans/s:", "of that without:", "min–max:", "peak heap:", "peak RSS:", "lost, as the output says:", "unaccounted for:")
	for _, c := range []consumers{noConsumer, slowConsumer, alsoOneKilled} {
		l := r.Load.summary(c)
		share, spread, lost, missing := "", "", "", ""
		if c != noConsumer {
			ratios := r.Load.ratios(c)
			share, spread = ratio(median(ratios)), ratio(ratios[0])+"–"+ratio(ratios[len(ratios)-1])
			lost, missing = fmt.Sprintf("%.0f of %.0f", l.lost, l.spans), fmt.Sprint(l.missing)
		}
		t.add(string(c), fmt.Sprintf("%.2f M", l.rate/1e6), share, spread, mib(l.heap), mib(l.rss), lost, missing)
	}
	t.write(out)
	noticed := 0
	for _, res := range r.Load[alsoOneKilled] {
		if res.Killed {
			noticed++
		}
	}
	fmt.Fprintf(out, loadNotes, noticed, count(len(r.Load[alsoOneKilled]), "run"))
}

func (r *report) writeGC(out *bytes.Buffer) {
	out.WriteString("\n## Garbage collection\n\n")
	t := newTable("heap", "runtime.GC:", "10 %–90 %:")
	for _, c := range []struct {
		heap  string
		times []float64
	}{
		{"8 MiB of small objects", milliseconds(r.GC.Without)},
		{"the same, and a full flight recorder of 16 MiB", milliseconds(r.GC.With)},
	} {
		m, n := median(c.times), len(c.times) // sorts
		t.add(c.heap, fmt.Sprintf("%.2f ms", m), fmt.Sprintf("%.2f–%.2f ms", c.times[n/10], c.times[n*9/10]))
	}
	t.write(out)
	fmt.Fprintf(out, "\nMedians of %d collections each, in turns in one process.\n", len(r.GC.With))
}
