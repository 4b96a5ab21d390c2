package zfssend

import (
	"errors"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// spliceSize is the most that is moved at a time: what an unprivileged user's pipe can hold.
const spliceSize = 1 << 20

var errNoSplice = errors.New("splice isn't supported here")

// splice moves the rest of the stream to out without copying it. ok is false if the kernel can't, be it in the middle;
// what was moved until then has been moved.
//
// It never waits for one side while it holds the other: a descriptor isn't closed as long as somebody holds it, so that a
// stalled output would make Close hang, too.
func (f *flow) splice(out syscall.RawConn) (readErr, writeErr error, ok bool) {
	if !nonblocking(out) {
		return nil, nil, false
	}
	for {
		n, readErr, writeErr := f.move(out)
		f.from.count(n)
		f.from.pipe.came(n)
		f.moved(n)
		if writeErr == unix.EAGAIN {
			writeErr = f.awaitRoom(out)
		}
		switch {
		case writeErr == errNoSplice:
			return nil, nil, false
		case writeErr != nil:
			return nil, f.outputError(writeErr), true
		case readErr != nil:
			return f.from.end(readErr), nil, true
		}
	}
}

// moved counts n bytes that the writer got without their being copied.
func (f *flow) moved(n int) {
	f.from.spliced.Add(int64(n))
	if f.via != nil {
		f.via.spliced.Add(int64(n))
	}
	f.passed(n)
}

// move waits for data and moves some. Its writeErr is EAGAIN if there is no room for them.
func (f *flow) move(out syscall.RawConn) (n int, readErr, writeErr error) {
	f.from.beginRead(f.via)
	defer f.from.endRead(f.via)
	readErr = f.from.pipe.try(func(from uintptr) bool {
		err := out.Control(func(to uintptr) { n, writeErr = spliceOnce(int(from), int(to), spliceSize) })
		if err != nil {
			writeErr = err
		}
		return writeErr != unix.EAGAIN || ready(from, unix.POLLIN)
	})
	switch {
	case readErr != nil:
		return 0, readErr, nil
	case writeErr == nil && n == 0:
		return 0, io.EOF, nil
	}
	return n, nil, writeErr
}

// spliceOnce moves what can be moved without waiting, at most limit bytes.
func spliceOnce(from, to, limit int) (int, error) {
	for {
		n, err := unix.Splice(from, nil, to, nil, limit, unix.SPLICE_F_NONBLOCK|unix.SPLICE_F_MOVE)
		switch err {
		case nil:
			return int(n), nil
		case unix.EINTR:
		case unix.EAGAIN:
			return 0, unix.EAGAIN
		case unix.EPIPE: // to is broken, which is found out before from is looked at
			if ended(from) {
				return 0, nil
			}
			return 0, os.NewSyscallError("splice", err)
		case unix.EINVAL, unix.ENOSYS, unix.EPERM, unix.EOPNOTSUPP:
			return 0, errNoSplice
		default:
			return 0, os.NewSyscallError("splice", err)
		}
	}
}

// awaitRoom waits until out takes data, or is broken.
func (f *flow) awaitRoom(out syscall.RawConn) error {
	f.beginWrite()
	defer f.endWrite()
	f.from.pipe.napForRoom(out)
	return out.Write(func(to uintptr) bool { return ready(to, unix.POLLOUT) })
}

// outputError returns what the output itself says of an error of its RawConn: that it is closed Is os.ErrClosed then.
func (f *flow) outputError(err error) error {
	if _, better := f.to.Write(nil); better != nil {
		return better
	}
	return err
}

// ended reports whether a pipe is at its end: there are no data, and nobody can write any.
func ended(fd int) bool {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	for {
		if _, err := unix.Poll(fds, 0); err != unix.EINTR {
			return err == nil && fds[0].Revents&unix.POLLHUP != 0 && fds[0].Revents&unix.POLLIN == 0
		}
	}
}

// nonblocking reports whether a descriptor is in the mode that the runtime's poller needs.
func nonblocking(raw syscall.RawConn) (yes bool) {
	err := raw.Control(func(fd uintptr) {
		flags, err := unix.FcntlInt(fd, unix.F_GETFL, 0)
		yes = err == nil && flags&unix.O_NONBLOCK != 0
	})
	return yes && err == nil
}

// ready reports whether a descriptor is ready, at its end, or broken.
func ready(fd uintptr, events int16) bool {
	fds := []unix.PollFd{{Fd: int32(fd), Events: events}}
	for {
		n, err := unix.Poll(fds, 0)
		if err != unix.EINTR {
			return n > 0 || err != nil
		}
	}
}
