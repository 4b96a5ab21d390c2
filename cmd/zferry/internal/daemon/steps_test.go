package daemon_test

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spanstack/spanstack/cmd/zferry/internal/config"
	"github.com/spanstack/spanstack/cmd/zferry/internal/daemon"
	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/tracetest"
	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/remote"
	"github.com/spanstack/spanstack/zfssend/replicate"
	"github.com/spanstack/spanstack/zfssend/zfstest"
	"github.com/spanstack/spanstack/zfssend/zfstest/zfsmodel"
)

// stuckClock is the system's, and can hang.
type stuckClock struct {
	hangs atomic.Bool
	hang  chan struct{} // closed when it goes on
}

var started = time.Now()

func (c *stuckClock) hangNow()       { c.hangs.Store(true) }
func (c *stuckClock) Now() time.Time { return time.Now().Round(0) }
func (c *stuckClock) Since() time.Duration {
	if c.hangs.Load() {
		<-c.hang
	}
	return time.Since(started)
}

func job(t *testing.T, text string) *config.Job {
	t.Helper()
	c, err := config.Parse("zferry.yml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return &c.Jobs[0]
}

const treeJob = `
jobs:
  - name: tree
    source: tank/src
    recursive: true
    exclude: cache
    snapshot: {template: "auto_%Y%m%d%H%M%S", every: 1h}
    replicate: {targets: [{to: backup/copy, verify: true}]}
    prune: {source: {keep_last: 1}, target: {keep_last: 2}}
`

// begin returns the steps of a run.
func begin(t *testing.T, s daemon.Steps) daemon.Steps {
	t.Helper()
	run, end := s.Begin(t.Context())
	t.Cleanup(end)
	return run
}

// tree makes the datasets that treeJob is about on a model.
func tree(t *testing.T) (*zfsmodel.Model, zfssend.Client) {
	t.Helper()
	model := zfstest.Model(t)
	zfstest.CheckLeaks(t)
	client := zfssend.Client{Command: model.Command(), LockDir: t.TempDir()}
	if err := model.CreatePool("backup"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"tank/src", "tank/src/a", "tank/src/cache", "tank/src/a/b"} {
		if err := client.Create(t.Context(), name, zfssend.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		write(t, model, name, strings.Repeat(name, 1000))
	}
	return model, client
}

func write(t *testing.T, model *zfsmodel.Model, dataset, content string) {
	t.Helper()
	if err := model.Write(dataset, "file", []byte(content)); err != nil {
		t.Fatal(err)
	}
}

func snapshots(t *testing.T, client zfssend.Client, dataset string) (names []string) {
	t.Helper()
	d, err := client.Dataset(t.Context(), dataset)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range d.Versions {
		names = append(names, v.Name)
	}
	return names
}

// TestReal takes, replicates and prunes snapshots of a model of ZFS.
func TestReal(t *testing.T) {
	model, client := tree(t)
	ctx, j := t.Context(), job(t, treeJob)
	all := daemon.Real(client, "test")
	s := begin(t, all)
	var mu sync.Mutex
	var told []daemon.Progress
	tell := func(p daemon.Progress) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, p)
	}
	to := &j.Replicate.Targets[0]
	if _, err := s.Prune(ctx, j, nil, j.Prune.Source, tell); !errors.Is(err, zfssend.NotFound) {
		t.Errorf("pruned although the target isn't there: %v", err)
	}
	now := time.Now()
	if n, err := s.Snapshot(ctx, j, now, tell); n != 3 || err != nil {
		t.Errorf("%d snapshots, %v", n, err)
	}
	list, err := s.Replicate(ctx, j, to, tell)
	if err != nil || len(list) != 3 {
		t.Fatalf("%+v, %v", list, err)
	}
	for _, d := range list {
		if d.Bytes == 0 || d.Err != nil || d.Newest.Unix() != now.Unix() || d.Duration == 0 {
			t.Errorf("%+v", d)
		}
	}
	if _, err := client.Dataset(ctx, "backup/copy/cache"); !errors.Is(err, zfssend.NotFound) {
		t.Errorf("what is excluded: %v", err)
	}
	if len(told) == 0 || told[len(told)-1].Done != 3 || told[len(told)-1].Total != 3 || told[len(told)-1].Bytes == 0 {
		t.Errorf("told %+v", told)
	}

	// The newest of three stays on the source, and two on the target; but the only snapshot of a dataset that isn't the job's is left.
	if err := client.Snapshot(ctx, "tank/src/cache@auto_20200101000000", "tank/src/cache@auto_20200102000000"); err != nil {
		t.Fatal(err)
	}
	for i := 1; i <= 2; i++ {
		write(t, model, "tank/src/a", strings.Repeat("x", i))
		if _, err := s.Snapshot(ctx, j, now.Add(time.Duration(i)*time.Minute), tell); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := s.Prune(ctx, j, nil, j.Prune.Source, tell); n != 3 || err != nil { // one of each is the base of what follows
		t.Errorf("%d destroyed, %v", n, err)
	}
	if got := snapshots(t, client, "tank/src/a"); len(got) != 2 {
		t.Errorf("the source has %v: want the newest, and the newest common one", got)
	}
	if list, err = s.Replicate(ctx, j, to, tell); err != nil || len(list) != 3 || list[1].Newest.Unix() != now.Add(2*time.Minute).Unix() {
		t.Errorf("%+v, %v", list, err)
	}
	if n, err := s.Prune(ctx, j, nil, j.Prune.Source, tell); n != 3 || err != nil {
		t.Errorf("%d destroyed, %v", n, err)
	}
	if n, err := s.Prune(ctx, j, to, j.Prune.Target, tell); n != 0 || err != nil {
		t.Errorf("%d destroyed, %v", n, err)
	}
	if a, b := snapshots(t, client, "tank/src/a"), snapshots(t, client, "backup/copy/a"); len(a) != 1 || len(b) != 2 || a[0] != b[1] {
		t.Errorf("source %v, target %v", a, b)
	}
	if got := snapshots(t, client, "tank/src/cache"); len(got) != 2 {
		t.Errorf("of a dataset that isn't the job's there is %v", got)
	}
}

// TestRealDiverged: where the target was changed and has a snapshot of that, that is said, and the others arrive.
func TestRealDiverged(t *testing.T) {
	model, client := tree(t)
	ctx, j := t.Context(), job(t, treeJob)
	all := daemon.Real(client, "test")
	s, tell, now := begin(t, all), func(daemon.Progress) {}, time.Now()
	for i := range 2 {
		write(t, model, "tank/src/a/b", strings.Repeat("new", i))
		if _, err := s.Snapshot(ctx, j, now.Add(time.Duration(i)*time.Hour), tell); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			if _, err := s.Replicate(ctx, j, &j.Replicate.Targets[0], tell); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, copied := range []string{"backup/copy", "backup/copy/a", "backup/copy/a/b"} {
		if out, err := exec.Command(client.Command[0], append(client.Command[1:], "mount", copied)...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	write(t, model, "backup/copy/a/b", "mine")
	if err := client.Snapshot(ctx, "backup/copy/a/b@mine"); err != nil {
		t.Fatal(err)
	}
	list, err := s.Replicate(ctx, j, &j.Replicate.Targets[0], tell)
	if err == nil || len(list) != 3 || list[0].Err != nil || list[1].Err != nil || list[2].Err == nil || list[1].Newest.Unix() != now.Add(time.Hour).Unix() {
		t.Errorf("%+v, %v", list, err)
	}
	if conflict, ok := errors.AsType[*replicate.Conflict](err); !ok || conflict.Kind != replicate.Diverged || !all.Permanent(err) {
		t.Errorf("%v", err)
	}
}

// TestRealOptions: what a target says is what is done. Each option would be seen if it were not.
func TestRealOptions(t *testing.T) {
	_, client := tree(t)
	ctx := t.Context()
	j := job(t, strings.Replace(treeJob, "verify: true", `set: ["zferry:tier=2"], exclude_snapshots: "*0", cursor: nas, hold: zferry_nas, newest: true, jobs: 1, limit: 1GB, retries: 0`, 1))
	s, tell, now := begin(t, daemon.Real(client, "test")), func(daemon.Progress) {}, time.Now().Truncate(10*time.Second)
	for _, d := range []time.Duration{1, 2, 10} {
		if _, err := s.Snapshot(ctx, j, now.Add(d*time.Second), tell); err != nil {
			t.Fatal(err)
		}
	}
	if list, err := s.Replicate(ctx, j, &j.Replicate.Targets[0], tell); err != nil || len(list) != 3 {
		t.Fatalf("%+v, %v", list, err)
	}
	want := "@" + j.Snapshot.Names().Name(now.Add(2*time.Second))
	if got := snapshots(t, client, "backup/copy/a"); len(got) != 1 || got[0] != want {
		t.Errorf("the target has %v, want %s alone", got, want)
	}
	if got := snapshots(t, client, "tank/src/a"); !slices.ContainsFunc(got, func(name string) bool { return strings.HasPrefix(name, "#zferry_nas_") }) {
		t.Errorf("there is no cursor: %v", got)
	}
	holds, err := client.Holds(ctx, "backup/copy/a"+want, "tank/src/a"+want)
	if err != nil || len(holds) != 2 || holds[0].Tag != "zferry_nas" {
		t.Errorf("%+v, %v", holds, err)
	}
	if p, err := client.Properties(ctx, "backup/copy", "zferry:tier"); err != nil || p["zferry:tier"].Value != "2" {
		t.Errorf("%v, %v", p, err)
	}
}

// TestRealLocked: a target at which another one is at work is a failure that may pass.
func TestRealLocked(t *testing.T) {
	_, client := tree(t)
	j, all := job(t, treeJob), daemon.Real(client, "test")
	s, tell := begin(t, all), func(daemon.Progress) {}
	if _, err := s.Snapshot(t.Context(), j, time.Now(), tell); err != nil {
		t.Fatal(err)
	}
	lock, err := client.Lock(t.Context(), "backup/copy/a", false)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Replicate(t.Context(), j, &j.Replicate.Targets[0], tell)
	if _, locked := errors.AsType[*zfssend.LockedError](err); !locked || all.Permanent(err) {
		t.Errorf("%v", err)
	}
	if _, err = s.Prune(t.Context(), j, nil, j.Prune.Source, tell); err == nil {
		t.Error("what is locked was pruned")
	}
	lock.Close()
	if _, err = s.Replicate(t.Context(), j, &j.Replicate.Targets[0], tell); err != nil {
		t.Errorf("the lock has ended: %v", err)
	}
}

// TestNewest finds out when snapshots were taken whose names don't tell: with one listing for all, and none when nothing is new.
func TestNewest(t *testing.T) {
	model, client := tree(t)
	ctx := t.Context()
	j := job(t, `
jobs:
  - name: tree
    source: tank/src
    recursive: true
    replicate: {targets: [{to: backup/copy}], every: 1h}
`)
	if err := model.ShiftClock(-48 * time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := client.Snapshot(ctx, "tank/src@mon", "tank/src/a@mon", "tank/src/cache@mon", "tank/src/a/b@mon"); err != nil {
		t.Fatal(err)
	}
	all := daemon.Real(client, "test")
	for i, want := range []int{1, 0} {
		traced, task := trace.WithTask(tracetest.Strict(t), "job")
		list, err := begin(t, all).Replicate(traced, j, &j.Replicate.Targets[0], func(daemon.Progress) {})
		task.End()
		if err != nil || len(list) != 4 {
			t.Fatalf("%+v, %v", list, err)
		}
		for _, d := range list {
			if age := time.Since(d.Newest); age < 47*time.Hour || age > 49*time.Hour {
				t.Errorf("run %d: %s is of %v", i, d.Dataset, d.Newest)
			}
		}
		if tree := tracetest.SortedTree(t, traced); strings.Count(tree, "creation") != want {
			t.Errorf("run %d: want %d listings with creation:\n%s", i, want, tree)
		}
	}
}

// TestRealPermanent: what may pass is tried again.
func TestRealPermanent(t *testing.T) {
	s := daemon.Real(zfssend.Client{}, "test")
	diverged, interrupted := &replicate.Conflict{Kind: replicate.Diverged}, &replicate.Conflict{Kind: replicate.Interrupted}
	failed := func(errs ...error) error {
		e := &replicate.IncompleteError{Total: 5}
		for _, err := range errs {
			e.Failed = append(e.Failed, &replicate.DatasetResult{Err: err})
		}
		return e
	}
	for _, c := range []struct {
		err  error
		want bool
	}{
		{&zfssend.NameError{}, true}, {errors.New("connection lost"), false}, {diverged, true}, {interrupted, false}, {&zfssend.LockedError{}, false},
		{fmt.Errorf("nas: %w", remote.ErrRefused), true}, {failed(diverged, diverged), true}, {failed(diverged, interrupted), false},
	} {
		if got := s.Permanent(c.err); got != c.want {
			t.Errorf("Permanent(%v) is %v", c.err, got)
		}
	}
}

// TestRealDaemon runs a job on a model, from the configuration to the status: cycles of all parts, which are seen in the trace.
func TestRealDaemon(t *testing.T) {
	model, client := tree(t)
	text := treeJob + "listen: off\nsocket: " + shortDir(t) + "/s\n"
	c, err := config.Parse("zferry.yml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	d, err := daemon.New(c, daemon.Options{Steps: daemon.Real(client, "test"), Notify: func(string) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	traced := tracetest.Strict(t)
	ctx, stop := context.WithCancel(traced)
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	var j daemon.JobStatus
	for i := range 3 {
		write(t, model, "tank/src/a", strings.Repeat("x", i))
		last := j.LastRun
		eventually(t, "the job is known", func() bool { return d.Trigger("tree") == nil })
		eventually(t, "it runs", func() bool { j = d.Status().Jobs[0]; return j.LastRun != last && j.State == daemon.StateIdle })
		time.Sleep(time.Until(j.LastRun.Truncate(time.Second).Add(time.Second))) // names tell seconds
	}
	if problems := d.Status().Problems(); len(problems) > 0 {
		t.Errorf("%q", problems)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if !j.Targets[0].Known || j.Targets[0].LagSeconds > 60 || j.Targets[0].Datasets != 3 || j.LastSuccess != j.LastRun {
		t.Errorf("%+v", j)
	}
	if a, b := snapshots(t, client, "tank/src/a"), snapshots(t, client, "backup/copy/a"); len(a) != 1 || len(b) != 2 || a[0] != b[1] {
		t.Errorf("source %v, target %v", a, b)
	}
	tree := tracetest.SortedTree(t, traced)
	for _, want := range []string{"job=tree", "snapshot", "replicate", "prune", "zfs snapshot", "zfs send", "zfs receive", "zfs destroy"} {
		if !strings.Contains(tree, want) {
			t.Errorf("the trace has no %q", want)
		}
	}
	if t.Failed() {
		t.Log(tree)
	}
}

// TestRealStop: a daemon that is stopped while zfs hangs ends soon, and leaves no process behind.
func TestRealStop(t *testing.T) {
	zfstest.CheckLeaks(t)
	client := zfssend.Client{Command: zfstest.Fake(zfstest.Scripts{"list": {zfstest.Block()}}), LockDir: t.TempDir()}
	text := treeJob + "listen: off\nsocket: " + shortDir(t) + "/s\n"
	d, _, stop := run(t, text, daemon.Options{Steps: daemon.Real(client, "test"), Notify: func(string) error { return nil }})
	eventually(t, "the job is known", func() bool { return d.Trigger("tree") == nil })
	eventually(t, "zfs runs", func() bool { return len(zfstest.Children()) > 0 })
	before := time.Now()
	stop()
	if took := time.Since(before); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}
