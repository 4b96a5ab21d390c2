package zfssend

import (
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A quiet pipe that is empty is looked at again after a nap, in which half of it is filled at the stream's speed of late: a
// nap costs 0.1 ms of processor time, however long it is. Naps may last a millisecond longer than they should, so a pipe
// of which half is filled in less than minNap isn't made quiet. After idleNaps without data, there may be none for long.
const (
	minNap   = 2 * time.Millisecond
	maxNap   = 10 * time.Millisecond
	idleNaps = 8
)

// paceTime is how long a speed is measured before a nap's length is decided anew.
const paceTime = 20 * time.Millisecond

// try repeats f, which moves something without waiting, until it reports that it is done, and waits for data in
// between. The number of bytes that f has moved has to be told to came.
func (e *readEnd) try(f func(fd uintptr) (done bool)) error {
	for naps := 0; naps < idleNaps && e.pace(); naps++ {
		done := false
		err := e.control(func(fd uintptr) { done = f(fd) })
		if done || err != nil {
			return err
		}
		time.Sleep(e.nap)
	}
	if err := e.setQuiet(false); err != nil {
		return err
	}
	raw, err := e.SyscallConn()
	if err != nil {
		return err
	}
	return raw.Read(f)
}

// napForRoom takes a nap before there is room in a pipe to which the stream moves on, if this one is quiet and no larger: what
// is taken out of that in this time need not wake us up, either.
func (e *readEnd) napForRoom(out syscall.RawConn) {
	if !e.quiet {
		return
	}
	size := 0
	_ = out.Control(func(to uintptr) { size, _ = unix.FcntlInt(to, unix.F_GETPIPE_SZ, 0) })
	if size >= e.size { // which a socket isn't
		time.Sleep(e.nap)
	}
}

// control calls f with the descriptor, unless that is closed.
func (e *readEnd) control(f func(fd uintptr)) error {
	raw, err := e.SyscallConn()
	if err != nil {
		return err
	}
	return raw.Control(f)
}

// came counts bytes.
func (e *readEnd) came(n int) { e.bytes += int64(n) }

// pace makes the pipe quiet if it is filled slowly, and reports whether it is.
func (e *readEnd) pace() bool {
	elapsed := time.Since(e.since)
	if elapsed < paceTime {
		return e.quiet
	}
	half := time.Duration(float64(elapsed) * float64(e.size) / 2 / float64(max(e.bytes, 1)))
	e.nap = min(half, maxNap)
	e.since, e.bytes = time.Now(), 0
	return e.setQuiet(half >= minNap) == nil && e.quiet
}

// setQuiet takes the pipe away from the poller, or gives it back. It fails if there is no descriptor left, or the pipe
// is closed.
func (e *readEnd) setQuiet(quiet bool) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if quiet == e.quiet {
		return nil
	}
	raw, err := e.file.SyscallConn()
	if err != nil {
		return err
	}
	var other *os.File
	var failed error
	if err := raw.Control(func(fd uintptr) { other, failed = duplicate(int(fd), quiet) }); err != nil {
		return err
	}
	if failed != nil {
		return failed
	}
	e.file.Close()
	e.file, e.quiet = other, quiet
	return nil
}

// duplicate returns another descriptor of a pipe, unknown to the poller if quiet: of a file that is in blocking mode,
// it wants to know nothing. What we call on it doesn't block nevertheless.
func duplicate(fd int, quiet bool) (*os.File, error) {
	n, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	if err := unix.SetNonblock(n, !quiet); err != nil {
		unix.Close(n)
		return nil, os.NewSyscallError("fcntl", err)
	}
	return os.NewFile(uintptr(n), "pipe"), nil
}
