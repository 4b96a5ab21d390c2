package prune

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spanstack/spanstack/zfssend"
)

// ErrNoRule says that a policy has no rules, so that it would keep nothing.
var ErrNoRule = errors.New("prune: there is no rule that keeps a snapshot")

// Policy says what is kept.
type Policy struct {
	// Match says by its name, without the at sign, whether a snapshot may be destroyed at all; all others are foreign. nil matches
	// all names.
	Match func(name string) bool

	// Rules each keep snapshots. There has to be one.
	Rules []Rule

	// StaleCursors also destroys bookmarks of replications that a newer one of the same name has taken the place of, as they are
	// left by a replication that broke off at that moment. It is about zferry's own.
	StaleCursors bool
}

// NeedsCreation reports whether the policy goes by times of creation.
func (p *Policy) NeedsCreation() bool {
	return slices.ContainsFunc(p.Rules, Rule.needsCreation)
}

// Role says what a peer is to the dataset that is pruned.
type Role uint8

const (
	Target Role = 1 + iota // it receives from the dataset
	Source                 // the dataset receives from it
)

// PeerListing is the other side of a replication.
type PeerListing struct {
	Dataset zfssend.Dataset // with its versions; just with a name if it doesn't exist
	Role    Role
	Cursor  string // of a Target, the name of its cursors on the source, as replicate.Options has it; "" if that isn't known
}

// Fate says what becomes of a snapshot.
type Fate uint8

const (
	Keep Fate = 1 + iota
	Destroy
	Foreign // it is none of the policy's, and kept
)

// String returns a word in lower case.
func (f Fate) String() string {
	switch f {
	case Keep:
		return "keep"
	case Destroy:
		return "destroy"
	case Foreign:
		return "foreign"
	}
	return "invalid fate"
}

// MarshalText returns what String does.
func (f Fate) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// Decision says what becomes of a snapshot, and why. Reasons are for people, one at least.
type Decision struct {
	Snapshot zfssend.Version
	Fate     Fate
	Reasons  []string // shared with other decisions: not to be changed
}

// Plan says what becomes of a dataset's snapshots.
type Plan struct {
	Dataset      string
	Decisions    []Decision        // of all snapshots, the oldest first
	StaleCursors []zfssend.Version // bookmarks that no replication starts from any more
	Notes        []string          // what else there is to know

	destroyCursors bool
}

// Doomed returns the names of what is to be destroyed, with the dataset's.
func (p *Plan) Doomed() []string {
	var names []string
	for _, d := range p.Decisions {
		if d.Fate == Destroy {
			names = append(names, p.Dataset+d.Snapshot.Name)
		}
	}
	if p.destroyCursors {
		for _, v := range p.StaleCursors {
			names = append(names, p.Dataset+v.Name)
		}
	}
	return names
}

// Count returns the number of snapshots of a fate.
func (p *Plan) Count(f Fate) (n int) {
	for _, d := range p.Decisions {
		if d.Fate == f {
			n++
		}
	}
	return n
}

// Reasons that are the same for many.
var (
	unwanted = []string{"no rule keeps it"}
	foreign  = []string{"its name is none of those that are pruned"}
)

// NewPlan decides at a time what becomes of a dataset's snapshots, given the other sides of its replications. Versions need times
// of creation if the policy does, and the number of holds, if the plan is to know of them. The error is ErrNoRule.
func NewPlan(now time.Time, d zfssend.Dataset, peers []PeerListing, p *Policy) (*Plan, error) {
	if len(p.Rules) == 0 {
		return nil, ErrNoRule
	}
	plan := &Plan{Dataset: d.Name, destroyCursors: p.StaleCursors}
	versions := d.Versions
	byTXG := func(a, b zfssend.Version) int { return cmp.Compare(a.CreateTXG, b.CreateTXG) }
	if !slices.IsSortedFunc(versions, byTXG) {
		versions = slices.SortedStableFunc(slices.Values(versions), byTXG)
	}
	plan.Decisions = make([]Decision, 0, len(versions))
	for _, v := range versions {
		if !v.IsBookmark() {
			plan.Decisions = append(plan.Decisions, Decision{Snapshot: v, Fate: Destroy})
		}
	}
	c := &candidates{now: now}
	at := make([]int, 0, len(plan.Decisions)) // of candidates in Decisions
	for i := range plan.Decisions {
		if v := &plan.Decisions[i]; p.Match != nil && !p.Match(v.Snapshot.Name[1:]) {
			v.Fate, v.Reasons = Foreign, foreign
		} else {
			c.snapshots = append(c.snapshots, v.Snapshot)
			at = append(at, i)
		}
	}
	r := newReplication(&d, versions, peers)
	c.replicatedTo = r.replicatedTo
	for _, rule := range p.Rules {
		rule.keep(c, func(i int, reason string) { plan.keep(at[i], reason) })
	}
	plan.protect(now, p.NeedsCreation(), r)
	return plan, nil
}

// keep keeps a snapshot for a reason.
func (p *Plan) keep(i int, reason string) {
	d := &p.Decisions[i]
	if d.Fate == Foreign {
		return
	}
	d.Fate = Keep
	d.Reasons = append(d.Reasons, reason)
}

// protect keeps what is kept whatever the rules say.
func (p *Plan) protect(now time.Time, creation bool, r *replication) {
	if n := len(p.Decisions); n > 0 {
		p.keep(n-1, "the newest snapshot")
	}
	for i := range p.Decisions {
		d := &p.Decisions[i]
		v := &d.Snapshot
		if reasons, ok := r.needed[v.GUID]; ok {
			for _, reason := range reasons {
				p.keep(i, reason)
			}
		}
		switch {
		case v.Holds > 0:
			p.keep(i, "held")
		case !creation:
		case v.Creation.IsZero():
			p.keep(i, "its time of creation isn't known")
		case v.Creation.After(now):
			p.keep(i, fmt.Sprintf("by this host's clock it is of the future: %s", v.Creation.UTC().Format(time.RFC3339)))
		}
		if d.Fate == Destroy {
			d.Reasons = unwanted
			if list := r.cursors[v.GUID]; len(list) > 0 {
				d.Reasons = []string{unwanted[0], "the next increment can start from its cursor " + list[0].bookmark}
			}
		}
	}
	p.StaleCursors, p.Notes = r.stale, r.notes
}
