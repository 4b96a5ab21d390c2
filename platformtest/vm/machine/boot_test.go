package machine

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/spanstack/spanstack/internal/leaktest"
)

// requireVM is set to 1 where a missing virtual machine is a failure of the tests, as in continuous integration.
const requireVM = "SPANSTACK_REQUIRE_VM"

var buildOnce = sync.OnceValues(func() (*Image, error) {
	return Build(context.Background(), BuildOptions{Progress: NewProgress(os.Stderr)})
})

// bootImage returns the real image, built if need be, and skips the test where there can't be one.
func bootImage(t *testing.T) *Image {
	t.Helper()
	if testing.Short() {
		t.Skip("boots a virtual machine; -short is set")
	}
	img, err := buildOnce()
	switch {
	case errors.Is(err, ErrUnavailable) && os.Getenv(requireVM) != "1":
		t.Skipf("%v\n(%s=1 makes this a failure)", err, requireVM)
	case err != nil:
		t.Fatal(err)
	}
	return img
}

// script is a payload that is a shell script.
func script(text string) fstest.MapFS {
	return fstest.MapFS{"run": {Data: []byte("#!/bin/sh\n" + text), Mode: 0o755}}
}

// boot runs a script and returns what it wrote.
func boot(t *testing.T, img *Image, opts RunOptions) (stdout, stderr string, r Result, err error) {
	t.Helper()
	var out, errOut, con bytes.Buffer
	opts.Stdout, opts.Stderr = &out, &errOut
	if opts.Console == nil {
		opts.Console = &con
	}
	if opts.Timeout == 0 {
		opts.Timeout = 4 * time.Minute // before that of the test program, which tells nothing of the guest
	}
	r, err = img.Run(t.Context(), opts)
	if err == nil {
		t.Logf("user space after %v, payload started after %v and ran %v; %v in all", r.Booted, r.Started, r.Payload, r.Total)
	}
	if strings.Contains(out.String()+errOut.String(), "@@END") {
		t.Errorf("the mark was passed on: %q, %q", out.String(), errOut.String())
	}
	return out.String(), errOut.String(), r, err
}

func TestBootVariants(t *testing.T) {
	img := bootImage(t)
	for _, v := range Variants() {
		t.Run(string(v), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			payload := script(`
				echo "arguments: $*"; echo "variable: $FOO"; pwd; helper
				echo "to stderr" >&2
				echo "by name" >/dev/stderr
				mkdir /out/sub; echo kept >/out/sub/file; head -c 3000000 /dev/zero >/out/zeros
				printf 'no newline at the end'
				exit 42`)
			payload["helper"] = &fstest.MapFile{Data: []byte("#!/bin/sh\necho helper is in PATH\n"), Mode: 0o755}
			stdout, stderr, r, err := boot(t, img, RunOptions{Variant: v, Payload: payload, OutDir: dir,
				Command: []string{"./run", "a b", "it's"}, Env: []string{"FOO=x  y"}})
			if err != nil {
				t.Fatal(err)
			}
			if r.ExitCode != 42 {
				t.Errorf("exit code %d, want 42", r.ExitCode)
			}
			if want := "arguments: a b it's\nvariable: x  y\n/payload\nhelper is in PATH\nno newline at the end"; stdout != want {
				t.Errorf("stdout is %q, want %q", stdout, want)
			}
			if want := "to stderr\nby name\n"; stderr != want {
				t.Errorf("stderr is %q, want %q", stderr, want)
			}
			if data, err := os.ReadFile(filepath.Join(dir, "sub", "file")); string(data) != "kept\n" {
				t.Errorf("sub/file is %q, %v", data, err)
			}
			if st, err := os.Stat(filepath.Join(dir, "zeros")); err != nil || st.Size() != 3_000_000 {
				t.Errorf("zeros: %v, %v", st, err)
			}
			if r.Booted <= 0 || r.Started <= r.Booted || r.Total < r.Started {
				t.Errorf("times make no sense: %+v", r)
			}
		})
	}
}

