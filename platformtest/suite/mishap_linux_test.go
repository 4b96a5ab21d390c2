package suite

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// mishap is something that goes wrong with a replication.
type mishap struct {
	name    string
	before  func(*world) (mend func())
	during  func(*world, *ferry) (struck bool)
	signal  syscall.Signal // may end zferry
	mayFail bool           // zferry may fail of it
}

var mishaps = []mishap{
	{name: "nothing"},
	{name: "SIGINT", signal: syscall.SIGINT, during: signalled(syscall.SIGINT)},
	{name: "SIGTERM", signal: syscall.SIGTERM, during: signalled(syscall.SIGTERM)},
	{name: "SIGKILL", signal: syscall.SIGKILL, during: signalled(syscall.SIGKILL)},
	{name: "zfs send killed", mayFail: true, during: killed("send")},
	{name: "zfs receive killed", mayFail: true, during: killed("receive")},
	{name: "zfs list killed", mayFail: true, during: killed("list")},
	{name: "another zferry", during: func(w *world, f *ferry) bool {
		another := startFerry(w.T, "-r", "--retries", "0", w.src, w.dst)
		code, out := another.wait(w.T), another.out.String()
		switch {
		case code == 4 && strings.Contains(out, "hint: wait for it") && strings.Contains(out, "process "+itoa(f.cmd.Process.Pid)):
			return true
		case code == 0 && f.over():
			return false
		}
		w.wrong("another zferry, which is process %d: exit code %d\n%s", another.cmd.Process.Pid, code, out)
		return true
	}},
	{name: "a quota", mayFail: true, before: func(w *world) func() {
		above := strings.TrimSuffix(w.dst, "/copy")
		used, err := strconv.ParseInt(strings.TrimSpace(run(w, "zfs", "get", "-Hpo", "value", "used", above)), 10, 64)
		if err != nil {
			w.Fatal(err)
		}
		run(w, "zfs", "set", fmt.Sprintf("quota=%d", used+w.Int64N(2<<20)), above)
		return func() { run(w, "zfs", "set", "quota=none", above) }
	}},
	{name: "a snapshot of the copy", mayFail: true, before: func(w *world) func() {
		var list []string
		for path := range w.newestCopied() {
			list = append(list, w.dst+path)
		}
		if len(list) == 0 {
			return func() {}
		}
		name := list[w.IntN(len(list))] + "@mine" + itoa(w.count)
		run(w, "zfs", "snapshot", name)
		w.note()
		return func() { run(w, "zfs", "destroy", name) }
	}},
	{name: "the copy was written to", mayFail: true, before: func(w *world) func() {
		if _, copied := w.newestCopied()[""]; !copied {
			return func() {}
		}
		w.scribble()
		return func() { run(w, "zfs", "rollback", w.snapshotsOf(w.dst)[len(w.snapshotsOf(w.dst))-1]) }
	}},
	{name: "snapshots destroyed meanwhile", mayFail: true, during: func(w *world, f *ferry) bool {
		n := len(w.destroyed)
		for range 3 {
			w.destroySnapshot()
		}
		return len(w.destroyed) > n && !f.over()
	}},
	{name: "snapshots taken meanwhile", during: func(w *world, f *ferry) bool {
		w.count++
		w.take(fmt.Sprint(w.count), w.datasets...)
		return !f.over()
	}},
}

func signalled(s syscall.Signal) func(*world, *ferry) bool {
	return func(w *world, f *ferry) bool { return f.cmd.Process.Signal(s) == nil }
}

// killed kills a child of zferry.
func killed(subcommand string) func(*world, *ferry) bool {
	return func(w *world, f *ferry) bool {
		for ; !f.over(); time.Sleep(10 * time.Millisecond) {
			if pid := childOf(f.cmd.Process.Pid, subcommand); pid != 0 {
				return syscall.Kill(pid, syscall.SIGKILL) == nil
			}
		}
		return false
	}
}

// scribble writes to the copy's root, which isn't mounted.
func (w *world) scribble() {
	w.Helper()
	dir := w.TempDir()
	run(w, "mount", "-t", "zfs", w.dst, dir)
	defer run(w, "umount", dir)
	if err := os.WriteFile(filepath.Join(dir, "scribble"+itoa(w.count)), []byte("hello"), 0o600); err != nil {
		w.Fatal(err)
	}
}
