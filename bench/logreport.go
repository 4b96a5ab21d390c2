package main

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

const lineText = `
## Log lines

A line of package logging beside the same line of other loggers: JSON with time, level, message, subsystem, the ID stack of
a span two deep in a task, and four attributes. The others are given subsystem and ID stack as two more attributes of each
line. Spans are spanstack's in all of them.

`

const lineNotes = `
- **ns** is the median of %s, and min–max their spread: wall time divided by the lines of all goroutines. **CPU ns**, **B**
  and **allocs** are those of the whole process. **ratio** is how many times the time of a bare slog.JSONHandler it takes,
  and **lost** the share of lines.
- All of them render times as RFC 3339 with nanoseconds, and have one line at a time written. spanstack escapes more, such
  as what a terminal would act on, and looks for names that occur twice.
- *Recording*, a line goes to the flight recorder, too, on its span.
- Lines are discarded, but for those *into a file*. What the loops leave in a queue or a buffer is written before the clock
  stops. spanstack has a queue that is written in blocks, zap a buffer that the program itself writes when it is full, slog
  a write(2) a line; and zerolog, with a diode of 1000 lines and a write(2) for each that it doesn't lose, isn't waited for.
- A *span with one line* is begun, logs its first line, for which its ID stack is rendered, and ends. What that line costs
  is the difference to the *span without a line*. Spans of the row slog.JSONHandler are at the level IDs.
- A *disabled line* is one below the logger's level. A variable that is an argument is put on the heap by the caller, with
  every logger that takes arguments of any type, before anybody knows that it isn't needed; the rows with constants and
  with typed attributes show what the loggers themselves take. *With* means a context with three injected attributes.
- All share a heap with 64 MiB of ballast, and take turns in each round.
`

func (r *report) writeLines(out *bytes.Buffer) {
	out.WriteString(lineText)
	r.operations("logger", true).write(out)
	fmt.Fprintf(out, lineNotes, count(r.Rounds, "round"))
}

// isOurs reports whether a contender is one of this project's.
func isOurs(name string) bool { return strings.HasPrefix(name, "spanstack") }

// hasRows reports whether there are any of loggers, or of tracers.
func (r *report) hasRows(loggers bool) bool {
	for i := range r.Rows {
		if r.Rows[i].Logger == loggers {
			return true
		}
	}
	return false
}

// line is the lowest and the highest ratio to slog's times, on one and two goroutines.
func (r *report) line(of contender, want float64) outcome {
	lowest, highest := math.Inf(1), 0.0
	for _, goroutines := range []int{1, 2} {
		ours, bare := r.row(lineGroup(goroutines), of.name), r.row(lineGroup(goroutines), of.rival)
		if ours == nil || bare == nil {
			return outcome{}
		}
		f := ours.Ns / bare.Ns
		lowest, highest = min(lowest, f), max(highest, f)
	}
	return outcome{ratio(lowest) + "–" + ratio(highest) + " × slog's time", highest <= want}
}

// firstLine is what a span's first line costs, as a multiple of any line of slog's.
func (r *report) firstLine(of contender, want float64) outcome {
	with, without, bare := r.row(firstLineGroup, of.name), r.row(noLineGroup, of.name), r.row(lineGroup(1), of.rival)
	if with == nil || without == nil || bare == nil {
		return outcome{}
	}
	f := (with.Ns - without.Ns) / bare.Ns
	return outcome{ratio(f) + " × slog's time", f <= want}
}

// disabled is the highest cost of a line that is off, in all contexts.
func (r *report) disabled(ns, allocs float64) outcome {
	var highest *row
	for i := range r.Rows {
		row := &r.Rows[i]
		if row.Group == offConstantGroup && isOurs(row.Contender) && (highest == nil || row.Ns > highest.Ns) {
			highest = row
		}
	}
	if highest == nil {
		return outcome{}
	}
	a := math.Round(highest.Allocs*10) / 10
	return outcome{fmt.Sprintf("%s ns, %g", nanoseconds(highest.Ns), a), highest.Ns <= ns && a <= allocs}
}

