package zfssend

import (
	"context"
	"errors"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
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

// TestWatch: it counts only how long zfs is waited for at a time, and not how long others are.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const timeout = time.Minute
		s := &transfer{meter: meter{started: time.Now()}, done: make(chan struct{}), child: &child{reaped: make(chan struct{})}}
		close(s.child.reaped)
		s.bytes.Store(77)
		var stall *StallError
		go s.watch(timeout, &s.reading, func(_ Cause, cause error) { stall = cause.(*StallError) })
		for range 10 { // slow, but not stalled
			s.startWait(&s.reading)
			time.Sleep(timeout - time.Second)
			s.endWait(&s.reading)
		}
		s.startWait(&s.writing) // somebody else
		time.Sleep(10 * timeout)
		s.endWait(&s.writing)
		synctest.Wait()
		if stall != nil {
			t.Fatalf("given up too early: %v", stall)
		}
		s.startWait(&s.reading)
		time.Sleep(timeout + timeout/8 + time.Second)
		synctest.Wait()
		if stall == nil || stall.For <= timeout || stall.For > timeout+timeout/8+time.Second || stall.Bytes != 77 {
			t.Errorf("got %v", stall)
		}
		close(s.done)
	})
}

// TestVigil: what the clock says of a time in which the program itself was asleep doesn't count.
func TestVigil(t *testing.T) {
	var v vigil
	for i, since := range []int64{0, 0, 7, 7, 7, 0, 8, 8, 9, 9, 9, 9, 9, 9, 9, 9} {
		if v.tick(since) {
			t.Errorf("tick %d: the wait since %d has lasted for %d ticks", i, since, v.ticks)
		}
	}
	if !v.tick(9) {
		t.Errorf("the wait has lasted for %d ticks only", v.ticks)
	}
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
		"closes stdin":   {newInput(1<<40, nil), []Action{Read(100_000), CloseStdin(), Block()}},
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