// What a test of ZFS needs of the guest.
func TestBootZFS(t *testing.T) {
	t.Parallel()
	stdout, stderr, r, err := boot(t, bootImage(t), RunOptions{Payload: script(`set -e
		truncate -s 256M /tmp/vdev
		zpool create -m /tank tank /tmp/vdev
		zfs create tank/a
		echo content >/tank/a/file
		zfs snapshot tank/a@1
		echo "by .zfs: $(cat /tank/a/.zfs/snapshot/1/file)"
		zfs send tank/a@1 | zfs recv tank/b
		echo "received: $(cat /tank/b/file)"
		mkdir /mnt/b && zfs umount tank/b && mount -t zfs tank/b /mnt/b
		echo "mounted: $(cat /mnt/b/file)"
		zdb -l /tmp/vdev | grep -c "name: 'tank'"
		zpool export tank && zpool import -d /tmp tank && zfs list -Ho name -t snapshot
		ip addr show lo | grep -q 127.0.0.1
		# A fault must end the machine, not one thread.
		grep -qx 1 /proc/sys/kernel/panic_on_oops
		grep -qx 1 /sys/module/spl/parameters/spl_panic_halt
		zfs version
		date +%s
	`)})
	if err != nil || r.ExitCode != 0 || stderr != "" {
		t.Fatalf("%v, exit code %d, stderr %q, stdout %q", err, r.ExitCode, stderr, stdout)
	}
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	if len(lines) != 9 {
		t.Fatalf("stdout is %q", stdout)
	}
	want := "by .zfs: content\nreceived: content\nmounted: content\n1\ntank/a@1\ntank/b@1"
	if got := strings.Join(lines[:6], "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	img := bootImage(t)
	if lines[6] != "zfs-"+img.ZFS || lines[7] != "zfs-kmod-"+img.ZFS {
		t.Errorf("versions are %q, want those of %s", lines[6:8], img.ZFS)
	}
	var clock int64
	fmt.Sscan(lines[8], &clock)
	if off := time.Since(time.Unix(clock, 0)).Abs(); off > 5*time.Minute {
		t.Errorf("the guest's clock is %v off", off)
	}
}

// Output must arrive whole although the host is slow to take it and the guest resets right after it.
func TestBootLargeOutput(t *testing.T) {
	t.Parallel()
	img := bootImage(t)
	var slow slowWriter
	payload := script("head -c 5000000 /dev/zero; head -c 1000000 /dev/zero >&2")
	r, err := img.Run(t.Context(), RunOptions{Payload: payload, Stdout: &slow, Stderr: &slow})
	if err != nil || r.ExitCode != 0 {
		t.Fatal(err, r.ExitCode)
	}
	if slow.n != 6_000_000 {
		t.Errorf("%d bytes arrived, want 6000000", slow.n)
	}
}

// slowWriter takes what a terminal or a pager takes, not what a file does.
type slowWriter struct{ n int64 }

func (s *slowWriter) Write(p []byte) (int, error) {
	time.Sleep(5 * time.Millisecond)
	s.n += int64(len(p))
	return len(p), nil
}

func TestBootExitCodes(t *testing.T) {
	img := bootImage(t)
	for text, want := range map[string]int{"kill -TERM $$": 128 + 15, "exec /gone": 127} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			if _, _, r, err := boot(t, img, RunOptions{Payload: script(text)}); err != nil || r.ExitCode != want {
				t.Errorf("got %d, %v; want %d", r.ExitCode, err, want)
			}
		})
	}
}

func TestBootPanic(t *testing.T) {
	t.Parallel()
	_, _, _, err := boot(t, bootImage(t), RunOptions{Payload: script("echo c >/proc/sysrq-trigger; sleep 1000")})
	e, ok := errors.AsType[*PanicError](err)
	if !ok {
		t.Fatalf("got %v, want a PanicError", err)
	}
	if !strings.Contains(e.Reason, "sysrq triggered crash") || !strings.Contains(e.Console, "Call Trace") {
		t.Errorf("reason %q, console\n%s", e.Reason, e.Console)
	}
}

