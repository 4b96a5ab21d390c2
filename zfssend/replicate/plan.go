package replicate

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/spanstack/spanstack/zfssend"
)

// Plan is what a replication will do.
type Plan struct {
	Source      string // the dataset that is sent
	Destination string // the dataset that receives
	Base        string // the source's newest version that the destination has: "@mon" or "#mon"; "" for a new destination
	Steps       []Step // to run in this order; none if the destination has everything
}

// Step is one zfs send piped into one zfs receive.
type Step struct {
	From      string   // version that the increment starts from: "@mon" or "#mon"; "" for a full stream
	Snapshots []string // that arrive, in this order, such as "@tue", "@wed"; at least one
	Raw       bool     // the stream is raw, since the dataset is encrypted

	// FromGUID and GUIDs are those of From and Snapshots. What is sent in their place, should the source have changed since it was
	// listed, is refused. Without GUIDs, nothing is.
	FromGUID uint64
	GUIDs    []uint64
}

// To returns the step's last snapshot.
func (s Step) To() string { return s.Snapshots[len(s.Snapshots)-1] }

// Kind returns "full" or "incremental".
func (s Step) Kind() string {
	if s.From == "" {
		return "full"
	}
	return "incremental"
}

// String returns a short description, such as "full @mon" or "incremental @mon..@wed (2 snapshots)".
func (s Step) String() string {
	text := s.Kind() + " "
	if s.From != "" {
		text += s.From + ".."
	}
	text += s.To()
	if n := len(s.Snapshots); n > 1 {
		text += " (" + strconv.Itoa(n) + " snapshots)"
	}
	if s.Raw {
		text += " raw"
	}
	return text
}

// NewPlan plans the replication of src to dst, both listed with their versions. A dst with the GUID 0 doesn't exist
// yet. The error is a *[Conflict].
func NewPlan(src, dst zfssend.Dataset) (*Plan, error) {
	var common string // the destination's name of the newest common snapshot
	conflict := func(kind Kind, versions []zfssend.Version) (*Plan, error) {
		return nil, &Conflict{
			Kind: kind, Source: src.Name, Destination: dst.Name,
			Common: common, Versions: names(versions), Token: dst.ResumeToken,
		}
	}
	plan := &Plan{Source: src.Name, Destination: dst.Name}
	have, want := snapshots(dst), snapshots(src)
	switch {
	case dst.ResumeToken != "":
		return conflict(Interrupted, nil)
	case len(want) == 0:
		return conflict(NoSnapshots, nil)
	case dst.GUID == 0:
		plan.add(src, zfssend.Version{}, want[:1])
		plan.increments(src, want[0], want[1:])
		return plan, nil
	case len(have) == 0:
		return conflict(DestinationExists, nil)
	}
	base, i := newestCommon(src, have)
	if i < 0 {
		return conflict(NothingInCommon, have)
	}
	plan.Base, common = base.Name, have[i].Name
	if newer := have[i+1:]; len(newer) > 0 {
		return conflict(Diverged, newer)
	}
	want = slices.DeleteFunc(want, func(v zfssend.Version) bool { return v.CreateTXG <= base.CreateTXG })
	if taken := sameNames(have, want); len(taken) > 0 {
		return conflict(NameTaken, taken)
	}
	plan.increments(src, base, want)
	return plan, nil
}

// increments adds the steps that bring snapshots, which follow base, to a destination that has base.
func (p *Plan) increments(src zfssend.Dataset, base zfssend.Version, snapshots []zfssend.Version) {
	if base.IsBookmark() && len(snapshots) > 1 { // zfs send -I doesn't take a bookmark
		p.add(src, base, snapshots[:1])
		base, snapshots = snapshots[0], snapshots[1:]
	}
	if len(snapshots) > 0 {
		p.add(src, base, snapshots)
	}
}

func (p *Plan) add(src zfssend.Dataset, from zfssend.Version, snapshots []zfssend.Version) {
	step := Step{From: from.Name, FromGUID: from.GUID, Snapshots: names(snapshots), Raw: src.Encrypted()}
	for _, v := range snapshots {
		step.GUIDs = append(step.GUIDs, v.GUID)
	}
	p.Steps = append(p.Steps, step)
}

// newestCommon returns the index of the newest snapshot in have that src knows, -1 if there is none, and src's version
// of it. A snapshot of src is preferred to a bookmark, since it can be the base of any stream.
func newestCommon(src zfssend.Dataset, have []zfssend.Version) (base zfssend.Version, index int) {
	known := make(map[uint64]zfssend.Version)
	for _, v := range src.Versions {
		if before, ok := known[v.GUID]; !ok || before.IsBookmark() {
			known[v.GUID] = v
		}
	}
	for i, v := range slices.Backward(have) {
		if base, ok := known[v.GUID]; ok {
			return base, i
		}
	}
	return zfssend.Version{}, -1
}

// snapshots returns a dataset's snapshots, the oldest first.
func snapshots(d zfssend.Dataset) []zfssend.Version {
	list := slices.DeleteFunc(slices.Clone(d.Versions), zfssend.Version.IsBookmark)
	slices.SortFunc(list, func(a, b zfssend.Version) int { return cmp.Compare(a.CreateTXG, b.CreateTXG) })
	return list
}

// sameNames returns those of have whose names are wanted for others.
func sameNames(have, want []zfssend.Version) []zfssend.Version {
	wanted := make(map[string]bool)
	for _, v := range want {
		wanted[v.Name] = true
	}
	return slices.DeleteFunc(slices.Clone(have), func(v zfssend.Version) bool { return !wanted[v.Name] })
}

func names(versions []zfssend.Version) []string {
	list := make([]string, len(versions))
	for i, v := range versions {
		list[i] = v.Name
	}
	return list
}

// enumerate joins names, with the middle of a long list left out.
func enumerate(names []string) string {
	if len(names) > 4 {
		return strings.Join(names[:2], ", ") + ", ... and " + names[len(names)-1] + " (" + strconv.Itoa(len(names)) + ")"
	}
	return strings.Join(names, ", ")
}
