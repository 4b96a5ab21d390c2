package trigger

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"
)

// AnyOf fires whenever one of the triggers does.
func AnyOf(triggers ...Trigger) Trigger {
	return combine(triggers, func(parts []detector) detector {
		return func(b *batch) (causes []Cause) {
			for _, part := range parts {
				causes = append(causes, part(b)...)
			}
			sortByTime(causes)
			return causes
		}
	})
}

// AllOf fires when all of the triggers have fired within a time of this length, in any order. Then each of them has to
// fire anew. Its cause names all of theirs, and is about the task or span of the latest.
func AllOf(within time.Duration, triggers ...Trigger) Trigger {
	return combine(triggers, func(parts []detector) detector {
		a := all{within: int64(within), latest: make([]Cause, len(parts)), fired: make([]bool, len(parts))}
		return func(b *batch) (causes []Cause) {
			for _, f := range firings(parts, b) {
				if c, ok := a.add(f); ok {
					causes = append(causes, c)
				}
			}
			return causes
		}
	})
}

// A firing is what the part of that number of an AllOf fired.
type firing struct {
	part int
	Cause
}

func firings(parts []detector, b *batch) (all []firing) {
	for i, part := range parts {
		for _, c := range part(b) {
			all = append(all, firing{i, c})
		}
	}
	slices.SortStableFunc(all, func(a, b firing) int { return cmp.Compare(a.Time, b.Time) })
	return all
}

// all is the state of an AllOf.
type all struct {
	within int64
	latest []Cause // of each part
	fired  []bool
}

func (a *all) add(f firing) (Cause, bool) {
	if a.fired[f.part] && a.latest[f.part].Time > f.Time {
		return Cause{}, false // what ends is noticed late: records come in no order between two looks
	}
	a.latest[f.part], a.fired[f.part] = f.Cause, true
	first, last := int64(math.MaxInt64), int64(math.MinInt64)
	for i, c := range a.latest {
		if !a.fired[i] {
			return Cause{}, false
		}
		first, last = min(first, c.Time), max(last, c.Time)
	}
	if last-first > a.within {
		return Cause{}, false
	}
	clear(a.fired)
	return merge(a.latest), true
}

// merge makes one cause of several.
func merge(causes []Cause) Cause {
	if len(causes) == 1 {
		return causes[0]
	}
	var names, reasons []string
	last := causes[0]
	for _, c := range causes {
		names, reasons = append(names, c.Trigger), append(reasons, c.String())
		if c.Time > last.Time || last.Span == 0 && c.Time == last.Time {
			last = c
		}
	}
	last.Trigger, last.Reason = strings.Join(names, "+"), strings.Join(reasons, "; ")
	return last
}

// Nth fires with every nth time that t does. An n below 2 changes nothing.
func Nth(n int, t Trigger) Trigger {
	return filter(t, func() func(Cause) bool {
		count := 0
		return func(Cause) bool {
			count++
			if count < n {
				return false
			}
			count = 0
			return true
		}
	})
}

// Every fires when t does, but at most once in each interval. What t fires in between is forgotten, other than with
// Config.Interval.
func Every(interval time.Duration, t Trigger) Trigger {
	return filter(t, func() func(Cause) bool {
		last, fired := int64(0), false
		return func(c Cause) bool {
			if fired && c.Time-last < int64(interval) {
				return false
			}
			last, fired = c.Time, true
			return true
		}
	})
}

// filter returns a trigger that fires for those causes of t that keep lets through.
func filter(t Trigger, newKeep func() func(Cause) bool) Trigger {
	return combine([]Trigger{t}, func(parts []detector) detector {
		keep := newKeep()
		return func(b *batch) []Cause {
			causes := parts[0](b)
			sortByTime(causes)
			return slices.DeleteFunc(causes, func(c Cause) bool { return !keep(c) })
		}
	})
}

// combine makes a trigger of the detectors of others.
func combine(triggers []Trigger, f func([]detector) detector) Trigger {
	var t Trigger
	for _, part := range triggers {
		t.needs |= part.needs
		t.signals = append(t.signals, part.signals...)
	}
	t.start = func() detector {
		parts := make([]detector, len(triggers))
		for i, part := range triggers {
			parts[i] = part.detector()
		}
		return f(parts)
	}
	return t
}

func (t Trigger) detector() detector {
	if t.start == nil {
		return func(*batch) []Cause { return nil }
	}
	return t.start()
}

func sortByTime(causes []Cause) {
	slices.SortStableFunc(causes, func(a, b Cause) int { return cmp.Compare(a.Time, b.Time) })
}
