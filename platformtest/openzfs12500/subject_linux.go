package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A subject is the process of a case.
type subject struct {
	cmd    *exec.Cmd
	ours   *os.File // our end of its pipe or socket; nil if there is none, or when it is closed
	holder *exec.Cmd
	stderr *os.File
	ioctl  string        // function of the kernel that sends or receives
	done   chan struct{} // closed when it has ended and was reaped
	known  map[int]bool  // kernel threads that wrote before it began

	drained chan int64 // has the number of bytes that were read when it has ended; nil if nobody read
}

// blockingPipe is os.Pipe without the runtime's poller, so that zfs has an ordinary pipe, as from a shell.
func blockingPipe() (r, w *os.File, err error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return nil, nil, err
	}
	return os.NewFile(uintptr(fds[0]), "read end"), os.NewFile(uintptr(fds[1]), "write end"), nil
}

func socketPair() (ours, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	return os.NewFile(uintptr(fds[0]), "our end"), os.NewFile(uintptr(fds[1]), "their end"), nil
}

func (s *subject) ended() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// awaitBlocked returns the process when it does nothing any more: its threads sleep in the same functions, below the one
// that sends or receives, and as much waits in the pipe or socket, for a while.
func (s *subject) awaitBlocked() (*Process, error) {
	const want = 10
	last, same := "", 0
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if s.ended() {
			text, _ := os.ReadFile(s.stderr.Name())
			return nil, fmt.Errorf("%q ended before it was blocked: %v\n%s", s.cmd.Args, s.cmd.ProcessState, text)
		}
		waiting, err := unix.IoctlGetInt(int(s.ours.Fd()), unix.TIOCINQ)
		if err != nil {
			return nil, fmt.Errorf("FIONREAD: %w", err)
		}
		now := fmt.Sprintln(waiting, "bytes wait") + (&Process{Threads: threads(s.cmd.Process.Pid)}).String()
		if same++; now != last {
			last, same = now, 0
		}
		if same >= want && !strings.Contains(now, "state R") && strings.Contains(now, s.ioctl) {
			return inspect(s.cmd.Process.Pid, s.known), nil
		}
	}
	return nil, fmt.Errorf("%q is not blocked after two minutes:\n%s", s.cmd.Args, last)
}

// signal sends a signal, unless the process has ended.
func (s *subject) signal(sig unix.Signal) error {
	if err := s.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

// awaitStopped waits a second for the process to stop: if it hasn't by then, it sleeps uninterruptibly.
func (s *subject) awaitStopped() {
	for deadline := time.Now().Add(time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if t := threads(s.cmd.Process.Pid); len(t) > 0 && t[0].State == "T" {
			return
		}
	}
}

func (s *subject) close() (err error) {
	if s.ours != nil {
		err = s.ours.Close()
		s.ours = nil
	}
	return err
}

// rescue reads from the pipes that the process itself holds, by way of /proc.
func (s *subject) rescue() {
	dir := fmt.Sprintf("/proc/%d/fd", s.cmd.Process.Pid)
	for _, f := range inspect(s.cmd.Process.Pid, s.known).Files {
		number, target, _ := strings.Cut(f, " ")
		if !strings.HasPrefix(target, "pipe:") {
			continue
		}
		// A new descriptor of the pipe, for reading, whichever end that one is.
		if pipe, err := os.OpenFile(filepath.Join(dir, number), os.O_RDONLY, 0); err == nil {
			go func() {
				io.Copy(io.Discard, pipe)
				pipe.Close()
			}()
			return
		}
	}
}

func (s *subject) release() (err error) {
	if s.holder != nil {
		err = s.holder.Process.Kill()
		s.holder.Wait()
		s.holder = nil
	}
	return err
}

// ending returns how a process ended, in a few words.
func ending(state *os.ProcessState) string {
	status := state.Sys().(interface {
		Signaled() bool
		ExitStatus() int
	})
	if status.Signaled() {
		return strings.TrimPrefix(state.String(), "signal: ")
	}
	return fmt.Sprintf("exit %d", status.ExitStatus())
}
