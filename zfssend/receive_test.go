package zfssend

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	. "github.com/spanstack/spanstack/zfssend/zfstest"
)

// input is a Receive's input: some data, and then what the test decides.
type input struct {
	io.Reader
	closed chan struct{}
	count  int
}

// newInput returns an input of n bytes of Pattern that ends with err, or, if that is nil, stalls until it is closed.
func newInput(n int64, err error) *input {
	in := &input{closed: make(chan struct{})}
	in.Reader = io.MultiReader(io.LimitReader(&Pattern{}, n), readerFunc(func([]byte) (int, error) {
		if err != nil {
			return 0, err
		}
		<-in.closed
		return 0, os.ErrClosed
	}))
	return in
}

func (in *input) Close() error {
	if in.count++; in.count == 1 {
		close(in.closed)
	}
	return nil
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func receive(t *testing.T, ctx context.Context, in io.ReadCloser, script ...Action) *Receive {
	t.Helper()
	c := fake(script...)
	c.Grace = time.Second
	r, err := c.Receive(ctx, "backup/a", in, ReceiveOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// receivePatiently gives the input all the time that it needs after zfs's exit.
func receivePatiently(t *testing.T, in io.ReadCloser, script ...Action) *Receive {
	t.Helper()
	c := fake(script...)
	c.Grace = patience
	r, err := c.Receive(t.Context(), "backup/a", in, ReceiveOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func wait(t *testing.T, r *Receive) (err error) {
	t.Helper()
	within(t, "Wait", func() { err = r.Wait() })
	return err
}

func wantClosed(t *testing.T, in *input) {
	t.Helper()
	select {
	case <-in.closed:
	case <-time.After(patience):
		t.Error("the input was not closed")
	}
	if in.count != 1 {
		t.Errorf("the input was closed %d times", in.count)
	}
}

func TestReceiveComplete(t *testing.T) {
	for _, n := range []int64{0, 100, 5_000_000} {
		CheckLeaks(t)
		file := filepath.Join(t.TempDir(), "received")
		in := newInput(n, io.EOF)
		r := receive(t, t.Context(), in, Save(file))
		if err := wait(t, r); err != nil {
			t.Errorf("Wait: %v", err)
		}
		wantState(t, r, StateComplete)
		wantClosed(t, in)
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		checkPattern(t, bytes.NewReader(data), n)
		if got := r.Stats().Bytes; got != n {
			t.Errorf("%d bytes in the statistics", got)
		}
		if err := r.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
}

// slowInput is an input whose Close takes until it is let go.
type slowInput struct {
	*input
	letGo chan struct{}
}

func (in *slowInput) Close() error {
	err := in.input.Close()
	<-in.letGo
	return err
}

// TestReceiveInputClosesSlowly: the bound of Close is that of zfs, which doesn't begin after that of the input, such as a SendStream
// on the same pool.
func TestReceiveInputClosesSlowly(t *testing.T) {
	CheckLeaks(t)
	gate, ready := filepath.Join(t.TempDir(), "gate"), filepath.Join(t.TempDir(), "ready")
	in := &slowInput{newInput(1<<40, nil), make(chan struct{})}
	c := fake(Grandchild(gate), Touch(ready), Block()) // it isn't reaped at once
	c.Grace = time.Millisecond
	r, err := c.Receive(t.Context(), "backup/a", in, ReceiveOptions{})
	if err != nil {
		t.Fatal(err)
	}
	await(t, "zfs receive", func() bool { _, err := os.Stat(ready); return err == nil })
	within(t, "Close", func() {
		if err := r.Close(); !errors.Is(err, ErrAbandoned) {
			t.Errorf("Close: %v", err)
		}
	})
	close(in.letGo)
	touch(t, gate)
	within(t, "the end", func() { <-r.Done() })
	wantClosed(t, in.input)
}

// TestReceiveWaits: nothing is waited for any more after the end, whichever end came first.
func TestReceiveWaits(t *testing.T) {
	for name, in := range map[string]*input{"input ends": newInput(1000, io.EOF), "input goes on": newInput(1<<40, nil)} {
		t.Run(name, func(t *testing.T) {
			CheckLeaks(t)
			r := receive(t, t.Context(), in, Read(1000))
			wait(t, r)
			<-r.Done()
			if r.lasting(&r.reading) > 0 || r.lasting(&r.writing) > 0 {
				t.Errorf("still waiting: %+v", r.Stats())
			}
		})
	}
}

// TestReceiveFails: zfs's own error comes at once, also while the sender stalls.
func TestReceiveFails(t *testing.T) {
	for name, in := range map[string]*input{
		"stalling input": newInput(1000, nil),
		"endless input":  newInput(1<<40, nil),
		"ended input":    newInput(1000, io.EOF),
	} {
		t.Run(name, func(t *testing.T) {
			CheckLeaks(t)
			r := receive(t, t.Context(), in, Read(1000),
				Stderr("cannot receive incremental stream: destination backup/a has been modified\nsince most recent snapshot\n"), Exit(1))
			err := wait(t, r)
			e := sendError(t, err)
			if !errors.Is(err, DestinationModified) || e.ExitCode != 1 || e.Op != "receive" || e.Object != "backup/a" {
				t.Errorf("got %#v", e)
			}
			wantState(t, r, StateFailed)
			wantClosed(t, in)
			if cerr := r.Close(); cerr == nil || cerr.Error() != err.Error() {
				t.Errorf("Close: %v", cerr)
			}
		})
	}
}

// TestReceiveInputFails: zfs never takes the end of a failed send for that of a complete one.
func TestReceiveInputFails(t *testing.T) {
	CheckLeaks(t)
	file := filepath.Join(t.TempDir(), "received")
	broken := errors.New("connection reset")
	in := newInput(300_000, broken)
	r := receive(t, t.Context(), in, Save(file))
	err := wait(t, r)
	if e := sendError(t, err); !errors.Is(err, broken) || e.Cause != Canceled || e.Signal != syscall.SIGKILL {
		t.Errorf("got %v", err)
	}
	wantState(t, r, StateCanceled)
	wantClosed(t, in)
	if _, err := os.Stat(file); err == nil {
		t.Error("zfs saw a clean end of its input")
	}
}

// TestReceiveCanceled: Close and the context abort; they aren't the end of the input.
func TestReceiveCanceled(t *testing.T) {
	reason := errors.New("shutting down")
	for name, script := range map[string]func(file string) []Action{
		"reading":     func(file string) []Action { return []Action{Save(file)} },
		"not reading": func(file string) []Action { return []Action{Block(), Save(file)} },
	} {
		for _, how := range []string{"Close", "context"} {
			t.Run(name+"/"+how, func(t *testing.T) {
				CheckLeaks(t)
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				file := filepath.Join(t.TempDir(), "received")
				in := newInput(3<<20, nil) // more than a pipe holds
				r := receive(t, ctx, in, script(file)...)
				await(t, "some data", func() bool { return r.Stats().Bytes > 0 })
				if how == "Close" {
					within(t, "Close", func() {
						if err := r.Close(); err != nil {
							t.Errorf("Close: %v", err)
						}
					})
					if err := r.Wait(); !errors.Is(err, os.ErrClosed) {
						t.Errorf("Wait: %v", err)
					}
				} else {
					cancel(reason)
					if err := wait(t, r); !errors.Is(err, reason) {
						t.Errorf("Wait: %v", err)
					}
				}
				wantState(t, r, StateCanceled)
				wantClosed(t, in)
				if _, err := os.Stat(file); err == nil {
					t.Error("zfs saw a clean end of its input")
				}
			})
		}
	}
}

// TestReceiveExitsFirst: zfs has the last record and exits 0 before the input is at its end, as its sender is just
// about to exit, too.
func TestReceiveExitsFirst(t *testing.T) {
	t.Run("input ends", func(t *testing.T) {
		CheckLeaks(t)
		pr, pw := io.Pipe()
		r := receivePatiently(t, pr, Read(1000))
		io.Copy(pw, io.LimitReader(&Pattern{}, 1000))
		<-r.child.reaped
		pw.Close()
		if err := wait(t, r); err != nil {
			t.Errorf("Wait: %v", err)
		}
		wantState(t, r, StateComplete)
	})
	t.Run("input fails", func(t *testing.T) {
		CheckLeaks(t)
		broken := errors.New("exit status 1")
		pr, pw := io.Pipe()
		r := receivePatiently(t, pr, Read(1000))
		io.Copy(pw, io.LimitReader(&Pattern{}, 1000))
		<-r.child.reaped
		pw.CloseWithError(broken)
		err := wait(t, r)
		if !errors.Is(err, broken) || !strings.Contains(err.Error(), "may have the snapshot") {
			t.Errorf("Wait: %v", err)
		}
		wantState(t, r, StateCanceled)
	})
	t.Run("input goes on", func(t *testing.T) {
		CheckLeaks(t)
		in := newInput(1<<40, nil)
		r := receive(t, t.Context(), in, Read(1000))
		if err := wait(t, r); !errors.Is(err, errUnread) {
			t.Errorf("Wait: %v", err)
		}
		wantState(t, r, StateFailed)
		wantClosed(t, in)
	})
	t.Run("input stalls", func(t *testing.T) {
		CheckLeaks(t)
		in := newInput(1000, nil)
		r := receive(t, t.Context(), in, Read(1000))
		if err := wait(t, r); !errors.Is(err, errNoEnd) {
			t.Errorf("Wait: %v", err)
		}
		wantState(t, r, StateFailed)
		wantClosed(t, in)
	})
}

// TestPipeline: a send that fails is the root cause of its receive's failure, and the other way round.
func TestPipeline(t *testing.T) {
	pipeline := func(t *testing.T, sender, receiver []Action) (sendErr, receiveErr error) {
		CheckLeaks(t)
		s := send(t, sender...)
		r := receive(t, t.Context(), s, receiver...)
		receiveErr = wait(t, r)
		within(t, "the sender", func() { <-s.Done() })
		return s.Err(), receiveErr
	}
	t.Run("complete", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "received")
		s, r := pipeline(t, []Action{Write(4_000_000)}, []Action{Save(file)})
		if s != nil || r != nil {
			t.Errorf("%v, %v", s, r)
		}
		data, _ := os.ReadFile(file)
		checkPattern(t, bytes.NewReader(data), 4_000_000)
	})
	t.Run("sender fails", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "received")
		s, r := pipeline(t, []Action{Write(4_000_000), Stderr("I/O error\n"), Exit(1)}, []Action{Save(file)})
		e := sendError(t, RootCause(s, r))
		if e.Op != "send" || e.ExitCode != 1 || e.Cause != PoolIO || !errors.Is(r, PoolIO) {
			t.Errorf("root cause %v of %v and %v", e, s, r)
		}
		if _, err := os.Stat(file); err == nil {
			t.Error("the receiver saw a clean end of its input")
		}
	})
	t.Run("receiver fails", func(t *testing.T) {
		s, r := pipeline(t, []Action{Write(1 << 40)}, []Action{Read(1 << 20), Stderr("out of space\n"), Exit(1)})
		if e := sendError(t, RootCause(s, r)); e.Op != "receive" || e.Cause != NoSpace {
			t.Errorf("root cause %v of %v and %v", e, s, r)
		}
	})
}

// TestReceiveOwnsInput: the input is closed also if nothing starts.
func TestReceiveOwnsInput(t *testing.T) {
	CheckLeaks(t)
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, try := range map[string]func(io.ReadCloser) (*Receive, error){
		"bad name": func(in io.ReadCloser) (*Receive, error) {
			return fake().Receive(t.Context(), "-F", in, ReceiveOptions{})
		},
		"no program": func(in io.ReadCloser) (*Receive, error) {
			return (&Client{Command: []string{"zfs-that-is-nowhere"}}).Receive(t.Context(), "backup/a", in, ReceiveOptions{})
		},
		"cancelled": func(in io.ReadCloser) (*Receive, error) {
			return fake().Receive(canceled, "backup/a", in, ReceiveOptions{})
		},
	} {
		in := newInput(0, nil)
		if _, err := try(in); err == nil {
			t.Errorf("%s: no error", name)
		}
		wantClosed(t, in)
	}
}

func TestReceiveArgs(t *testing.T) {
	got, err := ReceiveOptions{
		Unmounted: true, Resumable: true, Force: true,
		Set: map[string]string{"readonly": "on", "canmount": "noauto"}, Exclude: []string{"mountpoint"},
	}.args("backup/a")
	if want := "-u -s -F -o canmount=noauto -o readonly=on -x mountpoint backup/a"; strings.Join(got, " ") != want || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if got, err := (ReceiveOptions{}).args("backup/a"); len(got) != 1 || err != nil {
		t.Errorf("nothing asked for: got %q, %v", got, err)
	}
	for _, property := range []string{"", "a=b", "-x:y", "all", "Compression"} {
		for _, o := range []ReceiveOptions{{Set: map[string]string{property: "c"}}, {Exclude: []string{property}}} {
			in := newInput(0, nil)
			if _, err := fake().Receive(t.Context(), "backup/a", in, o); !isNameError(err) {
				t.Errorf("%+v: got %v", o, err)
			}
			wantClosed(t, in)
		}
	}
}
