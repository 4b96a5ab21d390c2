package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/zfssend"
)

// subsystem is the name of this package's log.
const subsystem = "remote"

// Agent serves this host's ZFS to peers. It may serve several connections concurrently; its fields aren't changed meanwhile.
type Agent struct {
	Client *zfssend.Client // nil: a zfs from PATH

	Policy  Policy            // for the peer of Serve
	Clients map[string]Policy // for those of ListenAndServe, by the names in their certificates

	Program string // what the agent calls itself, such as "zferry v1.2.3"

	// Trace writes what the agent does from now on, in a format of traces, until its context is done. nil: there is none.
	Trace func(ctx context.Context, w io.Writer) error

	Heartbeat time.Duration // between signs of life; 0: DefaultHeartbeat
	Lost      time.Duration // a peer without one for so long is lost; 0: DefaultLost

	MaxStreams int   // at a time, on a connection; 0: DefaultMaxStreams
	MaxRequest int64 // bytes of a request, streams aside; 0: DefaultMaxRequest
}

// Defaults of an [Agent].
const (
	DefaultMaxStreams = 32
	DefaultMaxRequest = 16 << 20
)

// Windows of flow control, in bytes, of both sides. A connection's is that of all of its streams together, so that what isn't
// read of one takes nothing away from another. It is also what a peer can make this process hold.
const (
	controlStreams = 16 // besides those that carry data
	streamWindow   = 3 << 20
	httpFrame      = 256 << 10 // what has to pass before another stream's turn
)

var errPeerGone = errors.New("the peer is gone")

func (a *Agent) client() *zfssend.Client {
	if a.Client != nil {
		return a.Client
	}
	return &zfssend.Client{}
}

func (a *Agent) grace() time.Duration {
	if g := a.client().Grace; g > 0 {
		return g
	}
	return zfssend.DefaultGrace
}

func orDefault[T int | int64 | time.Duration](v, otherwise T) T {
	if v > 0 {
		return v
	}
	return otherwise
}

// Serve serves a peer over a connection, which it owns, until the peer closes it or is lost, or ctx is done. What still
// runs then is cancelled, and waited for, for little more than the client's Grace. It returns nil if the peer closed the connection
// with nothing running.
func (a *Agent) Serve(ctx context.Context, rwc io.ReadWriteCloser) error {
	if err := a.Policy.Validate(); err != nil {
		rwc.Close()
		return err
	}
	return a.serve(ctx, rwc, a.Policy)
}

func (a *Agent) serve(ctx context.Context, rwc io.ReadWriteCloser, policy Policy) error {
	lost := orDefault(a.Lost, DefaultLost)
	l := newLink(rwc, lost, lost)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s := &service{agent: a, policy: policy, ctx: ctx, running: make(map[uint64]context.CancelCauseFunc)}
	server := a.newServer(ctx, s)
	listener := newOneListener(l)
	go server.Serve(listener) // which returns when the listener is closed
	defer server.Close()
	select {
	case <-l.done:
	case <-ctx.Done():
		l.end(context.Cause(ctx))
	}
	listener.Close()
	cause := l.ended()
	interrupted := s.close(cause)
	cancel(fmt.Errorf("%w: %w", errPeerGone, cause))
	return a.settle(s, l, cause, interrupted)
}

// newServer returns a server of HTTP/2 without TLS: where there is TLS, it is below.
func (a *Agent) newServer(ctx context.Context, s *service) *http.Server {
	streams := orDefault(a.MaxStreams, DefaultMaxStreams) + controlStreams
	server := &http.Server{
		Handler:   s,
		ErrorLog:  slog.NewLogLogger(logging.GetLogger(ctx, subsystem).Handler(), slog.LevelDebug),
		Protocols: new(http.Protocols),
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams:          streams,
			MaxReceiveBufferPerStream:     streamWindow,
			MaxReceiveBufferPerConnection: streams * streamWindow,
			MaxReadFrameSize:              httpFrame,
			SendPingTimeout:               orDefault(a.Heartbeat, DefaultHeartbeat),
			PingTimeout:                   2 * orDefault(a.Lost, DefaultLost), // the link is quicker, and says why
		},
	}
	server.Protocols.SetUnencryptedHTTP2(true)
	return server
}

// settle waits for what was cancelled, and returns the outcome.
func (a *Agent) settle(s *service, l *link, cause error, interrupted int) error {
	bound := time.NewTimer(a.grace() + 5*time.Second)
	defer bound.Stop()
	select {
	case <-s.idle:
	case <-bound.C:
		return fmt.Errorf("%w, and %d requests have not ended yet", cause, s.count.Load())
	}
	select {
	case <-l.closed:
	case <-bound.C:
	}
	switch {
	case !errors.Is(cause, errPeerClosed) && !errors.Is(cause, errClosed) && !errors.Is(cause, os.ErrClosed):
		return cause
	case interrupted > 0:
		return fmt.Errorf("%w in the middle of %d requests", errPeerGone, interrupted)
	case len(l.beginning()) > 0 && !s.greeted.Load():
		return violation("it doesn't speak that of zferry: it began with %.60q", l.beginning())
	}
	return nil
}

// service is what an agent does on one connection.
type service struct {
	agent   *Agent
	policy  Policy
	ctx     context.Context
	greeted atomic.Bool
	count   atomic.Int64 // of requests that run

	mu      sync.Mutex
	closed  bool
	idle    chan struct{} // once closed: closed when nothing runs any more
	streams int
	running map[uint64]context.CancelCauseFunc // by their numbers
}

// enter counts a request, if there may be one.
func (s *service) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.count.Add(1)
	return true
}

func (s *service) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.count.Add(-1) == 0 && s.closed {
		close(s.idle)
	}
}

// close admits no more requests, cancels those that run, and returns how many of them zfs works for.
func (s *service) close(cause error) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed, s.idle = true, make(chan struct{})
	if s.count.Load() == 0 {
		close(s.idle)
	}
	for _, cancel := range s.running {
		cancel(fmt.Errorf("%w: %w", errPeerGone, cause))
	}
	return len(s.running)
}

// takeStream takes one of the streams that a connection may have at a time.
func (s *service) takeStream() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if most := orDefault(s.agent.MaxStreams, DefaultMaxStreams); s.streams >= most {
		return fmt.Errorf("the agent has %d streams on this connection already, and takes no more at a time", most)
	}
	s.streams++
	return nil
}

func (s *service) giveStream() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.streams--
}
