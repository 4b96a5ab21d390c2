package endpoint

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/remote"
)

// Hosts are hosts that were opened. Its fields must not change after the first Open; then it may be used concurrently.
type Hosts struct {
	Here    *zfssend.Client // for this host; nil is the zero value
	Program string          // what this side calls itself, with its version

	// Connected, if not nil, is called after each new connection.
	Connected func(ctx context.Context, host *remote.Host, name string)

	mu   sync.Mutex
	open map[string]*remote.Host // by Endpoint.Host
}

// Open returns the host of an endpoint: this one, or another one, to which there is one connection until Close. If that is lost, the
// next request makes another one. How the first Open reaches a host counts for those after it.
func (h *Hosts) Open(ctx context.Context, e Endpoint, c Connection) (_ zfssend.Host, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if e.Here() {
		if h.Here == nil {
			h.Here = &zfssend.Client{}
		}
		return h.Here.Host(), nil
	}
	if host := h.open[e.Host]; host != nil {
		return host, nil
	}
	whole := ctx
	ctx, span := trace.WithSpan(ctx, "connect", slog.String("host", e.HostName()))
	defer span.EndErr(&err)
	host, err := c.dial(ctx, e, h.Program)
	if err != nil {
		return nil, err
	}
	if h.open == nil {
		h.open = make(map[string]*remote.Host)
	}
	h.open[e.Host] = host
	if h.Connected != nil {
		h.Connected(whole, host, e.HostName())
	}
	return host, nil
}

// Connections returns how many other hosts are connected.
func (h *Hosts) Connections() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.open)
}

// Close ends all connections.
func (h *Hosts) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var errs []error
	for _, host := range h.open {
		errs = append(errs, host.Close())
	}
	h.open = nil
	return errors.Join(errs...)
}

// Place is a dataset of a host that was opened.
type Place struct {
	Host    zfssend.Host
	Dataset string
}

// Lock locks datasets, as trees or each alone, until unlock is called. It doesn't wait: the error is that of the first that is locked
// by somebody else. What is a part of another one of them, or named twice, is locked by that.
func Lock(ctx context.Context, tree bool, places ...Place) (unlock func(), err error) {
	var locks []io.Closer
	unlock = func() {
		for _, l := range locks {
			l.Close()
		}
	}
	for i, p := range places {
		if p.partOf(places[:i], places[i+1:], tree) {
			continue
		}
		l, err := p.Host.Lock(ctx, p.Dataset, tree)
		if err != nil {
			unlock()
			return nil, err
		}
		locks = append(locks, l)
	}
	return unlock, nil
}

// partOf reports whether another place makes the lock of this one superfluous: an equal one before it, or any above it.
func (p Place) partOf(before, after []Place, tree bool) bool {
	for _, other := range before {
		if zfssend.SameHost(p.Host, other.Host) && (p.Dataset == other.Dataset || tree && below(p.Dataset, other.Dataset)) {
			return true
		}
	}
	for _, other := range after {
		if tree && zfssend.SameHost(p.Host, other.Host) && below(p.Dataset, other.Dataset) {
			return true
		}
	}
	return false
}

// below reports whether a dataset is truly below another one.
func below(a, b string) bool {
	return len(a) > len(b) && a[:len(b)] == b && a[len(b)] == '/'
}
