package zfssend

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/spanstack/spanstack/trace"
	. "github.com/spanstack/spanstack/zfssend/zfstest"
)

// TestSendDraining: at the end of the pipe, Read waits for the exit status, until Close or the context say otherwise.
func TestSendDraining(t *testing.T) {
	reason := errors.New("shutting down")
	for _, how := range []string{"exit 0", "exit 1", "Close", "context"} {
		t.Run(how, func(t *testing.T) {
			CheckLeaks(t)
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			gate := filepath.Join(t.TempDir(), "exit")
			code := int64(0)
			if how == "exit 1" {
				code = 1
			}
			s, err := fake(Write(1000), CloseStdout(), AwaitFile(gate), Exit(code)).Send(ctx, "tank/a@x", SendOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			io.ReadFull(s, make([]byte, 1000))
			read := make(chan error, 1)
			go func() {
				_, err := s.Read(make([]byte, 10))
				read <- err
			}()
			await(t, "draining", func() bool { return s.State() == StateDraining })
			select {
			case err := <-read:
				t.Fatalf("Read returned %v before zfs had exited", err)
			default:
			}
			var want error
			switch how {
			case "Close":
				within(t, "Close", func() { s.Close() })
				want = os.ErrClosed
			case "context":
				cancel(reason)
				want = reason
			case "exit 0":
				touch(t, gate)
				want = io.EOF
			default:
				touch(t, gate)
			}
			within(t, "Read", func() { err = <-read })
			if how == "exit 1" {
				if sendError(t, err).ExitCode != 1 {
					t.Errorf("got %v", err)
				}
			} else if !errors.Is(err, want) {
				t.Errorf("got %v, want %v", err, want)
			}
			if how != "exit 0" && errors.Is(err, io.EOF) {
				t.Errorf("%v is an end of file", err)
			}
		})
	}
}

// TestSendCloseBlockedRead: Close unblocks a Read that waits for a silent zfs.
func TestSendCloseBlockedRead(t *testing.T) {
	for _, how := range []string{"Close", "context"} {
		t.Run(how, func(t *testing.T) {
			CheckLeaks(t)
			reason := errors.New("shutting down")
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			s, err := fake(Write(10), Block()).Send(ctx, "tank/a@x", SendOptions{})
			if err != nil {
				t.Fatal(err)
			}
			io.ReadFull(s, make([]byte, 10))
			read := make(chan error, 1)
			go func() {
				_, err := s.Read(make([]byte, 10))
				read <- err
			}()
			AwaitGoroutine(t, "zfssend.(*SendStream).Read", "IO wait")
			want := reason
			if how == "Close" {
				want = os.ErrClosed
				within(t, "Close", func() {
					if err := s.Close(); err != nil {
						t.Errorf("Close: %v", err)
					}
				})
			} else {
				cancel(reason)
			}
			within(t, "Read", func() { err = <-read })
			if e := sendError(t, err); !errors.Is(err, want) || e.Cause != Canceled {
				t.Errorf("Read: %v", err)
			}
			within(t, "the end", func() { <-s.Done() })
			wantState(t, s, StateCanceled)
			if how == "context" {
				if err := s.Close(); !errors.Is(err, reason) {
					t.Errorf("Close after cancellation: %v", err)
				}
			}
		})
	}
}

// TestSendCloseFullPipe: Close while zfs is blocked in writing. How zfs ends, by a signal or complaining that it
// lost its pipe, is nobody's failure.
func TestSendCloseFullPipe(t *testing.T) {
	for name, script := range map[string][]Action{
		"plain":           {Write(1 << 30)},
		"SIGPIPE ignored": {IgnoreSIGPIPE(), Write(1 << 30)},
	} {
		t.Run(name, func(t *testing.T) {
			CheckLeaks(t)
			s := send(t, script...)
			await(t, "full pipe", func() bool { return isFull(s) })
			within(t, "Close", func() {
				if err := s.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			})
			wantState(t, s, StateCanceled)
			if e := sendError(t, s.Err()); !errors.Is(e, os.ErrClosed) || e.Cause != Canceled {
				t.Errorf("Err: %v", e)
			}
			within(t, "the end", func() { <-s.Done() })
		})
	}
}

// TestSendCloseInWriteTo: Close while WriteTo waits for a writer that doesn't move.
func TestSendCloseInWriteTo(t *testing.T) {
	CheckLeaks(t)
	s := send(t, Write(1<<30))
	r, w := io.Pipe() // nobody reads
	wrote := make(chan error, 1)
	go func() {
		_, err := s.WriteTo(w)
		wrote <- err
	}()
	await(t, "full pipe", func() bool { return isFull(s) })
	within(t, "Close", func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	r.Close()
	if err := <-wrote; err == nil {
		t.Error("WriteTo returned nil")
	}
}

// TestSendAbandoned: Close returns in bounded time although zfs isn't reaped, and the reaper goes on. A process that
// survives SIGKILL isn't to be had without ZFS; here, its end is noticed late, since another one holds its stderr.
func TestSendAbandoned(t *testing.T) {
	CheckLeaks(t)
	ctx, rec := recording(t)
	ctx, task := trace.WithTask(ctx, "owner")
	gate := filepath.Join(t.TempDir(), "gate")
	c := fake(Grandchild(gate), Write(1<<30))
	c.Grace = time.Millisecond
	s, err := c.Send(ctx, "tank/a@x", SendOptions{})
	if err != nil {
		t.Fatal(err)
	}
	await(t, "full pipe", func() bool { return isFull(s) })
	err = s.Close()
	if e := sendError(t, err); !errors.Is(err, ErrAbandoned) || !e.Abandoned || !errors.Is(err, os.ErrClosed) {
		t.Errorf("Close: %v", err)
	}
	wantState(t, s, StateAbandoned)
	task.End() // as its owner goes on, the trace shows what is left, and no misuse
	find(t, rec, "abandoned")
	if r, _ := find(t, rec, "zfs send"); r.Phase != trace.PhaseBegin {
		t.Errorf("its task isn't open: %+v", r)
	}
	select {
	case <-s.Done():
		t.Error("done, but abandoned")
	default:
	}
	touch(t, gate)
	within(t, "the reaper", func() { <-s.Done() })
	wantState(t, s, StateCanceled)
	if err := s.Close(); err != nil {
		t.Errorf("Close after the end: %v", err)
	}
	if errors.Is(s.Err(), ErrAbandoned) {
		t.Errorf("Err after the end: %v", s.Err())
	}
}

// TestSendCloseAnytime closes streams at random moments, from several goroutines at once.
func TestSendCloseAnytime(t *testing.T) {
	CheckLeaks(t)
	rounds := 60
	if testing.Short() {
		rounds = 10
	}
	for range rounds {
		size, limit := rand.Int64N(4<<20), rand.Int64N(4<<20)
		s := send(t, Write(size), Exit(rand.Int64N(2)))
		var wg sync.WaitGroup
		closer := func() {
			if err := s.Close(); errors.Is(err, ErrAbandoned) {
				t.Errorf("Close: %v", err)
			}
		}
		wg.Go(func() {
			n, err := io.Copy(io.Discard, s)
			switch {
			case err == nil && n != size:
				t.Errorf("%d of %d bytes look complete", n, size)
			case err != nil && !errors.Is(err, os.ErrClosed) && sendError(t, err).ExitCode != 1:
				t.Errorf("Read: %v", err)
			}
		})
		await(t, "some progress", func() bool { return s.Stats().Bytes >= limit || !s.State().live() })
		wg.Go(closer)
		wg.Go(closer)
		within(t, "Close", wg.Wait)
		<-s.Done()
	}
}
