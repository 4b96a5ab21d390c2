package suite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/replicate"
)

// replicated replicates a tree and returns what was done, a line for each dataset.
func replicated(t *testing.T, ctx context.Context, o replicate.Options, src, dst string) []string {
	t.Helper()
	o.Recursive = true
	r := replicate.Replicator{Options: o}
	plan, err := r.QuickPlan(ctx, src, dst)
	if err != nil {
		t.Fatal(err)
	}
	report, _ := r.Execute(ctx, plan)
	for _, w := range report.Warnings {
		t.Errorf("warning: %v", w)
	}
	var lines []string
	for _, d := range report.Datasets {
		line := strings.TrimPrefix(strings.TrimPrefix(d.Plan.Destination, dst), "/") + ":"
		if d.Plan.Placeholder {
			line += " placeholder"
		}
		for _, s := range d.Steps {
			line += " " + s.Step.String()
		}
		if c, ok := errors.AsType[*replicate.Conflict](d.Err); ok {
			line += " " + c.Kind.String()
		} else if d.Err != nil {
			line += " " + d.Err.Error()
		}
		if !strings.HasSuffix(line, ":") {
			lines = append(lines, line)
		}
	}
	return lines
}

// TestReplicateTree: filesystems, a volume and an encrypted filesystem, in full and by increments, with what a filter leaves out.
func TestReplicateTree(t *testing.T) {
	ctx := platform(t)
	p, to := source(), destination().name+"/tree copy"
	p.create(t, "trunk")
	p.create(t, "trunk/a b")
	p.create(t, "trunk/a b/c")
	p.create(t, "trunk/volume", "-V", "1M")
	p.create(t, "trunk/tmp")
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte(strings.Repeat("0123456789abcdef", 4)), 0o600); err != nil {
		t.Fatal(err)
	}
	p.create(t, "trunk/secret", "-o", "encryption=on", "-o", "keyformat=hex", "-o", "keylocation=file://"+key)
	p.write(t, "trunk/a b/c", "file", 1<<20)
	p.write(t, "trunk/secret", "file", 1<<20)
	src := p.name + "/trunk"
	exclude, err := replicate.ParseGlob("tmp")
	if err != nil {
		t.Fatal(err)
	}
	only, err := replicate.ParseGlob("a b/c")
	if err != nil {
		t.Fatal(err)
	}
	run(t, "zfs", "snapshot", "-r", src+"@1")
	wantSteps(t, replicated(t, ctx, replicate.Options{Filter: replicate.Filter{Include: []replicate.Glob{only}}}, src, to),
		": placeholder", "a b: placeholder", "a b/c: full @1")
	o := replicate.Options{Filter: replicate.Filter{Exclude: []replicate.Glob{exclude}}}
	wantSteps(t, replicated(t, ctx, o, src, to), ": full @1", "a b: full @1", "secret: full @1 raw", "volume: full @1")
	wantSteps(t, replicated(t, ctx, o, src, to))
	p.write(t, "trunk/a b/c", "file", 2<<20)
	p.write(t, "trunk/secret", "other", 1<<20)
	run(t, "zfs", "snapshot", "-r", src+"@2")
	run(t, "zfs", "snapshot", "-r", src+"@3")
	run(t, "zfs", "unmount", p.name+"/trunk/secret")
	run(t, "zfs", "unload-key", p.name+"/trunk/secret")
	wantSteps(t, replicated(t, ctx, o, src, to), ": incremental @1..@3 (2 snapshots)", "a b: incremental @1..@3 (2 snapshots)",
		"a b/c: incremental @1..@3 (2 snapshots)", "secret: incremental @1..@3 (2 snapshots) raw", "volume: incremental @1..@3 (2 snapshots)")
	wantEqual(t, ctx, src+"/a b/c", to+"/a b/c")
	run(t, "zfs", "load-key", "-L", "file://"+key, to+"/secret")
	run(t, "zfs", "load-key", p.name+"/trunk/secret")
	wantEqual(t, ctx, src+"/secret", to+"/secret")

	// What wasn't listed: snapshots of the copies' own, which are in the way of a raw increment alone.
	p.write(t, "trunk/a b/c", "file", 1<<20)
	p.write(t, "trunk/secret", "third", 1<<20)
	run(t, "zfs", "snapshot", src+"/a b/c@4", src+"/secret@4")
	run(t, "zfs", "snapshot", to+"/a b/c@own", to+"/secret@own")
	wantSteps(t, replicated(t, ctx, o, src, to), "a b/c: incremental @3..@4", "secret: diverged")
	run(t, "zfs", "destroy", to+"/a b/c@own")
	run(t, "zfs", "destroy", to+"/secret@own")
	wantSteps(t, replicated(t, ctx, o, src, to), "secret: incremental @3..@4 raw")
	wantEqual(t, ctx, src+"/a b/c", to+"/a b/c")
	wantEqual(t, ctx, src+"/secret", to+"/secret")
	if got := strings.Fields(run(t, "zfs", "get", "-Hpo", "value", "mounted,canmount", to+"/a b/c")); !slices.Equal(got, []string{"no", "noauto"}) {
		t.Errorf("the copy is mounted, and canmount: %q", got)
	}
}

