package summary

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spanstack/spanstack/tracefmt/internal/table"
)

// Style says how a summary is written as text. The zero value is plain text.
type Style struct {
	Colour bool // with ANSI escape sequences: failures red, open slices yellow
}

// WriteText writes the summary, which is finished, as a table with the tree of names on its right.
func (s *Summary) WriteText(w io.Writer, style Style) error {
	b := bufio.NewWriter(w)
	for i, p := range s.Processes {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintln(b, head(p, s.End))
		rows := [][]string{{"COUNT", "TOTAL", "SELF", "P50", "P95", "MAX", "FAILED", "OPEN", "NAME"}}
		rows = s.rows(rows, p.Root, "", 0)
		if len(rows) > 1 {
			writeTable(b, rows, style)
		}
	}
	if len(s.Processes) == 0 {
		fmt.Fprintln(b, "There are no timed events in this trace.")
	}
	return b.Flush()
}

// head returns the line about a process.
func head(p *Process, end int64) string {
	name := table.Printable(p.Name)
	switch {
	case name == "" && p.ID.IsZero():
		name = "(no process)"
	case name == "":
		name = "process " + table.Printable(p.ID.String())
	case !p.ID.IsZero():
		name = fmt.Sprintf("%s (pid %s)", name, table.Printable(p.ID.String()))
	}
	last := p.Last
	if p.Open > 0 {
		last = end
	}
	parts := []string{Duration(last - p.First)}
	for _, part := range []struct {
		n            int64
		one, several string
	}{
		{p.Tasks, "task", "tasks"}, {p.Slices - p.Tasks, "span", "spans"}, {p.Failed, "failed", "failed"},
		{p.Open, "open", "open"}, {p.Logs, "log line", "log lines"}, {p.Anomalies, "anomaly", "anomalies"},
		{p.Losses, "loss", "losses"},
	} {
		switch part.n {
		case 0:
		case 1:
			parts = append(parts, "1 "+part.one)
		default:
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.several))
		}
	}
	return name + ": " + strings.Join(parts, ", ")
}

// rows adds the rows of all nodes below n. indent is what stands left of their branches.
func (s *Summary) rows(rows [][]string, n *Node, indent string, depth int) [][]string {
	for i, c := range n.Children {
		branch, below := "├─ ", "│  "
		if i == len(n.Children)-1 {
			branch, below = "└─ ", "   "
		}
		if depth == 0 {
			branch, below = "", ""
		}
		rows = append(rows, s.row(c, indent+branch))
		rows = s.rows(rows, c, indent+below, depth+1)
	}
	return rows
}

func (s *Summary) row(n *Node, prefix string) []string {
	name := prefix + table.Printable(n.Name)
	if n.Track {
		return []string{"", Duration(n.Total), "", "", "", "", "", "", name}
	}
	row := []string{strconv.FormatInt(n.Count, 10), Duration(n.Total), Duration(n.Self), "-", "-", "-", "-", "-", name}
	if n.Ended.Count() > 0 {
		row[3], row[4], row[5] = Duration(n.Ended.At(0.5)), Duration(n.Ended.At(0.95)), Duration(n.Ended.Max())
	}
	if n.Failed > 0 {
		row[6] = strconv.FormatInt(n.Failed, 10)
	}
	if n.Open > 0 {
		row[7] = strconv.FormatInt(n.Open, 10)
		row[8] += fmt.Sprintf("  [open for %s]", Duration(s.End-n.OpenFrom))
	}
	return row
}

// colours are those of cells, by their columns.
var colours = map[int]string{6: table.Red, 7: table.Yellow}

// writeTable writes the rows below their heading.
func writeTable(b *bufio.Writer, rows [][]string, style Style) {
	table.Write(b, rows, func(row, column int) string {
		if cell := rows[row][column]; !style.Colour || row == 0 || cell == "-" || cell == "" {
			return ""
		}
		return colours[column]
	})
}

// Duration returns a number of nanoseconds as people write it, with three digits: 0s, 12ns, 3.40µs, 56.7ms, 8.90s,
// 12m34s, 5h06m.
func Duration(ns int64) string {
	sign := ""
	if ns < 0 {
		sign, ns = "-", -max(ns, -1<<63+1)
	}
	d := time.Duration(ns)
	if d == 0 {
		return "0s"
	}
	if d < time.Microsecond {
		return fmt.Sprintf("%s%dns", sign, ns)
	}
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{time.Microsecond, "µs"}, {time.Millisecond, "ms"}, {time.Second, "s"}} {
		for digits, limit := 2, 10.0; digits >= 0; digits, limit = digits-1, limit*10 {
			value := strconv.FormatFloat(float64(d)/float64(unit.size), 'f', digits, 64)
			if f, _ := strconv.ParseFloat(value, 64); f < limit && (unit.name != "s" || f < 60) {
				return sign + value + unit.name
			}
		}
	}
	if seconds := int64(d.Round(time.Second) / time.Second); seconds < 3600 {
		return fmt.Sprintf("%s%dm%02ds", sign, seconds/60, seconds%60)
	}
	minutes := int64(d.Round(time.Minute) / time.Minute)
	return fmt.Sprintf("%s%dh%02dm", sign, minutes/60, minutes%60)
}
