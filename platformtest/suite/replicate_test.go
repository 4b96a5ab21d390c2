package suite

import (
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/replicate"
)

// copyAll replicates and returns the steps that were needed.
func copyAll(t *testing.T, ctx context.Context, src, dst string) []string {
	t.Helper()
	var r replicate.Replicator
	plan, err := r.Plan(ctx, src, dst)
	if err != nil {
		t.Fatal(err)
	}
	report, err := r.Execute(ctx, plan)
	if err != nil {
		t.Fatal(err)
	}
	var steps []string
	for _, result := range report.Datasets[0].Steps {
		t.Logf("%v: %d bytes in %v; waited %v for send and %v for receive",
			result.Step, result.Bytes, result.Duration, result.Send.ReadWait, result.Receive.WriteWait)
		if result.Bytes == 0 || result.Warnings != "" {
			t.Errorf("got %+v", result)
		}
		steps = append(steps, result.Step.String())
	}
	return steps
}

func wantSteps(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("steps %q, want %q", got, want)
	}
}

// wantEqual checks that both datasets have the same snapshots, and that the oldest and the newest have the same contents.
func wantEqual(t *testing.T, ctx context.Context, src, dst string) {
	t.Helper()
	a, err := zfs.Dataset(ctx, src)
	if err != nil {
		t.Fatal(err)
	}
	b, err := zfs.Dataset(ctx, dst)
	if err != nil {
		t.Fatal(err)
	}
	same := func(a, b zfssend.Version) bool { return a.Name == b.Name && a.GUID == b.GUID }
	if !slices.EqualFunc(a.Versions, b.Versions, same) {
		t.Fatalf("%s has %+v, %s has %+v", src, a.Versions, dst, b.Versions)
	}
	for i, v := range a.Versions {
		if i > 0 && i < len(a.Versions)-1 {
			continue // mounting takes a second in an emulated machine
		}
		want, got := contents(t, src+v.Name), contents(t, dst+v.Name)
		if !maps.Equal(got, want) {
			t.Errorf("contents of %s: got %v, want %v", v.Name, got, want)
		}
	}
}

func TestReplicate(t *testing.T) {
	ctx := platform(t)
	p := source()
	src, dst := p.create(t, "with space"), destination().name+"/a copy"
	snapshot := func(name string) {
		if err := zfs.Snapshot(ctx, src+"@"+name); err != nil {
			t.Fatal(err)
		}
	}
	p.write(t, "with space", "first", 8<<20)
	p.write(t, "with space", "second", 1<<20)
	snapshot("one 1")
	wantSteps(t, copyAll(t, ctx, src, dst), "full @one 1")
	wantEqual(t, ctx, src, dst)
	wantSteps(t, copyAll(t, ctx, src, dst))

	p.write(t, "with space", "second", 2<<20)
	snapshot("two")
	wantSteps(t, copyAll(t, ctx, src, dst), "incremental @one 1..@two")
	wantEqual(t, ctx, src, dst)

	for _, name := range []string{"three", "four", "five"} {
		p.write(t, "with space", name, 1<<20)
		snapshot(name)
	}
	if err := os.Remove(filepath.Join(p.dir, "with space", "first")); err != nil {
		t.Fatal(err)
	}
	snapshot("six")
	wantSteps(t, copyAll(t, ctx, src, dst), "incremental @two..@six (4 snapshots)")
	wantEqual(t, ctx, src, dst)

	another := destination().name + "/another copy"
	wantSteps(t, copyAll(t, ctx, src, another), "full @one 1", "incremental @one 1..@six (5 snapshots)")
	wantEqual(t, ctx, src, another)
}

