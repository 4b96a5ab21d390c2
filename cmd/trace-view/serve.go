package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spanstack/spanstack/internal/access"
	"github.com/spanstack/spanstack/internal/bytesize"
	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/viewer"
	"github.com/spanstack/spanstack/viewer/profileui"
	"github.com/spanstack/spanstack/viewer/speedscope"
)

// gcPercent is by how much the memory may grow until garbage is collected. Most of an index has no pointers to follow, so that it costs
// next to nothing to look for garbage more often than usual, and keeps the memory low.
const gcPercent = 50

// server is what one command line asks for.
type server struct {
	std    streams
	listen string
	open   bool
	keep   bytesize.Size
}

// run serves the page until ctx ends, or until there is nothing to show.
func (c *server) run(ctx context.Context, args []string) error {
	sources, err := sourcesOf(args)
	if err != nil {
		return err
	}
	debug.SetGCPercent(gcPercent)
	l, host, err := access.Listen(c.listen)
	if err != nil {
		return listenError(c.listen, err)
	}
	// Nobody closes it: the program ends with it, and at once.
	v := viewer.New(viewer.Config{Keep: int64(c.keep), Profile: profileui.Handler, Speedscope: speedscope.Files}, sources...)
	door := newDoor(viewer.NewToken(), v)
	server := &http.Server{Handler: rulesFor(host, l.Addr()).Wrap(door), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 64 << 10}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	defer server.Close()

	base := baseURL(host, l.Addr())
	fmt.Fprintln(c.std.out, base+door.path())
	if c.open {
		c.openBrowser(base + door.once())
	}
	select {
	case err = <-served: // it isn't closed yet, so it has failed
		return fmt.Errorf("serve the page: %w", err)
	case err = <-c.watch(ctx, v):
		return err
	case <-ctx.Done():
		return nil
	}
}

// sourcesOf returns what the arguments name. Files that aren't there are told before there is a page.
func sourcesOf(args []string) (sources []viewer.Source, err error) {
	stdins := 0
	for _, arg := range args {
		source := viewer.File(arg)
		switch {
		case arg == "-":
			stdins++
		case strings.Contains(arg, "://") || strings.HasPrefix(arg, "unix:"):
			if source, err = viewer.Process(arg); err != nil {
				return nil, usageError{err}
			}
		default:
			if err := readable(arg); err != nil {
				return nil, fmt.Errorf("read %s: %w", arg, withoutPath(err))
			}
		}
		sources = append(sources, source)
	}
	if stdins > 1 {
		return nil, usageError{errors.New(`standard input ("-") is given more than once`)}
	}
	return sources, nil
}

// readable says why a file can't be read. Pipes aren't opened for that: who writes into one would be told that nobody reads any more.
func readable(path string) error {
	info, err := os.Stat(path)
	if err != nil || info.Mode().Type()&os.ModeNamedPipe != 0 {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return f.Close()
}

// withoutPath takes the operation and path, which the message has already, off an error of package os.
func withoutPath(err error) error {
	if p, ok := errors.AsType[*os.PathError](err); ok {
		return p.Err
	}
	return err
}

func listenError(addr string, err error) error {
	if _, _, split := net.SplitHostPort(addr); split != nil {
		return usageError{fmt.Errorf("--listen %s: %w: want HOST:PORT", addr, split)}
	}
	return failure{fmt.Errorf("listen at %s: %w", addr, err), "port 0 is any that is free: --listen localhost:0"}
}

// rulesFor lets clients call the server by the name in --listen, and by this host's name if it listens on all interfaces.
func rulesFor(host string, addr net.Addr) (rules access.Rules) {
	if host != "" {
		rules.Hosts = append(rules.Hosts, host)
	}
	if tcp, ok := addr.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		if name, err := os.Hostname(); err == nil {
			rules.Hosts = append(rules.Hosts, name)
		}
	}
	return rules
}

// baseURL returns the URL of the server, without the path.
func baseURL(host string, addr net.Addr) string {
	tcp, ok := addr.(*net.TCPAddr)
	if ok && tcp.IP.IsUnspecified() {
		if name, err := os.Hostname(); err == nil {
			host = name
		}
	}
	if host == "" || !ok {
		return "http://" + addr.String()
	}
	return "http://" + net.JoinHostPort(host, fmt.Sprint(tcp.Port))
}

// watch tells on stderr how far the traces are read. What it returns gets an error if there is nothing to show.
func (c *server) watch(ctx context.Context, v *viewer.Viewer) <-chan error {
	failed := make(chan error, 1)
	bar := newProgress(c.std.err)
	go func() {
		defer bar.clear()
		told := make(map[int]viewer.State)
		for {
			changed := v.Changed()
			list := v.Statuses()
			bar.show(list)
			if err := c.tell(list, told, bar); err != nil {
				failed <- err
				return
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
		}
	}()
	return failed
}

// tell says what went wrong since it was asked last. Its error is that of the only trace, of which nothing could be read.
func (c *server) tell(list []viewer.Status, told map[int]viewer.State, bar *progress) error {
	for i, s := range list {
		if s.Err == nil || told[i] == s.State {
			continue
		}
		told[i] = s.State
		err := fmt.Errorf("read %s: %w", s.Title, detail(s.Err))
		if s.State == viewer.StateFailed && s.Events == 0 && len(list) == 1 {
			return failure{err, hintFor(s.Err)}
		}
		bar.clear()
		fmt.Fprintf(c.std.err, "trace-view: warning: %v\n", err)
		switch {
		case s.State == viewer.StateReconnecting:
			fmt.Fprintf(c.std.err, "trace-view: hint: it is tried again until the process answers\n")
		case s.Events > 0:
			fmt.Fprintf(c.std.err, "trace-view: hint: what came before that place is shown: %d events\n", s.Events)
		}
	}
	return nil
}

// detail shortens an error to what isn't said already.
func detail(err error) error {
	if syntax, ok := errors.AsType[*tracefmt.SyntaxError](err); ok {
		return errors.New(syntax.Detail())
	}
	return withoutPath(err)
}

func hintFor(err error) string {
	switch {
	case errors.Is(err, tracefmt.ErrUnknownFormat):
		return `"trace-convert formats" lists what can be read`
	case errors.Is(err, viewer.ErrRefused):
		return "the token of a process that wants one is the password in its URL: http://user:TOKEN@HOST:PORT/debug/trace/"
	}
	return ""
}