const stoppedText = `
## Readers that stop

A program hashes data, for %d µs at a time, and logs a line each time. The process that reads the lines is stopped (SIGSTOP)
and goes on again, in turns: %s, of two neighbouring measurements of %d ms each. Those with a stopped reader begin when
spanstack's queue, of %d KiB, is full and lines are being lost, or the program stands still.

`

const stoppedNotes = `
- **lines/s** is the median of what was logged, lines that were lost included. **when stopped** is the median of the ratios of
  all rounds to that, with the interval that has the true median in it with a confidence of 95 %%. A line that is lost needs
  no writing, and a reader that is stopped no processor.
- **lost** is the share of lines. All were counted by the outlet, which reports them when the reader goes on.
- A bare slog.JSONHandler writes each line to the same pipe or socket. It is given %s.
- The readers are a process that drops what it reads, rsyslogd, and systemd-journald with a namespace of its own.
`

func (r *report) writeStopped(out *bytes.Buffer) {
	rounds, blocking, length := 0, 0, time.Duration(0)
	for _, res := range r.Stopped {
		rounds, blocking = max(rounds, len(res.Ours)), max(blocking, len(res.Blocking))
		if len(res.Ours) > 0 {
			length = res.Ours[0].Reading.Time.Round(10 * time.Millisecond)
		}
	}
	fmt.Fprintf(out, stoppedText, pieceOfWork.Microseconds(), count(rounds, "round"), length.Milliseconds(), stoppedQueue>>10)
	t := newTable("outlet", "logger", "lines/s:", "when stopped:", "95 %:", "lost:", "lost when stopped:")
	skipped := ""
	for i := range r.Stopped {
		res := &r.Stopped[i]
		if res.Missing != "" {
			skipped += fmt.Sprintf("- Not measured: %s. %s.\n", res.Outlet, res.Missing)
			continue
		}
		t.addStopped(string(res.Outlet), loggerRecording.name, res.Outlet, res.Ours)
		t.addStopped("", slogJSON.name, res.Outlet, res.Blocking)
	}
	t.write(out)
	fmt.Fprintf(out, stoppedNotes, count(blocking, "round"))
	out.WriteString(skipped)
}

func (t *table) addStopped(what, logger string, o outlet, rounds []stoppedRound) {
	var rates []float64
	var reading, stopped window
	for _, r := range rounds {
		rates = append(rates, r.Reading.rate())
		reading.add(r.Reading)
		stopped.add(r.Stopped)
	}
	ratios := stoppedRatios(rounds)
	when, interval := fmt.Sprintf("%.3f", median(slices.Clone(ratios))), span(ratios)
	switch {
	case o == toFile:
		when, interval = "nothing to stop", ""
	case stopped.Lines == 0:
		when, interval = "stands still", ""
	}
	t.add(what, logger, fmt.Sprintf("%.1f k", median(rates)/1e3), when, interval, percent(reading.lost()), percent(stopped.lost()))
}

func (w *window) add(v window) {
	w.Time += v.Time
	w.Lines += v.Lines
	w.Lost += v.Lost
}

// lost is the share of lines.
func (w window) lost() float64 { return float64(w.Lost) / float64(max(1, w.Lines)) }

// stoppedRatios returns by round the throughput with a stopped reader as a share of that before.
func stoppedRatios(rounds []stoppedRound) (ratios []float64) {
	for _, r := range rounds {
		if r.Stopped.Time > 0 && r.Reading.Lines > 0 {
			ratios = append(ratios, r.Stopped.rate()/r.Reading.rate())
		} else {
			ratios = append(ratios, 0)
		}
	}
	return ratios
}

// unblocked is the median of an outlet's ratios.
func (r *report) unblocked(o outlet) outcome {
	for i := range r.Stopped {
		if res := &r.Stopped[i]; res.Outlet == o && len(res.Ours) > 0 {
			ratios := stoppedRatios(res.Ours)
			m := median(slices.Clone(ratios))
			return outcome{fmt.Sprintf("%.3f (%s)", m, span(ratios)), m >= 0.95}
		}
	}
	return outcome{}
}
