package suite

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/spanstack/spanstack/zfssend"
)

// nobodyVariable asks this program to run an operation, as a user without privileges: "operation dataset".
const nobodyVariable = "SPANSTACK_NOBODY"

const nobodyID = 65534

// denial is what an unprivileged process answers.
type denial struct {
	Error          string
	Denied         bool
	Needs, Missing []string
}

// operations of a Client, on a dataset with the snapshots "x" and "d", the bookmark "b", the child "child", whose
// snapshot "x" has the hold "h", and the child "unmounted". None is in the way of another.
var operations = map[string]func(ctx context.Context, ds string) error{
	"snapshot": func(ctx context.Context, ds string) error { return zfs.Snapshot(ctx, ds+"@new") },
	"hold":     func(ctx context.Context, ds string) error { return zfs.Hold(ctx, "tag", ds+"@x") },
	"release":  func(ctx context.Context, ds string) error { return zfs.Release(ctx, "h", ds+"/child@x") },
	"bookmark": func(ctx context.Context, ds string) error {
		return zfs.Bookmark(ctx, zfssend.Bookmark{Source: ds + "@x", Name: "#new"}, zfssend.Bookmark{Source: ds + "@x", Name: "#newer"})
	},
	"destroy snapshot": func(ctx context.Context, ds string) error { return zfs.Destroy(ctx, ds+"@d") },
	"destroy bookmark": func(ctx context.Context, ds string) error { return zfs.Destroy(ctx, ds+"#b") },
	"destroy dataset":  func(ctx context.Context, ds string) error { return zfs.Destroy(ctx, ds+"/unmounted") },
	"set": func(ctx context.Context, ds string) error {
		return zfs.SetProperties(ctx, ds, map[string]string{"com.example:x": "1", "quota": "100M"})
	},
	"inherit": func(ctx context.Context, ds string) error { return zfs.Inherit(ctx, "com.example:y", ds) },
	"send": func(ctx context.Context, ds string) error {
		s, err := zfs.Send(ctx, ds+"@x", zfssend.SendOptions{})
		if err != nil {
			return err
		}
		defer s.Close()
		_, err = io.Copy(io.Discard, s)
		return err
	},
	"receive": func(ctx context.Context, ds string) error {
		f, err := os.Open(os.Getenv("SPANSTACK_STREAM"))
		if err != nil {
			return err
		}
		r, err := zfs.Receive(ctx, ds+"/received", f, zfssend.ReceiveOptions{Unmounted: true})
		if err != nil {
			return err
		}
		return r.Wait()
	},
	"list": func(ctx context.Context, ds string) error {
		_, err := zfs.List(ctx, ds, zfssend.ListOptions{Recursive: true, Holds: true})
		return err
	},
	"holds": func(ctx context.Context, ds string) error { _, err := zfs.Holds(ctx, ds+"@x"); return err },
	"get":   func(ctx context.Context, ds string) error { _, err := zfs.Properties(ctx, ds); return err },
	"estimate": func(ctx context.Context, ds string) error {
		_, err := zfs.Estimate(ctx, ds+"@x", zfssend.SendOptions{})
		return err
	},
}

// answer runs an operation and writes its denial to stdout. It doesn't return.
func answer(request string) {
	operation, ds, _ := strings.Cut(request, ":")
	err := operations[operation](context.Background(), ds)
	d := denial{Denied: errors.Is(err, zfssend.PermissionDenied)}
	if err != nil {
		d.Error = err.Error()
	}
	if e, ok := errors.AsType[*zfssend.Error](err); ok {
		d.Needs, d.Missing = e.Needs, e.Missing
	}
	if err := json.NewEncoder(os.Stdout).Encode(d); err != nil {
		panic(err)
	}
	os.Exit(0)
}

// asNobody runs an operation as a user without privileges.
func asNobody(t *testing.T, operation, ds, stream string) (d denial) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), nobodyVariable+"="+operation+":"+ds, "SPANSTACK_STREAM="+stream)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobodyID, Gid: nobodyID}}
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, &d)
	}
	if err != nil {
		t.Fatalf("%s as nobody: %v, %s", operation, err, out)
	}
	return d
}

// openToAll lets users without privileges use ZFS, as udev's rules do.
func openToAll(t *testing.T) {
	t.Helper()
	info, err := os.Stat("/dev/zfs")
	if err == nil && info.Mode().Perm() != 0o666 {
		t.Cleanup(func() { os.Chmod("/dev/zfs", info.Mode().Perm()) })
		err = os.Chmod("/dev/zfs", 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// readableDir returns a directory that all users can read.
func readableDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for d := dir; d != "/" && d != os.TempDir(); d = filepath.Dir(d) {
		os.Chmod(d, 0o755)
	}
	return dir
}

// TestSetDenied: a property that a user may not set is missed by the run that makes the dataset and by those after it, which
// replicate all else, until it is there.
func TestSetDenied(t *testing.T) {
	platform(t)
	zferry := zferryProgram(t)
	openToAll(t)
	locks := filepath.Join(readableDir(t), "locks")
	if err := errors.Join(os.Mkdir(locks, 0o700), os.Chown(locks, nobodyID, nobodyID)); err != nil {
		t.Fatal(err)
	}
	from, above := source().create(t, "denied"), destination().create(t, "denied", "-o", "canmount=off")
	run(t, "zfs", "allow", "nobody", "send", from)
	run(t, "zfs", "allow", "nobody", "receive,create,mount,canmount", above)
	replicate := func(exitCode int, want string) {
		t.Helper()
		cmd := exec.Command(zferry, "replicate", "--log-level", "warn", "--set", "readonly=on", "--set", "quota=100M", from, above+"/copy")
		cmd.Env = append(os.Environ(), "ZFERRY_LOCK_DIR="+locks)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobodyID, Gid: nobodyID}}
		out, _ := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != exitCode || !strings.Contains(string(out), want) {
			t.Errorf("exit %d, want %d, and %q in:\n%s", cmd.ProcessState.ExitCode(), exitCode, want, out)
		}
	}
	run(t, "zfs", "snapshot", from+"@1")
	replicate(1, `its quota is "0" and not "100M": there was no permission to set it`)
	replicate(1, `its quota is "0" and not "100M": it was made without`)
	run(t, "zfs", "set", "quota=100M", above+"/copy")
	run(t, "zfs", "snapshot", from+"@2")
	replicate(1, `its readonly is "off" and not "on": it was made without`)
	if n := snapshotsBelow(t, above+"/copy"); n != 2 {
		t.Errorf("the copy has %d snapshots", n)
	}
	replicate(1, "hint: set it there: zfs set readonly=on "+above+"/copy")
	run(t, "zfs", "set", "readonly=on", above+"/copy")
	replicate(0, "is up to date")
}

