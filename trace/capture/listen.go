package capture

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spanstack/spanstack/internal/access"
)

// A Server is a listener for debugging. Its methods may be called concurrently.
type Server struct {
	addr   net.Addr
	http   *http.Server
	mux    *http.ServeMux
	ui     http.Handler
	cancel context.CancelFunc

	served chan struct{}
	once   sync.Once
	err    error
}

// Listen serves [Handler] at /debug/trace/, on an address that only this host reaches unless it says otherwise:
//
//	localhost:6060, :6060        loopback
//	0.0.0.0:6060, [::]:6060      all interfaces: give a token
//	10.0.0.5:6060, name:6060     that address, by that name
//	unix:/run/program.sock       a socket with mode 0600
//
// Port 0 is any that is free. A socket that is there is replaced if nobody listens at it. c.Access holds for all
// handlers that are added later, too.
func Listen(addr string, c Config) (*Server, error) {
	l, host, err := listen(addr)
	if err != nil {
		return nil, fmt.Errorf("debug listener %s: %w", addr, err)
	}
	if host != "" {
		c.Access.Hosts = append([]string{host}, c.Access.Hosts...)
	}
	return Serve(l, c), nil
}

// Serve is like Listen with a listener that is there, which it closes in the end.
func Serve(l net.Listener, c Config) *Server {
	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{addr: l.Addr(), mux: http.NewServeMux(), ui: c.UI, cancel: cancel, served: make(chan struct{})}
	h := newHandler(c)
	s.mux.Handle(prefix, h)
	s.http = &http.Server{
		Handler:           h.config.Access.Wrap(http.HandlerFunc(s.serve)),
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
	go func() {
		defer close(s.served)
		if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.err = err
		}
	}()
	return s
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if _, pattern := s.mux.Handler(r); pattern == "" && r.URL.Path == "/" {
		http.Redirect(w, r, prefix, http.StatusFound)
		return
	}
	s.mux.ServeHTTP(w, r)
}

// Addr returns the address at which it listens.
func (s *Server) Addr() net.Addr { return s.addr }

// URL returns the address of the index page, and that of a Unix socket as "unix:PATH".
func (s *Server) URL() string {
	if s.addr.Network() == "unix" {
		return unixPrefix + s.addr.String()
	}
	return "http://" + s.addr.String() + prefix
}

// Handle adds a handler, such as those of net/http/pprof: see [http.ServeMux.Handle].
func (s *Server) Handle(pattern string, h http.Handler) { s.mux.Handle(pattern, h) }

// stopServing bounds how long Stop waits for requests that are being answered.
const stopServing = 5 * time.Second

// Stop ends captures and streams, which are complete then, and closes the listener and all connections. It waits for
// handlers, but no longer than five seconds. It returns with what error serving had ended, if it had. On a nil Server it
// does nothing.
func (s *Server) Stop() error {
	if s == nil {
		return nil
	}
	s.once.Do(func() {
		s.cancel()
		ctx, cancel := context.WithTimeout(context.Background(), stopServing)
		defer cancel()
		if s.http.Shutdown(ctx) != nil {
			_ = s.http.Close() // it ends no handler, but their connections
		}
		<-s.served
		if ui, ok := s.ui.(io.Closer); ok {
			_ = ui.Close() // of a page nothing is lost
		}
		if s.err != nil {
			s.err = fmt.Errorf("debug listener %s: %w", s.addr, s.err)
		}
	})
	return s.err
}

const unixPrefix = "unix:"

// listen listens at an address, and returns the name in it, if clients can call the server by that.
func listen(addr string) (l net.Listener, host string, err error) {
	if path, ok := strings.CutPrefix(addr, unixPrefix); ok {
		l, err := listenUnix(path)
		return l, "", err
	}
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return nil, "", fmt.Errorf("%w: want HOST:PORT, :PORT or unix:PATH", err)
	}
	return access.Listen(addr)
}

// A unixListener removes its socket in the end.
type unixListener struct {
	*net.UnixListener
	path string
	info os.FileInfo
	once sync.Once
}

// Addr returns the address with the path that clients know.
func (l *unixListener) Addr() net.Addr { return &net.UnixAddr{Name: l.path, Net: "unix"} }

// Close closes the listener, and removes the socket if it is still there.
func (l *unixListener) Close() error {
	l.once.Do(func() {
		if info, err := os.Lstat(l.path); err == nil && os.SameFile(info, l.info) {
			_ = os.Remove(l.path)
		}
	})
	return l.UnixListener.Close()
}

// listenUnix listens at a socket that only this user can connect to at any moment: it is made in a private directory, and
// moved to its place with its mode. That also replaces a socket that is left over from a program that was killed.
func listenUnix(path string) (net.Listener, error) {
	if path == "" {
		return nil, errors.New(`want a path after "unix:"`)
	}
	if err := unused(path); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(dirOf(path), ".")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	temp := dir + string(os.PathSeparator) + "s"
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: temp, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	info, err := os.Lstat(temp)
	if err == nil {
		err = os.Chmod(temp, 0o600)
	}
	if err == nil {
		err = unused(path) // once more, since another program may have been as fast
	}
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		l.Close()
		return nil, err
	}
	return &unixListener{UnixListener: l, path: path, info: info}, nil
}

func dirOf(path string) string {
	if i := strings.LastIndexByte(path, os.PathSeparator); i >= 0 {
		return path[:i+1]
	}
	return "."
}

// unused returns an error unless there is nothing at path, or a socket at which nobody listens.
func unused(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode()&os.ModeSocket == 0 {
		return fmt.Errorf("%s is there, and no socket", path)
	}
	conn, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		conn.Close()
		return fmt.Errorf("another program listens at %s", path)
	}
	if !refused(err) {
		return err
	}
	return nil
}
