package zfssend

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/zfssend/zfstest"
)

// version is one of zfs that was recorded: see testdata.
type version string

// eachRecorded runs a test on the recordings of each version.
func eachRecorded(t *testing.T, test func(t *testing.T, zfs version)) {
	t.Helper()
	dirs, err := filepath.Glob("testdata/zfs-*")
	if err != nil || len(dirs) < 3 {
		t.Fatalf("recorded are the versions %q: %v", dirs, err)
	}
	for _, dir := range dirs {
		name := filepath.Base(dir)
		t.Run(name, func(t *testing.T) { test(t, version(name)) })
	}
}

// run is recordedRun for this version.
func (zfs version) run(t testing.TB, name string) run {
	return recordedRun(t, "../"+string(zfs)+"/"+name)
}

// replay is a script that does what was recorded of this version.
func (zfs version) replay(t testing.TB, name string) []zfstest.Action {
	return replay(t, "../"+string(zfs)+"/"+name)
}

// held is the cause if a held snapshot can't be destroyed.
func (zfs version) held() string {
	if zfs == "zfs-2.1" {
		return "busy"
	}
	return "held"
}

const hostWarning = "sudo: unable to resolve host box: Name or service not known\n"

func TestComplaints(t *testing.T) {
	known := among([]string{"tank/a@x", "tank/a@at: 10", "tank/a@at: 10: 30"})
	for stderr, want := range map[string]string{
		"": "[]",
		"cannot destroy snapshot tank/a@x: dataset is busy\n":                                                                                                               "[{tank/a@x dataset is busy busy}]",
		"cannot destroy snapshot tank/b@x: y: dataset is busy\n":                                                                                                            "[{tank/b@x: y dataset is busy busy}]",
		"cannot destroy snapshot tank/a@at: 10: dataset is busy\n":                                                                                                          "[{tank/a@at: 10 dataset is busy busy}]",
		"cannot destroy snapshot tank/a@at: 10: 30: dataset is busy\n":                                                                                                      "[{tank/a@at: 10: 30 dataset is busy busy}]",
		"cannot destroy snapshot tank/a@at: 10: it's being held. Run 'zfs holds -r tank/a@at: 10' to see holders.\n":                                                        "[{tank/a@at: 10 it's being held. Run 'zfs holds -r tank/a@at: 10' to see holders. held}]",
		"cannot destroy snapshot tank/a@x: it's being held. Run 'zfs holds -r tank/a@x' to see holders.\n":                                                                  "[{tank/a@x it's being held. Run 'zfs holds -r tank/a@x' to see holders. held}]",
		"cannot destroy snapshot tank/a@x: snapshot is cloned\n":                                                                                                            "[{tank/a@x snapshot is cloned has children, snapshots or clones}]",
		"cannot destroy 'tank/a@s': snapshot has dependent clones\nuse '-R' to destroy the following datasets:\ntank/c\n":                                                   "[{tank/a@s snapshot has dependent clones; use '-R' to destroy the following datasets:; tank/c has children, snapshots or clones}]",
		"cannot destroy 'tank/a@s': snapshot has dependent clones\nuse '-R' to destroy the following datasets:\ntank/out of space\ncannot hold 'tank/b': dataset is busy\n": "[{tank/a@s snapshot has dependent clones; use '-R' to destroy the following datasets:; tank/out of space has children, snapshots or clones} {tank/b dataset is busy busy}]",
		"cannot inherit atime for 'tank/a b': permission denied\n":                                                                                                          "[{tank/a b permission denied permission denied}]",
		"cannot hold: permission denied\ncannot hold: permission denied\n":                                                                                                  "[{ permission denied permission denied} { permission denied permission denied}]",
		"cannot create snapshots : permission denied\nno snapshots were created\n":                                                                                          "[{ permission denied permission denied}]",
		"could not find any snapshots to destroy; check snapshot names.\n":                                                                                                  "[{ could not find any snapshots to destroy; check snapshot names. not found}]",
		"bookmark 'tank/a#x' does not exist.\n":                                                                                                                             "[{tank/a#x does not exist. not found}]",
		"cannot open 'tank/x': dataset does not exist\nusage:\n\tsnapshot 'x': y\n":                                                                                         "[{tank/x dataset does not exist not found}]",
		"internal error: out of memory\nAborted\n":                                                                                                                          "[{ internal error: out of memory; Aborted unknown cause}]",
		"cannot set property for 'tank/a': 'compression' must be one of 'on | off'\n":                                                                                       "[{tank/a 'compression' must be one of 'on | off' invalid argument}]",
		"cannot mount 'tank/a': Insufficient privileges\nproperty may be set but unable to remount filesystem\n":                                                            "[{tank/a Insufficient privileges; property may be set but unable to remount filesystem permission denied}]",
		"cannot hold snapshot 'tank/a@x': tag already exists on this dataset\ncannot open 'tank/n': dataset does not exist\n":                                               "[{tank/a@x tag already exists on this dataset already exists} {tank/n dataset does not exist not found}]",
		// What isn't of zfs counts only if nothing else does.
		hostWarning: "[{ sudo: unable to resolve host box: Name or service not known unknown cause}]",
		hostWarning + "sudo: again\ncannot open 'tank/n': dataset does not exist\n":                                  "[{tank/n dataset does not exist not found}]",
		hostWarning + "could not find any snapshots to destroy; check snapshot names.\n":                             "[{ could not find any snapshots to destroy; check snapshot names. not found}]",
		"cannot open 'tank/n': dataset does not exist\n[70000 bytes left out]\ncannot open 'tank/m': no such pool\n": "[{tank/n dataset does not exist not found} {tank/m no such pool not found}]",
	} {
		var list []string
		for _, c := range complaints(stderr, known) {
			list = append(list, fmt.Sprintf("{%s %s %v}", c.name, c.message, c.cause))
		}
		if got := fmt.Sprint(list); got != want {
			t.Errorf("%q:\ngot  %s\nwant %s", stderr, got, want)
		}
	}
}