// TestPermissions: each operation is denied to a user without permissions, the error names those it needs, and with
// these, but not with fewer, it is allowed. What only looks needs none.
func TestPermissions(t *testing.T) {
	ctx := platform(t)
	openToAll(t)
	p := source()
	dir := readableDir(t)
	stream := filepath.Join(dir, "stream")
	ds := p.create(t, "permissions")
	p.create(t, "permissions/child")
	p.create(t, "permissions/unmounted", "-o", "canmount=off")
	if err := errors.Join(zfs.Snapshot(ctx, ds+"@x", ds+"/child@x"), zfs.Snapshot(ctx, ds+"@d"), zfs.Hold(ctx, "h", ds+"/child@x"),
		zfs.Bookmark(ctx, zfssend.Bookmark{Source: ds + "@x", Name: "#b"})); err != nil {
		t.Fatal(err)
	}
	run(t, "sh", "-c", `zfs send "$0@x" > "$1" && chmod 644 "$1"`, ds, stream)
	for operation := range operations {
		want := map[string][]string{
			"snapshot": {"snapshot"}, "hold": {"hold"}, "release": {"release"}, "bookmark": {"bookmark"}, "send": {"send"},
			"destroy snapshot": {"destroy", "mount"}, "destroy bookmark": {"destroy"}, "destroy dataset": {"destroy", "mount"},
			"set": {"userprop", "quota"}, "inherit": {"userprop"}, "receive": {"receive", "create", "mount"},
		}[operation]
		streams := operation == "send" || operation == "receive"
		wantDenied := func(missing []string) {
			t.Helper()
			d := asNobody(t, operation, ds, stream)
			if streams {
				missing = nil // not looked up
			}
			if !d.Denied || !equalSets(d.Needs, want) || !equalSets(d.Missing, missing) {
				t.Errorf("%s: got %+v, want needs %q, missing %q", operation, d, want, missing)
			}
			t.Log(d.Error)
		}
		if want != nil {
			wantDenied(want)
		}
		for _, lacking := range want {
			rest := slices.DeleteFunc(slices.Clone(want), func(s string) bool { return s == lacking })
			if len(rest) > 0 {
				run(t, "zfs", "allow", "nobody", strings.Join(rest, ","), ds)
				wantDenied([]string{lacking})
				run(t, "zfs", "unallow", "nobody", ds)
			}
		}
		if want != nil {
			run(t, "zfs", "allow", "nobody", strings.Join(want, ","), ds)
		}
		if d := asNobody(t, operation, ds, stream); d.Error != "" {
			t.Errorf("%s with %q: %s", operation, want, d.Error)
		}
		if want != nil {
			run(t, "zfs", "unallow", "nobody", ds)
		}
	}
}

func equalSets(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// TestPermissionsOf: what zfs allow says, in all its forms, is what the kernel allows.
func TestPermissionsOf(t *testing.T) {
	ctx := platform(t)
	p := source()
	ds := p.create(t, "allow")
	p.create(t, "allow/child")
	for _, args := range [][]string{
		{"nobody", "snapshot,hold"}, {"-l", "nobody", "release"}, {"-d", "nobody", "destroy"}, {"-e", "send"},
		{"-g", "nogroup", "mount,create"}, {"-s", "@basic", "compression,atime"}, {"-s", "@more", "@basic,clone"},
		{"-c", "destroy,mount"}, {"-u", "nobody", "@more"}, {"-u", "root", "rollback"},
	} {
		run(t, append(append([]string{"zfs", "allow"}, args...), ds)...)
	}
	for dataset, want := range map[string]string{
		ds:            "atime,clone,compression,create,hold,mount,release,send,snapshot",
		ds + "/child": "atime,clone,compression,create,destroy,hold,mount,send,snapshot",
		p.name:        "",
	} {
		permissions, err := zfs.Permissions(ctx, dataset)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(permissions.Of("nobody", "nogroup"), ","); got != want {
			t.Errorf("%s: got %s, want %s", dataset, got, want)
		}
	}
	if _, err := zfs.Permissions(ctx, ds+"/nothing"); !errors.Is(err, zfssend.NotFound) {
		t.Errorf("got %v", err)
	}
	if missing, err := zfs.MissingPermissions(ctx, ds, "receive"); missing != nil || err != nil {
		t.Errorf("root lacks %q, %v", missing, err)
	}
}
