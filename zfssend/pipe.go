package zfssend

import "os"

// newPipe returns a pipe with the largest capacity that is to be had, in bytes; 0 if that isn't known.
//
// Both ends are close-on-exec: the child gets its end by way of exec.Cmd, and must never get ours, since on a kernel
// where zfs send writes from a taskq it can't be ended while anybody else has the read end open. The end that stays
// with us is non-blocking and known to the runtime's poller, so that closing it wakes up who is blocked in it. Nobody
// may call Fd on it, which would undo that.
//
// The capacity is set before zfs starts: Linux loses wake-ups if a pipe is resized while it holds data (kernel bug
// 212295).
func newPipe() (r, w *os.File, size int, err error) {
	r, w, err = os.Pipe()
	if err != nil {
		return nil, nil, 0, err
	}
	return r, w, growPipe(w), nil
}
