package remote

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spanstack/spanstack/zfssend"
)

// Defaults of both sides. What waits for the other side is never shorter than three heartbeats.
const (
	DefaultHeartbeat = 5 * time.Second
	DefaultLost      = 15 * time.Second
)

// ErrPeerLost is matched by the errors of a connection whose other side gave no sign of life for too long.
var ErrPeerLost = errors.New("no sign of life from the other side")

var (
	errPeerClosed = errors.New("the other side closed it")
	errClosed     = errors.New("it was closed here")
)

// ConnError says that a connection to a host failed, so that what became of a request isn't known. It is a
// [zfssend.ErrTransport].
type ConnError struct {
	Host string
	Err  error
}

// Error implements error. It doesn't name the host, since the [HostError] around it does.
func (e *ConnError) Error() string { return "the connection failed: " + e.Err.Error() }

func (e *ConnError) Unwrap() error { return e.Err }

// Is reports that the error is a [zfssend.ErrTransport].
func (e *ConnError) Is(target error) bool { return target == zfssend.ErrTransport }

// lostError is an ErrPeerLost that says for how long.
type lostError struct{ bound time.Duration }

func (e *lostError) Error() string        { return fmt.Sprintf("%v for %v", ErrPeerLost, e.bound) }
func (e *lostError) Is(target error) bool { return target == ErrPeerLost }

// link is a connection that knows how it ended. It is a net.Conn without deadlines, for which HTTP/2 has no use: close
// unblocks all.
type link struct {
	rwc     io.ReadWriteCloser
	lost    time.Duration // after which without a sign of life it ends
	started time.Time
	heard   atomic.Int64 // when something came last, since started

	mu    sync.Mutex
	first []byte // what came first: who speaks another protocol is recognised by it
	cause error

	done   chan struct{} // closed when it has ended
	closed chan struct{} // closed when rwc is, after that
}

const firstBytes = 256

// newLink returns a link that ends when nothing has come for so long: at first, and then.
func newLink(rwc io.ReadWriteCloser, first, lost time.Duration) *link {
	l := &link{rwc: rwc, lost: lost, started: time.Now(), done: make(chan struct{}), closed: make(chan struct{})}
	go l.watch(first)
	return l
}

// watch ends the link if the other side is silent. That it isn't while it lives is the work of HTTP/2's pings.
func (l *link) watch(first time.Duration) {
	tick := time.NewTicker(max(l.lost/8, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-l.done:
			return
		case <-tick.C:
		}
		bound := l.lost
		if l.heard.Load() == 0 {
			bound = first
		}
		if l.silent() > bound {
			l.end(&lostError{bound})
			return
		}
	}
}

// silent returns for how long nothing has come.
func (l *link) silent() time.Duration { return time.Since(l.started) - time.Duration(l.heard.Load()) }

func (l *link) Read(p []byte) (int, error) {
	n, err := l.rwc.Read(p)
	if n > 0 {
		l.heard.Store(int64(time.Since(l.started)))
		l.note(p[:n])
	}
	if err != nil {
		l.end(closing(err))
	}
	return n, err
}

// closing returns what a failure to read or write says of the other side. Who writes may notice before who reads.
func closing(err error) error {
	if err == io.EOF {
		return errPeerClosed
	}
	for _, e := range []error{io.ErrClosedPipe, syscall.EPIPE, syscall.ECONNRESET} {
		if errors.Is(err, e) {
			return fmt.Errorf("%w: %w", errPeerClosed, err)
		}
	}
	return err
}

func (l *link) note(p []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if rest := firstBytes - len(l.first); rest > 0 {
		l.first = append(l.first, p[:min(rest, len(p))]...)
	}
}

// beginning returns what came first.
func (l *link) beginning() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.first
}

func (l *link) Write(p []byte) (int, error) {
	n, err := l.rwc.Write(p)
	if err != nil {
		l.end(closing(err))
	}
	return n, err
}

// end ends the link. The first cause counts. It doesn't wait: closing what leads to a peer that is gone can take seconds.
func (l *link) end(cause error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cause != nil {
		return
	}
	l.cause = cause
	close(l.done)
	go func() {
		defer close(l.closed)
		// A request may have noticed the silence before us, and we be closed because of that.
		if a, ok := l.rwc.(interface{ abandon() }); ok && l.silent() > l.lost/2 {
			a.abandon()
		}
		l.rwc.Close()
	}()
}

// Close implements net.Conn: HTTP/2 calls it when it is at its end, for reasons that it doesn't tell.
func (l *link) Close() error {
	l.end(errClosed)
	return nil
}

// ended returns why the link has ended, nil if it hasn't.
func (l *link) ended() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cause
}

// address is what net.Conn wants.
type address struct{}

func (address) Network() string { return "zferry" }
func (address) String() string  { return "peer" }

func (l *link) LocalAddr() net.Addr              { return address{} }
func (l *link) RemoteAddr() net.Addr             { return address{} }
func (l *link) SetDeadline(time.Time) error      { return nil }
func (l *link) SetReadDeadline(time.Time) error  { return nil }
func (l *link) SetWriteDeadline(time.Time) error { return nil }

// oneListener is a listener that has a link to offer, and no other one until it is closed.
type oneListener struct {
	link chan *link
	done chan struct{}
}

func newOneListener(l *link) *oneListener {
	o := &oneListener{link: make(chan *link, 1), done: make(chan struct{})}
	o.link <- l
	return o
}

func (o *oneListener) Accept() (net.Conn, error) {
	select {
	case l := <-o.link:
		return l, nil
	case <-o.done:
		return nil, net.ErrClosed
	}
}

func (o *oneListener) Close() error {
	select {
	case <-o.done:
	default:
		close(o.done)
	}
	return nil
}

func (o *oneListener) Addr() net.Addr { return address{} }
