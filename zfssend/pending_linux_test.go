package zfssend

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// pending returns how many bytes a pipe holds; 0 if it is closed.
func pending(pipe syscall.Conn) (n int) {
	raw, err := pipe.SyscallConn()
	if err != nil {
		return 0
	}
	raw.Control(func(fd uintptr) { n, _ = unix.IoctlGetInt(int(fd), unix.TIOCINQ) })
	return n
}
