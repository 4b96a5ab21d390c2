package zfssend

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"github.com/spanstack/spanstack/zfssend/zstream"
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
	pipe   *readEnd
	gate   *gate  // if the stream is verified
	tap    *tap   // if what is verified is to be spliced
	rest   []byte // what a writer did not take
	closed atomic.Bool
}

// newSendStream starts zfs send. It runs until ctx is done.
func newSendStream(ctx context.Context, c *Client, object string, args []string, o SendOptions) (*SendStream, error) {
	r, w, size, err := newPipe()
	if err != nil {
		return nil, &Error{Op: opSend, Object: object, ExitCode: -1, Err: err}
	}
	s := &SendStream{pipe: newReadEnd(r, size)}
	s.pipeSize = size
	s.expect, s.held = o.Expect, o.Verify
	if o.Verify {
		s.gate = newGate(&s.transfer, s.readPipe, s.end, s.refuse, s.cut)
	}
	err = s.start(ctx, c, opSend, object, args, nil, w)
	w.Close() // only zfs may have it, or the pipe would never be at its end
	if err != nil {
		r.Close()
		return nil, err
	}
	unbind := context.AfterFunc(ctx, func() { s.cancel(Canceled, context.Cause(ctx)) })
	if c.StallTimeout > 0 {
		go s.watch(c.StallTimeout, &s.reading, s.cancel)
	}
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
	if s.closed.Load() {
		return 0, s.outOf(s.State())
	}
	if s.gate != nil {
		return s.gate.read(p)
	}
	return s.readPlain(p, nil)
}

// readPlain reads what isn't verified.
func (s *SendStream) readPlain(p []byte, via *transfer) (int, error) {
	if len(s.rest) > 0 {
		n := copy(p, s.rest)
		s.rest = s.rest[n:]
		return n, nil
	}
	if s.expect != nil && !s.opening.passed {
		return s.readOpening(p, via)
	}
	n, err := s.readPipe(p, via)
	if n == 0 && err != nil {
		return 0, s.end(err)
	}
	if refusal := s.look(p[:n]); refusal != nil { // of what is expected, it has been seen
		return 0, s.refuse(refusal)
	}
	return n, nil
}

// readOpening reads all of the first record before any of it comes out.
func (s *SendStream) readOpening(p []byte, via *transfer) (int, error) {
	head := make([]byte, 0, zstream.HeaderSize)
	for len(head) < cap(head) {
		n, err := s.readPipe(head[len(head):cap(head)], via)
		head = head[:len(head)+n]
		switch {
		case n > 0 || err == nil:
		case errors.Is(err, io.EOF):
			short := fmt.Errorf("%w: it ends after %d bytes, within its first record", zstream.ErrTruncated, len(head))
			return 0, s.cut(&zstream.Error{Record: zstream.TypeBegin, To: int64(len(head)), Err: short})
		default:
			return 0, s.end(err)
		}
	}
	if refusal := s.look(head); refusal != nil {
		return 0, s.refuse(refusal)
	}
	n := copy(p, head)
	s.rest = head[n:]
	return n, nil
}

// refuse gives up a stream that isn't what it should be, and returns how it ends.
func (s *SendStream) refuse(cause error) error {
	s.cancel(causeOf(cause), cause)
	return s.end(cause)
}

// readPipe reads from the pipe, on the clocks of this stream and of the Receive that it is fed to.
func (s *SendStream) readPipe(p []byte, via *transfer) (int, error) {
	s.beginRead(via)
	source := io.Reader(s.pipe)
	if s.tap != nil {
		source = s.tap
	}
	n, err := source.Read(p)
	s.endRead(via)
	s.count(n)
	return n, err
}

// beginRead and endRead enclose a time of waiting for zfs.
func (s *SendStream) beginRead(via *transfer) {
	s.startWait(&s.reading)
	if via != nil {
		via.startWait(&via.reading)
	}
}

func (s *SendStream) endRead(via *transfer) {
	s.endWait(&s.reading)
	if via != nil {
		via.endWait(&via.reading)
	}
}

// end turns the end of the pipe, or the failure to read it, into the end of the stream.
func (s *SendStream) end(err error) error {
	if errors.Is(err, io.EOF) {
		s.on(evEOF)
	} else {
		s.cancel(causeOf(err), err) // without effect if the pipe was closed because the stream had ended
	}
	return s.outOf(s.awaitEnd())
}

// cut is end for a stream that isn't whole. If zfs fails, that is why; if it doesn't, it should have.
func (s *SendStream) cut(bad error) error {
	s.mu.Lock()
	s.bad = bad
	s.mu.Unlock()
	s.on(evBadEnd)
	return s.outOf(s.awaitEnd())
}

// awaitEnd waits until zfs is reaped or given up.
func (s *SendStream) awaitEnd() State {
	s.beginRead(nil)
	defer s.endRead(nil)
	return s.await(func(s State) bool { return !s.live() })
}

// outOf returns what a reader gets at the end.
func (s *SendStream) outOf(state State) error {
	err := s.Err()
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
// otherwise, and w's if that fails; the stream is still open then, and goes on with what w didn't take. It holds nothing of the stream while it waits
// for w, so that Close works at that time, too. WriteTo itself returns when w does.
//
// Where w is a pipe or a stream socket, as an *os.File, *net.TCPConn or *net.UnixConn, Linux moves the data without
// copying them (splice(2)); of those that are to be verified, it copies once what is looked at (tee(2)).
func (s *SendStream) WriteTo(w io.Writer) (n int64, err error) {
	f := flow{from: s, to: w}
	readErr, writeErr := f.run()
	if writeErr == nil && readErr != io.EOF {
		return f.n, readErr
	}
	return f.n, writeErr
}

// Close ends the stream and waits until zfs is reaped, for at most [Client.Grace]. It returns nil if the stream was
// complete or Close itself ended it, its failure otherwise, and an error that Is [ErrAbandoned] if zfs isn't gone in
// time: a goroutine goes on waiting for it, until Done is closed. It may be called several times.
func (s *SendStream) Close() error {
	s.closed.Store(true)
	s.cancel(Canceled, os.ErrClosed)
	s.settle()
	return s.outcome()
}

// cancel ends a live stream before its time.
//
// On kernels where zfs send writes from a taskq, SIGKILL doesn't interrupt the write to a full pipe, and zfs ends only
// when the read end is closed (openzfs#12500): closing it must come before waiting. Killing comes first, so that zfs
// dies of that and not of SIGPIPE, or by an error that it would print.
func (s *SendStream) cancel(why Cause, cause error) {
	if !s.interrupt(why, cause) {
		return
	}
	s.child.kill()
	s.pipe.Close()
	s.waitForChild()
}
