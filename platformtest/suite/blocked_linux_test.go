package suite

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/spanstack/spanstack/zfssend"
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

// standstill waits until nothing moves any more between zfs send and who reads its stream: the pipe is full, and so is out,
// if it isn't nil, and no byte passes meanwhile. It returns an error if that doesn't come, be it that zfs ends before.
func standstill(ctx context.Context, s *zfssend.SendStream, out syscall.Conn) error {
	const samples = 5 // so that what has just become full isn't what is just being emptied
	deadline := time.Now().Add(patience)
	passed := int64(-1)
	for still := 0; still < samples; time.Sleep(2 * time.Millisecond) {
		full, err := pipeFull(s.PID())
		if err == nil && full && out != nil {
			full, err = isFull(out)
		}
		switch n := s.Stats().Bytes; {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case ended(s):
			return fmt.Errorf("the stream has ended: %w", s.Err())
		case time.Now().After(deadline):
			return fmt.Errorf("zfs send doesn't get stuck: %d bytes have passed, its pipe is full: %t", n, full)
		case full && n == passed:
			still++
		default:
			still, passed = 0, n
		}
	}
	return nil
}

// awaitStandstill is standstill for a test that is about what comes then.
func awaitStandstill(t testing.TB, s *zfssend.SendStream, out io.Writer) {
	t.Helper()
	conn, _ := out.(syscall.Conn)
	if err := standstill(t.Context(), s, conn); err != nil {
		t.Fatal(err)
	}
}

func ended(s *zfssend.SendStream) bool {
	select {
	case <-s.Done():
		return true
	default:
		return false
	}
}

// pipeFull reports whether nothing can be written to the pipe that is the stdout of a process. It is an error if the process
// is gone, or nobody has the pipe's read end.
func pipeFull(pid int) (bool, error) {
	fd, err := unix.Open(filepath.Join("/proc", itoa(pid), "fd/1"), unix.O_WRONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return false, fmt.Errorf("the pipe of process %d: %w", pid, err)
	}
	defer unix.Close(fd)
	return pollFull(fd)
}

// isFull reports whether nothing can be written to an output.
func isFull(out syscall.Conn) (full bool, err error) {
	raw, err := out.SyscallConn()
	if err != nil {
		return false, err
	}
	if cerr := raw.Control(func(fd uintptr) { full, err = pollFull(int(fd)) }); cerr != nil {
		return false, cerr
	}
	return full, err
}

func pollFull(fd int) (bool, error) {
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, 0)
		if err != unix.EINTR {
			return n == 0, err
		}
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

// module returns the kind of the kernel module, "stock" or "taskq". On a stock module, the compiler inlines dump_bytes_cb.
func module(t testing.TB) string {
	t.Helper()
	symbols, err := os.ReadFile("/proc/kallsyms")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(symbols, []byte(" dump_record\t[")) && !bytes.Contains(symbols, []byte("[zfs]")) {
		t.Fatal("/proc/kallsyms doesn't know zfs")
	}
	if bytes.Contains(symbols, []byte(" dump_bytes_cb\t")) {
		return "taskq"
	}
	return "stock"
}

// TestModule checks that the kernel module is the one that the tests are meant for.
func TestModule(t *testing.T) {
	platform(t)
	got := module(t)
	version, _ := os.ReadFile("/sys/module/zfs/version")
	t.Logf("zfs %s, module %s", bytes.TrimSpace(version), got)
	if want := os.Getenv("SPANSTACK_ZFS_MODULE"); want != "" && got != want {
		t.Errorf("the module is %s, want %s", got, want)
	}
}
