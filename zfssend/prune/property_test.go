package prune

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/spanstack/spanstack/zfssend"
)

// drawDataset returns snapshots, taken by a clock that is set back at times, and some cursors.
func drawDataset(t *rapid.T) zfssend.Dataset {
	d := zfssend.Dataset{Name: "tank/a", GUID: 1}
	at := now.Add(-time.Duration(rapid.IntRange(0, 400*24).Draw(t, "hours")) * time.Hour)
	for i := range rapid.IntRange(0, 40).Draw(t, "snapshots") {
		prefix := rapid.SampledFrom([]string{"@auto-", "@auto-", "@manual-"}).Draw(t, "prefix")
		at = at.Add(time.Duration(rapid.IntRange(-2, 30).Draw(t, "step")) * 40 * time.Minute)
		v := zfssend.Version{Name: fmt.Sprint(prefix, i), GUID: uint64(1000 + i), CreateTXG: uint64(i), Creation: at}
		if rapid.IntRange(0, 20).Draw(t, "held") == 0 {
			v.Holds = 1
		}
		d.Versions = append(d.Versions, v)
		if rapid.IntRange(0, 8).Draw(t, "cursor") == 0 {
			name := rapid.SampledFrom([]string{"#zferry_x_%016x", "#zferry_y_%016x", "#zrepl_CURSOR_G_%x_J_z", "#mine-%x"}).Draw(t, "bookmark")
			v.Name, v.Holds = fmt.Sprintf(name, v.GUID), 0
			d.Versions = append(d.Versions, v)
		}
		if rapid.IntRange(0, 8).Draw(t, "gone") == 0 { // and only its bookmark is left, if there is one
			d.Versions = slices.DeleteFunc(d.Versions, func(other zfssend.Version) bool { return other.GUID == v.GUID && !other.IsBookmark() })
		}
	}
	return d
}

// drawPeers returns other sides that have some of its versions, and some of their own.
func drawPeers(t *rapid.T, d zfssend.Dataset) (peers []PeerListing) {
	for i := range rapid.IntRange(0, 3).Draw(t, "peers") {
		p := PeerListing{Dataset: zfssend.Dataset{Name: fmt.Sprint("backup/", i)}, Role: rapid.SampledFrom([]Role{Target, Source}).Draw(t, "role")}
		if p.Role == Target {
			p.Cursor = rapid.SampledFrom([]string{"", "x", "z"}).Draw(t, "cursor name")
		}
		for _, v := range d.Versions {
			if rapid.IntRange(0, 3).Draw(t, "has") > 0 {
				p.Dataset.Versions = append(p.Dataset.Versions, v)
			}
		}
		if rapid.Bool().Draw(t, "own") {
			p.Dataset.Versions = append(p.Dataset.Versions, zfssend.Version{Name: "@own", GUID: uint64(5000 + i), CreateTXG: 9999, Creation: now})
		}
		peers = append(peers, p)
	}
	return peers
}

var grids = []string{"3x1h", "1x1h(keep=all) | 2x2h | 3x1d", "2x1h(keep=2) | 4x1d", "hourly=3 daily=2", "monthly=1 weekly=2", "2x90m | 3x5h"}

func drawPolicy(t *rapid.T) Policy {
	p := Policy{StaleCursors: rapid.Bool().Draw(t, "stale cursors")}
	if rapid.Bool().Draw(t, "match") {
		p.Match = func(name string) bool { return strings.HasPrefix(name, "auto-") }
	}
	for range rapid.IntRange(1, 3).Draw(t, "rules") {
		p.Rules = append(p.Rules, []func() Rule{
			func() Rule { return lastRule(rapid.IntRange(1, 9).Draw(t, "last")) },
			func() Rule {
				g, err := ParseGrid(rapid.SampledFrom(grids).Draw(t, "grid"), nil)
				if err != nil {
					t.Fatal(err)
				}
				return g
			},
			func() Rule { return KeepMatching(regexp.MustCompile("[369]$"), rapid.Bool().Draw(t, "negate")) },
			func() Rule { return KeepYounger(time.Duration(rapid.IntRange(1, 200).Draw(t, "younger")) * time.Hour) },
			func() Rule { return KeepOlder(time.Duration(rapid.IntRange(1, 200).Draw(t, "older")) * time.Hour) },
			KeepUnreplicated,
		}[rapid.IntRange(0, 5).Draw(t, "rule")]())
	}
	return p
}

// after returns what is left of a dataset once a plan was executed.
func after(d zfssend.Dataset, p *Plan) zfssend.Dataset {
	gone := p.Doomed()
	d.Versions = slices.DeleteFunc(slices.Clone(d.Versions), func(v zfssend.Version) bool { return slices.Contains(gone, d.Name+v.Name) })
	return d
}

// base returns the GUID from which an increment from source to destination would start; 0 if there is none. It is found in the
// plainest way: the newest snapshot of the destination that the source has, or has a bookmark of.
func base(source, destination zfssend.Dataset) (guid uint64) {
	for _, there := range destination.Versions {
		for _, here := range source.Versions {
			if here.GUID == there.GUID && !there.IsBookmark() {
				guid = there.GUID
			}
		}
	}
	return guid
}

// isFuture reports whether a version is of the future.
func isFuture(v zfssend.Version) bool { return v.Creation.After(now) }

func TestPlanProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawDataset(t)
		peers, policy := drawPeers(t, d), drawPolicy(t)
		p, err := NewPlan(now, d, peers, &policy)
		if err != nil {
			t.Fatal(err)
		}
		left := after(d, p)
		newest := -1
		for i, decision := range p.Decisions {
			if len(decision.Reasons) == 0 {
				t.Fatalf("nothing is said about %s", decision.Snapshot.Name)
			}
			newest = i
			if isForeign := policy.Match != nil && !policy.Match(decision.Snapshot.Name[1:]); isForeign != (decision.Fate == Foreign) {
				t.Fatalf("%s: %v", decision.Snapshot.Name, decision.Fate)
			}
			if decision.Fate != Destroy {
				continue
			}
			v := decision.Snapshot
			switch {
			case v.Holds > 0:
				t.Fatalf("%s is held, and destroyed", v.Name)
			case policy.NeedsCreation() && isFuture(v):
				t.Fatalf("%s is of the future, and destroyed", v.Name)
			}
		}
		if newest >= 0 && p.Decisions[newest].Fate == Destroy {
			t.Fatal("the newest one is destroyed")
		}
		for _, v := range d.Versions {
			if v.IsBookmark() && !strings.HasPrefix(v.Name, "#zferry_") && !slices.Contains(left.Versions, v) {
				t.Fatalf("the bookmark %s is destroyed", v.Name)
			}
		}
		for _, peer := range peers {
			checkBase(t, d, left, peer)
		}
		again, err := NewPlan(now, left, peers, &policy)
		if err != nil {
			t.Fatal(err)
		}
		if names := again.Doomed(); len(names) > 0 {
			t.Fatalf("the second time it destroys %v", names)
		}
	})
}

// checkBase checks that what an increment starts from is as before, on a source and on a destination.
func checkBase(t *rapid.T, before, left zfssend.Dataset, peer PeerListing) {
	was, is := base(before, peer.Dataset), base(left, peer.Dataset)
	if peer.Role == Source {
		was, is = base(peer.Dataset, before), base(peer.Dataset, left)
	}
	if was != is {
		t.Fatalf("increments of %s and %s started from %d, and now from %d", before.Name, peer.Dataset.Name, was, is)
	}
}

// TestPruneBothSides prunes a source and its destination in turns, with new snapshots and replications between: the base stays.
func TestPruneBothSides(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		source, destination := zfssend.Dataset{Name: "tank/a"}, zfssend.Dataset{Name: "backup/a"}
		here, there := drawPolicy(t), drawPolicy(t)
		cursors := rapid.Bool().Draw(t, "cursors")
		for i := range rapid.IntRange(1, 25).Draw(t, "rounds") {
			v := zfssend.Version{Name: fmt.Sprint("@auto-", i), GUID: uint64(1000 + i), CreateTXG: uint64(i), Creation: now.Add(time.Duration(i) * time.Hour)}
			source.Versions = append(source.Versions, v)
			if rapid.Bool().Draw(t, "replicate") {
				replicateTo(t, &source, &destination, cursors, v)
			}
			for range rapid.IntRange(0, 2).Draw(t, "prunings") {
				d, peer, policy, role := &source, &destination, &here, Target
				if rapid.Bool().Draw(t, "destination") {
					d, peer, policy, role = &destination, &source, &there, Source
				}
				p, err := NewPlan(v.Creation, *d, []PeerListing{{Dataset: *peer, Role: role}}, policy)
				if err != nil {
					t.Fatal(err)
				}
				*d = after(*d, p)
			}
		}
	})
}

// replicateTo sends what is new, as package replicate does, which needs a base unless the destination is new.
func replicateTo(t *rapid.T, source, destination *zfssend.Dataset, cursors bool, newest zfssend.Version) {
	from := base(*source, *destination)
	if len(destination.Versions) > 0 && from == 0 {
		t.Fatalf("there is no base any more: %v, %v", source.Versions, destination.Versions)
	}
	for _, v := range source.Versions {
		if !v.IsBookmark() && v.GUID > from {
			destination.Versions = append(destination.Versions, v)
		}
	}
	if !cursors {
		return
	}
	source.Versions = slices.DeleteFunc(source.Versions, zfssend.Version.IsBookmark)
	newest.Name = fmt.Sprintf("#zferry_x_%016x", newest.GUID)
	source.Versions = append(source.Versions, newest)
}

// TestGridKeepsNoMore: of n buckets there are at most n with a snapshot that is kept for the grid.
func TestGridKeepsNoMore(t *testing.T) {
	most := map[string]int{"3x1h": 3, "2x2h | 3x1d": 5, "2x1h(keep=2) | 4x1d": 8, "hourly=3 daily=2": 5, "2x90m | 3x5h": 5, "5x1w": 5}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SampledFrom([]string{"3x1h", "2x2h | 3x1d", "2x1h(keep=2) | 4x1d", "hourly=3 daily=2", "2x90m | 3x5h", "5x1w"}).Draw(t, "grid")
		g, err := ParseGrid(text, nil)
		if err != nil {
			t.Fatal(err)
		}
		d := drawDataset(t)
		p, err := NewPlan(now, d, nil, &Policy{Rules: []Rule{g}})
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, decision := range p.Decisions {
			if slices.ContainsFunc(decision.Reasons, func(r string) bool {
				return strings.HasPrefix(r, "in the grid") || strings.HasPrefix(r, "the oldest of its")
			}) {
				n++
			}
		}
		if n > most[text] {
			t.Fatalf("%s keeps %d", text, n)
		}
	})
}
