package remote

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/zstream"
)

// stream is what a Sender and a Receiver of another host have in common: an exchange, and what is known of the stream.
type stream struct {
	host   *Host
	x      *exchange
	op     string
	object string
	task   *trace.Span
	unbind func() bool // from the caller's context
	done   chan struct{}

	started   time.Time
	bytes     atomic.Int64
	firstByte atomic.Int64 // ns
	readWait  atomic.Int64 // ns
	writeWait atomic.Int64 // ns

	mu      sync.Mutex
	state   zfssend.State
	err     error
	refusal error   // why this side didn't want it
	final   *status // what the agent has said in the end
	head    []byte  // of the stream, until begin is known
	begin   *zstream.Begin
}

// openStream makes a request for a stream and waits until zfs runs, or has failed to start.
func (h *Host) openStream(ctx context.Context, s *stream, open func(context.Context, *session) (*exchange, error)) (err error) {
	start := context.WithoutCancel(ctx) // a stream outlives its caller
	start, s.task = trace.WithTask(start, "remote "+s.op, slog.String("host", h.cfg.name()), slog.String("dataset", s.object))
	defer func() {
		if err != nil {
			s.task.EndErr(&err)
		}
	}()
	s.host, s.done, s.started = h, make(chan struct{}), time.Now()
	bound, cancel := context.WithCancelCause(start)
	defer cancel(nil)
	defer context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })()
	session, err := h.connected(bound)
	if err == nil {
		s.x, err = open(bound, session)
	}
	if err != nil {
		return h.cfg.fail(lostProcess(s.op, s.object, err))
	}
	stop := context.AfterFunc(ctx, func() { s.x.abort(context.Cause(ctx)) })
	defer stop()
	k, _, err := s.x.frames.next()
	if err == nil && k == kindBegun {
		return nil
	}
	if err == nil {
		err = s.refused(k)
		return h.cfg.fail(err)
	}
	return h.cfg.fail(lostProcess(s.op, s.object, s.x.fail(err)))
}

// refused returns the error of a stream that doesn't begin.
func (s *stream) refused(k kind) error {
	k, text, err := s.x.frames.message(k, orDefault(s.host.cfg.MaxReply, DefaultMaxReply))
	if err == nil && k != kindStatus {
		err = violation("a frame %q where a stream has to begin", byte(k))
	}
	if err != nil {
		return lostProcess(s.op, s.object, s.x.fail(err))
	}
	st, err := s.x.end(text)
	if err != nil {
		return lostProcess(s.op, s.object, err)
	}
	if st.Error == nil {
		return lostProcess(s.op, s.object, s.x.s.failure(violation("a stream that ends before it begins")))
	}
	return st.Error.error(s.x.reason())
}

// count counts bytes of the stream that pass, and looks at its first record.
func (s *stream) count(p []byte) {
	if len(p) == 0 {
		return
	}
	if s.bytes.Add(int64(len(p))) == int64(len(p)) {
		s.firstByte.Store(int64(time.Since(s.started)))
	}
	if s.bytes.Load()-int64(len(p)) < zstream.HeaderSize {
		s.look(p)
	}
}

func (s *stream) look(p []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.head = append(s.head, p[:min(len(p), zstream.HeaderSize-len(s.head))]...)
	if len(s.head) < zstream.HeaderSize {
		return
	}
	if b, err := zstream.ParseBegin(s.head); err == nil {
		s.begin = &b
	}
}

// finish notes how the stream ended by the agent's word.
func (s *stream) finish(st *status) {
	err := st.Error.error(s.x.reason())
	state, ok := states[st.State]
	switch {
	case !ok, err == nil && state != zfssend.StateComplete, state == zfssend.StateOpen, state == zfssend.StateDraining:
		s.fail(s.x.s.failure(violation("a stream that ends in the state %.20q, with the error %v", clean(st.State), err)))
		return
	case err != nil && state == zfssend.StateComplete:
		state = zfssend.StateFailed // it was complete, but not all of it came here
	}
	if err != nil {
		err = s.host.cfg.fail(err)
	}
	s.end(state, err, st)
}

// fail notes that the stream's end isn't known.
func (s *stream) fail(err error) {
	e := lostProcess(s.op, s.object, err)
	state := zfssend.StateFailed
	if e.Cause == zfssend.Canceled {
		state = zfssend.StateCanceled
	}
	// Of a zfs receive that goes on without us, nothing is known.
	e.MaybeCommitted = s.op == "receive" && s.bytes.Load() > 0
	s.end(state, s.host.cfg.fail(e), nil)
}

// end notes how the stream ended, once.
func (s *stream) end(state zfssend.State, err error, st *status) {
	s.mu.Lock()
	if s.refusal != nil {
		state, err = zfssend.StateCanceled, s.refusal
	}
	s.state, s.err, s.final = state, err, st
	unbind := s.unbind
	s.mu.Unlock()
	if unbind != nil {
		unbind()
	}
	stats := s.Stats()
	s.task.SetAttrs(slog.String("state", state.String()), slog.Int64("bytes", stats.Bytes), slog.Duration("first_byte", stats.FirstByte),
		slog.Duration("read_wait", stats.ReadWait), slog.Duration("write_wait", stats.WriteWait))
	outcome := s.outcome()
	s.task.EndErr(&outcome)
	close(s.done)
}

// giveUp ends a live stream before its time, and reports whether it was live. The agent's word on it is still to be read.
func (s *stream) giveUp(cause error) bool {
	s.mu.Lock()
	live := s.state == zfssend.StateOpen || s.state == zfssend.StateDraining
	if live {
		s.state = zfssend.StateCanceling
	}
	s.mu.Unlock()
	if live {
		s.task.Event("cancel", slog.Any("cause", cause))
		s.x.abort(cause)
	}
	return live
}

// outcome is Err without the consequence of the owner's own Close.
func (s *stream) outcome() error {
	err := s.Err()
	if s.State() == zfssend.StateCanceled && errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}

// State returns the current state.
func (s *stream) State() zfssend.State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

// Err returns nil while the stream is open and when it is complete, and its error otherwise.
func (s *stream) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == zfssend.StateCanceling && s.err == nil {
		return s.host.cfg.fail(&zfssend.Error{Op: s.op, Object: s.object, ExitCode: -1, Cause: zfssend.Canceled, Err: s.x.reason()})
	}
	return s.err
}

// Stats are this side's while the stream flows, and the agent's when it has ended.
func (s *stream) Stats() zfssend.Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.final != nil && s.final.Stats != nil {
		m := s.final.Stats
		return zfssend.Stats{Bytes: m.Bytes, FirstByte: m.FirstByte, ReadWait: m.ReadWait, WriteWait: m.WriteWait, PipeSize: m.PipeSize}
	}
	return zfssend.Stats{
		Bytes: s.bytes.Load(), FirstByte: time.Duration(s.firstByte.Load()),
		ReadWait: time.Duration(s.readWait.Load()), WriteWait: time.Duration(s.writeWait.Load()),
	}
}

// Stderr returns what zfs has written to stderr, once the stream has ended.
func (s *stream) Stderr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.final == nil {
		return ""
	}
	return clean(s.final.Stderr)
}

// Begin returns the stream's first record, without its contents, or nil before it has passed.
func (s *stream) Begin() *zstream.Begin {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.begin
}

// Done is closed once nothing is left of the stream, as far as the agent tells.
func (s *stream) Done() <-chan struct{} { return s.done }
