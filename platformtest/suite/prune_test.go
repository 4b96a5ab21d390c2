package suite

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/prune"
	"github.com/spanstack/spanstack/zfssend/replicate"
	"github.com/spanstack/spanstack/zfssend/snapshot"
)

// takeAll takes snapshots and returns which were taken, and which datasets were left out.
func takeAll(t *testing.T, ctx context.Context, o snapshot.Options) (taken, skipped string) {
	t.Helper()
	result, err := snapshot.Take(ctx, zfs.Host(), o)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, s := range result.Skipped {
		list = append(list, s.Dataset)
	}
	return strings.Join(result.Taken, " "), strings.Join(list, " ")
}

// TestSnapshotTree: those of a tree are taken at one moment, but for what is left out.
func TestSnapshotTree(t *testing.T) {
	ctx := platform(t)
	p := source()
	top := p.create(t, "grove")
	for _, d := range []string{"a", "a/b", "tmp", "with space"} {
		p.create(t, "grove/"+d)
	}
	run(t, "zfs", "create", "-V", "8M", top+"/volume")
	taken, skipped := takeAll(t, ctx, snapshot.Options{Datasets: []string{top}, Recursive: true, Name: "x",
		Exclude: func(d string) bool { return strings.HasSuffix(d, "/tmp") }})
	names := []string{top + "@x", top + "/a@x", top + "/a/b@x", top + "/volume@x", top + "/with space@x"}
	if got := strings.Join(names, " "); taken != got || skipped != top+"/tmp" {
		t.Errorf("took %s, left out %s", taken, skipped)
	}
	txgs := strings.Fields(run(t, append([]string{"zfs", "get", "-Hp", "-o", "value", "createtxg"}, names...)...))
	if len(txgs) != len(names) || len(slices.Compact(txgs)) != 1 {
		t.Errorf("not at one moment: %v", txgs)
	}
}

// TestSnapshotIfWritten: only what was written to is taken; a clone has its first snapshot taken, but no second one.
func TestSnapshotIfWritten(t *testing.T) {
	ctx := platform(t)
	p := source()
	top := p.create(t, "written")
	a := p.create(t, "written/a")
	b := p.create(t, "written/b")
	o := snapshot.Options{Datasets: []string{top}, Recursive: true, IfWritten: true, Name: "1"}
	if taken, skipped := takeAll(t, ctx, o); taken != top+"@1 "+a+"@1 "+b+"@1" || skipped != "" {
		t.Errorf("took %s, left out %s", taken, skipped)
	}
	run(t, "zfs", "clone", "-o", "canmount=off", a+"@1", top+"/clone") // its mount point would be written to top
	p.write(t, "written/b", "file", 100_000)
	run(t, "zpool", "sync", p.name)
	o.Name = "2"
	if taken, skipped := takeAll(t, ctx, o); taken != b+"@2 "+top+"/clone@2" || skipped != top+" "+a {
		t.Errorf("took %s, left out %s", taken, skipped)
	}
	run(t, "zpool", "sync", p.name)
	o.Name = "3"
	if taken, skipped := takeAll(t, ctx, o); taken != "" || skipped != strings.Join([]string{top, a, b, top + "/clone"}, " ") {
		t.Errorf("took %s, left out %s", taken, skipped)
	}
}

// pruneTree prunes all but the last n, and returns what was destroyed.
func pruneTree(t *testing.T, ctx context.Context, dataset string, n int, peers ...prune.Peer) []string {
	t.Helper()
	rule, err := prune.KeepLast(n)
	if err != nil {
		t.Fatal(err)
	}
	p := prune.Pruner{Host: zfs.Host(), Policy: prune.Policy{Rules: []prune.Rule{rule}}}
	plans, err := p.Plan(ctx, dataset, true, peers...)
	if err != nil {
		t.Fatal(err)
	}
	result, err := p.Execute(ctx, plans)
	if err != nil {
		t.Fatal(err)
	}
	return result.Destroyed
}

