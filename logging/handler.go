package logging

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/spanstack/spanstack/trace"
)

// Options say what a [Handler] writes. The zero value is human format at level info, without colours.
type Options struct {
	// Name is that of the outlet in reports of losses, such as "syslog".
	Name string
	// Levels are the ones that the handler begins with. It has them for itself, unless there is a LevelVar, which it
	// shares and goes by instead.
	Levels   Levels
	LevelVar *LevelVar

	Format  Format
	Encoder Encoder // instead of a Format
	Stack   StackStyle
	Color   bool // colours, in human format only
	// OTelIDs adds trace_id and span_id, by which OpenTelemetry's tools find the line's span, to lines that have one.
	OTelIDs bool

	// Collapse is how long a line that is identical to an earlier one, but for its time and trace, is counted instead
	// of written: the first is, and then once in that time the last one, with the attribute "repeated". 0 means that
	// all are written.
	Collapse time.Duration
	// Outlet is what the handler's Flush, Close and Dropped are passed on to. It needn't be set if the writer is one.
	Outlet Outlet
}

// An Outlet is an end of the log that doesn't make the program wait, and accounts for the lines that it loses. [*Queue]
// is one.
type Outlet interface {
	// Flush waits until what was logged before is written or lost, or ctx is done.
	Flush(ctx context.Context) error
	// Close flushes, for a limited time. It returns an error if lines are lost at the end.
	Close() error
	// Dropped returns how many lines were lost so far.
	Dropped() uint64
	// OnLoss makes f be called whenever n lines are lost. f doesn't wait, and doesn't log.
	OnLoss(f func(n uint64, cause error))
}

// A Handler writes lines in one format to one outlet, or to several: see [Join]. It is made by [Open], [NewHandler] or
// [Adapt], and its methods may be called concurrently. It can be used as any [slog.Handler], too; then its lines have
// no subsystem.
type Handler struct {
	core      *core           // nil: that of the process's default
	ctx       context.Context // GetLogger's
	env       *env            // of ctx
	subsystem string
	levels    *LevelVar // that alone decide, if they do: see core.decides
	scope     *scope
}

// NewHandler returns a handler that writes each line with one call of w.Write, on the caller's goroutine unless w is a
// [*Queue]. Calls are serialised. A queue that has no Report of its own gets one in the handler's format.
func NewHandler(w io.Writer, o Options) *Handler {
	c := newCore(o)
	outlet, ok := w.(Outlet)
	if !ok {
		c.out = &serialWriter{w: w}
		return &Handler{core: c}
	}
	c.out, c.outlet = w, outlet
	if q, ok := w.(interface{ reportBy(reporter) }); ok { // a Queue, or what has one embedded
		q.reportBy(c.appendLoss)
	}
	return &Handler{core: c}
}

// Adapt returns a handler that passes records on to one of another kind, which see the same attributes as with
// [WithHandler]. Of o, what concerns the format isn't used, but for OTelIDs.
func Adapt(h slog.Handler, o Options) *Handler {
	c := newCore(o)
	c.foreign, c.decides = h, nil
	return &Handler{core: c}
}

type serialWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (s *serialWriter) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(p)
}

func (h *Handler) target() *core {
	if h.core != nil {
		return h.core
	}
	return defaultHandler().core
}

// Levels returns the levels in effect; of several outlets, those of the first.
func (h *Handler) Levels() Levels { return h.target().levels().Levels() }

// SetLevels changes the levels of this handler and all that share its outlet, at once. It does nothing on a
// [slog.Handler] that isn't of this package and was not adapted.
func (h *Handler) SetLevels(l Levels) { h.target().setLevels(l) }

// Dropped returns how many lines were lost since the outlet blocked or failed. Each loss is also reported in the outlet
// itself, once it works again.
func (h *Handler) Dropped() uint64 { return h.target().dropped() }

// Flush waits until what was logged before is written, or ctx is done.
func (h *Handler) Flush(ctx context.Context) error { return h.target().flush(ctx) }

// Close flushes, waiting no longer than [Config].FlushTimeout, and closes what Open opened. Lines that are logged later
// are lost. Close may be called twice.
func (h *Handler) Close() error { return h.target().close() }