// A machine that ends by itself has given no verdict, whatever its output was.
func TestBootNoVerdict(t *testing.T) {
	t.Parallel()
	_, _, _, err := boot(t, bootImage(t), RunOptions{Payload: script("echo PASS; reboot -f")})
	if e, ok := errors.AsType[*NoVerdictError](err); !ok || e.State != "running the payload" {
		t.Errorf("got %v, want a NoVerdictError", err)
	}
	_, _, _, err = boot(t, bootImage(t), RunOptions{Payload: script(""), MemoryMiB: 1}) // too little for a kernel
	if _, ok := errors.AsType[*NoVerdictError](err); !ok {
		if _, ok := errors.AsType[*PanicError](err); !ok {
			t.Errorf("1 MiB of memory: got %v, want a NoVerdictError or PanicError", err)
		}
	}
}

// waitFor closes done when text was written.
type waitFor struct {
	text string
	done chan time.Time
	seen bytes.Buffer
}

func (w *waitFor) Write(p []byte) (int, error) {
	before := strings.Contains(w.seen.String(), w.text)
	w.seen.Write(p)
	if !before && strings.Contains(w.seen.String(), w.text) {
		close(w.done)
	}
	return len(p), nil
}

// A zfs send that hangs on the taskq module is the case this machine was built for. The time-out shows where it hangs,
// and saves the files written by then. On the stock module the send would wait in pipe_write, interruptibly.
func TestBootTimeout(t *testing.T) {
	t.Parallel()
	ready := &waitFor{text: "blocked", done: make(chan time.Time)}
	dir := t.TempDir()
	_, err := bootImage(t).Run(t.Context(), RunOptions{Variant: TaskQ, Stdout: ready, OutDir: dir, Timeout: time.Hour,
		expired: ready.done, Payload: script(`
		truncate -s 256M /tmp/vdev && zpool create -O compression=off tank /tmp/vdev
		head -c 4000000 /dev/urandom >/tank/f && zfs snapshot tank@1
		mkfifo /tmp/pipe; sleep 1000 </tmp/pipe &
		zfs send tank@1 >/tmp/pipe &
		n=0 # each record is waited for in the taskq; only one that stays there is stuck
		while [ $n -lt 20 ]; do
			if grep -q taskq_wait /proc/$!/wchan; then n=$((n+1)); else n=0; fi
			usleep 10000
		done
		echo so far >/out/trace
		echo blocked
		wait`)})
	e, ok := errors.AsType[*TimeoutError](err)
	if !ok {
		t.Fatalf("got %v, want a TimeoutError", err)
	}
	if e.State != "running the payload" || !strings.Contains(e.Console, "taskq_wait") || !strings.Contains(e.Console, "dmu_send") {
		t.Errorf("state %q; the console does not show the hanging send:\n%s", e.State, e.Console)
	}
	if data, err := os.ReadFile(filepath.Join(dir, "trace")); string(data) != "so far\n" {
		t.Errorf("/out at the time-out: %q, %v", data, err)
	}
}

func TestBootWrongModule(t *testing.T) {
	img := bootImage(t)
	for _, v := range Variants() {
		t.Run(string(v), func(t *testing.T) {
			t.Parallel()
			// An image whose archives are mixed up.
			wrong := *img
			wrong.Dir = t.TempDir()
			for _, f := range []string{kernelFile, baseFile} {
				if err := os.Symlink(filepath.Join(img.Dir, f), filepath.Join(wrong.Dir, f)); err != nil {
					t.Fatal(err)
				}
			}
			other := map[Variant]Variant{Stock: TaskQ, TaskQ: Stock}[v]
			if err := os.Symlink(filepath.Join(img.Dir, variantFile(other)), filepath.Join(wrong.Dir, variantFile(v))); err != nil {
				t.Fatal(err)
			}
			stdout, _, _, err := boot(t, &wrong, RunOptions{Variant: v, Payload: script("echo ran")})
			e, ok := errors.AsType[*GuestError](err)
			if !ok || !strings.Contains(e.Reason, "dump_bytes_cb") || stdout != "" {
				t.Errorf("got %v, stdout %q; want a GuestError and no output", err, stdout)
			}
		})
	}
}