// TestReplicateProcesses counts zfs processes: four for a tree in which nothing has changed, two more for each dataset that has, and
// one for each of what was there before, and what is there at the end. Holds and cursors take a fixed number.
func TestReplicateProcesses(t *testing.T) {
	const n = 8
	ctx := platform(t)
	rec := trace.RecorderFromContext(ctx)
	p, to := source(), destination().name+"/many"
	p.create(t, "many")
	for i := range n - 1 {
		p.create(t, fmt.Sprintf("many/%d", i))
	}
	src := p.name + "/many"
	// On a slow machine some cursors and holds are left before the end, every ten seconds: that is counted by itself.
	count := func(o replicate.Options) (atEnd string, early int64) {
		t.Helper()
		before := len(rec.Snapshot())
		replicated(t, ctx, o, src, to)
		counts, spans := make(map[string]int), make(map[trace.ID]trace.Record)
		for _, r := range rec.Snapshot()[before:] {
			spans[r.ID] = r // of logs, 0
		}
		for _, r := range spans {
			command, ok := strings.CutPrefix(r.Name, "zfs ")
			switch above := spans[r.Parent]; {
			case r.Name == "keep":
				early += r.Attrs[0].Value.Int64() // datasets
			case ok && r.Phase == trace.PhaseComplete && above.Name != "keep":
				counts[command]++
			}
		}
		return fmt.Sprint(counts), early
	}
	run(t, "zfs", "snapshot", "-r", src+"@1")
	count(replicate.Options{})
	if got, _ := count(replicate.Options{}); got != "map[get:1 list:3]" {
		t.Errorf("nothing has changed: %s", got)
	}
	run(t, "zfs", "snapshot", "-r", src+"@2")
	if got, _ := count(replicate.Options{}); got != fmt.Sprintf("map[get:3 list:3 receive:%d send:%d]", n, n) {
		t.Errorf("all have changed: %s", got)
	}
	run(t, "zfs", "snapshot", "-r", src+"@3")
	o := replicate.Options{Hold: "zferry:test", Cursor: "test"}
	cursors := "program:1 "
	got, early := count(o)
	if early == n {
		cursors = ""
	}
	if want := fmt.Sprintf("map[get:1 hold:2 list:4 %sreceive:%d release:2 send:%d]", cursors, n, n); got != want {
		t.Errorf("with holds and cursors: %s, want %s, since those of %d were left before", got, want, early)
	}
	for _, side := range []string{src, to} {
		tags := run(t, "zfs", "holds", "-rH", side+"@3")
		if got := strings.Count(tags, "zferry:test"); got != n || strings.Contains(tags, "@2") {
			t.Errorf("holds of %s: %s", side, tags)
		}
	}
	run(t, "zfs", "snapshot", "-r", src+"@4")
	run(t, "zfs", "release", "-r", "zferry:test", src+"@3")
	run(t, "zfs", "destroy", "-r", src+"@3")
	count(o)
	if got := run(t, "zfs", "list", "-rH", "-t", "bookmark", "-o", "name", src); strings.Count(got, "#zferry_test_") != n {
		t.Errorf("cursors: %s", got)
	}
	for i := range n - 1 {
		name := fmt.Sprintf("/%d", i)
		a, err := zfs.GUIDs(ctx, src+name+"@4", to+name+"@4")
		if err != nil || a[src+name+"@4"] != a[to+name+"@4"] {
			t.Errorf("%s did not arrive: %v, %v", name, a, err)
		}
	}
}

// TestReplicateRollback: what was changed on the destination is discarded, and what is newer destroyed, if a flag says so.
func TestReplicateRollback(t *testing.T) {
	ctx := platform(t)
	p, to := source(), destination()
	src, dst := p.create(t, "rolled"), to.name+"/rolled"
	run(t, "zfs", "snapshot", src+"@1")
	replicated(t, ctx, replicate.Options{Mount: true}, src, dst)
	to.write(t, "rolled", "mine", 1<<20)
	run(t, "zfs", "snapshot", src+"@2")
	r := replicate.Replicator{}
	plan, err := r.QuickPlan(ctx, src, dst)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Execute(ctx, plan); !errors.Is(err, zfssend.DestinationModified) {
		t.Errorf("it was changed: %v", err)
	}
	wantSteps(t, replicated(t, ctx, replicate.Options{Rollback: true}, src, dst), ": incremental @1..@2")
	to.write(t, "rolled", "mine", 1<<20)
	run(t, "zfs", "snapshot", dst+"@mine")
	run(t, "zfs", "snapshot", src+"@3")
	wantSteps(t, replicated(t, ctx, replicate.Options{Rollback: true}, src, dst), ": diverged")
	wantSteps(t, replicated(t, ctx, replicate.Options{DestroyDiverged: true}, src, dst), ": incremental @2..@3")
	wantEqual(t, ctx, src, dst)
}
