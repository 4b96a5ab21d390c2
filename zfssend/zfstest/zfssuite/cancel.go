package zfssuite

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"syscall"

	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/zfstest"
)

var cancelCases = []testCase{
	{"CancelBefore", cancelBefore},
	{"CancelBlocked", cancelBlocked},
	{"CancelInRead", cancelInRead},
	{"CloseBlocked", closeBlocked},
	{"CloseInRead", closeInRead},
	{"CloseAnytime", closeAnytime},
	{"CloseTwice", closeTwice},
	{"CloseAfterEnd", closeAfterEnd},
	{"KilledByOthers", killedByOthers},
	{"ReceiveClose", receiveClose},
	{"ReceiveCancel", receiveCancel},
}

// large is more than pipes hold, in bytes.
const large = 4_000_000

func (e *env) close(s io.Closer) {
	e.Helper()
	e.within("Close", func() {
		if err := s.Close(); err != nil {
			e.Errorf("Close: %v", err)
		}
	})
}

func cancelBefore(e *env) {
	a := e.source("a", 1000)
	ctx, cancel := context.WithCancelCause(e.ctx())
	reason := errors.New("not today")
	cancel(reason)
	if s, err := e.client.Send(ctx, a+"@1", zfssend.SendOptions{}); !errors.Is(err, reason) || !errors.Is(err, zfssend.Canceled) || s != nil {
		e.Errorf("Send: %v, %v", s, err)
	}
	if r, err := e.client.Receive(ctx, e.root+"/b", io.NopCloser(&bytes.Buffer{}), zfssend.ReceiveOptions{}); !errors.Is(err, reason) || r != nil {
		e.Errorf("Receive: %v, %v", r, err)
	}
}

func cancelBlocked(e *env) {
	a := e.source("a", large)
	ctx, cancel := context.WithCancelCause(e.ctx())
	defer cancel(nil)
	s, err := e.client.Send(ctx, a+"@1", zfssend.SendOptions{})
	if err != nil {
		e.Fatal(err)
	}
	e.p.AwaitBlocked(e.T, s.PID())
	reason := errors.New("shutting down")
	cancel(reason)
	e.within("the end", func() { <-s.Done() })
	e.wantState(s, zfssend.StateCanceled)
	if _, err := io.Copy(io.Discard, s); !errors.Is(err, reason) || !errors.Is(err, zfssend.Canceled) {
		e.Errorf("Read: %v", err)
	}
	if err := s.Close(); !errors.Is(err, reason) {
		e.Errorf("Close: %v", err)
	}
	e.zfs("destroy", a+"@1") // nothing is left that uses it
}

func closeBlocked(e *env) {
	s := e.start(e.source("a", large)+"@1", zfssend.SendOptions{})
	e.p.AwaitBlocked(e.T, s.PID())
	e.close(s)
	e.wantState(s, zfssend.StateCanceled)
	if _, err := s.Read(make([]byte, 10)); !errors.Is(err, os.ErrClosed) {
		e.Errorf("Read after Close: %v", err)
	}
}

// cancelInRead cancels the context of a stream while another goroutine is blocked in Read.
func cancelInRead(e *env) {
	ctx, cancel := context.WithCancelCause(e.ctx())
	defer cancel(nil)
	s, err := e.client.Send(ctx, e.source("a", large)+"@1", zfssend.SendOptions{})
	if err != nil {
		e.Fatal(err)
	}
	read := e.blockInRead(s)
	reason := errors.New("shutting down")
	cancel(reason)
	e.within("Read", func() { err = <-read })
	if !errors.Is(err, reason) || !errors.Is(err, zfssend.Canceled) {
		e.Errorf("Read: %v", err)
	}
	e.within("the end", func() { <-s.Done() })
	e.wantState(s, zfssend.StateCanceled)
	if err := s.Close(); !errors.Is(err, reason) {
		e.Errorf("Close: %v", err)
	}
}

// closeInRead closes a stream while another goroutine is blocked in Read.
func closeInRead(e *env) {
	s := e.start(e.source("a", large)+"@1", zfssend.SendOptions{})
	read := e.blockInRead(s)
	e.close(s)
	e.within("Read", func() {
		if err := <-read; !errors.Is(err, os.ErrClosed) {
			e.Errorf("Read: %v", err)
		}
	})
	e.wantState(s, zfssend.StateCanceled)
}