func TestBootCancel(t *testing.T) {
	t.Parallel()
	img := bootImage(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	ready := &waitFor{text: "ready", done: make(chan time.Time)}
	go func() { <-ready.done; cancel(errors.New("enough")) }()
	_, err := img.Run(ctx, RunOptions{Payload: script("echo ready; sleep 1000"), Stdout: ready})
	if err == nil || !strings.Contains(err.Error(), "enough") {
		t.Errorf("got %v, want the context's cause", err)
	}
}

func TestBootWriterFails(t *testing.T) {
	t.Parallel()
	img := bootImage(t)
	_, err := img.Run(t.Context(), RunOptions{Payload: script("echo x; sleep 1000"), Stdout: failingWriter{}})
	if err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("stdout: got %v, want the writer's error", err)
	}
	r, err := img.Run(t.Context(), RunOptions{Payload: script("ln -s x /out/link; exit 3"), OutDir: t.TempDir(), Console: failingWriter{}})
	if _, ok := errors.AsType[*FilesError](err); !ok || r.ExitCode != 3 || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("files and console: got %d, %v; want 3 and both errors", r.ExitCode, err)
	}
}

// A machine does not outlive a test that is killed: it notices that its control port is closed. It does so while it
// sends its files after a time-out, too, although it can write no more of them.
func TestBootEndsWithItsParent(t *testing.T) {
	for _, state := range []string{"running", "stopping"} {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			bootImage(t)
			if _, err := os.Stat("/proc/self/cmdline"); err != nil {
				t.Skip("needs /proc to look for the process")
			}
			tmp := t.TempDir() // the machine's initramfs is in it, so its name is among QEMU's arguments
			child := exec.Command(os.Args[0], "-test.run=^TestBootChild$", "-test.v")
			child.Env = append(os.Environ(), childEnv+"="+state, "TMPDIR="+tmp)
			out, err := child.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := child.Start(); err != nil {
				t.Fatal(err)
			}
			for rows := bufio.NewScanner(out); rows.Scan() && rows.Text() != "ready"; {
			}
			if !processWith(tmp) {
				t.Error("no QEMU runs, so this test would pass in any case")
			}
			child.Process.Kill()
			io.Copy(io.Discard, out)
			child.Wait()
			for start := time.Now(); processWith(tmp); time.Sleep(20 * time.Millisecond) {
				if time.Since(start) > time.Minute {
					t.Fatal("QEMU still runs a minute after its parent was killed")
				}
			}
		})
	}
}

const childEnv = "SPANSTACK_TEST_CHILD"

// TestBootChild is the process that TestBootEndsWithItsParent kills.
func TestBootChild(t *testing.T) {
	opts := RunOptions{Payload: script("echo ready; sleep 1000"), Stdout: os.Stdout}
	switch os.Getenv(childEnv) {
	case "":
		t.Skip("the child of another test")
	case "stopping": // has much to send when it is told to stop
		written := &waitFor{text: "written", done: make(chan time.Time)}
		stopping := &waitFor{text: "Show Blocked State", done: make(chan time.Time)}
		opts = RunOptions{Payload: script("head -c 400000000 /dev/zero >/out/big; echo written; sleep 1000"), Stdout: written,
			Console: stopping, OutDir: t.TempDir(), expired: written.done}
		go func() { <-stopping.done; os.Stdout.WriteString("ready\n") }()
	}
	_, err := bootImage(t).Run(t.Context(), opts)
	t.Fatal("the machine ended: ", err)
}

// processWith reports whether a QEMU has text among its arguments.
func processWith(text string) bool {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err == nil && strings.Contains(string(data), text) && strings.Contains(string(data), qemu) {
			return true
		}
	}
	return false
}

func TestMain(m *testing.M) { os.Exit(leaktest.Wrap(m).Run()) }

// TestBootHangs: a machine that doesn't boot in time is started again, twice.
func TestBootHangs(t *testing.T) {
	var console strings.Builder
	stdout, stderr, r, err := boot(t, bootImage(t), RunOptions{Payload: script("echo up"), Console: &console, patience: time.Millisecond})
	if err != nil || r.ExitCode != 0 || stdout != "up\n" || stderr != "" {
		t.Errorf("%v, %+v, stdout %q, stderr %q", err, r, stdout, stderr)
	}
	if got, want := console.String(), strings.Repeat("It didn't boot within 1ms, and is started again.\n", 2); !strings.HasPrefix(got, want) || strings.Count(got, want) != 1 {
		t.Errorf("the console has %q", got)
	}
}
