package accounted

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/timeline"

	_ "github.com/spanstack/spanstack/tracefmt/chrome" // the format of --trace FILE.json
)

// Slice is a task or span of a trace. Times are in nanoseconds on the trace's clock.
type Slice struct {
	Name, ID, Parent string
	Begin, End       int64
}

// Account is how much of a root's time is explained.
type Account struct {
	Root  Slice
	Lost  time.Duration // in which no child of it runs
	Gap   Gap           // the longest part of that
	Own   time.Duration // in which nothing innermost runs
	Inner []string      // the names of what is innermost, each once
}

// Gap is a time in which nothing runs that was looked for.
type Gap struct {
	Time  time.Duration
	After string // the name of what ended before it; "" for the beginning of the root
}

// idle are the names of slices that say that something is there, and not what happens.
var idle = []string{"worker", "progress", "remote trace", "remote lock"}

// Read returns the slices of this host in a trace, all of which have to have ended. Of another host's, the end may not have come.
func Read(path string) (all []Slice, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	in, err := tracefmt.NewReader(f)
	if err != nil {
		return nil, err
	}
	var whole timeline.Timeline
	defer whole.Close()
	if _, err := whole.Read(in); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	async := make(map[string]Slice) // by key, those that don't nest and are open
	open := make(map[string]bool)   // by ID, what hasn't ended
	for e := range whole.Events() {
		switch e.Kind {
		case tracefmt.Complete:
			all = append(all, Slice{e.Name, e.ID, e.Parent, e.Time, e.Time + e.Dur})
		case tracefmt.AsyncBegin:
			async[e.AsyncKey()] = Slice{Name: e.Name, ID: e.ID, Parent: e.Parent, Begin: e.Time}
		case tracefmt.AsyncEnd:
			s := async[e.AsyncKey()]
			s.End = e.Time
			delete(async, e.AsyncKey())
			all = append(all, s)
		case tracefmt.Begin:
			open[e.ID] = true
			all = append(all, Slice{Name: e.Name, ID: e.ID, Parent: e.Parent, Begin: e.Time})
		}
	}
	for _, s := range async {
		open[s.ID] = true
		all = append(all, s)
	}
	all = near(all)
	for _, s := range all {
		if open[s.ID] {
			return nil, fmt.Errorf("%s: %s didn't end", path, s.Name)
		}
	}
	return all, nil
}

// near leaves out what an agent did, with all below it.
func near(all []Slice) []Slice {
	far := make(map[string]bool)
	for n := -1; n != len(far); { // children may stand before their parents
		n = len(far)
		for _, s := range all {
			if strings.HasPrefix(s.Name, "agent ") || far[s.Parent] {
				far[s.ID] = true
			}
		}
	}
	return slices.DeleteFunc(all, func(s Slice) bool { return far[s.ID] })
}

// Of returns an account for each root of that name: slices without a parent, in the order of their beginning.
func Of(all []Slice, name string) (list []Account) {
	parents := make(map[string]bool)
	for _, s := range all {
		parents[s.Parent] = true
	}
	for _, root := range all {
		if root.Name != name || root.Parent != "" {
			continue
		}
		below := under(all, root.ID)
		a := Account{Root: root}
		a.Lost, a.Gap = uncovered(root, below, func(s Slice) bool { return s.Parent == root.ID && (parents[s.ID] || !slices.Contains(idle, s.Name)) })
		a.Own, _ = uncovered(root, below, func(s Slice) bool {
			inner := !parents[s.ID] && !slices.Contains(idle, s.Name)
			if inner && !slices.Contains(a.Inner, s.Name) {
				a.Inner = append(a.Inner, s.Name)
			}
			return inner
		})
		slices.Sort(a.Inner)
		list = append(list, a)
	}
	slices.SortFunc(list, func(a, b Account) int { return cmp.Compare(a.Root.Begin, b.Root.Begin) })
	return list
}

// under returns all slices below one.
func under(all []Slice, id string) (list []Slice) {
	is := map[string]bool{id: true}
	for n := -1; n != len(is); {
		n = len(is)
		for _, s := range all {
			if is[s.Parent] {
				is[s.ID] = true
			}
		}
	}
	for _, s := range all {
		if is[s.ID] && s.ID != id {
			list = append(list, s)
		}
	}
	return list
}

// uncovered returns how much of a slice's time none of the others covers that are chosen, and the longest part of that.
func uncovered(of Slice, all []Slice, chosen func(Slice) bool) (lost time.Duration, longest Gap) {
	var inside []Slice
	for _, s := range all {
		if chosen(s) {
			inside = append(inside, s)
		}
	}
	slices.SortFunc(inside, func(a, b Slice) int { return cmp.Compare(a.Begin, b.Begin) })
	at, after := of.Begin, ""
	gap := func(until int64) {
		g := Gap{time.Duration(until - at), after}
		lost += max(g.Time, 0)
		if g.Time > longest.Time {
			longest = g
		}
	}
	for _, s := range inside {
		gap(min(s.Begin, of.End))
		if end := min(s.End, of.End); end > at {
			at, after = end, s.Name
		}
	}
	gap(of.End)
	return lost, longest
}

// Whole returns how long the root took.
func (a Account) Whole() time.Duration { return time.Duration(a.Root.End - a.Root.Begin) }

// Unexplained returns the share of the root's time in which no child of it runs, 0 to 1.
func (a Account) Unexplained() float64 { return share(a.Lost, a.Whole()) }

// Idle returns the share of the root's time in which nothing innermost runs, 0 to 1.
func (a Account) Idle() float64 { return share(a.Own, a.Whole()) }

func share(part, whole time.Duration) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// String returns a line.
func (a Account) String() string {
	return fmt.Sprintf("%s %v; outside of its children %v (%.2f %%; at most %v at a time, after %q), outside of all that is innermost %v (%.2f %%)",
		a.Root.Name, a.Whole(), a.Lost, 100*a.Unexplained(), a.Gap.Time, a.Gap.After, a.Own, 100*a.Idle())
}
