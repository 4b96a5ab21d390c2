package critical

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/spanstack/spanstack/tracefmt/internal/table"
	"github.com/spanstack/spanstack/tracefmt/summary"
)

// maxIndent is how deep a slice is shown at most.
const maxIndent = 40

// WriteText writes a path of the trace as two tables: its segments in the order of time, and sums by name.
func (t *Trace) WriteText(w io.Writer, p *Path) error {
	b := bufio.NewWriter(w)
	name := table.Printable(nameOf(p.Slice))
	if where := t.TrackName(p.Slice.Track); where != "" {
		name += " (" + table.Printable(where) + ")"
	}
	segments := "segments"
	if len(p.Segments) == 1 {
		segments = "segment"
	}
	fmt.Fprintf(b, "critical path of %s: %s in %d %s",
		name, summary.Duration(p.Slice.Duration()), len(p.Segments), segments)
	if p.Slice.Open {
		b.WriteString(", still open")
	}
	b.WriteByte('\n')
	if p.Clipped > 0 {
		fmt.Fprintf(b, "clipped to what waited for them, as the clocks say otherwise: %d\n", p.Clipped)
	}
	if len(p.Segments) > 0 {
		b.WriteByte('\n')
		t.segments(b, p)
		b.WriteByte('\n')
		sums(b, p)
	}
	return b.Flush()
}

func nameOf(s *Slice) string { return cmp.Or(s.Name, "(no name)") }

func (t *Trace) segments(b *bufio.Writer, p *Path) {
	width := 0
	for _, s := range p.Segments {
		width = max(width, utf8.RuneCountInString(table.Printable(t.TrackName(s.Slice.Track))))
	}
	rows := [][]string{{"START", "DURATION", "SHARE", padded("TRACK", width) + "  SLICE"}}
	for _, s := range p.Segments {
		rows = append(rows, []string{
			seconds(s.Start - p.Slice.Start), summary.Duration(s.Dur), p.percent(s.Dur),
			padded(table.Printable(t.TrackName(s.Slice.Track)), max(width, len("TRACK"))) + "  " +
				strings.Repeat("  ", min(s.Depth, maxIndent)) + table.Printable(nameOf(s.Slice)),
		})
	}
	table.Write(b, rows, plain)
}

func sums(b *bufio.Writer, p *Path) {
	rows := [][]string{{"DURATION", "SHARE", "SEGMENTS", "NAME"}}
	for _, s := range p.ByName() {
		rows = append(rows, []string{summary.Duration(s.Dur), p.percent(s.Dur), strconv.FormatInt(s.Count, 10),
			table.Printable(cmp.Or(s.Name, "(no name)"))})
	}
	table.Write(b, rows, plain)
}

func plain(int, int) string { return "" }

func padded(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
}

func (p *Path) percent(ns int64) string {
	return strconv.FormatFloat(100*p.Share(ns), 'f', 1, 64) + "%"
}

// seconds returns nanoseconds, which are not negative, as seconds with microseconds.
func seconds(ns int64) string { return fmt.Sprintf("%d.%06d", ns/1e9, ns%1e9/1e3) }
