package main

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spanstack/spanstack/cmd/zferry/internal/daemon"
)

// painter renders a status as text.
type painter struct{ on bool } // with colours

const (
	red    = "\x1b[31m"
	yellow = "\x1b[33m"
	green  = "\x1b[32m"
	plain  = "\x1b[0m"
)

func (p painter) paint(colour, text string) string {
	if !p.on || text == "" || colour == "" {
		return text
	}
	return colour + text + plain
}

// cell is one of a table: a text, and its colour.
type cell struct{ text, colour string }

// headline is whether all is well, in a line.
func headline(s *daemon.Status) string {
	problems := s.Problems()
	switch len(problems) {
	case 0:
		return "all is well with " + numbered(len(s.Jobs), "job")
	case 1:
		return problems[0]
	}
	return fmt.Sprintf("%d problems; the first: %s", len(problems), problems[0])
}

func (p painter) status(s *daemon.Status) string {
	var b strings.Builder
	word, colour := "OK", green
	if len(s.Problems()) > 0 {
		word, colour = "WARNING", red
	}
	fmt.Fprintf(&b, "%s: %s\n", p.paint(colour, word), headline(s))
	if s.Config.Error != "" {
		fmt.Fprintf(&b, "%s\n%s\n", p.paint(yellow, "The configuration has changed and isn't used, since it is wrong:"), indented(s.Config.Error))
	}
	if len(s.Config.Restart) > 0 {
		fmt.Fprintf(&b, "%s %s\n", p.paint(yellow, "A restart is needed for:"), strings.Join(s.Config.Restart, ", "))
	}
	rows := [][]cell{{{text: "JOB"}, {text: "STATE"}, {text: "LAST SUCCESS"}, {text: "NEXT"}, {text: "LAG"}}}
	for i := range s.Jobs {
		rows = append(rows, jobRows(&s.Jobs[i], s.Now)...)
	}
	p.table(&b, rows)
	for i := range s.Jobs {
		p.details(&b, &s.Jobs[i], s.Now)
	}
	return b.String()
}

// jobRows are a job's rows: one, and one for each target.
func jobRows(j *daemon.JobStatus, now time.Time) [][]cell {
	state := cell{text: j.State}
	switch {
	case j.Stuck:
		state = cell{fmt.Sprintf("STUCK for %s", span(now.Sub(j.Step.Moved))), red}
	case j.State == daemon.StateRunning:
		state.colour = green
	case j.Failed:
		state.text, state.colour = state.text+", failed", red
	}
	rows := [][]cell{{{text: j.Name}, state, {text: ago(j.LastSuccess, now)}, {text: until(j.Next, now)}, {}}}
	for _, t := range j.Targets {
		lag := cell{text: span(time.Duration(t.LagSeconds * float64(time.Second)))}
		if !t.Known {
			lag.text = "nothing there yet"
		}
		if t.Alert {
			lag.colour = red
		}
		rows = append(rows, []cell{{text: "  to " + t.To}, {text: numbered(t.Datasets, "dataset")}, {}, {}, lag})
	}
	return rows
}

// details are lines about what runs, and what went wrong.
func (p painter) details(b *strings.Builder, j *daemon.JobStatus, now time.Time) {
	if s := j.Step; s != nil {
		fmt.Fprintf(b, "%s: %s\n", j.Name, stepText(s, now))
	}
	if j.LastError != "" {
		colour := yellow
		if j.Failed {
			colour = red
		}
		line, _, _ := strings.Cut(j.LastError, "\n")
		fmt.Fprintf(b, "%s: %s: %s\n", j.Name, p.paint(colour, "error "+ago(j.LastErrorAt, now)), line)
	}
	for _, a := range j.Alerts {
		fmt.Fprintf(b, "%s: %s\n", j.Name, p.paint(red, a))
	}
}

// stepText says what runs: "replicate to backup for 3m: tank/home, 3 of 7 datasets, 1.2 GiB".
func stepText(s *daemon.StepStatus, now time.Time) string {
	text := s.Step
	if s.Target != "" {
		text += " " + s.Target
	}
	if !s.Until.IsZero() {
		line, _, _ := strings.Cut(s.Error, "\n")
		return fmt.Sprintf("%s failed, attempt %d follows %s: %s", text, s.Attempt+1, until(s.Until, now), line)
	}
	text += " for " + span(now.Sub(s.Since))
	if s.Attempt > 1 {
		text += fmt.Sprintf(", attempt %d", s.Attempt)
	}
	var parts []string
	if s.Dataset != "" {
		parts = append(parts, s.Dataset)
	}
	if s.Total > 1 {
		parts = append(parts, fmt.Sprintf("%d of %d steps done", s.Done, s.Total))
	}
	if s.Bytes > 0 {
		parts = append(parts, byteCount(s.Bytes))
	}
	if len(parts) == 0 {
		return text
	}
	return text + ": " + strings.Join(parts, ", ")
}

func (p painter) table(b *strings.Builder, rows [][]cell) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, c := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(c.text))
		}
	}
	for _, row := range rows {
		line := ""
		for i, c := range row {
			line += p.paint(c.colour, c.text) + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c.text)+2)
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
}

func indented(text string) string { return "  " + strings.ReplaceAll(text, "\n", "\n  ") }

func ago(t, now time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return span(now.Sub(t)) + " ago"
}

func until(t, now time.Time) string {
	switch {
	case t.IsZero():
		return "-"
	case !t.After(now):
		return "now"
	}
	return "in " + span(t.Sub(now))
}

// span is a time with two units at most: "3d4h", "5m", "12s".
func span(d time.Duration) string {
	d = max(d, 0)
	day := 24 * time.Hour
	two := func(a, b time.Duration, x, y string) string {
		if rest := d % a / b; rest > 0 {
			return fmt.Sprintf("%d%s%d%s", d/a, x, rest, y)
		}
		return fmt.Sprintf("%d%s", d/a, x)
	}
	switch {
	case d >= day:
		return two(day, time.Hour, "d", "h")
	case d >= time.Hour:
		return two(time.Hour, time.Minute, "h", "m")
	case d >= 10*time.Minute:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d >= time.Minute:
		return two(time.Minute, time.Second, "m", "s")
	}
	return fmt.Sprintf("%ds", d/time.Second)
}
