package forward

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
)

// Guest dials for each connection that [Host] accepts, until the port is closed, which is no error. dial may be called concurrently.
// If it fails, the connection is closed.
func Guest(port io.ReadWriteCloser, dial func(context.Context) (net.Conn, error)) error {
	ended := make(chan struct{})
	link := newLink(port, func() { close(ended) })
	defer link.Close()
	server := &http.Server{Handler: guest(dial), Protocols: protocols()}
	defer server.Close()
	first := make(chan net.Conn, 1)
	first <- link
	err := server.Serve(&listener{first, ended})
	select {
	case <-ended:
		return nil
	default:
		return err
	}
}

// guest carries connections to what it dials.
type guest func(context.Context) (net.Conn, error)

func (dial guest) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	conn, err := dial(r.Context())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer conn.Close()
	defer context.AfterFunc(r.Context(), func() { conn.Close() })()
	var wait sync.WaitGroup
	wait.Go(func() { send(conn, r.Body) })
	receive(w, conn)
	conn.Close() // which ends a Write that blocks, as the other one does a Read
	r.Body.Close()
	wait.Wait()
}

// send sends on what comes, and its end, which isn't that of the answer.
func send(conn net.Conn, body io.Reader) {
	_, err := io.Copy(conn, body)
	half, ok := conn.(interface{ CloseWrite() error })
	if err != nil || !ok || half.CloseWrite() != nil {
		conn.Close()
	}
}

// receive gives back what comes, at once.
func receive(w http.ResponseWriter, conn io.Reader) {
	out := http.NewResponseController(w)
	if out.Flush() != nil { // so that the other side knows that there is a connection
		return
	}
	p := make([]byte, 32<<10)
	for {
		n, err := conn.Read(p)
		if n > 0 {
			if _, err := w.Write(p[:n]); err != nil || out.Flush() != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// listener has one connection to offer, and ends with it.
type listener struct {
	first chan net.Conn
	ended <-chan struct{}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.first:
		return c, nil
	case <-l.ended:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error   { return nil }
func (l *listener) Addr() net.Addr { return address{} }
