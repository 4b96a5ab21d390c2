package browsertest

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/spanstack/spanstack/browsertest/catapult"
)

// tolerance is the difference in µs that two ways to compute a time in float64
// may have: half a nanosecond.
const tolerance = 0.0005

// compare returns everything in which the viewer's picture differs from the
// file, and every import warning. An empty result means that the viewer shows
// all slices, lanes, names, arrows and async slices of the file and nothing
// else, nested as their ids say.
func compare(file *traceFile, report *catapult.Report) []string {
	c := &comparison{file: file}
	for _, w := range report.Warnings {
		c.addf("import warning: %v", w)
	}
	if file.loose > 0 {
		c.addf("the file has %d flow events without their other end", file.loose)
	}
	seen := make(map[lane]bool)
	for _, p := range report.Processes {
		if p.Name != file.processes[p.PID] {
			c.addf("process %d is named %q, in the file %q", p.PID, p.Name, file.processes[p.PID])
		}
		for _, t := range p.Threads {
			at := lane{p.PID, t.TID}
			seen[at] = true
			c.lane(at, t)
		}
	}
	for at, list := range file.slices {
		if !seen[at] {
			c.addf("lane %v with %d slices is not shown", at, len(list))
		}
	}
	for at, list := range file.async {
		if !seen[at] {
			c.addf("lane %v with %d async slices is not shown", at, len(list))
		}
	}
	c.flows(report)
	return c.differences
}

type comparison struct {
	file        *traceFile
	differences []string
}

func (c *comparison) addf(format string, args ...any) {
	c.differences = append(c.differences, fmt.Sprintf(format, args...))
}

func (c *comparison) lane(at lane, t *catapult.Thread) {
	if t.Name != c.file.names[at] {
		c.addf("lane %v is named %q, in the file %q", at, t.Name, c.file.names[at])
	}
	c.slices(at, t)
	if got, want := len(t.Async), len(c.file.async[at]); got != want {
		c.addf("lane %v shows %d async slices, the file has %d", at, got, want)
	}
	for _, s := range t.Async {
		if s.Error != "" {
			c.addf("async slice %q at %.3f µs: %s", s.Title, s.StartMs*1000, s.Error)
		}
	}
}

// slices compares a lane's slices one by one, in order of time and name.
func (c *comparison) slices(at lane, t *catapult.Thread) {
	want := slices.SortedFunc(slices.Values(c.file.slices[at]), func(x, y fileSlice) int {
		return cmp.Or(cmp.Compare(x.start, y.start), cmp.Compare(x.name, y.name))
	})
	got := slices.SortedFunc(slices.Values(t.Slices), func(x, y *catapult.Slice) int {
		return cmp.Or(cmp.Compare(x.StartMs, y.StartMs), cmp.Compare(x.Title, y.Title))
	})
	if len(got) != len(want) {
		c.addf("lane %v shows %d slices, the file has %d", at, len(got), len(want))
		return
	}
	open := 0
	for i, s := range got {
		w := want[i]
		if s.Title != w.name || s.Category != w.cat || math.Abs(s.StartMs*1000-w.start) > tolerance {
			c.addf("lane %v shows %s %q at %.3f µs, the file has %s %q at %.3f µs",
				at, s.Category, s.Title, s.StartMs*1000, w.cat, w.name, w.start)
		}
		if w.dur >= 0 && math.Abs(s.DurationMs*1000-w.dur) > tolerance {
			c.addf("lane %v shows %q at %.3f µs with %.3f µs, the file says %.3f µs", at, w.name, w.start, s.DurationMs*1000, w.dur)
		}
		if s.DidNotFinish {
			open++
		}
	}
	if open != c.file.open(at) {
		c.addf("lane %v shows %d open slices, the file has %d", at, open, c.file.open(at))
	}
	c.nesting(at, t)
}

// nesting checks that a slice whose parent is in the same lane is drawn inside
// that parent, and that a task is in none.
func (c *comparison) nesting(at lane, t *catapult.Thread) {
	inLane := make(map[string]bool)
	for _, s := range t.Slices {
		if id := arg(s, "spanstack.id"); id != "" && s.Category != "log" {
			inLane[id] = true
		}
	}
	for _, s := range t.Slices {
		parent := arg(s, "spanstack.parent")
		switch {
		case s.Category == "task" && s.Parent != nil:
			c.addf("lane %v draws task %q at %.3f µs inside of %q", at, s.Title, s.StartMs*1000, s.Parent.Title)
		case s.Category == "span" && inLane[parent] && (s.Parent == nil || arg(s.Parent, "spanstack.id") != parent):
			c.addf("lane %v draws span %q at %.3f µs not inside of its parent %s", at, s.Title, s.StartMs*1000, parent)
		}
	}
}

// flows compares the arrows with the file's pairs, and their ends with the ids:
// unless it is a link, an arrow goes from the parent of a task to that task.
func (c *comparison) flows(report *catapult.Report) {
	type ends struct {
		from, to   lane
		start, end float64
	}
	rounded := func(us float64) float64 { return math.Round(us*1000) / 1000 }
	missing := make(map[ends]int)
	for _, f := range c.file.flows {
		missing[ends{f.from, f.to, rounded(f.start), rounded(f.end)}]++
	}
	for _, f := range report.Flows {
		if f.From == nil || f.To == nil {
			c.addf("arrow %q at %.3f µs has an end in no slice", f.Title, f.StartMs*1000)
			continue
		}
		shown := ends{laneOf(f.From), laneOf(f.To), rounded(f.StartMs * 1000), rounded((f.StartMs + f.DurationMs) * 1000)}
		if missing[shown]--; missing[shown] < 0 {
			c.addf("arrow %q from %v at %.3f µs to %v at %.3f µs is not in the file",
				f.Title, shown.from, shown.start, shown.to, shown.end)
		}
		from, to := spanOf(f.From), spanOf(f.To)
		parent := arg(to, "spanstack.parent")
		if f.Title != "link" && parent != "" && !within(from, parent) {
			c.addf("arrow to %q at %.3f µs comes from %q (%s), its parent is %s",
				to.Title, shown.end, from.Title, arg(from, "spanstack.id"), parent)
		}
	}
	for f, n := range missing {
		if n > 0 {
			c.addf("arrow from %v at %.3f µs to %v at %.3f µs is not shown", f.from, f.start, f.to, f.end)
		}
	}
}

func laneOf(s *catapult.Slice) lane { return lane{s.Thread.Process.PID, s.Thread.TID} }

// spanOf is the span or task of a slice: an instant that has the same time as
// an arrow takes the arrow's end.
func spanOf(s *catapult.Slice) *catapult.Slice {
	for s.Category != "task" && s.Category != "span" && s.Parent != nil {
		s = s.Parent
	}
	return s
}

// within reports whether s is the span with this id or nested in it: an arrow
// starts at the deepest slice, which may be a child of the spawning span.
func within(s *catapult.Slice, id string) bool {
	for ; s != nil; s = s.Parent {
		if arg(s, "spanstack.id") == id {
			return true
		}
	}
	return false
}

func arg(s *catapult.Slice, key string) string {
	text, _ := s.Args[key].(string)
	return text
}
