package suite

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spanstack/spanstack/zfssend/zfstest"
)

// awaitBlocked waits until a zfs send is blocked because its pipe is full: itself, or the kernel thread that writes
// for it on a taskq module.
func awaitBlocked(t testing.TB, pid int) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		p, err := zfstest.ReadProcess(pid)
		if err != nil {
			t.Fatalf("zfs send: %v", err)
		}
		switch {
		case p.State == "S" && blockedInPipe(pid):
			t.Logf("zfs send is blocked in the pipe itself, state S")
			return
		case p.State == "D" && strings.HasPrefix(waitChannel(pid), "taskq_wait") && kernelThreadInPipe():
			t.Logf("zfs send is blocked in %s, state D", waitChannel(pid))
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("zfs send isn't blocked: state %s, in %q", p.State, waitChannel(pid))
		}
		time.Sleep(time.Millisecond)
	}
}

// waitChannel returns the kernel function that a process sleeps in.
func waitChannel(pid int) string {
	text, _ := os.ReadFile(filepath.Join("/proc", itoa(pid), "wchan"))
	return string(text)
}

func blockedInPipe(pid int) bool { return strings.HasSuffix(waitChannel(pid), "pipe_write") }

// kernelThreadInPipe reports whether a kernel thread waits for room in a pipe. No others than those of zfs do so.
func kernelThreadInPipe() bool {
	names, _ := filepath.Glob("/proc/[0-9]*/wchan")
	for _, name := range names {
		text, _ := os.ReadFile(name)
		if !bytes.HasSuffix(text, []byte("pipe_write")) {
			continue
		}
		status, _ := os.ReadFile(filepath.Join(filepath.Dir(name), "status"))
		if bytes.Contains(status, []byte("\nPPid:\t2\n")) {
			return true
		}
	}
	return false
}

// TestModule checks that the kernel module is the one that the tests are meant for. On a stock module, the compiler
// inlines dump_bytes_cb.
func TestModule(t *testing.T) {
	platform(t)
	symbols, err := os.ReadFile("/proc/kallsyms")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(symbols, []byte(" dump_record\t[")) && !bytes.Contains(symbols, []byte("[zfs]")) {
		t.Fatal("/proc/kallsyms doesn't know zfs")
	}
	got := "stock"
	if bytes.Contains(symbols, []byte(" dump_bytes_cb\t")) {
		got = "taskq"
	}
	version, _ := os.ReadFile("/sys/module/zfs/version")
	t.Logf("zfs %s, module %s", bytes.TrimSpace(version), got)
	if want := os.Getenv("SPANSTACK_ZFS_MODULE"); want != "" && got != want {
		t.Errorf("the module is %s, want %s", got, want)
	}
}