func FuzzComplaints(f *testing.F) {
	f.Add("cannot hold snapshot 'tank/a@x': tag already exists on this dataset\ncannot open 'tank/n': dataset does not exist\n")
	f.Add("cannot destroy snapshot tank/a@x: y: dataset is busy\nbookmark 'tank/a#x' does not exist.\n")
	f.Fuzz(func(t *testing.T, stderr string) {
		names := []string{"tank/a@x", "tank/a@x: y"}
		list := complaints(stderr, among(names))
		if len(list) > strings.Count(stderr, "\n")+1 {
			t.Errorf("%d complaints", len(list))
		}
		about, rest := blame(list, names)
		if len(about) > 2 || len(rest) > len(list) {
			t.Errorf("got %v, %v", about, rest)
		}
	})
}

// manyNames returns so many snapshots of a dataset whose name has so many characters.
func manyNames(n, length int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("tank/%s@%05d", strings.Repeat("d", length), i)
	}
	return names
}

// manyLines returns a line for each name; odd is that of one of them, if it isn't "".
func manyLines(format string, names []string, one int, odd string) string {
	var b strings.Builder
	for i, name := range names {
		if i == one && odd != "" {
			fmt.Fprintf(&b, odd, name)
			continue
		}
		fmt.Fprintf(&b, format, name)
	}
	return b.String()
}

// TestManyComplaints: each of them counts, wherever it stands, though an error has the first and the last ones only.
func TestManyComplaints(t *testing.T) {
	zfstest.CheckLeaks(t)
	ctx := t.Context()
	const notFound = "cannot open '%s': dataset does not exist\n"
	for _, length := range []int{1, 2, 3, 5, 8, 13, 21, 34} {
		names := manyNames(1000, length)
		hold := manyLines("cannot hold snapshot '%s': tag already exists on this dataset\n", names, 300, "cannot hold snapshot '%s': dataset does not exist\n")
		release := manyLines("cannot release hold from snapshot '%s': no such tag on this dataset\n", names, 300, "cannot release hold from snapshot '%s': dataset does not exist\n")
		if len(hold) < stderrHead+stderrTail {
			t.Fatal("that isn't many")
		}
		if b := wantBatch(t, fake(zfstest.Stderr(hold), zfstest.Exit(1)).Hold(ctx, "t", names...), names[300]+": not found"); len(b.Processes[0].Stderr) > 40<<10 {
			t.Errorf("an error with %d bytes", len(b.Processes[0].Stderr))
		}
		wantBatch(t, fake(zfstest.Stderr(release), zfstest.Exit(1)).Release(ctx, "t", names...), names[300]+": not found")

		all := make([]string, len(names))
		for i, name := range names {
			all[i] = name + ": not found"
		}
		missing := fake(zfstest.Stderr(manyLines(notFound, names, 0, "")), zfstest.Exit(1))
		wantBatch(t, missing.Inherit(ctx, "atime", names...), all...)
		_, err := missing.Holds(ctx, names...)
		wantBatch(t, err, all...)
	}
	if testing.Short() {
		return
	}
	// More than is kept of it leaves unclear what became of whom.
	const flood = `yes "cannot $1 'tank/a@x': tag already exists on this dataset" | head -c 20000000 >&2; exit 1`
	c := &Client{Command: []string{"sh", "-c", flood, "sh"}}
	for _, err := range []error{c.Hold(ctx, "t", "tank/a@x", "tank/a@y"), c.Inherit(ctx, "atime", "tank/a@x", "tank/a@y")} {
		if b := wantBatch(t, err, "tank/a@x: unknown cause", "tank/a@y: unknown cause"); b == nil || !b.Failed[0].Uncertain {
			t.Errorf("got %+v", b)
		}
	}
}

// TestForeignLines: a warning of what wraps zfs changes nothing.
func TestForeignLines(t *testing.T) {
	zfstest.CheckLeaks(t)
	ctx := t.Context()
	warned := func(text string) *Client { return fake(zfstest.Stderr(hostWarning+text), zfstest.Exit(1)) }
	if err := warned("cannot hold snapshot 'tank/a@x': tag already exists on this dataset\n").Hold(ctx, "t", "tank/a@x"); err != nil {
		t.Errorf("held already: %v", err)
	}
	if err := warned("cannot release hold from snapshot 'tank/a@x': no such tag on this dataset\n").Release(ctx, "t", "tank/a@x"); err != nil {
		t.Errorf("released already: %v", err)
	}
	wantBatch(t, warned("cannot open 'tank/b': dataset does not exist\n").Inherit(ctx, "atime", "tank/a", "tank/b"), "tank/b: not found")
	wantBatch(t, warned("").Hold(ctx, "t", "tank/a@x", "tank/b@x"), "tank/a@x: unknown cause", "tank/b@x: unknown cause")
	c := scripted(zfstest.Scripts{
		"get":                      {zfstest.Print("tank/a@held\t1\ntank/a@free\t2\n")},
		"destroy tank/a@held,free": {zfstest.Stderr(hostWarning + "cannot destroy snapshot tank/a@held: dataset is busy\n"), zfstest.Exit(1)},
		"destroy tank/a@free":      nil,
	})
	wantBatch(t, c.Destroy(ctx, "tank/a@held", "tank/a@free"), "tank/a@held: busy")
}
