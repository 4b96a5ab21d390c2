package prune

import (
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/spanstack/spanstack/zfssend"
)

// Rule keeps snapshots. It is one of those of this package. Rules hold no state, and may be shared.
type Rule interface {
	fmt.Stringer

	// keep calls mark with the index of each candidate that it keeps, and with why.
	keep(c *candidates, mark func(i int, reason string))
	// needsCreation reports whether the rule goes by times of creation, which are slow to get.
	needsCreation() bool
}

// candidates are the snapshots of a dataset that may go, but for the rules.
type candidates struct {
	now       time.Time
	snapshots []zfssend.Version // the oldest first, by transaction group

	// replicatedTo is, for each peer that receives from the dataset, or each cursor's owner, the transaction group of the newest
	// snapshot that it has; 0 if it has none. It is nil if nothing is known of any.
	replicatedTo map[string]uint64
}

// newest returns the latest time of creation that isn't of the future.
func (c *candidates) newest() (at time.Time, ok bool) {
	for i := range c.snapshots {
		if v := c.snapshots[i].Creation; !v.After(c.now) && (!ok || v.After(at)) {
			at, ok = v, true
		}
	}
	return at, ok
}

// byCreation returns the indices of candidates in the order of their times of creation, which is that of transaction groups unless
// a clock was set.
func (c *candidates) byCreation() []int {
	order := make([]int, len(c.snapshots))
	for i := range order {
		order[i] = i
	}
	compare := func(a, b int) int { return c.snapshots[a].Creation.Compare(c.snapshots[b].Creation) }
	if !slices.IsSortedFunc(order, compare) {
		slices.SortStableFunc(order, compare)
	}
	return order
}

// KeepLast keeps the newest n, at least one.
func KeepLast(n int) (Rule, error) {
	if n < 1 {
		return nil, fmt.Errorf("keep the last %d: want 1 or more", n)
	}
	return last(n), nil
}

type last int

func (n last) String() string { return fmt.Sprintf("one of the last %d", int(n)) }

func (last) needsCreation() bool { return false }

func (n last) keep(c *candidates, mark func(int, string)) {
	reason := n.String()
	for i := max(len(c.snapshots)-int(n), 0); i < len(c.snapshots); i++ {
		mark(i, reason)
	}
}

// KeepMatching keeps those whose name, without the at sign, matches; or, with negate, all others.
func KeepMatching(re *regexp.Regexp, negate bool) Rule { return matching{re, negate} }

type matching struct {
	re     *regexp.Regexp
	negate bool
}

func (m matching) String() string {
	if m.negate {
		return fmt.Sprintf("its name doesn't match %q", m.re)
	}
	return fmt.Sprintf("its name matches %q", m.re)
}

func (matching) needsCreation() bool { return false }

func (m matching) keep(c *candidates, mark func(int, string)) {
	reason := m.String()
	for i, v := range c.snapshots {
		if m.re.MatchString(v.Name[1:]) != m.negate {
			mark(i, reason)
		}
	}
}

// KeepYounger keeps those that were created less than an age ago.
func KeepYounger(age time.Duration) Rule { return aged{age: age} }

// KeepOlder keeps those that were created an age ago or earlier.
func KeepOlder(age time.Duration) Rule { return aged{age: age, older: true} }

type aged struct {
	age   time.Duration
	older bool
}

func (a aged) String() string {
	if a.older {
		return "older than " + formatAge(a.age)
	}
	return "younger than " + formatAge(a.age)
}

func (aged) needsCreation() bool { return true }

func (a aged) keep(c *candidates, mark func(int, string)) {
	reason, limit := a.String(), c.now.Add(-a.age)
	for i, v := range c.snapshots {
		if !v.Creation.After(limit) == a.older {
			mark(i, reason)
		}
	}
}

// KeepUnreplicated keeps those that are newer than what each [Target] has; without any, than each cursor; without these, all.
func KeepUnreplicated() Rule { return unreplicated{} }

type unreplicated struct{}

func (unreplicated) String() string { return "not yet replicated" }

func (unreplicated) needsCreation() bool { return false }

func (unreplicated) keep(c *candidates, mark func(int, string)) {
	least, to := uint64(0), ""
	for name, txg := range c.replicatedTo {
		if to == "" || txg < least || txg == least && name < to {
			least, to = txg, name
		}
	}
	reason := "not yet replicated to " + to
	if to == "" {
		reason = "nothing tells that it was replicated: there is no target, and no cursor"
	}
	for i, v := range c.snapshots {
		if v.CreateTXG > least {
			mark(i, reason)
		}
	}
}
