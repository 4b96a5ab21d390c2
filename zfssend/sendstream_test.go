package zfssend

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	. "github.com/spanstack/spanstack/zfssend/zfstest"
)

// patience bounds what must happen soon. It is long, since machines are slow; nothing waits for it unless it fails.
const patience = 30 * time.Second

// within fails the test with all stacks if f takes too long.
func within(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(patience):
		go panic(what + " hangs") // for the stacks, and on a goroutine of its own, since cleaning up would hang, too
		select {}
	}
}

func send(t *testing.T, script ...Action) *SendStream {
	t.Helper()
	s, err := fake(script...).Send(t.Context(), "tank/a@x", SendOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// checkPattern checks that r delivers exactly n bytes of Pattern and then ends.
func checkPattern(t *testing.T, r io.Reader, n int64) error {
	t.Helper()
	return checkPatternFrom(t, r, 0, n)
}

// checkPatternFrom checks that r delivers Pattern from one position up to another one and then ends.
func checkPatternFrom(t *testing.T, r io.Reader, from, to int64) error {
	t.Helper()
	got, err := io.ReadAll(r)
	want := make([]byte, to)
	io.ReadFull(&Pattern{}, want)
	if !bytes.Equal(got, want[from:]) {
		t.Errorf("got %d bytes, or other ones; want %d", len(got), to-from)
	}
	return err
}

func wantState(t *testing.T, s interface{ State() State }, want State) {
	t.Helper()
	if got := s.State(); got != want {
		t.Errorf("state is %v, want %v", got, want)
	}
}

// sendError returns err as the error of a failed zfs.
func sendError(t *testing.T, err error) *Error {
	t.Helper()
	e, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("got %v (%T), want an *Error", err, err)
	}
	return e
}

// isFull reports whether nothing more fits into a stream's pipe.
func isFull(s *SendStream) bool { return pending(s.pipe) == s.pipeSize }

// await waits for a condition for which there is no event.
func await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: waited in vain", what)
		}
	}
}

func TestSendComplete(t *testing.T) {
	for _, n := range []int64{0, 1, 100_000, 5_000_000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			CheckLeaks(t)
			s := send(t, Write(n))
			if err := checkPattern(t, s, n); err != nil {
				t.Errorf("read: %v", err)
			}
			<-s.Done()
			wantState(t, s, StateComplete)
			if n, err := s.Read(make([]byte, 10)); n != 0 || err != io.EOF {
				t.Errorf("Read after the end: %d, %v", n, err)
			}
			if err := s.Err(); err != nil {
				t.Errorf("Err: %v", err)
			}
			for range 2 {
				if err := s.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			}
			if _, err := s.Read(make([]byte, 10)); !errors.Is(err, os.ErrClosed) {
				t.Errorf("Read after Close: %v", err)
			}
			wantState(t, s, StateComplete)
			if st := s.Stats(); st.Bytes != n || (st.FirstByte > 0) != (n > 0) {
				t.Errorf("stats: %+v", st)
			}
		})
	}
}

func TestSendWriteTo(t *testing.T) {
	CheckLeaks(t)
	const n = 3_000_000
	s := send(t, Write(n))
	var out bytes.Buffer
	k, err := s.WriteTo(&out)
	if k != n || err != nil {
		t.Errorf("WriteTo: %d, %v", k, err)
	}
	checkPattern(t, &out, n)

	s = send(t, Write(n), Stderr("no\n"), Exit(1))
	k, err = s.WriteTo(io.Discard)
	if k != n || sendError(t, err).ExitCode != 1 {
		t.Errorf("WriteTo of a failing send: %d, %v", k, err)
	}

	s = send(t, Write(n), Block())
	full := errors.New("disk full")
	_, err = s.WriteTo(writerFunc(func(p []byte) (int, error) { return 0, full }))
	if !errors.Is(err, full) {
		t.Errorf("WriteTo a failing writer: %v", err)
	}
	wantState(t, s, StateOpen)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// TestSendFails: a send that fails is never at its end, and its data before that are delivered.
func TestSendFails(t *testing.T) {
	CheckLeaks(t)
	s := send(t, Write(200_000), Stderr("warning: cannot send 'tank/a@x': Input/output error\n"), Exit(1))
	err := checkPattern(t, s, 200_000)
	e := sendError(t, err)
	if e.ExitCode != 1 || e.Signal != 0 || e.Cause != PoolIO || !errors.Is(err, PoolIO) || !strings.Contains(e.Stderr, "Input/output error") ||
		e.Op != "send" || e.Object != "tank/a@x" || e.PID != s.PID() || e.Args[len(e.Args)-1] != "tank/a@x" {
		t.Errorf("got %#v", e)
	}
	wantState(t, s, StateFailed)
	if _, again := s.Read(make([]byte, 1)); again == nil || again.Error() != err.Error() {
		t.Errorf("second Read: %v", again)
	}
	if cerr := s.Close(); cerr == nil || cerr.Error() != err.Error() {
		t.Errorf("Close: %v", cerr)
	}
	if _, err := s.Read(make([]byte, 1)); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Read after Close: %v", err)
	}
}

func TestSendKilledByOthers(t *testing.T) {
	CheckLeaks(t)
	s := send(t, Write(1000), Signal(syscall.SIGKILL))
	e := sendError(t, checkPattern(t, s, 1000))
	if e.Signal != syscall.SIGKILL || e.ExitCode != -1 || e.Cause == Canceled {
		t.Errorf("got %#v", e)
	}
	wantState(t, s, StateFailed)
}

