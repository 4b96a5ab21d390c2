package logging

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/spanstack/spanstack/trace"
)

// Join returns a handler whose lines go to all outlets of several, each with its own levels and format. A line is
// placed and recorded once. What one outlet loses is reported on the others, too, once a second at most.
//
// Flush and Close are those of all. Without any handler, all lines are lost.
func Join(handlers ...*Handler) *Handler {
	c := &core{joined: make([]*Handler, 0, len(handlers))}
	for _, h := range handlers {
		c.joined = append(c.joined, &Handler{core: h.target(), scope: h.scope})
		c.foreigns = c.foreigns || h.target().handsOn()
	}
	c.decides = sharedLevels(c.joined)
	for i, h := range c.joined {
		outlet := h.core.outlet
		if outlet == nil || len(c.joined) < 2 {
			continue
		}
		r := &lossReport{name: h.core.opts.Name, index: i, of: c}
		outlet.OnLoss(r.add)
		c.losses = append(c.losses, r)
	}
	return &Handler{core: c}
}

// sharedLevels returns what all handlers go by, or nil if it isn't the same.
func sharedLevels(handlers []*Handler) (shared *LevelVar) {
	for _, h := range handlers {
		if v := h.core.decides; v == nil || shared != nil && v != shared {
			return nil
		}
		shared = h.core.decides
	}
	return shared
}

// emitToAll writes a line to all that want it.
func (c *core) emitToAll(ctx context.Context, subsystem string, span *trace.Span, r *slog.Record, attrs []slog.Attr) error {
	var errs error
	for _, h := range c.joined {
		if !h.core.enabled(ctx, subsystem, r.Level) {
			continue
		}
		own := attrs
		if h.scope != nil {
			own = ownNames(h.scope.wrap(nil, append([]slog.Attr(nil), attrs...)))
		}
		if err := h.core.write(ctx, subsystem, span, r, own); err != nil {
			errs = errors.Join(errs, err)
		}
	}
	return errs
}

const lossInterval = time.Second

// A lossReport reports on the other outlets what one of them has lost.
type lossReport struct {
	name  string
	index int // in of.joined
	of    *core

	mu     sync.Mutex
	lost   uint64 // and not reported
	cause  error
	timer  *time.Timer // runs if something is to be reported
	closed bool
}

// add is told of each loss.
func (r *lossReport) add(n uint64, cause error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lost += n
	r.cause = cause
	if r.timer == nil && !r.closed {
		r.timer = time.AfterFunc(lossInterval, r.tell)
	}
}

// tell reports what was lost since the last time.
func (r *lossReport) tell() {
	r.mu.Lock()
	lost, cause := r.lost, r.cause
	r.lost, r.cause = 0, nil
	if r.timer != nil {
		r.timer.Stop()
		r.timer = nil
	}
	r.mu.Unlock()
	if lost == 0 {
		return
	}
	for i, h := range r.of.joined {
		if i != r.index {
			h.core.own(lossMessage, slog.String("outlet", r.name), slog.Uint64("lines", lost), slog.Any("error", cause))
		}
	}
}

// close reports the rest, and nothing later.
func (r *lossReport) close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.tell()
}