// wantSnapshots compares the names of a dataset's snapshots and bookmarks.
func wantSnapshots(t *testing.T, ctx context.Context, dataset string, want ...string) {
	t.Helper()
	d, err := zfs.Dataset(ctx, dataset)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, v := range d.Versions {
		if !v.IsBookmark() {
			got = append(got, v.Name)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s has %v, want %v", dataset, got, want)
	}
}

// TestPruneBothSides prunes source and destination to the bone after each replication, which goes on from what is left: a
// snapshot, or, with a cursor, its bookmark.
func TestPruneBothSides(t *testing.T) {
	ctx := platform(t)
	p := source()
	for _, cursor := range []string{"", "backup"} {
		name := "pruned" + cursor
		src, dst := p.create(t, name), destination().name+"/"+name
		p.create(t, name+"/below")
		r := replicate.Replicator{Source: zfs.Host(), Destination: zfs.Host(), Options: replicate.Options{Recursive: true, Cursor: cursor}}
		target := prune.Peer{Host: zfs.Host(), Dataset: dst, Role: prune.Target, Cursor: cursor}
		base := ""
		for _, round := range []string{"1", "2"} {
			for _, s := range []string{"a", "b"} {
				p.write(t, name+"/below", "file"+round, 1<<20)
				takeAll(t, ctx, snapshot.Options{Datasets: []string{src}, Recursive: true, Name: round + s})
			}
			// What has not been replicated may go, but the base may not.
			pruneTree(t, ctx, src, 1, target2(round, target)...)
			want := []string{"@" + round + "b"}
			if base != "" && cursor == "" {
				want = append([]string{base}, want...)
			}
			wantSnapshots(t, ctx, src+"/below", want...)
			plan, err := r.Plan(ctx, src, dst)
			if err != nil {
				t.Fatal(err)
			}
			report, err := r.Execute(ctx, plan)
			if err != nil || report.Err() != nil {
				t.Fatal(err, report.Err())
			}
			if len(report.Warnings) > 0 {
				t.Error(report.Warnings)
			}
			base = "@" + round + "b"
			pruneTree(t, ctx, dst, 1, prune.Peer{Host: zfs.Host(), Dataset: src, Role: prune.Source})
			wantSnapshots(t, ctx, dst+"/below", base)
		}
		for _, d := range []string{"", "/below"} {
			want, got := contents(t, src+d+base), contents(t, dst+d+base)
			if len(want) != len(got) || d != "" && len(got) != 2 {
				t.Errorf("%s has %v, %s has %v", src+d, want, dst+d, got)
			}
		}
	}
}

// target2 returns the target once it exists.
func target2(round string, target prune.Peer) []prune.Peer {
	if round == "1" {
		return nil
	}
	return []prune.Peer{target}
}

// TestPruneInTheWay: what is held is kept by the plan, and what is held or cloned later is left by zfs; all else goes.
func TestPruneInTheWay(t *testing.T) {
	ctx := platform(t)
	p := source()
	d := p.create(t, "obstacles")
	for _, name := range []string{"1", "2", "3", "4", "5", "6", "7"} {
		run(t, "zfs", "snapshot", d+"@"+name)
	}
	run(t, "zfs", "hold", "early", d+"@1")
	rule, err := prune.KeepLast(1)
	if err != nil {
		t.Fatal(err)
	}
	pruner := prune.Pruner{Host: zfs.Host(), Policy: prune.Policy{Rules: []prune.Rule{rule}}}
	plans, err := pruner.Plan(ctx, d, false)
	if err != nil {
		t.Fatal(err)
	}
	if first := plans[0].Decisions[0]; first.Fate != prune.Keep || !slices.Equal(first.Reasons, []string{"held by early"}) {
		t.Errorf("%+v", first)
	}
	run(t, "zfs", "hold", "late", d+"@2")
	run(t, "zfs", "clone", d+"@3", p.name+"/clone of an obstacle")
	run(t, "zfs", "destroy", d+"@4")
	run(t, "zfs", "rename", d+"@5", d+"@other")
	run(t, "zfs", "snapshot", d+"@5")
	result, err := pruner.Execute(ctx, plans)
	if !errors.Is(err, zfssend.HasDependents) || !errors.Is(err, zfssend.Busy) && !errors.Is(err, zfssend.Held) {
		t.Errorf("got %v", err)
	}
	var failed []string
	for _, f := range result.Failed {
		failed = append(failed, strings.TrimPrefix(f.Name, d))
		t.Logf("%v: %v", f, f.Cause)
	}
	slices.Sort(failed)
	if !slices.Equal(result.Destroyed, []string{d + "@6"}) || !slices.Equal(result.Gone, []string{d + "@4"}) || !slices.Equal(failed, []string{"@2", "@3", "@5"}) {
		t.Errorf("%+v", result)
	}
	run(t, "zfs", "release", "late", d+"@2")
	run(t, "zfs", "release", "early", d+"@1")
	if got := pruneTree(t, ctx, p.name+"/clone of an obstacle", 1); got != nil {
		t.Errorf("destroyed %v", got)
	}
	run(t, "zfs", "destroy", p.name+"/clone of an obstacle")
	if got := pruneTree(t, ctx, d, 1); len(got) != 5 {
		t.Errorf("destroyed %v", got)
	}
	wantSnapshots(t, ctx, d, "@5")
}