// Enabled implements [slog.Handler].
func (h *Handler) Enabled(ctx context.Context, level slog.Level) bool {
	if v := h.levels; v != nil {
		return !v.allOff(level) && v.Enabled(h.subsystem, level)
	}
	return h.enabled(ctx, level)
}

func (h *Handler) enabled(ctx context.Context, level slog.Level) bool {
	c := h.target()
	subsystem := h.subsystem
	if h.ctx == nil {
		if p := placedOf(ctx); p != nil {
			subsystem = p.subsystem
		}
	}
	return c.enabled(ctx, subsystem, level)
}

// WithAttrs implements [slog.Handler].
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	h2 := *h
	h2.scope = &scope{outer: h.scope, attrs: attrs, grouped: h.scope != nil && h.scope.grouped}
	return &h2
}

// WithGroup implements [slog.Handler].
func (h *Handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	h2 := *h
	h2.scope = &scope{outer: h.scope, group: name, grouped: true}
	return &h2
}

// Handle implements [slog.Handler]: it writes the line, and records it on its span.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	var room [16]slog.Attr // spares most lines an allocation
	if h.ctx == nil {
		if p := placedOf(ctx); p != nil {
			attrs := slices.DeleteFunc(h.scope.append(room[:0], &r), isPlace)
			return h.target().write(ctx, p.subsystem, p.span, &r, resolve(attrs))
		}
	}
	span, fields := h.place(ctx)
	all := append(append(room[:0], slog.String(SubsystemKey, h.subsystem)), fields...) // as the recorder gets them
	all = h.scope.append(all, &r)
	attrs := ownNames(resolve(all[1:]))
	c := h.target()
	if c.handsOn() && h.ctx != nil {
		ctx = &within{orBackground(ctx), h.ctx}
	}
	err := c.write(ctx, h.subsystem, span, &r, attrs)
	if len(attrs) != len(all)-1 || len(attrs) > 0 && &attrs[0] != &all[1] { // some were merged
		all = append(all[:1:1], attrs...)
	}
	record(span, &r, all)
	return err
}

// place returns the span and the injected attributes of a line: the call's, else those of the logger's context.
func (h *Handler) place(ctx context.Context) (*trace.Span, []slog.Attr) {
	span := spanOf(ctx)
	if span == nil {
		span = spanOf(h.ctx)
	}
	e := h.env
	if ctx != nil {
		if called := envOf(ctx).withAttrs(); called != nil {
			e = called
		}
	}
	return span, e.fields()
}

// within is a call's context that has, for what it lacks, the values of the logger's. So a handler that takes a line's
// span from its context finds it there, also if the call had none.
type within struct {
	context.Context
	logger context.Context
}

// Value implements context.Context.
func (w *within) Value(key any) any {
	if v := w.Context.Value(key); v != nil {
		return v
	}
	return w.logger.Value(key)
}

// A placed is the context that a handler of another kind gets with a line. If it passes the line on to one of ours, as
// [slog.MultiHandler] does, that one finds here where the line comes from, and that it has been recorded.
type placed struct {
	context.Context
	subsystem string
	span      *trace.Span
}

type placedKey struct{}

// Value implements context.Context.
func (p *placed) Value(key any) any {
	if key == (placedKey{}) {
		return p
	}
	return p.Context.Value(key)
}

func placedOf(ctx context.Context) *placed {
	if ctx == nil {
		return nil
	}
	p, _ := ctx.Value(placedKey{}).(*placed)
	return p
}

// isPlace reports whether a is one of the attributes that handForeign adds.
func isPlace(a slog.Attr) bool {
	return a.Key == SubsystemKey || a.Key == TraceKey || a.Key == EndedKey
}

func orBackground(ctx context.Context) context.Context {
	if ctx == nil {
		return context.Background()
	}
	return ctx
}

// record puts the line on its span in the flight recorder.
func record(span *trace.Span, r *slog.Record, attrs []slog.Attr) {
	if span != nil {
		span.Log(r.Time, r.Level, r.Message, attrs...)
	}
}
