package zfssend

import (
	"context"
	"errors"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	. "github.com/spanstack/spanstack/zfssend/zfstest"
)

func impatient(timeout time.Duration, script ...Action) *Client {
	c := fake(script...)
	c.StallTimeout = timeout
	return c
}

// wantStalled checks that a stream was given up because of zfs, and that the error tells what zfs was doing.
func wantStalled(t *testing.T, err error, stream interface {
	State() State
	Done() <-chan struct{}
}) {
	t.Helper()
	within(t, "the end", func() { <-stream.Done() })
	state := stream.State()
	e := sendError(t, err)
	stall, ok := errors.AsType[*StallError](err)
	if !ok || e.Cause != Stalled || errors.Is(err, context.Canceled) || !errors.Is(err, ErrStalled) || state != StateCanceled {
		t.Fatalf("got %v in state %v", err, state)
	}
	if stall.For < 10*time.Millisecond || stall.For > patience {
		t.Errorf("stalled for %v", stall.For)
	}
	if runtime.GOOS != "linux" {
		return
	}
	if len(stall.Processes) != 1 || stall.Processes[0].State == "" || stall.Processes[0].Parent != os.Getpid() {
		t.Errorf("processes: %+v", stall.Processes)
	}
	if !strings.Contains(err.Error(), "in state") {
		t.Errorf("got %v", err)
	}
}

// TestSendStalls: a zfs send that says nothing is given up, in the beginning, in the middle, and at the end.
func TestSendStalls(t *testing.T) {
	for name, script := range map[string][]Action{
		"silent":       {Block()},
		"in between":   {Write(100_000), Block()},
		"doesn't exit": {Write(100_000), CloseStdout(), Block()},
	} {
		for way, drain := range map[string]func(*SendStream) error{
			"Read":    func(s *SendStream) error { _, err := io.Copy(io.Discard, struct{ io.Reader }{s}); return err },
			"WriteTo": func(s *SendStream) error { _, err := s.WriteTo(io.Discard); return err },
			"splice": func(s *SendStream) error {
				w, r := outputKinds[0].open(t)
				defer w.Close()
				go func() {
					defer r.Close()
					io.Copy(io.Discard, r)
				}()
				_, err := s.WriteTo(w)
				return err
			},
		} {
			t.Run(name+" "+way, func(t *testing.T) {
				CheckLeaks(t)
				s, err := impatient(30*time.Millisecond, script...).Send(t.Context(), "tank/a@x", SendOptions{})
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				within(t, "the watchdog", func() { err = drain(s) })
				wantStalled(t, err, s)
			})
		}
	}
}

// TestSendOfSlowReader: it is not for zfs to blame that nobody reads.
func TestSendOfSlowReader(t *testing.T) {
	CheckLeaks(t)
	const timeout = 30 * time.Millisecond
	s, err := impatient(timeout, Write(3_000_000)).Send(t.Context(), "tank/a@x", SendOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	io.ReadFull(s, make([]byte, 1000))
	time.Sleep(5 * timeout) // that nothing happens can only be seen by waiting
	wantState(t, s, StateOpen)
	if n, err := io.Copy(slowWriter(5*timeout), s); err != nil || n != 2_999_000 {
		t.Errorf("read %d, %v", n, err)
	}
}

// slowWriter takes a while for the first write.
func slowWriter(d time.Duration) io.Writer {
	first := true
	return writerFunc(func(p []byte) (int, error) {
		if first {
			time.Sleep(d)
		}
		first = false
		return len(p), nil
	})
}

// TestReceiveStalls: a zfs receive that takes nothing, or doesn't exit at the end of its input, is given up.
func TestReceiveStalls(t *testing.T) {
	for name, tt := range map[string]struct {
		in     *input
		script []Action
	}{
		"reads nothing":  {newInput(1<<40, nil), []Action{Block()}},
		"reads a little": {newInput(1<<40, nil), []Action{Read(100_000), Block()}},
		"doesn't exit":   {newInput(100_000, io.EOF), []Action{Read(100_000), Block()}},
	} {
		t.Run(name, func(t *testing.T) {
			CheckLeaks(t)
			r, err := impatient(30*time.Millisecond, tt.script...).Receive(t.Context(), "backup/a", tt.in, ReceiveOptions{})
			if err != nil {
				t.Fatal(err)
			}
			err = wait(t, r)
			wantStalled(t, err, r)
			wantClosed(t, tt.in)
		})
	}
}

// TestReceiveOfSlowInput: it is not for zfs to blame that nothing comes.
func TestReceiveOfSlowInput(t *testing.T) {
	CheckLeaks(t)
	const timeout = 30 * time.Millisecond
	slow := false
	in := newInput(100_000, io.EOF)
	in.Reader = io.MultiReader(io.LimitReader(&Pattern{}, 1000), readerFunc(func([]byte) (int, error) {
		if slow {
			return 0, io.EOF
		}
		slow = true
		time.Sleep(5 * timeout)
		return 0, nil
	}))
	r, err := impatient(timeout, Read(1000)).Receive(t.Context(), "backup/a", in, ReceiveOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := wait(t, r); err != nil && !errors.Is(err, errUnread) {
		t.Error(err)
	}
	if errors.Is(r.Err(), ErrStalled) {
		t.Error(r.Err())
	}
}
