package daemon_test

import (
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spanstack/spanstack/cmd/zferry/internal/config"
	"github.com/spanstack/spanstack/cmd/zferry/internal/daemon"
	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/replicate"
	"github.com/spanstack/spanstack/zfssend/zfstest"
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
`

// TestReal takes and replicates snapshots of a model of ZFS.
func TestReal(t *testing.T) {
	model := zfstest.Model(t)
	zfstest.CheckLeaks(t)
	client := zfssend.Client{Command: model.Command()}
	ctx := t.Context()
	if err := model.CreatePool("backup"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"tank/src", "tank/src/a", "tank/src/cache", "tank/src/a/b"} {
		if err := client.Create(ctx, name, zfssend.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		if err := model.Write(name, "file", []byte(strings.Repeat(name, 1000))); err != nil {
			t.Fatal(err)
		}
	}
	j, s := job(t, treeJob), daemon.Real(client)
	if err := s.Check(j); err != nil {
		t.Fatal(err)
	}
	var told []daemon.Progress
	tell := func(p daemon.Progress) { told = append(told, p) }
	now := time.Now()
	if n, err := s.Snapshot(ctx, j, now, tell); n != 3 || err != nil {
		t.Errorf("%d snapshots, %v", n, err)
	}
	list, err := s.Replicate(ctx, j, &j.Replicate.Targets[0], tell)
	if err != nil || len(list) != 3 {
		t.Fatalf("%+v, %v", list, err)
	}
	for _, d := range list {
		if d.Bytes == 0 || d.Err != nil || d.Newest.Before(now.Add(-time.Minute)) || d.Duration == 0 {
			t.Errorf("%+v", d)
		}
	}
	if _, err := client.Dataset(ctx, "backup/copy/a/b"); err != nil {
		t.Error(err)
	}
	if _, err := client.Dataset(ctx, "backup/copy/cache"); !errors.Is(err, zfssend.NotFound) {
		t.Errorf("what is excluded: %v", err)
	}
	if len(told) == 0 || told[len(told)-1].Dataset != "tank/src/a/b" {
		t.Errorf("told %+v", told)
	}

	// Where the target has a snapshot of its own, that is said, and the others arrive.
	model.Write("tank/src/a", "file", []byte("new"))
	model.Write("tank/src/a/b", "file", []byte("new"))
	if n, err := s.Snapshot(ctx, j, now.Add(time.Hour), tell); n != 3 || err != nil {
		t.Errorf("%d snapshots, %v", n, err)
	}
	model.Write("backup/copy/a/b", "mine", []byte("x"))
	if err := client.Snapshot(ctx, "backup/copy/a/b@mine"); err != nil {
		t.Fatal(err)
	}
	list, err = s.Replicate(ctx, j, &j.Replicate.Targets[0], tell)
	if err == nil || len(list) != 3 || list[0].Err != nil || list[1].Err != nil || list[2].Err == nil || !list[1].Newest.After(list[0].Newest.Add(-time.Second)) {
		t.Errorf("%+v, %v", list, err)
	}
	if conflict, ok := errors.AsType[*replicate.Conflict](err); !ok || conflict.Kind != replicate.Diverged || !s.Permanent(err) {
		t.Errorf("%v", err)
	}
	names, err := client.List(ctx, "backup", zfssend.ListOptions{Recursive: true, WithoutVersions: true})
	if err != nil || slices.ContainsFunc(names, func(d zfssend.Dataset) bool { return strings.Contains(d.Name, "cache") }) {
		t.Errorf("%v, %v", names, err)
	}
}

// TestIfWritten: only what was written to gets another snapshot.
func TestIfWritten(t *testing.T) {
	zfstest.CheckLeaks(t)
	j := job(t, strings.Replace(treeJob, "every: 1h", "every: 1h, if_written: true", 1))
	rows := "tank/src\tfilesystem\t1\t1\toff\t-\t0\t1\n" + "tank/src/a\tfilesystem\t2\t2\toff\t-\t4096\t2\n" + "tank/src/cache\tfilesystem\t3\t3\toff\t-\t5\t3\n"
	s := daemon.Real(zfssend.Client{Command: zfstest.Fake(zfstest.Scripts{
		"list":     {zfstest.Print(rows)},
		"snapshot": {zfstest.Stderr("cannot create snapshot 'tank/src/a@x': out of space\n"), zfstest.Exit(1)},
	})})
	n, err := s.Snapshot(t.Context(), j, time.Now(), func(daemon.Progress) {})
	if n != 1 || err == nil || !strings.Contains(err.Error(), "tank/src/a@auto_") {
		t.Errorf("%d, %v", n, err)
	}
}

// TestRealCheck: what would have no effect is an error.
func TestRealCheck(t *testing.T) {
	s := daemon.Real(zfssend.Client{})
	for old, new := range map[string]string{
		"verify: true":     "rollback: true",
		"to: backup/copy":  "to: nas:backup/copy",
		"source: tank/src": "source: nas:tank/src",
	} {
		if err := s.Check(job(t, strings.Replace(treeJob, old, new, 1))); err == nil || !strings.Contains(err.Error(), "yet") {
			t.Errorf("%s: %v", new, err)
		}
	}
	if !s.Permanent(&zfssend.NameError{}) || s.Permanent(errors.New("connection lost")) {
		t.Error("Permanent is wrong")
	}
}

// TestRealDaemon runs a job on a model, from the configuration to the status.
func TestRealDaemon(t *testing.T) {
	model := zfstest.Model(t)
	zfstest.CheckLeaks(t)
	client := zfssend.Client{Command: model.Command()}
	ctx := t.Context()
	for _, name := range []string{"tank/src", "tank/backup"} {
		if err := client.Create(ctx, name, zfssend.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := model.Write("tank/src", "file", []byte("data")); err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(treeJob, "backup/copy", "tank/backup/copy", 1) + "listen: off\nsocket: " + shortDir(t) + "/s\n"
	d, _, stop := run(t, text, daemon.Options{Steps: daemon.Real(client), Notify: func(string) error { return nil }})
	eventually(t, "the job is known", func() bool { return d.Trigger("tree") == nil })
	var j daemon.JobStatus
	eventually(t, "it succeeds", func() bool { j = d.Status().Jobs[0]; return !j.LastRun.IsZero() })
	if j.Failed || !j.Targets[0].Known || j.Targets[0].LagSeconds > 60 || j.Targets[0].Datasets != 1 {
		t.Errorf("%+v", j)
	}
	copied, err := client.Dataset(ctx, "tank/backup/copy")
	if err != nil || len(copied.Versions) != 1 || !strings.HasPrefix(copied.Versions[0].Name, "@auto_") {
		t.Errorf("%+v, %v", copied, err)
	}
	stop()
}

// TestRealStop: a daemon that is stopped while zfs hangs ends soon, and leaves no process behind.
func TestRealStop(t *testing.T) {
	zfstest.CheckLeaks(t)
	client := zfssend.Client{Command: zfstest.Fake(zfstest.Scripts{"list": {zfstest.Block()}})}
	text := treeJob + "listen: off\nsocket: " + shortDir(t) + "/s\n"
	d, _, stop := run(t, text, daemon.Options{Steps: daemon.Real(client), Notify: func(string) error { return nil }})
	eventually(t, "the job is known", func() bool { return d.Trigger("tree") == nil })
	eventually(t, "zfs runs", func() bool { return len(zfstest.Children()) > 0 })
	before := time.Now()
	stop()
	if took := time.Since(before); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}