// TestSendFailedUnread: what failed by itself is a failure, also if nobody read to the end.
func TestSendFailedUnread(t *testing.T) {
	CheckLeaks(t)
	s := send(t, Write(1000), Exit(3))
	<-s.child.reaped
	await(t, "exit noticed", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.life.reaped == failed
	})
	wantState(t, s, StateOpen)
	if e := sendError(t, s.Close()); e.ExitCode != 3 || errors.Is(e, os.ErrClosed) {
		t.Errorf("got %v", e)
	}
	wantState(t, s, StateFailed)
}

// TestSendUnread: a stream that was not read to its end is not complete, although zfs succeeded.
func TestSendUnread(t *testing.T) {
	CheckLeaks(t)
	s := send(t, Write(1000))
	<-s.child.reaped
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	wantState(t, s, StateCanceled)
	if !errors.Is(s.Err(), os.ErrClosed) {
		t.Errorf("Err: %v", s.Err())
	}
}

func TestSendCanceledBeforeStart(t *testing.T) {
	CheckLeaks(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("too late")
	cancel(reason)
	if _, err := fake().Send(ctx, "tank/a@x", SendOptions{}); !errors.Is(err, reason) {
		t.Errorf("got %v", err)
	}
}

func TestSendNoProgram(t *testing.T) {
	CheckLeaks(t)
	c := &Client{Command: []string{"zfs-that-is-nowhere"}}
	_, err := c.Send(t.Context(), "tank/a@x", SendOptions{})
	if e := sendError(t, err); !errors.Is(err, exec.ErrNotFound) || e.ExitCode != -1 || e.PID != 0 {
		t.Errorf("got %v", err)
	}
}

// TestSendStderr: stderr never blocks zfs, and is kept in part.
func TestSendStderr(t *testing.T) {
	CheckLeaks(t)
	s := send(t, Write(10), Flood(100_000), Exit(1))
	e := sendError(t, checkPattern(t, s, 10))
	if !strings.HasPrefix(e.Stderr, "line 0\n") || !strings.HasSuffix(e.Stderr, "line 99999\n") || len(e.Stderr) > 33<<10 {
		t.Errorf("got %d bytes of stderr: %.20q ... %q", len(e.Stderr), e.Stderr, e.Stderr[len(e.Stderr)-20:])
	}
	if len(e.Error()) > 1000 {
		t.Errorf("the error's text has %d bytes", len(e.Error()))
	}
}

// TestSendGrandchild: a process that inherits stderr doesn't delay the end for ever.
func TestSendGrandchild(t *testing.T) {
	CheckLeaks(t)
	gate := filepath.Join(t.TempDir(), "gate")
	s := send(t, Grandchild(gate), Write(10))
	within(t, "reading", func() {
		if err := checkPattern(t, s, 10); err != nil {
			t.Error(err)
		}
	})
	touch(t, gate)
}

// TestSendProcessGroup: the terminal's signals reach a wrapper, which may have to ask for a password, and not zfs.
func TestSendProcessGroup(t *testing.T) {
	CheckLeaks(t)
	script := filepath.Join(t.TempDir(), "zfs")
	if err := os.WriteFile(script, []byte("#!/bin/sh\nexec sleep 1000\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		command []string
		own     bool
	}{{[]string{script}, true}, {[]string{"sh", script}, false}} {
		s, err := (&Client{Command: tt.command}).Send(t.Context(), "tank/a@x", SendOptions{})
		if err != nil {
			t.Fatal(err)
		}
		group, err := syscall.Getpgid(s.PID())
		if err != nil || (group == s.PID()) != tt.own || (group == syscall.Getpgrp()) == tt.own {
			t.Errorf("%q: process %d is in group %d, %v", tt.command, s.PID(), group, err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
}

func TestSendArgs(t *testing.T) {
	tests := []struct {
		o    SendOptions
		want string // or the error's beginning
	}{
		{SendOptions{}, "tank/a@x"},
		{SendOptions{Raw: true, LargeBlock: true, Embedded: true, Compressed: true, Properties: true}, "-w -L -e -c -p tank/a@x"},
		{SendOptions{From: "@w"}, "-i tank/a@w tank/a@x"},
		{SendOptions{From: "#w"}, "-i tank/a#w tank/a@x"},
		{SendOptions{From: "tank/origin@w", Raw: true}, "-w -i tank/origin@w tank/a@x"},
		{SendOptions{From: "@w", Intermediates: true}, "-I tank/a@w tank/a@x"},
		{SendOptions{From: "#w", Intermediates: true}, "send tank/a@x: zfs can't send the snapshots since a bookmark, only one of them"},
		{SendOptions{Intermediates: true}, "send tank/a@x: Intermediates needs From"},
		{SendOptions{From: "w"}, `invalid name "w": it is the name of a dataset, where that of a snapshot is needed`},
	}
	for _, tt := range tests {
		args, err := tt.o.args(Name{"tank/a", '@', "x"})
		got := strings.Join(args, " ")
		if err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%+v: %s; want %s", tt.o, got, tt.want)
		}
	}
}

func touch(t *testing.T, name string) {
	t.Helper()
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}
