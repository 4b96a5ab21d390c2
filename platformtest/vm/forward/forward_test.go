package forward_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spanstack/spanstack/internal/leaktest"
	"github.com/spanstack/spanstack/platformtest/vm/forward"
)

func TestMain(m *testing.M) { os.Exit(leaktest.Wrap(m).Run()) }

// a forwarding has both halves, joined by a pipe in place of a channel.
type forwarding struct {
	addr        string // at which Host listens
	listener    net.Listener
	port        net.Conn // Host's end
	host, guest chan error
}

func start(t *testing.T, server string) *forwarding {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	near, far := net.Pipe()
	f := &forwarding{l.Addr().String(), l, near, make(chan error, 1), make(chan error, 1)}
	dial := func(ctx context.Context) (net.Conn, error) { return new(net.Dialer).DialContext(ctx, "tcp", server) }
	go func() { f.host <- forward.Host(l, near) }()
	go func() { f.guest <- forward.Guest(far, dial) }()
	return f
}

// ends checks that both halves end.
func (f *forwarding) ends(t *testing.T, host, guest error) {
	t.Helper()
	for what, c := range map[string]struct {
		ended chan error
		want  error
	}{"host": {f.host, host}, "guest": {f.guest, guest}} {
		select {
		case err := <-c.ended:
			if !errors.Is(err, c.want) {
				t.Errorf("the half on the %s returned %v, want %v", what, err, c.want)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("the half on the %s goes on", what)
		}
	}
}

// serve accepts connections until the test ends.
func serve(t *testing.T, do func(*net.TCPConn)) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	wait.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wait.Go(func() {
				defer c.Close()
				do(c.(*net.TCPConn))
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		wait.Wait()
	})
	return l.Addr().String()
}

func dial(t *testing.T, addr string) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second))
	return c.(*net.TCPConn)
}

// TestMany has many connections at once, each of which sends a lot, ends its half, and gets all of it back.
func TestMany(t *testing.T) {
	server := serve(t, func(c *net.TCPConn) { io.Copy(c, c) })
	f := start(t, server)
	var wait sync.WaitGroup
	for i := range 50 {
		c := dial(t, f.addr)
		sent := make([]byte, 1<<20+i)
		rand.Read(sent)
		wait.Go(func() {
			c.Write(sent)
			c.CloseWrite()
		})
		wait.Go(func() {
			if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, sent) {
				t.Errorf("%d bytes came back, want the %d that were sent: %v", len(got), len(sent), err)
			}
		})
	}
	wait.Wait()
	f.listener.Close()
	f.ends(t, net.ErrClosed, nil)
}

// TestStream: what a server sends comes at once, and it notices that its client is gone.
func TestStream(t *testing.T) {
	gone := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "hello %s\n", r.Host)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		close(gone)
	}))
	defer server.Close()
	f := start(t, server.Listener.Addr().String())
	c := dial(t, f.addr)
	fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: by.this.name\r\n\r\n")
	var got strings.Builder
	for p := make([]byte, 1024); !strings.Contains(got.String(), "hello"); {
		n, err := c.Read(p)
		if err != nil {
			t.Fatalf("%v after %q", err, got.String())
		}
		got.Write(p[:n])
	}
	if !strings.Contains(got.String(), "hello by.this.name\n") {
		t.Errorf("got %q", got.String())
	}
	c.Close()
	select {
	case <-gone:
	case <-time.After(20 * time.Second):
		t.Error("the server doesn't notice that its client is gone")
	}
	f.port.Close()
	f.ends(t, nil, nil)
}

// TestNobody: where nobody listens in the guest, connections are closed, and others go on.
func TestNobody(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := l.Addr().String()
	l.Close()
	f := start(t, nobody)
	for range 3 {
		if got, err := io.ReadAll(dial(t, f.addr)); len(got) > 0 || err != nil && !strings.Contains(err.Error(), "reset") {
			t.Errorf("got %q, %v", got, err)
		}
	}
	f.port.Close()
	f.ends(t, nil, nil)
}

// TestPortCloses: a connection doesn't outlive the channel, whichever side closes it, and whoever waits for whom.
func TestPortCloses(t *testing.T) {
	for name, server := range map[string]func(*net.TCPConn){
		"silent": func(c *net.TCPConn) { io.Copy(io.Discard, c) },
		"deaf":   func(c *net.TCPConn) { io.Copy(c, zeros{}) },
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t, serve(t, server))
			c := dial(t, f.addr)
			c.Write([]byte("hello"))
			if name == "deaf" {
				c.Read(make([]byte, 1))
			}
			f.port.Close()
			f.ends(t, nil, nil)
			if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("the connection goes on")
			}
		})
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }
