package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// openTerminal returns the two ends of a pseudo-terminal.
func openTerminal(t *testing.T) (outside, inside *os.File) {
	t.Helper()
	outside, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Skipf("no pseudo-terminal to be had: %v", err)
	}
	t.Cleanup(func() { outside.Close() })
	conn, err := outside.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	number := 0
	controlErr := conn.Control(func(fd uintptr) {
		if err = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); err == nil {
			number, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
	})
	if err != nil || controlErr != nil {
		t.Fatal(err, controlErr)
	}
	inside, err = os.OpenFile(fmt.Sprint("/dev/pts/", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo-terminal to be had: %v", err)
	}
	t.Cleanup(func() { inside.Close() })
	if err := unix.IoctlSetWinsize(int(inside.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 25, Col: 80}); err != nil {
		t.Fatal(err)
	}
	return outside, inside
}

// TestProgress wants progress on a terminal, unless it was to be quiet.
func TestProgress(t *testing.T) {
	stream := fullStream(t)
	for _, quiet := range []bool{false, true} {
		outside, inside := openTerminal(t)
		r, w := io.Pipe()
		c := &streamVerify{quiet: quiet, stdin: r, stdout: io.Discard, stderr: inside}
		done := make(chan error, 1)
		go func() { done <- c.run(t.Context(), []string{"-"}) }()
		w.Write(stream[:1000])
		wait := 10 * time.Second
		if quiet {
			wait = 400 * time.Millisecond // nothing tells that nothing will come: progress is drawn each 150 ms
		}
		outside.SetReadDeadline(time.Now().Add(wait))
		n, err := outside.Read(make([]byte, 1000))
		if (n > 0) == quiet {
			t.Errorf("quiet %v: %d bytes of progress, %v", quiet, n, err)
		}
		go io.Copy(io.Discard, outside)
		io.Copy(w, bytes.NewReader(stream[1000:]))
		w.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
