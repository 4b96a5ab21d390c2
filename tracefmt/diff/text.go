package diff

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/spanstack/spanstack/tracefmt/internal/table"
	"github.com/spanstack/spanstack/tracefmt/summary"
)

// Style says how a difference is written as text. The zero value is plain text.
type Style struct {
	NameA, NameB string // of the traces, such as those of their files
	Colour       bool   // with ANSI escape sequences: slower red, faster green
}

// none stands in a cell for what isn't there.
const none = "-"

// WriteText writes the difference as a table. Lines of paths that are new begin with +, of those that are gone with -.
func (d *Diff) WriteText(w io.Writer, style Style) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "A  %s: %s\n", table.Printable(style.NameA), d.A)
	fmt.Fprintf(b, "B  %s: %s (%s, %s)\n", table.Printable(style.NameB), d.B,
		signed(d.B.Total-d.A.Total), percent(d.A.Total, d.B.Total-d.A.Total))
	if len(d.Changes) > 0 {
		fmt.Fprintln(b)
		rows := [][]string{{" ", "±SELF", "%", "SELF A", "SELF B", "±TOTAL", "±COUNT", "±P50", "±P95", "PATH"}}
		for i := range d.Changes {
			rows = append(rows, d.Changes[i].row())
		}
		table.Write(b, rows, func(row, column int) string {
			if !style.Colour || row == 0 || column > 2 {
				return ""
			}
			return colour(d.Changes[row-1].Self())
		})
	}
	fmt.Fprintf(b, "\n%s\n", d.rest())
	return b.Flush()
}

func (t Totals) String() string {
	return fmt.Sprintf("%s in %d slices", summary.Duration(t.Total), t.Slices)
}

// rest says what the table doesn't.
func (d *Diff) rest() string {
	text := fmt.Sprintf("paths that changed: %d", len(d.Changes))
	if d.Small > 0 {
		text += fmt.Sprintf("; by less than the threshold: %d", d.Small)
	}
	return text + fmt.Sprintf("; that didn't: %d", d.Same)
}

func colour(change int64) string {
	switch {
	case change > 0:
		return table.Red
	case change < 0:
		return table.Green
	}
	return ""
}

func (c *Change) row() []string {
	mark, part := " ", percent(orZero(c.A, func(n *Numbers) int64 { return n.Self }), c.Self())
	switch {
	case c.A == nil:
		mark, part = "+", "new"
	case c.B == nil:
		mark, part = "-", "gone"
	}
	names := make([]string, len(c.Path))
	for i, name := range c.Path {
		names[i] = table.Printable(name)
	}
	row := []string{mark, signed(c.Self()), part, none, none, signed(c.Total()), fmt.Sprintf("%+d", c.Count()), none, none,
		strings.Join(names, ";")}
	if c.A != nil {
		row[3] = summary.Duration(c.A.Self)
	}
	if c.B != nil {
		row[4] = summary.Duration(c.B.Self)
	}
	if c.Count() == 0 {
		row[6] = "0"
	}
	if c.A != nil && c.B != nil && c.A.ended.Count() > 0 && c.B.ended.Count() > 0 {
		row[7], row[8] = signed(c.B.P50-c.A.P50), signed(c.B.P95-c.A.P95)
	}
	return row
}

// signed returns a change of so many ns with its sign.
func signed(ns int64) string {
	if ns > 0 {
		return "+" + summary.Duration(ns)
	}
	return summary.Duration(ns)
}

// percent returns a change as a part of what was before.
func percent(before, change int64) string {
	if change == 0 {
		return "0%"
	}
	if before == 0 {
		return none
	}
	f := 100 * float64(change) / math.Abs(float64(before))
	digits := 1
	if math.Abs(f) >= 1000 {
		digits = 0
	}
	sign := ""
	if f > 0 {
		sign = "+"
	}
	return sign + strconv.FormatFloat(f, 'f', digits, 64) + "%"
}
