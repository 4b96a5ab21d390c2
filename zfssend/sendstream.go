package zfssend

import (
	"context"
	"errors"
	"io"
	"os"
	"sync/atomic"
)

// SendStream is the output of a running zfs send. It never hangs and never lies: its end is reported only once zfs
// has exited with 0, and Close returns in bounded time whatever zfs does.
//
//	        end of pipe           exit 0
//	Open ---------------> Draining ----> Complete
//	 |                     |   |
//	 |                     |   | any other exit
//	 |                     |   +-------> Failed
//	 |  Close, context     |
//	 +----------+----------+
//	            v          reaped
//	        Canceling -----------------> Canceled
//	            |                           ^
//	            | not reaped in time        | reaped later
//	            +--------> Abandoned -------+
//
// A zfs that exits while its stream still has data in the pipe leaves the state Open until they are read; what is Open
// and has failed already becomes Failed, not Canceled, if it is closed.
//
// One goroutine may read at a time. All other methods may be called at any time, also while Read or WriteTo blocks.
// A SendStream must be read to its end or closed; both is fine.
type SendStream struct {
	transfer
	pipe   *os.File // our read end
	closed atomic.Bool
}

// newSendStream starts zfs send. It runs until ctx is done.
func newSendStream(ctx context.Context, c *Client, object string, args []string) (*SendStream, error) {
	r, w, size, err := newPipe()
	if err != nil {
		return nil, &Error{Op: opSend, Object: object, ExitCode: -1, Err: err}
	}
	s := &SendStream{pipe: r}
	s.pipeSize = size
	err = s.start(ctx, c, opSend, object, args, nil, w)
	w.Close() // only zfs may have it, or the pipe would never be at its end
	if err != nil {
		r.Close()
		return nil, err
	}
	unbind := context.AfterFunc(ctx, func() { s.cancel(context.Cause(ctx)) })
	go func() {
		defer unbind()
		s.wait()
	}()
	return s, nil
}

// wait reaps zfs, whatever happens to the stream, and cleans up once that has come to its end, too.
func (s *SendStream) wait() {
	if s.child.wait() {
		s.on(evSuccess)
	} else {
		s.on(evFailure)
	}
	s.await(State.final)
	s.pipe.Close()
	s.finish()
}

// Read reads from the stream. It returns io.EOF when the stream is complete: at its end, with zfs exited with 0.
// Otherwise the stream ends with an *[Error], which after a cancellation Is the context's cause. After Close, every
// Read returns an error that Is os.ErrClosed.
func (s *SendStream) Read(p []byte) (int, error) {
	n, err := s.read(s.pipe, p)
	s.count(n)
	if n > 0 || err == nil {
		return n, nil
	}
	return 0, s.end(err)
}

// end turns the end of the pipe, or the failure to read it, into the end of the stream.
func (s *SendStream) end(err error) error {
	if errors.Is(err, io.EOF) {
		s.on(evEOF)
	} else {
		s.cancel(err) // without effect if the pipe was closed because the stream had ended
	}
	state := s.await(func(s State) bool { return !s.live() })
	err = s.Err()
	switch {
	case s.closed.Load() && !errors.Is(err, os.ErrClosed):
		return &Error{Op: opSend, Object: s.child.object, ExitCode: -1, Cause: Canceled, Err: os.ErrClosed}
	case state == StateComplete:
		return io.EOF
	default:
		return err
	}
}

// WriteTo writes the rest of the stream to w. It returns nil when the stream is complete, Read's error if it ends
// otherwise, and w's if that fails; the stream is still open then. It holds nothing of the stream while it waits
// for w, so that Close works at that time, too.
func (s *SendStream) WriteTo(w io.Writer) (n int64, err error) {
	n, readErr, writeErr := pump(s.Read, func(p []byte) (int, error) { return s.write(w, p) })
	if readErr != nil {
		return n, readErr
	}
	return n, writeErr
}

// Close ends the stream and waits until zfs is reaped, for at most [Client.Grace]. It returns nil if the stream was
// complete or Close itself ended it, its failure otherwise, and an error that Is [ErrAbandoned] if zfs isn't gone in
// time: a goroutine goes on waiting for it, until Done is closed. It may be called several times.
func (s *SendStream) Close() error {
	s.closed.Store(true)
	s.cancel(os.ErrClosed)
	s.settle()
	return s.outcome()
}

// cancel ends a live stream before its time.
//
// On kernels where zfs send writes from a taskq, SIGKILL doesn't interrupt the write to a full pipe, and zfs ends only
// when the read end is closed (openzfs#12500): closing it must come before waiting. Killing comes first, so that zfs
// dies of that and not of SIGPIPE, or by an error that it would print.
func (s *SendStream) cancel(cause error) {
	if !s.interrupt(cause) {
		return
	}
	s.child.kill()
	s.pipe.Close()
	s.waitForChild()
}
