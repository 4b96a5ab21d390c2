package zfssend

import (
	"bytes"
	"cmp"
	"os"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// maxPipe returns the capacity that an unprivileged process may ask for.
var maxPipe = sync.OnceValue(func() int {
	text, _ := os.ReadFile("/proc/sys/fs/pipe-max-size")
	n, _ := strconv.Atoi(string(bytes.TrimSpace(text)))
	return cmp.Or(n, 1<<20) // Linux's default, where /proc/sys can't be read
})

// growPipe enlarges the pipe as far as it may and returns its capacity. Failing is no error: beyond 64 MiB of pipes a
// user (fs.pipe-user-pages-soft) the kernel refuses, and a small pipe only costs speed.
func growPipe(end *os.File) (size int) {
	raw, err := end.SyscallConn()
	if err != nil {
		return 0
	}
	_ = raw.Control(func(fd uintptr) {
		_, _ = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, maxPipe())
		if size, err = unix.FcntlInt(fd, unix.F_GETPIPE_SZ, 0); err != nil {
			size = 0
		}
	})
	return size
}
