package endpoint

import (
	"context"
	"errors"
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
