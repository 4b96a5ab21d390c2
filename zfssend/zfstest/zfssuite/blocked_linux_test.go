package zfssuite_test

import (
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// AwaitBlocked looks at the pipe: nothing can be written to it when it is full.
func (m *model) AwaitBlocked(t testing.TB, pid int) {
	t.Helper()
	fd, err := unix.Open(fmt.Sprintf("/proc/%d/fd/1", pid), unix.O_WRONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, 0)
		if err != nil && err != unix.EINTR {
			t.Fatal(err)
		}
		if err == nil && n == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the pipe isn't full")
		}
	}
}