// blockInRead stops zfs, so that who reads from its stream waits, and reads from it until the channel gets the error.
func (e *env) blockInRead(s *zfssend.SendStream) <-chan error {
	e.Helper()
	if err := syscall.Kill(s.PID(), syscall.SIGSTOP); err != nil {
		e.Fatal(err)
	}
	read := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, struct{ io.Reader }{s})
		read <- err
	}()
	zfstest.AwaitGoroutine(e.T, "zfssend.(*SendStream).Read", "IO wait")
	return read
}

// closeAnytime closes streams after random amounts of data, while they are read.
func closeAnytime(e *env) {
	a, random := e.source("a", large), e.random()
	for range 10 {
		s := e.start(a+"@1", zfssend.SendOptions{})
		limit := random.Int64N(large)
		read, reached := make(chan error, 1), make(chan struct{})
		go func() {
			_, err := io.CopyN(io.Discard, s, limit)
			close(reached)
			if err == nil {
				_, err = io.Copy(io.Discard, s)
			}
			read <- err
		}()
		<-reached
		e.close(s)
		if err := <-read; err != nil && !errors.Is(err, os.ErrClosed) {
			e.Errorf("Read: %v", err)
		}
	}
}

func closeTwice(e *env) {
	s := e.start(e.source("a", large)+"@1", zfssend.SendOptions{})
	for range 2 {
		e.close(s)
	}
	e.wantState(s, zfssend.StateCanceled)
	if err := s.Err(); !errors.Is(err, os.ErrClosed) {
		e.Errorf("Err: %v", err)
	}
}

func closeAfterEnd(e *env) {
	s := e.start(e.source("a", 100_000)+"@1", zfssend.SendOptions{})
	if _, err := io.Copy(io.Discard, s); err != nil {
		e.Fatal(err)
	}
	for range 2 {
		e.close(s)
	}
	e.wantState(s, zfssend.StateComplete)
	if _, err := s.Read(make([]byte, 10)); !errors.Is(err, os.ErrClosed) {
		e.Errorf("Read after Close: %v", err)
	}
}

// killedByOthers: the reader gets what was in the pipe, and then an error.
func killedByOthers(e *env) {
	s := e.start(e.source("a", large)+"@1", zfssend.SendOptions{})
	e.p.AwaitBlocked(e.T, s.PID())
	if err := syscall.Kill(s.PID(), syscall.SIGKILL); err != nil {
		e.Fatal(err)
	}
	var n int64
	var err error
	e.within("reading", func() { n, err = io.Copy(io.Discard, s) })
	if z := e.fails(err, zfssend.Unknown); z.Signal != syscall.SIGKILL || n == 0 {
		e.Errorf("%d bytes, %v", n, err)
	}
	e.wantState(s, zfssend.StateFailed)
}

// receiveClose: what was received in part leaves a resume token, and never a snapshot.
func receiveClose(e *env) {
	stream := e.stream(e.source("a", large)+"@1", zfssend.SendOptions{})
	for _, resumable := range []bool{true, false} {
		b := e.root + "/b"
		input, feed := io.Pipe()
		r, err := e.client.Receive(e.ctx(), b, input, zfssend.ReceiveOptions{Unmounted: true, Resumable: resumable})
		if err != nil {
			e.Fatal(err)
		}
		if _, err := feed.Write(stream[:len(stream)*3/4]); err != nil {
			e.Fatal(err)
		}
		e.close(r)
		e.wantState(r, zfssend.StateCanceled)
		if !resumable {
			e.wantVersions(b, "no dataset")
			continue
		}
		d, err := e.client.Dataset(e.ctx(), b)
		if err != nil {
			e.Fatal(err)
		}
		if len(d.Versions) != 0 || d.ResumeToken == "" {
			e.Errorf("got %+v", d)
		}
		e.zfs("receive", "-A", b)
	}
}

func receiveCancel(e *env) {
	stream := e.stream(e.source("a", large)+"@1", zfssend.SendOptions{})
	ctx, cancel := context.WithCancelCause(e.ctx())
	defer cancel(nil)
	input, feed := io.Pipe()
	r, err := e.client.Receive(ctx, e.root+"/b", input, zfssend.ReceiveOptions{Unmounted: true})
	if err != nil {
		e.Fatal(err)
	}
	if _, err := feed.Write(stream[:len(stream)/2]); err != nil {
		e.Fatal(err)
	}
	reason := errors.New("shutting down")
	cancel(reason)
	e.within("Wait", func() { err = r.Wait() })
	if !errors.Is(err, reason) || !errors.Is(err, zfssend.Canceled) {
		e.Errorf("Wait: %v", err)
	}
	e.wantVersions(e.root+"/b", "no dataset")
}
