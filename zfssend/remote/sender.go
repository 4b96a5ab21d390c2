package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/zstream"
)

// sender is a zfs send of another host.
type sender struct {
	stream
	expect *zfssend.Expect
	closed atomic.Bool

	reading sync.Mutex // who has it reads frames
	rest    []byte     // of the first record, if it was looked at before it comes out
}

// Send implements zfssend.Host. The stream's end is reported only once the agent has said that zfs has exited with 0. Begin lacks the
// contents of a first record, and Stderr is empty until the end.
func (h *Host) Send(ctx context.Context, snapshot string, o zfssend.SendOptions) (zfssend.Sender, error) {
	text, err := json.Marshal(&sendRequest{snapshot, o})
	if err != nil {
		return nil, err
	}
	s := &sender{stream: stream{op: "send", object: snapshot}, expect: o.Expect}
	err = h.openStream(ctx, &s.stream, func(ctx context.Context, session *session) (*exchange, error) {
		return session.open(ctx, pathV1+"send", bytes.NewReader(text))
	})
	if err != nil {
		return nil, err
	}
	s.bind(ctx)
	return s, nil
}

// bind lets the caller's context end the stream.
func (s *sender) bind(ctx context.Context) {
	unbind := context.AfterFunc(ctx, func() { s.cancel(context.Cause(ctx)) })
	s.mu.Lock()
	s.unbind = unbind
	s.mu.Unlock()
}

// Read implements zfssend.Sender.
func (s *sender) Read(p []byte) (int, error) {
	if s.closed.Load() {
		return 0, s.closedError()
	}
	s.reading.Lock()
	defer s.reading.Unlock()
	if len(s.rest) == 0 && s.expect != nil && s.bytes.Load() == 0 {
		if err := s.readOpening(); err != nil {
			return 0, err
		}
	}
	if len(s.rest) > 0 {
		n := copy(p, s.rest)
		s.rest = s.rest[n:]
		return n, nil
	}
	return s.read(p)
}

func (s *sender) closedError() error {
	return s.host.cfg.fail(&zfssend.Error{Op: s.op, Object: s.object, ExitCode: -1, Cause: zfssend.Canceled, Err: os.ErrClosed})
}

// readOpening reads all of the first record before any of it comes out, and looks whether it is the expected one.
func (s *sender) readOpening() error {
	head := make([]byte, zstream.HeaderSize)
	for n := 0; n < len(head); {
		m, err := s.read(head[n:])
		if err == io.EOF {
			return s.refuse(fmt.Errorf("%w: it ends after %d bytes, within its first record", zstream.ErrTruncated, n))
		}
		if err != nil {
			return err
		}
		n += m
	}
	begin, err := zstream.ParseBegin(head)
	if err == nil {
		err = checkBegin(&begin, s.expect)
	}
	if err != nil {
		return s.refuse(err)
	}
	s.rest = head
	return nil
}

// refuse gives up a stream that isn't what the agent was asked for.
func (s *sender) refuse(reason error) error {
	e := &zfssend.Error{Op: s.op, Object: s.object, ExitCode: -1, Cause: zfssend.BadStream, Err: reason}
	if errors.Is(reason, zfssend.Unexpected) {
		e.Cause = zfssend.Unexpected
	}
	s.mu.Lock()
	s.refusal = s.host.cfg.fail(e)
	s.mu.Unlock()
	if s.giveUp(reason) {
		s.drain()
	}
	return s.refusal
}

// read reads from the frames, up to the one that tells the end. Who calls it has s.reading.
func (s *sender) read(p []byte) (int, error) {
	for {
		if s.ended() {
			return 0, s.outOf()
		}
		n, err := s.readData(p)
		if s.closed.Load() {
			return 0, s.closedError()
		}
		if err != nil {
			s.fail(s.x.fail(err))
		} else if n > 0 {
			s.count(p[:n])
			return n, nil
		} else if len(p) == 0 {
			return 0, nil
		}
	}
}

func (s *sender) ended() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// readData returns data, or 0 if it isn't known yet whether there are some.
func (s *sender) readData(p []byte) (int, error) {
	start := time.Now()
	defer func() { s.readWait.Add(int64(time.Since(start))) }()
	if s.x.frames.left > 0 {
		return s.x.frames.read(p)
	}
	k, length, err := s.x.frames.next()
	switch {
	case err != nil:
		return 0, err
	case k == kindData:
		return 0, nil
	case k != kindStatus && k != kindPart:
		return 0, violation("a frame %q of %d bytes in a stream", byte(k), length)
	}
	k, text, err := s.x.frames.message(k, orDefault(s.host.cfg.MaxReply, DefaultMaxReply))
	if err == nil && k != kindStatus {
		err = violation("a frame %q at the end of a stream", byte(k))
	}
	if err != nil {
		return 0, err
	}
	st, err := s.x.end(text)
	if err != nil {
		s.fail(err) // it says already what it means
		return 0, nil
	}
	s.finish(st)
	return 0, nil
}

// outOf returns what a reader gets at the end.
func (s *sender) outOf() error {
	if s.closed.Load() {
		return s.closedError()
	}
	if err := s.Err(); err != nil {
		return err
	}
	return io.EOF
}

// cancel ends the stream before its time.
func (s *sender) cancel(cause error) {
	if s.giveUp(cause) {
		s.reading.Lock()
		defer s.reading.Unlock()
		s.drain()
	}
}

// drain reads what is still on its way, until the agent tells how the stream ended. Who calls it has s.reading. It is bounded by
// what abort is.
func (s *sender) drain() {
	buf := make([]byte, 64<<10)
	for !s.ended() {
		if _, err := s.readData(buf); err != nil {
			s.fail(s.x.fail(err))
		}
	}
}

// Close implements zfssend.Sender. It is bounded by [Config.Grace].
func (s *sender) Close() error {
	s.closed.Store(true)
	s.cancel(os.ErrClosed)
	<-s.done
	return s.outcome()
}
