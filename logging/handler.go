package logging

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spanstack/spanstack/trace"
)

// Options say what a [Handler] writes. The zero value is human format at level info, without colours.
type Options struct {
	Levels Levels
	Format Format
	Stack  StackStyle
	Color  bool // colours, in human format only
}

// A Handler writes lines in one format to one outlet. It is made by [Open] or [NewHandler], and its methods may be
// called concurrently. It can be used as any [slog.Handler], too; then its lines have no subsystem.
type Handler struct {
	core      *core           // nil: that of the process's default
	ctx       context.Context // GetLogger's
	env       *env            // of ctx
	subsystem string
	scope     *scope
}

// A core is what all handlers derived from one share.
type core struct {
	levels  atomic.Pointer[levelSet]
	opts    Options
	out     io.Writer
	queue   *Queue // out, if it is one
	closing sync.Once
	closer  io.Closer    // what Open opened, if anything
	foreign slog.Handler // gets records instead of all this
}

// NewHandler returns a handler that writes each line with one call of w.Write, on the caller's goroutine unless w is a
// [*Queue]. Calls are serialised.
func NewHandler(w io.Writer, o Options) *Handler {
	c := &core{opts: o}
	c.levels.Store(newLevelSet(o.Levels))
	if q, ok := w.(*Queue); ok {
		c.queue, c.out = q, q
	} else {
		c.out = &serialWriter{w: w}
	}
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

// Levels returns the levels in effect.
func (h *Handler) Levels() Levels {
	if l := h.target().levels.Load(); l != nil {
		return l.Levels
	}
	return Levels{}
}

// SetLevels changes the levels of this handler and all that share its outlet, at once. It does nothing on a handler that
// is not of this package.
func (h *Handler) SetLevels(l Levels) { h.target().levels.Store(newLevelSet(l)) }

// Dropped returns how many lines were lost since the outlet blocked or failed. Each loss is also reported in the outlet
// itself, once it works again.
func (h *Handler) Dropped() uint64 {
	if q := h.target().queue; q != nil {
		return q.Dropped()
	}
	return 0
}

// Flush waits until what was logged before is written, or ctx is done.
func (h *Handler) Flush(ctx context.Context) error {
	if q := h.target().queue; q != nil {
		return q.Flush(ctx)
	}
	return nil
}

// Close flushes, waiting no longer than [Config].FlushTimeout, and closes what Open opened. Lines that are logged later
// are lost. Close may be called twice.
func (h *Handler) Close() error {
	c := h.target()
	var err error
	c.closing.Do(func() {
		if c.queue != nil {
			err = c.queue.Close()
		}
		if c.closer != nil {
			err = errors.Join(err, c.closer.Close())
		}
	})
	return err
}

// Enabled implements [slog.Handler].
func (h *Handler) Enabled(ctx context.Context, level slog.Level) bool {
	c := h.target()
	if c.foreign != nil {
		return c.foreign.Enabled(&placed{Context: orBackground(ctx), subsystem: h.subsystem}, level)
	}
	subsystem := h.subsystem
	if h.ctx == nil {
		if p := placedOf(ctx); p != nil {
			subsystem = p.subsystem
		}
	}
	return c.levels.Load().enabled(subsystem, level)
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
	var room [24]slog.Attr // spares most lines an allocation
	if h.ctx == nil {
		if p := placedOf(ctx); p != nil {
			attrs := slices.DeleteFunc(h.scope.append(room[:0], &r), isPlace)
			return h.target().write(ctx, p.subsystem, p.span, &r, resolve(attrs))
		}
	}
	span, fields := h.place(ctx)
	attrs := ownNames(resolve(h.scope.append(append(room[:0], fields...), &r)))
	err := h.target().write(ctx, h.subsystem, span, &r, attrs)
	record(span, h.subsystem, &r, attrs)
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

func (c *core) write(ctx context.Context, subsystem string, span *trace.Span, r *slog.Record, attrs []slog.Attr) error {
	if c.foreign != nil {
		return c.handForeign(ctx, subsystem, span, r, attrs)
	}
	l := line{
		time: r.Time, level: r.Level, message: r.Message,
		subsystem: subsystem, stack: c.stack(span), ended: span != nil && span.Ended(),
		attrs: attrs,
	}
	buf := bufferPool.Get().(*[]byte)
	b := c.append((*buf)[:0], &l)
	_, err := c.out.Write(b)
	if cap(b) <= 16<<10 {
		*buf = b
		bufferPool.Put(buf)
	}
	return err
}

var bufferPool = sync.Pool{New: func() any { b := make([]byte, 0, 1024); return &b }}

// A line is what the formats render.
type line struct {
	time      time.Time
	level     slog.Level
	message   string
	subsystem string // "": none
	stack     string // "": not shown
	ended     bool
	attrs     []slog.Attr
}

func (c *core) append(b []byte, l *line) []byte {
	switch c.opts.Format {
	case FormatJSON:
		return appendJSON(b, l)
	case FormatLogfmt:
		return appendLogfmt(b, l)
	}
	return appendHuman(b, l, c.opts.Color)
}

func (c *core) stack(span *trace.Span) string {
	if c.opts.Stack == StackOff {
		return ""
	}
	if span == nil {
		return NoTrace
	}
	short := c.opts.Stack == StackShort || c.opts.Stack == StackAuto && c.opts.Format == FormatHuman
	if short {
		return shortStack(span.Stack())
	}
	return span.Stack()
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

func (c *core) handForeign(ctx context.Context, subsystem string, span *trace.Span, r *slog.Record, attrs []slog.Attr) error {
	stack := NoTrace
	if span != nil {
		stack = span.Stack()
	}
	out := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	if subsystem != "" {
		out.AddAttrs(slog.String(SubsystemKey, subsystem))
	}
	out.AddAttrs(slog.String(TraceKey, stack))
	if span != nil && span.Ended() {
		out.AddAttrs(slog.Bool(EndedKey, true))
	}
	out.AddAttrs(attrs...)
	return c.foreign.Handle(&placed{Context: orBackground(ctx), subsystem: subsystem, span: span}, out)
}

func orBackground(ctx context.Context) context.Context {
	if ctx == nil {
		return context.Background()
	}
	return ctx
}

// record puts the line on its span in the flight recorder.
func record(span *trace.Span, subsystem string, r *slog.Record, attrs []slog.Attr) {
	if span == nil {
		return
	}
	at := r.Time
	if at.IsZero() {
		at = time.Now()
	}
	var room [24]slog.Attr
	all := append(room[:0], slog.String(SubsystemKey, subsystem))
	span.Log(at, r.Level, r.Message, append(all, attrs...)...)
}
