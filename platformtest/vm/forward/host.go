package forward

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
)

// Host accepts connections from l, and has each of them go to where [Guest] dials, until l or the port is closed. Then it closes
// both, and all connections, and returns why: [net.ErrClosed] if l was closed, nil if the port was.
//
// What is accepted before Guest is there waits for it.
func Host(l net.Listener, port io.ReadWriteCloser) error {
	ctx, cancel := context.WithCancel(context.Background())
	link := newLink(port, func() {
		cancel()
		l.Close()
	})
	var wait sync.WaitGroup
	defer wait.Wait()
	defer link.Close()
	guest, err := connect(ctx, link)
	for err == nil {
		var conn net.Conn
		if conn, err = l.Accept(); err == nil {
			wait.Go(func() { carry(ctx, guest, conn) })
		}
	}
	if ctx.Err() != nil { // the port was closed, which is why nothing works any more
		return nil
	}
	return err
}

// authority stands for the guest in requests. Nobody looks at it.
const authority = "guest.invalid"

func connect(ctx context.Context, l *link) (*http.ClientConn, error) {
	transport := &http.Transport{
		Protocols:   protocols(),
		DialContext: func(context.Context, string, string) (net.Conn, error) { return l, nil },
	}
	return transport.NewClientConn(ctx, "http", authority+":80")
}

// carry carries a connection to the guest, until either side ends it, or ctx ends.
func carry(ctx context.Context, guest *http.ClientConn, conn net.Conn) {
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	body := io.NopCloser(conn) // the connection is closed when what comes back has been read, too
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+authority+"/", body)
	if err != nil {
		panic(err) // the URL is right
	}
	answer, err := guest.RoundTrip(r)
	if err != nil {
		return
	}
	if answer.StatusCode == http.StatusOK {
		_, _ = io.Copy(conn, answer.Body)
	}
	conn.Close() // ends the Read of the request's body, for which the answer's Close waits
	answer.Body.Close()
}
