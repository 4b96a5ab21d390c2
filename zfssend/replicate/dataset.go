package replicate

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/zstream"
)

// PlanDataset plans the replication of src to dst, both listed with their versions. A dst with the GUID 0 doesn't exist yet.
func PlanDataset(src, dst zfssend.Dataset, o *Options) *DatasetPlan {
	p := &planner{
		DatasetPlan: DatasetPlan{Source: src.Name, Destination: dst.Name, Volume: src.Type == "volume", isNew: dst.GUID == 0},
		src:         &src, dst: &dst, o: o, raw: o.raw(&src),
		have: snapshots(dst), all: snapshots(src),
	}
	p.want = o.wanted(p.all)
	for _, v := range src.Versions {
		if v.IsBookmark() {
			p.cursors = append(p.cursors, v)
		}
	}
	p.Conflict = p.plan()
	if p.Conflict != nil {
		p.AbortReceive, p.Destroy, p.RollbackTo, p.Steps = false, nil, "", nil
	}
	if p.Conflict == nil && !p.isNew && !p.replaces {
		p.differing = o.differing(&dst)
	}
	return &p.DatasetPlan
}

// planner makes the plan of one dataset.
type planner struct {
	DatasetPlan
	src, dst *zfssend.Dataset
	o        *Options
	raw      bool
	have     []zfssend.Version // the destination's snapshots, the oldest first
	all      []zfssend.Version // the source's
	want     []zfssend.Version // those of all that the filter selects
}

// wanted returns the snapshots that the filter selects.
func (o *Options) wanted(list []zfssend.Version) []zfssend.Version {
	if !o.Filter.ofSnapshots() {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), func(v zfssend.Version) bool { return !o.Filter.Snapshot(v.Name[1:]) })
}

func (p *planner) conflict(kind Kind, versions []zfssend.Version) *Conflict {
	return &Conflict{
		Kind: kind, Source: p.Source, Destination: p.Destination,
		Common: p.common, Versions: names(versions), Token: p.dst.ResumeToken, Raw: p.raw,
	}
}

// plan fills the plan, or returns why there is none.
func (p *planner) plan() *Conflict {
	if len(p.want) == 0 {
		return p.conflict(NoSnapshots, nil)
	}
	if p.dst.ResumeToken != "" {
		return p.resume()
	}
	switch {
	case p.isNew:
		p.full()
		return nil
	case len(p.have) == 0 && isPlaceholder(p.dst):
		if p.dst.Encrypted() {
			return p.conflict(EncryptedPlaceholder, nil) // zfs receive -F replaces none
		}
		p.replaces = true
		p.full()
		return nil
	case len(p.have) == 0:
		return p.conflict(DestinationExists, nil)
	}
	return p.onTop()
}

// onTop plans what a destination lacks that has snapshots.
func (p *planner) onTop() *Conflict {
	base, i := newestCommon(*p.src, p.have)
	if i < 0 {
		return p.conflict(NothingInCommon, p.have)
	}
	p.startFrom(base, i)
	p.want = after(p.want, base)
	switch own := p.have[i+1:]; {
	case len(own) > 0 && p.o.DestroyDiverged:
		p.Destroy, p.RollbackTo = names(own), p.common
		p.have = p.have[:i+1]
	case len(own) > 0 && p.raw && len(p.want) > 0:
		return p.conflict(Diverged, own)
	default:
		p.Own = names(own)
	}
	if taken := sameNames(p.have, p.want); len(taken) > 0 {
		return p.conflict(NameTaken, taken)
	}
	p.increments(base, p.want)
	return nil
}

// resume plans to go on with an interrupted receive, and with what follows, or to discard it if it fits to nothing.
func (p *planner) resume() *Conflict {
	token, err := zstream.ParseToken(p.dst.ResumeToken)
	if err != nil {
		return p.conflict(Interrupted, nil)
	}
	to := find(p.want, token.ToGUID)
	if step := p.resumed(&token, to); step != nil {
		p.Steps, p.Latest = append(p.Steps, *step), *to
		p.increments(*to, after(p.want, *to))
		return nil
	}
	p.AbortReceive = true
	p.dst.ResumeToken = ""
	if token.FromGUID == 0 && len(p.have) == 0 {
		p.isNew = true // it goes with the state of its first receive
		p.full()
		return nil
	}
	if len(p.have) == 0 {
		return p.conflict(Interrupted, nil)
	}
	return p.onTop()
}

