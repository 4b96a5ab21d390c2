package suite

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func parseInt(s string) (int64, error) { return strconv.ParseInt(s, 10, 64) }

// slowly makes a few megabytes take seconds.
var slowly = []string{"--limit", "4MB"}

// TestFerryFull: the destination is over its quota, and then its pool is full. What has arrived stays, and is gone on from.
func TestFerryFull(t *testing.T) {
	platform(t)
	program(t)
	v := newVoyage(t, "full", 12<<20)
	run(t, "zfs", "set", "quota=6M", v.above)
	out := startFerry(t, v.src, v.dst).wants(t, 1, "receive "+v.dst, "quota exceeded", "hint: make room there, or raise a quota: zfs get available,quota,refquota "+v.above+";")
	t.Logf("over quota:\n%s", out)
	v.kept(t)
	run(t, "zfs", "set", "quota=none", v.above)
	if out := v.arrives(t); !strings.Contains(out, "received resumed @1") {
		t.Errorf("after the quota:\n%s", out)
	}

	v.snapshot(t, "2", 24<<20)
	ballast := v.to.create(t, "ballast")
	available, err := parseInt(strings.TrimSpace(run(t, "zfs", "get", "-Hpo", "value", "available", ballast)))
	if err != nil {
		t.Fatal(err)
	}
	run(t, "zfs", "set", "reservation="+strconv.FormatInt(available-(6<<20), 10), ballast)
	out = startFerry(t, v.src, v.dst).wants(t, 1, "out of space", "hint: make room there")
	t.Logf("the pool is full:\n%s", out)
	v.kept(t)
	run(t, "zfs", "destroy", ballast)
	v.arrives(t)
}

// TestFerryDestroyed destroys snapshots between plan and send, and while one is sent: that one, zfs itself keeps.
func TestFerryDestroyed(t *testing.T) {
	platform(t)
	program(t)
	v := newVoyage(t, "gone", 8<<20)
	for _, below := range []string{"later", "nothing"} {
		v.p.create(t, v.name+"/"+below)
		v.p.write(t, v.name+"/"+below, "file", 64<<10)
		run(t, "zfs", "snapshot", v.src+"/"+below+"@1")
		run(t, "zfs", "snapshot", v.src+"/"+below+"@2")
	}
	f := startFerry(t, append(slowly, "-r", "--jobs", "1", v.src, v.dst)...)
	f.awaitReceive(t)
	if out, err := quietly("zfs", "destroy", v.src+"@1"); err == nil || !strings.Contains(out, "dataset is busy") {
		t.Errorf("destroy a snapshot that is sent: %v\n%s", err, out)
	}
	run(t, "zfs", "destroy", v.src+"/later@1")
	run(t, "zfs", "destroy", v.src+"/nothing@1,2")
	v.note(t)
	out := f.wants(t, 3, v.dst+"/later: received full @2", v.src+"/nothing has no snapshots", "hint: take one: zfs snapshot "+v.src+"/nothing@NAME")
	t.Logf("what was planned is gone:\n%s", out)
	run(t, "zfs", "snapshot", v.src+"/nothing@3")
	v.note(t)
	v.arrives(t, "-r")
	wantEqual(t, t.Context(), v.src+"/later", v.dst+"/later")
	wantEqual(t, t.Context(), v.src+"/nothing", v.dst+"/nothing")
}

// quietly runs a command that may fail.
func quietly(args ...string) (string, error) {
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	return string(out), err
}

