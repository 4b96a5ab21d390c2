package remote

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spanstack/spanstack/zfssend"
)

// Config says how to talk to a host. The zero value is ready for use.
type Config struct {
	Name    string // of the host, in errors and traces; "": "remote"
	Program string // what this side calls itself

	Heartbeat time.Duration // between signs of life; 0: DefaultHeartbeat
	Lost      time.Duration // a host without one for so long is lost; 0: DefaultLost

	// Grace bounds how long a cancelled request is waited for, and is to be longer than that of the agent's client; 0 means
	// zfssend.DefaultGrace and two seconds.
	Grace time.Duration

	// MaxReply bounds the result of a request, in bytes, streams aside; 0: DefaultMaxReply. A list takes 100 to 150 bytes a
	// snapshot.
	MaxReply int64

	// Redial makes another connection when one is needed and the last one is lost. nil: there is no other one. When and how often
	// to try again is up to the caller.
	Redial func(context.Context) (io.ReadWriteCloser, error)
}

// DefaultMaxReply is the default of [Config.MaxReply].
const DefaultMaxReply = 256 << 20

// helloPatience is how long an agent may take to appear: ssh has to get there first, and log in.
const helloPatience = time.Minute

// clockInterval is how often clocks are compared.
const clockInterval = 30 * time.Second

func (c *Config) name() string           { return cmp.Or(c.Name, "remote") }
func (c *Config) lost() time.Duration    { return orDefault(c.Lost, DefaultLost) }
func (c *Config) grace() time.Duration   { return orDefault(c.Grace, zfssend.DefaultGrace+2*time.Second) }
func (c *Config) fail(err error) error   { return &HostError{c.name(), err} }
func (c *Config) broken(err error) error { return c.fail(&ConnError{c.name(), err}) }

// Host is another host's ZFS, over one connection to its agent. It implements zfssend.Host. All its methods may be called
// concurrently.
//
// Errors are those that the agent's zfssend.Client has returned, in a [HostError] that says whose they are. What became of a
// request whose connection is lost isn't known: then the error Is zfssend.ErrTransport, and so is that of each request that
// follows, unless there is a [Config.Redial].
//
// The context of a request cancels the work of the other host. The request returns when that is done, like one of a Client.
type Host struct {
	cfg     Config
	lock    chan struct{} // holds a token while session is changed
	session atomic.Pointer[session]
	life    context.Context // ends with Close
	die     context.CancelCauseFunc
}

var _ zfssend.Host = (*Host)(nil)

// NewHost talks to the agent at the other end of a connection, which the Host owns, also if there is an error. It returns when
// the agent has answered.
func NewHost(ctx context.Context, rwc io.ReadWriteCloser, cfg Config) (*Host, error) {
	h := &Host{cfg: cfg, lock: make(chan struct{}, 1)}
	h.life, h.die = context.WithCancelCause(context.Background())
	s, err := newSession(ctx, rwc, &h.cfg)
	if err != nil {
		return nil, cfg.fail(err)
	}
	h.session.Store(s)
	return h, nil
}

// Close ends the connection, and with it all that the agent does on it. It takes as long as it takes to close the connection, at most
// little more than [Config.Grace].
func (h *Host) Close() error {
	h.die(errClosed)
	h.lock <- struct{}{}
	defer func() { <-h.lock }()
	h.session.Load().close(errClosed)
	return nil
}

// connected returns a session that works, as far as is known.
func (h *Host) connected(ctx context.Context) (*session, error) {
	if s := h.session.Load(); s.link.ended() == nil {
		return s, nil
	}
	select {
	case h.lock <- struct{}{}:
		defer func() { <-h.lock }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	s := h.session.Load()
	cause := s.link.ended()
	switch {
	case cause == nil: // somebody else has connected
		return s, nil
	case h.life.Err() != nil:
		return nil, &ConnError{h.cfg.name(), errClosed}
	case h.cfg.Redial == nil:
		return nil, &ConnError{h.cfg.name(), cause}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(h.life, func() { cancel(errClosed) })()
	s.close(cause)
	rwc, err := h.cfg.Redial(ctx)
	if err != nil {
		return nil, &ConnError{h.cfg.name(), fmt.Errorf("connect again: %w", err)}
	}
	next, err := newSession(ctx, rwc, &h.cfg)
	if err != nil {
		return nil, err
	}
	h.session.Store(next)
	return next, nil
}

// Clock returns by how much the other host's clock is ahead of this one's, which is wrong by at most bound. bound is negative if
// nothing is known.
func (h *Host) Clock() (offset, bound time.Duration) {
	best := h.session.Load().clock.best()
	return best.offset, best.bound
}

// Info is what an agent says of itself.
type Info struct {
	Program    string
	Protocol   int // the version that is spoken
	MaxStreams int // at a time
}

// Agent returns what the agent says of itself.
func (h *Host) Agent() Info {
	s := h.session.Load()
	return Info{Program: s.agent.Program, Protocol: min(Protocol, s.agent.Newest), MaxStreams: s.agent.MaxStreams}
}

// MaxStreams returns how many streams at a time the agent takes on a connection.
func (h *Host) MaxStreams() int { return h.Agent().MaxStreams }

// session is one connection.
type session struct {
	cfg    *Config
	link   *link
	http   *http.ClientConn
	agent  hello
	clock  clock
	number atomic.Uint64 // of the last request
	ticked chan struct{} // closed when tick has returned; nil before it is started
}

func newSession(ctx context.Context, rwc io.ReadWriteCloser, cfg *Config) (*session, error) {
	s := &session{cfg: cfg, link: newLink(rwc, helloPatience, cfg.lost())}
	transport := &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) { return s.link, nil },
		Protocols:   new(http.Protocols),
		HTTP2: &http.HTTP2Config{
			MaxReceiveBufferPerStream: streamWindow, // and for the connection the default, which is that of hundreds of streams
			MaxReadFrameSize:          httpFrame,
			SendPingTimeout:           orDefault(cfg.Heartbeat, DefaultHeartbeat),
			PingTimeout:               2 * cfg.lost(), // the link is quicker, and says why
		},
	}
	transport.Protocols.SetUnencryptedHTTP2(true)
	conn, err := transport.NewClientConn(ctx, "http", authority+":80")
	if err == nil {
		s.http = conn
		err = s.greet(ctx)
	} else if ctx.Err() == nil {
		err = s.failure(err)
	}
	if err != nil {
		s.close(err)
		return nil, s.explain(err)
	}
	s.ticked = make(chan struct{})
	go s.tick()
	return s, nil
}

