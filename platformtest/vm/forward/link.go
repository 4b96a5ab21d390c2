package forward

import (
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// protocols is HTTP/2 alone, without TLS: nobody else has the channel.
func protocols() *http.Protocols {
	p := new(http.Protocols)
	p.SetUnencryptedHTTP2(true)
	return p
}

// link is a port as a net.Conn, without deadlines: closing it unblocks all. It tells when it has ended.
type link struct {
	port io.ReadWriteCloser
	once sync.Once
	end  func() // called once, when the port was closed, be it by the other side
}

func newLink(port io.ReadWriteCloser, end func()) *link { return &link{port: port, end: end} }

func (l *link) Read(p []byte) (int, error) {
	n, err := l.port.Read(p)
	if err != nil {
		l.Close()
	}
	return n, err
}

func (l *link) Write(p []byte) (int, error) {
	n, err := l.port.Write(p)
	if err != nil {
		l.Close()
	}
	return n, err
}

func (l *link) Close() error {
	err := l.port.Close()
	l.once.Do(l.end)
	return err
}

func (l *link) LocalAddr() net.Addr              { return address{} }
func (l *link) RemoteAddr() net.Addr             { return address{} }
func (l *link) SetDeadline(time.Time) error      { return nil }
func (l *link) SetReadDeadline(time.Time) error  { return nil }
func (l *link) SetWriteDeadline(time.Time) error { return nil }

// address is what net.Conn wants.
type address struct{}

func (address) Network() string { return "port" }
func (address) String() string  { return "machine" }
