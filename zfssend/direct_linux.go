package zfssend

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/spanstack/spanstack/zfssend/zstream"
)

// peek waits for the stream's first record and returns it, but leaves it in the pipe. What it returns is too short if
// the stream has ended, or something else writes it in smaller pieces than zfs send does.
func (s *SendStream) peek() []byte {
	t := newTap(s)
	if t == nil {
		return nil
	}
	s.beginRead(nil)
	defer s.endRead(nil)
	head := make([]byte, zstream.HeaderSize)
	n, _ := t.Read(head)
	t.seen = 0 // nothing was read
	t.close()
	return head[:n]
}

// reopen opens the read end of the pipe twice more, in the blocking mode that zfs receive needs; nil if it can't be. A
// duplicate would have the mode of ours.
func (s *SendStream) reopen() (a, b *os.File) {
	raw, err := s.pipe.SyscallConn()
	if err != nil {
		return nil, nil
	}
	open := func(fd uintptr) *os.File {
		n, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", fd), unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return nil
		}
		return os.NewFile(uintptr(n), "pipe") // in this mode, unknown to the poller
	}
	_ = raw.Control(func(fd uintptr) { a, b = open(fd), open(fd) })
	if a == nil || b == nil {
		a.Close() // of nil, an error
		b.Close()
		return nil, nil
	}
	return a, b
}

// pending returns how many bytes are in the pipe, as long as it is open.
func (d *direct) pending() (n int64, open bool) {
	open = d.control(func(fd uintptr) {
		k, _ := unix.IoctlGetInt(int(fd), unix.TIOCINQ) // FIONREAD
		n = int64(k)
	})
	return n, open
}

// broken reports whether nobody can write to the pipe any more.
func (d *direct) broken() (yes bool) {
	d.control(func(fd uintptr) { yes = ready(fd, 0) })
	return yes
}

// control calls f with the pipe's descriptor, and reports whether it is open.
func (d *direct) control(f func(fd uintptr)) bool {
	raw, err := d.pipe.SyscallConn()
	return err == nil && raw.Control(f) == nil
}

// startBound starts the process so that it is killed if we die by whatever means. Without that, zfs send and a zfs
// receive that shares its pipe would go on by themselves. The kernel goes by the thread that started the process
// (PR_SET_PDEATHSIG), so that is kept.
func (ch *child) startBound() error {
	ch.cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := ch.cmd.Start()
		started <- err
		if err == nil {
			<-ch.reaped
		}
	}()
	return <-started
}

// writtenBy returns how many bytes a process has written by itself, to whatever it be; -1 if that can't be known. It is
// known until the process is reaped. See proc_pid_io(5).
func writtenBy(pid int) int64 {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "io"))
	if err != nil {
		return -1
	}
	for line := range bytes.Lines(text) {
		if value, ok := bytes.CutPrefix(line, []byte("wchar: ")); ok {
			if n, err := strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 64); err == nil {
				return n
			}
		}
	}
	return -1
}

// awaitExit waits for the end of a process without reaping it.
func awaitExit(pid int) {
	for unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
}