// TestFerryKeys: keys that aren't loaded, of the source and of what is above the destination; raw, they aren't needed.
func TestFerryKeys(t *testing.T) {
	platform(t)
	program(t)
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte(strings.Repeat("0123456789abcdef", 4)), 0o600); err != nil {
		t.Fatal(err)
	}
	encrypted := []string{"-o", "encryption=on", "-o", "keyformat=hex", "-o", "keylocation=file://" + key}
	v := newVoyage(t, "keys", 1<<20)
	secret, copied := v.p.create(t, v.name+"/secret", encrypted...), v.above+"/secret"
	v.p.write(t, v.name+"/secret", "file", 1<<20)
	run(t, "zfs", "snapshot", secret+"@1")
	run(t, "zfs", "unmount", secret)
	run(t, "zfs", "unload-key", secret)
	v.note(t)
	out := startFerry(t, "--allow-plaintext", secret, copied).wants(t, 1, "hint: load the key, by zfs load-key "+secret+", or leave out --allow-plaintext")
	t.Logf("the source's key:\n%s", out)
	startFerry(t, secret, copied+"-raw").wants(t, 0, "received full @1 raw")
	run(t, "zfs", "load-key", secret)
	startFerry(t, "--allow-plaintext", secret, copied).wants(t, 0, "received full @1")
	wantEqual(t, t.Context(), secret, copied)

	run(t, "zfs", "snapshot", secret+"@2")
	out = startFerry(t, secret, copied).wants(t, 1, "hint: a copy can't be partly raw and partly not")
	t.Logf("a raw increment of what isn't:\n%s", out)
	startFerry(t, "--allow-plaintext", secret, copied).wants(t, 0, "received incremental @1..@2")

	vault := v.to.create(t, v.name+"/vault", encrypted...)
	run(t, "zfs", "unmount", vault)
	run(t, "zfs", "unload-key", vault)
	v.dst = vault + "/copy"
	out = startFerry(t, v.src, v.dst).wants(t, 1, "hint: what isn't sent raw needs a key there: zfs get encryptionroot,keystatus "+vault+" says which one")
	t.Logf("the destination's key:\n%s", out)
	run(t, "zfs", "load-key", vault)
	v.arrives(t)
}

// TestFerryLocked: of two on one destination, or on a part of it, the second says who is there, and does nothing; one beside it works.
func TestFerryLocked(t *testing.T) {
	platform(t)
	program(t)
	v := newVoyage(t, "locked", 12<<20)
	first := startFerry(t, append(slowly, v.src, v.dst)...)
	first.awaitReceive(t)
	holder := "locked by process " + itoa(first.cmd.Process.Pid)
	out := startFerry(t, v.src, v.dst).wants(t, 4, v.dst+" is "+holder, "hint: wait for it, or stop it; a lock ends with its process")
	t.Logf("the same destination:\n%s", out)
	startFerry(t, "-r", v.src, v.above).wants(t, 4, "is locked by", "hint: wait for it")
	startFerry(t, v.src, v.above+"/another").wants(t, 0, "received full @1")
	first.wants(t, 0, "received full @1")
	v.arrives(t)
}

// TestFerryExported: the pool of either side isn't there.
func TestFerryExported(t *testing.T) {
	platform(t)
	program(t)
	v := newVoyage(t, "exported", 1<<20)
	for _, side := range []pool{v.p, v.to} {
		run(t, "zpool", "export", side.name)
		out, hint := startFerry(t, v.src, v.above).wants(t, 1), "zpool list which pools are imported"
		if side == v.to {
			hint = "is the pool imported? zpool list shows those that are"
		}
		if !strings.Contains(out, "hint: ") || !strings.Contains(out, hint) {
			t.Errorf("without %s:\n%s", side.name, out)
		}
		t.Logf("without %s:\n%s", side.name, out)
		run(t, "zpool", "import", "-d", filepath.Dir(side.dir), side.name)
	}
	v.arrives(t)
}

// TestFerrySuspended: the destination's pool stands still, since its device fails. zferry gives up, although zfs can't be killed, and so
// it does when it is interrupted. When the device is back, the next run goes on.
func TestFerrySuspended(t *testing.T) {
	platform(t)
	program(t)
	v := newVoyage(t, "suspended", 1<<20)
	v.to = newPool(t, "suspended")
	v.above = v.to.create(t, v.name)
	v.dst = v.above + "/copy"
	v.to.create(t, v.name+"/mine")
	run(t, "zfs", "snapshot", v.above+"/mine@mine")
	v.note(t)
	vdev := filepath.Join(filepath.Dir(v.to.dir), "vdev")
	for i, tt := range []struct {
		code int
		want string
		end  func(*ferry)
	}{
		{1, "hint: zpool status -x and zpool iostat say whether the pools still work", func(*ferry) {}},
		{130, "hint: what has arrived stays", func(f *ferry) { f.cmd.Process.Signal(syscall.SIGINT) }},
	} {
		v.snapshot(t, "more"+itoa(i), 16<<20)
		f := startFerry(t, append(slowly, "--stall-timeout", "4s", "--retries", "0", v.src, v.dst)...)
		f.awaitReceive(t)
		run(t, "zinject", "-d", vdev, "-e", "io", "-T", "write", v.to.name)
		begin := time.Now()
		tt.end(f)
		out := f.wants(t, tt.code, tt.want)
		t.Logf("ended %v after its pool stood still:\n%s", time.Since(begin).Round(100*time.Millisecond), out)
		run(t, "zinject", "-c", "all")
		run(t, "zpool", "clear", v.to.name)
	}
	v.arrives(t)
}
