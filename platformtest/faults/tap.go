package main

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/spanstack/spanstack/zfssend"
)

// A tap is a place in the stream where a fault strikes: when at bytes have passed, and before the next one does.
type tap struct {
	io.ReadCloser
	at     int64
	strike func(rest []byte) ([]byte, error) // may change what follows, end the stream by an error, or just do something
	delay  time.Duration                     // of each piece after that

	store  []byte
	buf    []byte // was read, but hasn't passed; usually a part of store
	err    error  // that came with it, or after it
	passed int64
	struck bool
}

// slowPiece is the size of the pieces of a stream that is slowed down.
const slowPiece = 16 << 10

// Read reads what comes before the place, then strikes, and reads on.
func (t *tap) Read(p []byte) (int, error) {
	if len(t.buf) == 0 && t.err == nil {
		if len(t.store) < len(p) {
			t.store = make([]byte, len(p))
		}
		var n int
		n, t.err = t.ReadCloser.Read(t.store[:len(p)])
		t.buf = t.store[:n]
	}
	room := int64(len(p))
	if !t.struck {
		if t.passed == t.at && (len(t.buf) > 0 || t.err == nil) {
			t.struck = true
			rest, err := t.strike(t.buf)
			if err != nil {
				t.buf, t.err = nil, err
			} else {
				t.buf = rest
			}
		} else {
			room = min(room, t.at-t.passed)
		}
	}
	if t.struck && t.delay > 0 {
		time.Sleep(t.delay)
		room = min(room, slowPiece)
	}
	n := copy(p[:min(room, int64(len(p)))], t.buf)
	t.buf = t.buf[n:]
	t.passed += int64(n)
	if len(t.buf) == 0 && n == 0 {
		return 0, t.err
	}
	return n, nil
}

// A route is a way from zfs send to zfs receive.
type route string

const (
	direct route = "direct" // the SendStream itself, which is spliced if nobody verifies it
	tapped route = "tapped" // through a reader in this process
	socket route = "socket" // through a TCP connection, as between two machines
)

// errSenderFailed is what a receiver gets from a connection that was reset.
var errSenderFailed = errors.New("the sender has failed")

// A connection carries a stream from one end to the other over TCP. It has no way to say that the stream failed but to
// reset the connection, as simple transports do.
type connection struct {
	in, out *net.TCPConn
	done    chan struct{} // closed when nothing is written any more
	once    sync.Once
}

// connect sends the stream through a new connection.
func connect(s *zfssend.SendStream) (*connection, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer l.Close()
	out, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		return nil, err
	}
	in, err := l.Accept()
	if err != nil {
		out.Close()
		return nil, err
	}
	c := &connection{in: in.(*net.TCPConn), out: out.(*net.TCPConn), done: make(chan struct{})}
	go func() {
		defer close(c.done)
		if _, err := s.WriteTo(c.out); err != nil {
			c.out.SetLinger(0) // a reset, so that this is no end of a stream
			s.Close()
		}
		c.out.Close()
	}()
	return c, nil
}

// Read reads at the receiver's end.
func (c *connection) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	if err != nil && err != io.EOF && !errors.Is(err, net.ErrClosed) {
		err = errors.Join(errSenderFailed, err)
	}
	return n, err
}

// Close closes the receiver's end. The sender's notices.
func (c *connection) Close() error {
	var err error
	c.once.Do(func() { err = c.in.Close() })
	return err
}
