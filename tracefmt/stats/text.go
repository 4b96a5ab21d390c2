package stats

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/spanstack/spanstack/tracefmt/summary"
)

// longestShown is how many characters of a name are shown.
const longestShown = 60

// WriteText writes a report for people, with top tracks of each process at most, or all if top is 0.
func (r *Report) WriteText(out io.Writer, top int) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	r.writeHead(w)
	if err := w.Flush(); err != nil {
		return err
	}
	idle := int64(0)
	for _, p := range r.Processes {
		if p.Events > 0 {
			p.write(w, top)
		} else {
			idle++
		}
	}
	if idle > 0 {
		fmt.Fprintf(w, "\nwithout events: %s\n", several(idle, "process", "processes"))
	}
	writeWeights(w, "NAME", r.Names, r.OtherNames)
	writeWeights(w, "ATTRIBUTE", r.Attrs, r.OtherAttrs)
	return w.Flush()
}

func (r *Report) writeHead(w io.Writer) {
	fmt.Fprintf(w, "events:\t%d\n", r.Events)
	for _, k := range r.Kinds {
		fmt.Fprintf(w, "  %s:\t%d\n", k.Kind, k.Count)
	}
	wall := ""
	if r.WallBegin != nil {
		wall = ", from " + r.WallBegin.Format(time.RFC3339Nano)
	}
	length := summary.Duration(r.End - r.Begin)
	fmt.Fprintf(w, "time:\t%s, from %s on the trace's clock%s\n", length, summary.Duration(r.Begin), wall)
	if r.PerSecond > 0 {
		fmt.Fprintf(w, "rate:\t%s events a second; the most are %d within %s, after %s\n", number(r.PerSecond),
			r.Busiest.Events, summary.Duration(r.Busiest.Length), summary.Duration(max(r.Busiest.Begin-r.Begin, 0)))
	}
	r.Slices.write(w, "slices")
	r.Async.write(w, "async slices")
	for _, line := range []struct {
		what string
		n    int64
	}{{"deepest", int64(r.Depth)}, {"without an end", r.Open}, {"ends without a begin", r.Unmatched},
		{"failed", r.Failed}, {"slices too many to be followed", r.Untold}} {
		if line.n > 0 {
			fmt.Fprintf(w, "  %s:\t%d\n", line.what, line.n)
		}
	}
	var levels []string
	for _, s := range r.Severities {
		name := s.Severity
		if name == "" {
			name = "unknown"
		}
		levels = append(levels, fmt.Sprintf("%s %d", name, s.Count))
	}
	if levels != nil {
		fmt.Fprintf(w, "log lines:\t%s\n", strings.Join(levels, ", "))
	}
	for _, l := range r.Losses {
		place := ""
		if l.Offset >= 0 {
			place = fmt.Sprintf(", first at byte %d", l.Offset)
		}
		fmt.Fprintf(w, "lost:\t%s: %d%s\n", l.What, l.Count, place)
	}
}

// number writes a number with three digits at least.
func number(f float64) string {
	if f < 100 {
		return strconv.FormatFloat(f, 'g', 3, 64)
	}
	return strconv.FormatFloat(f, 'f', 0, 64)
}

func (d *Durations) write(w io.Writer, what string) {
	if d.Count == 0 {
		return
	}
	fmt.Fprintf(w, "%s:\t%d ended; half within %s, 90%% within %s, 99%% within %s, the longest %s\n", what, d.Count,
		summary.Duration(d.P50), summary.Duration(d.P90), summary.Duration(d.P99), summary.Duration(d.Max))
}

func (p *Process) write(w io.Writer, top int) {
	name := shown(p.Name)
	switch {
	case name == "" && p.ID == "":
		name = "(no process)"
	case name == "":
		name = "process " + shown(p.ID)
	case p.ID != "":
		name += " (pid " + shown(p.ID) + ")"
	}
	fmt.Fprintf(w, "\n%s: %s in %s\n", name, several(p.Events, "event", "events"),
		several(int64(len(p.Tracks)), "track", "tracks"))
	if len(p.Tracks) == 0 {
		return
	}
	fmt.Fprintln(w, "  EVENTS\tSLICES\tLOGS\tOPEN\tDEPTH\tTOTAL\tLONGEST\tTRACK")
	for i, t := range p.Tracks {
		if top > 0 && i == top {
			fmt.Fprintf(w, "  and %s\n", several(int64(len(p.Tracks)-top), "track", "tracks"))
			break
		}
		fmt.Fprintf(w, "  %d\t%d\t%d\t%d\t%d\t%s\t%s\t%s\n", t.Events, t.Slices, t.Logs, t.Open, t.Depth,
			summary.Duration(int64(min(t.Total, 1<<62))), summary.Duration(t.Longest), shown(t.Name))
	}
}

func several(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func writeWeights(w io.Writer, title string, list []Weight, rest Weight) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(w, "\nBYTES\tCOUNT\t%s\n", title)
	for _, entry := range list {
		fmt.Fprintf(w, "%d\t%d\t%s\n", entry.Bytes, entry.Count, shown(entry.Text))
	}
	if rest.Count > 0 {
		fmt.Fprintf(w, "%d\t%d\t(others)\n", rest.Bytes, rest.Count)
	}
}

// shown returns a text as it can be shown: short, and without what a terminal might act on.
func shown(s string) string {
	var b strings.Builder
	n := 0
	for _, r := range s {
		if n++; n > longestShown {
			return b.String() + "…"
		}
		if unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	return b.String()
}