// authority is what stands for the host in requests. Nobody looks at it.
const authority = "agent.invalid"

// greet compares protocols.
func (s *session) greet(ctx context.Context) error {
	ours := hello{Oldest: oldestProtocol, Newest: Protocol, Program: s.cfg.Program, Features: features}
	out := time.Now()
	if err := s.ask(ctx, pathHello, &ours, &s.agent); err != nil {
		return err
	}
	s.clock.add(out, time.Now(), s.agent.stamps)
	s.agent.Program = clean(s.agent.Program)
	return compareProtocols(&ours, &s.agent)
}

// VersionError says that the two sides have no version of the protocol in common.
type VersionError struct {
	Ours, Theirs [2]int // the oldest and the newest version
	Program      string // of the other side
}

// Error says which side is to be updated.
func (e *VersionError) Error() string {
	older, update := "the other side", "update it there"
	if e.Ours[1] < e.Theirs[0] {
		older, update = "this side", "update it here"
	}
	return fmt.Sprintf("no common protocol: this side speaks versions %d to %d, the other side (%s) %d to %d; %s is the older one: %s",
		e.Ours[0], e.Ours[1], cmp.Or(e.Program, "unknown program"), e.Theirs[0], e.Theirs[1], older, update)
}

func compareProtocols(ours, theirs *hello) error {
	if theirs.Oldest < 1 || theirs.Newest < theirs.Oldest {
		return violation("it claims to speak versions %d to %d", theirs.Oldest, theirs.Newest)
	}
	if theirs.Newest < ours.Oldest || theirs.Oldest > ours.Newest {
		return &VersionError{[2]int{ours.Oldest, ours.Newest}, [2]int{theirs.Oldest, theirs.Newest}, theirs.Program}
	}
	return nil
}

// explain makes sense of a connection that fails at once: what answers may be no agent.
func (s *session) explain(err error) error {
	first := s.link.beginning()
	const settings = 4 // the type of the first frame that a server of HTTP/2 sends
	if len(first) > 0 && (len(first) < 9 || first[3] != settings) {
		return &ConnError{s.cfg.name(), fmt.Errorf("what answers isn't an agent: it wrote %q. Does a shell's startup file print something?", printable(first))}
	}
	return err
}

func printable(b []byte) string {
	return strings.TrimSpace(clean(strings.ToValidUTF8(string(b), "?")))
}

// tick compares clocks from time to time.
func (s *session) tick() {
	defer close(s.ticked)
	// A few at first: the fastest one counts.
	for wait, n := time.Duration(0), 0; ; n++ {
		timer := time.NewTimer(wait)
		select {
		case <-s.link.done:
			timer.Stop()
			return
		case <-timer.C:
		}
		out := time.Now()
		var there stamps
		if s.ask(context.Background(), pathClock, &clockRequest{}, &there) == nil {
			s.clock.add(out, time.Now(), there)
		}
		if wait = time.Second; n >= 3 {
			wait = clockInterval
		}
	}
}

// close ends the connection and waits until that is done.
func (s *session) close(cause error) {
	s.link.end(cause)
	if s.http != nil {
		s.http.Close()
	}
	if s.ticked != nil {
		<-s.ticked
	}
	bound := time.NewTimer(s.cfg.grace() + time.Second)
	defer bound.Stop()
	select {
	case <-s.link.closed:
	case <-bound.C:
	}
}

// failure returns what an error of HTTP means.
func (s *session) failure(err error) error {
	if _, ok := errors.AsType[*ProtocolError](err); ok {
		s.link.end(err) // nothing that such an agent says can be used
	}
	if cause := s.link.ended(); cause != nil {
		err = cause
	}
	if told := s.told(err); told != nil {
		err = told
	}
	return &ConnError{s.cfg.name(), err}
}

// told returns why the program that makes the connection has ended it, nil if it didn't, or there is none.
func (s *session) told(err error) error {
	teller, ok := s.link.rwc.(interface{ failure() error })
	_, ours := errors.AsType[*ProtocolError](err)
	if !ok || ours || errors.Is(err, ErrPeerLost) || errors.Is(err, errClosed) {
		return nil
	}
	return teller.failure()
}
