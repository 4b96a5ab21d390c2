package catapult_test

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/spanstack/spanstack/browsertest/catapult"
)

// outline is a report as text, with times in µs:
//
//	! <warning's type>
//	process <pid> <name>
//	  counter <name>: <series> <time>=<value> ...
//	  * <instant of the process> <time>
//	  lane <tid> <name>
//	    <slice> <start>+<duration> <spanstack.id> open
//	      <slice nested in it> ...
//	    ~ <async slice> ...
//	* <global instant> <time>
//	flow <from> -> <to> at <start>
func outline(r *catapult.Report) string {
	var b strings.Builder
	for _, w := range r.Warnings {
		fmt.Fprintf(&b, "! %s\n", w.Type)
	}
	for _, p := range r.Processes {
		fmt.Fprintf(&b, "process %d %s\n", p.PID, p.Name)
		for _, c := range p.Counters {
			for _, s := range c.Series {
				fmt.Fprintf(&b, "  counter %s: %s", c.Name, s.Name)
				for _, sample := range s.Samples {
					fmt.Fprintf(&b, " %s=%v", us(sample.TimeMs), strconv.FormatFloat(sample.Value, 'f', -1, 64))
				}
				b.WriteByte('\n')
			}
		}
		for _, i := range p.Instants {
			fmt.Fprintf(&b, "  * %s %s\n", i.Title, us(i.StartMs))
		}
		for _, t := range p.Threads {
			fmt.Fprintf(&b, "  lane %d %s\n", t.TID, t.Name)
			for _, s := range t.Slices {
				outlineSlice(&b, s, "")
			}
			for _, s := range t.Async {
				outlineSlice(&b, s, "~ ")
			}
		}
	}
	for _, i := range r.Instants {
		fmt.Fprintf(&b, "* %s %s\n", i.Title, us(i.StartMs))
	}
	for _, f := range r.Flows {
		fmt.Fprintf(&b, "flow %s -> %s at %s\n", f.From.Title, f.To.Title, us(f.StartMs))
	}
	return trimLines(b.String())
}

func outlineSlice(b *strings.Builder, s *catapult.Slice, mark string) {
	fmt.Fprintf(b, "    %s%s%s %s+%s", strings.Repeat("  ", s.Depth), mark, s.Title, us(s.StartMs), us(s.DurationMs))
	if id, ok := s.Args["spanstack.id"]; ok {
		fmt.Fprintf(b, " %v", id)
	}
	if s.DidNotFinish {
		b.WriteString(" open")
	}
	b.WriteByte('\n')
}

// us prints milliseconds as µs, rounded to ns.
func us(ms float64) string {
	return strconv.FormatFloat(math.Round(ms*1e6)/1e3, 'f', -1, 64)
}

// dedent removes the indentation of the first line from all lines.
func dedent(text string) string {
	text = strings.TrimPrefix(text, "\n")
	indent := text[:len(text)-len(strings.TrimLeft(text, "\t"))]
	return trimLines(strings.ReplaceAll("\n"+text, "\n"+indent, "\n"))
}

// trimLines removes spaces at the ends of lines and empty lines around them.
func trimLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " \t")
	}
	return strings.Trim(strings.Join(lines, "\n"), "\n")
}