// resumed returns the step that a token continues, if it still is one: its snapshot is there and wanted, its base is the
// destination's newest snapshot, and nothing is between them that is wanted, too.
func (p *planner) resumed(token *zstream.Token, to *zfssend.Version) *Step {
	if to == nil || token.Raw != p.raw || token.Saved || len(token.RedactSnapshots) > 0 || token.ToName != p.Source+to.Name {
		return nil
	}
	step := &Step{Snapshots: []string{to.Name}, GUIDs: []uint64{to.GUID}, FromGUID: token.FromGUID, Raw: token.Raw, Token: p.dst.ResumeToken}
	if token.FromGUID == 0 {
		if len(p.have) > 0 {
			return nil
		}
		return step
	}
	base, i := newestCommon(*p.src, p.have)
	if i < 0 || i != len(p.have)-1 || base.GUID != token.FromGUID {
		return nil
	}
	for _, v := range p.want {
		if v.CreateTXG > base.CreateTXG && v.CreateTXG < to.CreateTXG {
			return nil
		}
	}
	p.startFrom(base, i)
	step.From = base.Name
	return step
}

// startFrom makes a version of the source the base, which is a snapshot of the destination.
func (p *planner) startFrom(base zfssend.Version, have int) {
	p.Base, p.common, p.Latest = base.Name, p.have[have].Name, base
	if p.o.Hold != "" {
		p.held = common(p.all, p.have)
	}
}

// encrypts reports whether a destination is known to encrypt what it gets, or, if it doesn't exist yet, to inherit that.
func encrypts(d *zfssend.Dataset) bool {
	return d.Encryption != "" && d.Encryption != "-" && d.Encryption != "off"
}

// full plans what a new destination gets.
func (p *planner) full() {
	first := p.want[:1]
	if p.o.Newest {
		first = p.want[len(p.want)-1:]
	}
	p.add(zfssend.Version{}, first)
	if !p.o.Newest {
		p.increments(first[0], p.want[1:])
	}
}

// increments adds the steps that bring snapshots, which follow base, to a destination that has base: one for each run of
// them between which there are no others.
func (p *planner) increments(base zfssend.Version, want []zfssend.Version) {
	if base.IsBookmark() && len(want) > 1 { // zfs send -I doesn't take a bookmark
		p.add(base, want[:1])
		base, want = want[0], want[1:]
	}
	for len(want) > 0 {
		n := p.run(base, want)
		p.add(base, want[:n])
		base, want = want[n-1], want[n:]
	}
}

// run returns how many of the snapshots one stream can bring.
func (p *planner) run(base zfssend.Version, want []zfssend.Version) int {
	if !p.o.Filter.ofSnapshots() {
		return len(want)
	}
	n := 0
	for all := after(p.all, base); n < len(want) && n < len(all) && all[n].GUID == want[n].GUID; {
		n++
	}
	return max(n, 1) // zfs send -i leaves out what is between
}

func (p *planner) add(from zfssend.Version, snapshots []zfssend.Version) {
	step := Step{From: from.Name, FromGUID: from.GUID, Snapshots: names(snapshots), Raw: p.raw, GUIDs: make([]uint64, len(snapshots)),
		NoEmbedded: !p.raw && encrypts(p.dst)}
	for i, v := range snapshots {
		step.GUIDs[i] = v.GUID
	}
	p.Steps = append(p.Steps, step)
	p.Latest = snapshots[len(snapshots)-1]
}

// newestCommon returns the index of the newest snapshot in have that src knows, -1 if there is none, and src's version
// of it. A snapshot of src is preferred to a bookmark, since it can be the base of any stream.
func newestCommon(src zfssend.Dataset, have []zfssend.Version) (base zfssend.Version, index int) {
	known := make(map[uint64]zfssend.Version, len(src.Versions))
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

// after returns the snapshots that are newer than a version.
func after(list []zfssend.Version, v zfssend.Version) []zfssend.Version {
	i, _ := slices.BinarySearchFunc(list, v.CreateTXG+1, func(x zfssend.Version, txg uint64) int { return cmp.Compare(x.CreateTXG, txg) })
	return list[i:]
}

// common returns the snapshots that are in both lists.
func common(source, destination []zfssend.Version) []held {
	names := make(map[uint64]string, len(destination))
	for _, v := range destination {
		names[v.GUID] = v.Name
	}
	var list []held
	for _, v := range source {
		if name, ok := names[v.GUID]; ok {
			list = append(list, held{v.GUID, v.Name, name})
		}
	}
	return list
}

func find(list []zfssend.Version, guid uint64) *zfssend.Version {
	if i := slices.IndexFunc(list, func(v zfssend.Version) bool { return v.GUID == guid }); i >= 0 {
		return &list[i]
	}
	return nil
}

// snapshots returns a dataset's snapshots, the oldest first.
func snapshots(d zfssend.Dataset) []zfssend.Version {
	list := slices.DeleteFunc(slices.Clone(d.Versions), zfssend.Version.IsBookmark)
	slices.SortFunc(list, func(a, b zfssend.Version) int { return cmp.Compare(a.CreateTXG, b.CreateTXG) })
	return list
}

// sameNames returns those of have whose names are wanted for others.
func sameNames(have, want []zfssend.Version) []zfssend.Version {
	if len(want) == 0 {
		return nil
	}
	wanted := make(map[string]bool, len(want))
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
