package zfssend

import (
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// tap reads what is in the pipe from zfs and leaves it there (tee(2)), so that it can be spliced once it is known to be right: it is
// copied once and not twice.
type tap struct {
	in      *readEnd
	private [2]int // a pipe that nobody else has; empty between calls
	seen    int    // bytes in the pipe from zfs that have been read
}

// newTap returns a tap of the stream's pipe; nil if there can't be one.
func newTap(s *SendStream) *tap {
	t := &tap{in: s.pipe}
	if err := unix.Pipe2(t.private[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return nil
	}
	if _, err := unix.FcntlInt(uintptr(t.private[1]), unix.F_SETPIPE_SZ, copyBuffer); err != nil { // too small for it to be worth while
		t.close()
		return nil
	}
	return t
}

// close makes the pipe from zfs go on behind what has been read.
func (t *tap) close() {
	t.skip()
	unix.Close(t.private[0])
	unix.Close(t.private[1])
}

// Read waits for data behind what has been read, and reads some.
func (t *tap) Read(p []byte) (n int, err error) {
	t.skip()
	closed := t.in.try(func(from uintptr) bool {
		n, err = t.tee(int(from), p)
		return err != unix.EAGAIN
	})
	switch {
	case closed != nil:
		return 0, closed
	case err != nil:
		return 0, os.NewSyscallError("tee", err)
	case n == 0:
		return 0, io.EOF
	}
	t.in.came(n)
	t.seen += n
	return n, nil
}

// tee reads without waiting.
func (t *tap) tee(from int, p []byte) (int, error) {
	copied, err := retry(func() (int64, error) { return unix.Tee(from, t.private[1], len(p), unix.SPLICE_F_NONBLOCK) })
	for n := 0; n < int(copied); { // all of it is there
		k, err := retry(func() (int, error) { return unix.Read(t.private[0], p[n:copied]) })
		if err != nil {
			return n, err
		}
		n += k
	}
	return int(copied), err
}

// skip takes what has been read out of the pipe from zfs. That it is closed doesn't matter.
func (t *tap) skip() {
	buf := make([]byte, min(t.seen, 4<<10))
	_ = t.in.control(func(from uintptr) {
		for t.seen > 0 {
			n, err := retry(func() (int, error) { return unix.Read(int(from), buf[:min(t.seen, len(buf))]) })
			if err != nil || n == 0 {
				return
			}
			t.seen -= n
		}
	})
}

// retry repeats a system call that a signal interrupts.
func retry[T any](call func() (T, error)) (T, error) {
	for {
		if v, err := call(); err != unix.EINTR {
			return v, err
		}
	}
}

// spliceVerified moves the rest of a verified stream to out. ok is false if the kernel can't, be it in the middle; what hasn't
// been moved then is still in the gate.
func (f *flow) spliceVerified(out syscall.RawConn) (readErr, writeErr error, ok bool) {
	s, g := f.from, f.from.gate
	if !nonblocking(out) {
		return nil, nil, false
	}
	t := newTap(s)
	if t == nil {
		return nil, nil, false
	}
	s.tap = t
	defer func() {
		s.tap = nil
		t.close()
	}()
	for {
		piece, readErr := g.next(f.via)
		f.tell()
		if readErr != nil {
			return readErr, nil, true
		}
		passed, readErr, writeErr := f.pass(t, piece, out)
		g.r -= len(piece) - passed
		switch {
		case writeErr == errNoSplice:
			return nil, nil, false
		case writeErr != nil:
			return nil, f.outputError(writeErr), true
		case readErr != nil:
			return readErr, nil, true
		}
	}
}

// pass moves a piece that the gate lets pass. What of it had been held back isn't in the pipe any more.
func (f *flow) pass(t *tap, piece []byte, out syscall.RawConn) (passed int, readErr, writeErr error) {
	g := f.from.gate
	if kept := min(len(piece), len(piece)-g.safe+g.w-t.seen); kept > 0 {
		if passed, writeErr = f.write(piece[:kept]); writeErr != nil {
			return passed, nil, writeErr
		}
	}
	for passed < len(piece) {
		n := 0
		closed := t.in.control(func(from uintptr) {
			if err := out.Control(func(to uintptr) { n, writeErr = spliceOnce(int(from), int(to), len(piece)-passed) }); err != nil {
				writeErr = err
			}
		})
		if closed != nil {
			return passed, f.from.end(closed), nil
		}
		if writeErr == unix.EAGAIN {
			writeErr = f.awaitRoom(out)
		}
		if writeErr != nil {
			return passed, nil, writeErr
		}
		t.seen -= n
		passed += n
		f.moved(n)
	}
	return passed, nil, nil
}