// TestReplicateFromBookmark: the base is gone on the source, but for its bookmark.
func TestReplicateFromBookmark(t *testing.T) {
	ctx := platform(t)
	p := source()
	src, dst := p.create(t, "marked"), destination().name+"/marked"
	p.write(t, "marked", "first", 1<<20)
	run(t, "zfs", "snapshot", src+"@a")
	run(t, "zfs", "bookmark", src+"@a", src+"#a")
	copyAll(t, ctx, src, dst)
	run(t, "zfs", "destroy", src+"@a")
	for _, name := range []string{"b", "c"} {
		p.write(t, "marked", name, 1<<20)
		run(t, "zfs", "snapshot", src+"@"+name)
	}
	wantSteps(t, copyAll(t, ctx, src, dst), "incremental #a..@b", "incremental @b..@c")
	if want, got := contents(t, src+"@c"), contents(t, dst+"@c"); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestReplicateEncrypted: an encrypted dataset arrives encrypted, and its key isn't needed.
func TestReplicateEncrypted(t *testing.T) {
	ctx := platform(t)
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte("correct horse battery"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := source()
	src := p.create(t, "secret", "-o", "encryption=aes-256-gcm", "-o", "keyformat=passphrase", "-o", "keylocation=file://"+key, "-o", "pbkdf2iters=100000")
	dst := destination().name + "/secret"
	p.write(t, "secret", "file", 1<<20)
	run(t, "zfs", "snapshot", src+"@a")
	wantSteps(t, copyAll(t, ctx, src, dst), "full @a raw")
	p.write(t, "secret", "more", 1<<20)
	run(t, "zfs", "snapshot", src+"@b")
	run(t, "zfs", "umount", src)
	run(t, "zfs", "unload-key", src)
	wantSteps(t, copyAll(t, ctx, src, dst), "incremental @a..@b raw")
	status := strings.Fields(run(t, "zfs", "get", "-Hpo", "value", "encryption,keystatus", dst))
	if !slices.Equal(status, []string{"aes-256-gcm", "unavailable"}) {
		t.Errorf("the copy's encryption and key status: %q", status)
	}
}

// TestReplicateConflicts: nothing is overwritten, and the refusal says why.
func TestReplicateConflicts(t *testing.T) {
	ctx := platform(t)
	src, dst := source(), destination()
	var r replicate.Replicator
	data := src.name + "/data"

	conflict := func(destination string, want replicate.Kind) {
		t.Helper()
		plan, err := r.Plan(ctx, data, destination)
		c, ok := errors.AsType[*replicate.Conflict](err)
		if err == nil {
			c = plan.Datasets[0].Conflict
			ok = c != nil
		}
		if !ok || c.Kind != want {
			t.Errorf("%s: %v, want %v", destination, err, want)
			return
		}
		t.Logf("%v\n%s", c, c.Hint())
	}
	conflict(dst.name+"/missing/child", replicate.NoParent)
	conflict(dst.name, replicate.DestinationExists)
	conflict(data, replicate.SameDataset)
	if _, err := r.Plan(ctx, data, "spanstack_no_such_pool"); !errors.Is(err, zfssend.NotFound) {
		t.Errorf("no such pool: %v", err)
	}
	if _, err := r.Plan(ctx, src.name+"/nothing", dst.name+"/a"); !errors.Is(err, zfssend.NotFound) {
		t.Errorf("no such source: %v", err)
	}
	other := dst.create(t, "other")
	run(t, "zfs", "snapshot", other+"@x")
	conflict(other, replicate.NothingInCommon)

}

// TestReplicateOwn: a snapshot of the copy's own is in nobody's way, as zfs receive has it, unless the copy was changed, too.
func TestReplicateOwn(t *testing.T) {
	ctx := platform(t)
	src, dst := source(), destination()
	from, to := src.create(t, "owned"), dst.name+"/owned"
	run(t, "zfs", "snapshot", from+"@a")
	r := replicate.Replicator{Options: replicate.Options{Mount: true}}
	next := func(snapshot string) error {
		t.Helper()
		run(t, "zfs", "snapshot", from+snapshot)
		plan, err := r.Plan(ctx, from, to)
		if err != nil {
			t.Fatal(err)
		}
		if own := plan.Datasets[0].Own; snapshot != "@b" && !slices.Equal(own, []string{"@own"}) {
			t.Errorf("before %s, the copy's own are %q", snapshot, own)
		}
		_, err = r.Execute(ctx, plan)
		return err
	}
	if err := next("@b"); err != nil {
		t.Fatal(err)
	}
	run(t, "zfs", "snapshot", to+"@own")
	if err := next("@c"); err != nil {
		t.Errorf("above an own snapshot: %v", err)
	}
	run(t, "zfs", "destroy", to+"@own")
	wantEqual(t, ctx, from, to)
	dst.write(t, "owned", "mine", 1<<20)
	run(t, "zfs", "snapshot", to+"@own")
	err := next("@d")
	if c, ok := errors.AsType[*replicate.Conflict](err); !ok || c.Kind != replicate.Diverged {
		t.Errorf("above an own snapshot of what was changed: %v", err)
	} else {
		t.Logf("%v\n%s", c, c.Hint())
	}
}

// TestReplicateFailures: an error says which end failed and why, and what is left over is recognised.
func TestReplicateFailures(t *testing.T) {
	ctx := platform(t)
	var r replicate.Replicator
	data := source().name + "/data"

	tight := destination().create(t, "tight", "-o", "quota=8M")
	plan, err := r.Plan(ctx, data, tight+"/full")
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.Execute(ctx, plan)
	if !errors.Is(err, zfssend.NoSpace) {
		t.Errorf("quota: %v", err)
	}
	t.Log(err)

	// A receiver that doesn't read lets the sender block on its full pipe.
	reason := errors.New("shutting down")
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r.Destination = (&zfssend.Client{Command: []string{"sh", "-c", "exec sleep 1000"}}).Host()
	r.Progress = func(p replicate.Progress) {
		if p.Bytes > 0 {
			cancel(reason)
		}
	}
	plan = &replicate.Plan{Datasets: []*replicate.DatasetPlan{{
		Source: data, Destination: destination().name + "/never", Steps: []replicate.Step{{Snapshots: []string{"@x"}}},
	}}}
	within("Execute", func() { _, err = r.Execute(ctx, plan) })
	if !errors.Is(err, reason) {
		t.Errorf("cancelled: %v", err)
	}
	t.Log(err)
}

// TestList compares a listing with what zfs itself says.
func TestList(t *testing.T) {
	ctx := platform(t)
	p := source()
	p.create(t, "tree")
	p.create(t, "tree/a")
	p.create(t, "tree/volume", "-V", "1M")
	run(t, "zfs", "snapshot", "-r", p.name+"/tree@x")
	run(t, "zfs", "bookmark", p.name+"/tree/a@x", p.name+"/tree/a#x")
	list, err := zfs.List(ctx, p.name+"/tree", zfssend.ListOptions{Recursive: true})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range list {
		got = append(got, strings.TrimPrefix(d.Name, p.name+"/")+" "+d.Type)
		for _, v := range d.Versions {
			got = append(got, v.Name)
			if guid := strings.TrimSpace(run(t, "zfs", "get", "-Hpo", "value", "guid", d.Name+v.Name)); guid != utoa(v.GUID) {
				t.Errorf("%s%s: guid %d, want %s", d.Name, v.Name, v.GUID, guid)
			}
		}
	}
	want := []string{"tree filesystem", "@x", "tree/a filesystem", "@x", "#x", "tree/volume volume", "@x"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	one, err := zfs.Dataset(ctx, p.name+"/tree")
	if err != nil || len(one.Versions) != 1 || one.Encrypted() || one.GUID != list[0].GUID {
		t.Errorf("got %+v, %v", one, err)
	}
	if _, err := zfs.Dataset(ctx, p.name+"/nothing"); !errors.Is(err, zfssend.NotFound) {
		t.Errorf("got %v", err)
	}
	if err := zfs.Snapshot(ctx, p.name+"/tree@x"); !errors.Is(err, zfssend.AlreadyExists) {
		t.Errorf("got %v", err)
	}
	if err := zfs.Snapshot(ctx, p.name+"/nothing@x"); !errors.Is(err, zfssend.NotFound) {
		t.Errorf("got %v", err)
	}
}

// TestPipeline joins a send and a receive by hand, without package replicate.
func TestPipeline(t *testing.T) {
	ctx := platform(t)
	dataset := destination().name + "/by hand"
	s := send(t, ctx)
	r, err := zfs.Receive(ctx, dataset, io.NopCloser(s), zfssend.ReceiveOptions{Unmounted: true, Set: map[string]string{"readonly": "on"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Wait(); err != nil {
		t.Fatal(err)
	}
	wantState(t, r, zfssend.StateComplete)
	wantState(t, s, zfssend.StateComplete)
	if got := strings.TrimSpace(run(t, "zfs", "get", "-Hpo", "value", "readonly", dataset)); got != "on" {
		t.Errorf("readonly=%s", got)
	}
	wantEqual(t, ctx, source().name+"/data", dataset)
}
