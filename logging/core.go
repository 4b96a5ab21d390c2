package logging

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/spanstack/spanstack/trace"
)

// A core is what all handlers derived from one share: an outlet, or several.
type core struct {
	opts     Options
	decides  *LevelVar // whether a line is written anywhere; nil: that isn't so easy
	out      io.Writer
	outlet   Outlet       // opts.Outlet, or out
	foreign  slog.Handler // gets records instead of all this
	joined   []*Handler   // get all lines instead of all this
	foreigns bool         // joined ones pass lines on to handlers of other kinds
	losses   []*lossReport
	collapse *collapser // nil: nothing is collapsed
	counts   counters

	closing  sync.Once
	closer   io.Closer // what Open opened, if anything
	closeErr error
}

func newCore(o Options) *core {
	if o.LevelVar == nil {
		o.LevelVar = NewLevelVar(o.Levels)
	}
	c := &core{opts: o, decides: o.LevelVar, outlet: o.Outlet}
	c.collapse = newCollapser(c, o.Collapse)
	return c
}

// write writes a line, if it isn't a repetition. Its attributes are resolved, and have names of their own. They and all
// else come as parameters of their own since a struct of them, of which the span is kept, would have to be on the heap
// as a whole.
func (c *core) write(ctx context.Context, subsystem string, span *trace.Span, r *slog.Record, attrs []slog.Attr) error {
	c.counts.add(subsystem, r.Level)
	if c.collapse != nil && c.collapse.repeats(subsystem, span, r, attrs) {
		return nil
	}
	return c.emit(ctx, subsystem, span, r, attrs)
}

// emit writes a line to where it goes.
func (c *core) emit(ctx context.Context, subsystem string, span *trace.Span, r *slog.Record, attrs []slog.Attr) error {
	switch {
	case c.joined != nil:
		return c.emitToAll(ctx, subsystem, span, r, attrs)
	case c.foreign != nil:
		return c.handForeign(ctx, subsystem, span, r, attrs)
	}
	if c.opts.OTelIDs {
		attrs = withoutOTelNames(attrs)
	}
	if c.opts.Encoder != nil {
		return c.encode(subsystem, span, r, append([]slog.Attr(nil), attrs...)) // slices.Clone would let attrs escape
	}
	l := c.line(subsystem, span, r, attrs)
	buf := bufferPool.Get().(*[]byte)
	return c.put(buf, c.append((*buf)[:0], &l))
}

func (c *core) line(subsystem string, span *trace.Span, r *slog.Record, attrs []slog.Attr) Line {
	l := Line{
		Time: r.Time, Level: r.Level, Message: r.Message,
		Subsystem: subsystem, Stack: c.stack(span), Ended: span != nil && span.Ended(),
		Attrs: attrs,
	}
	if c.opts.OTelIDs {
		l.Ref = span.Ref()
	}
	return l
}

// encode writes a line by the encoder, which may keep what it gets, so that only such lines are on the heap.
func (c *core) encode(subsystem string, span *trace.Span, r *slog.Record, attrs []slog.Attr) error {
	l := c.line(subsystem, span, r, attrs)
	buf := bufferPool.Get().(*[]byte)
	return c.put(buf, c.opts.Encoder.AppendLine((*buf)[:0], &l))
}

// put writes b, which is in buf or has outgrown it.
func (c *core) put(buf *[]byte, b []byte) error {
	_, err := c.out.Write(b)
	if cap(b) <= 16<<10 {
		*buf = b
		bufferPool.Put(buf)
	}
	return err
}

var bufferPool = sync.Pool{New: func() any { b := make([]byte, 0, 1024); return &b }}

// append appends a line in the handler's own format.
func (c *core) append(b []byte, l *Line) []byte {
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
	short := c.opts.Stack == StackShort || c.opts.Stack == StackAuto && c.opts.Format == FormatHuman && c.opts.Encoder == nil
	if short {
		return shortStack(span.Stack())
	}
	return span.Stack()
}

// enabled reports whether a line of a subsystem is written anywhere.
func (c *core) enabled(ctx context.Context, subsystem string, level slog.Level) bool {
	if c.joined != nil {
		return slices.ContainsFunc(c.joined, func(h *Handler) bool { return h.core.enabled(ctx, subsystem, level) })
	}
	if v := c.opts.LevelVar; v != nil && !v.Enabled(subsystem, level) {
		return false
	}
	return c.foreign == nil || c.foreign.Enabled(&placed{Context: orBackground(ctx), subsystem: subsystem}, level)
}

// handsOn reports whether lines go to a handler of another kind, which may look into their context.
func (c *core) handsOn() bool { return c.foreign != nil || c.foreigns }

func (c *core) levels() *LevelVar {
	switch {
	case len(c.joined) > 0:
		return c.joined[0].core.levels()
	case c.opts.LevelVar == nil: // of a foreign handler, which has its own
		return new(LevelVar)
	}
	return c.opts.LevelVar
}

func (c *core) setLevels(l Levels) {
	for _, h := range c.joined {
		h.core.setLevels(l)
	}
	if c.opts.LevelVar != nil {
		c.opts.LevelVar.Set(l)
	}
}

func (c *core) dropped() (n uint64) {
	for _, h := range c.joined {
		n += h.core.dropped()
	}
	if c.outlet != nil {
		n += c.outlet.Dropped()
	}
	return n
}

func (c *core) flush(ctx context.Context) error {
	c.collapse.flush()
	for _, r := range c.losses {
		r.tell()
	}
	err := c.each(func(o *core) error { return o.flush(ctx) })
	if c.outlet != nil {
		err = errors.Join(err, c.outlet.Flush(ctx))
	}
	return err
}

func (c *core) close() error {
	first := false
	c.closing.Do(func() {
		first = true
		c.collapse.close()
		for _, r := range c.losses {
			r.close()
		}
		c.closeErr = c.each((*core).close)
		if c.outlet != nil {
			c.closeErr = errors.Join(c.closeErr, c.outlet.Close())
		}
		if c.closer != nil {
			c.closeErr = errors.Join(c.closeErr, c.closer.Close())
		}
	})
	if !first {
		return nil
	}
	return c.closeErr
}

// each does something with all joined ones at the same time, so that slow ones don't add up.
func (c *core) each(do func(*core) error) error {
	errs := make([]error, len(c.joined))
	var wg sync.WaitGroup
	for i, h := range c.joined {
		wg.Go(func() { errs[i] = do(h.core) })
	}
	wg.Wait()
	return errors.Join(errs...)
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
	if c.opts.OTelIDs {
		out.AddAttrs(appendRef(nil, span.Ref())...)
		attrs = withoutOTelNames(attrs)
	}
	out.AddAttrs(attrs...)
	return c.foreign.Handle(&placed{Context: orBackground(ctx), subsystem: subsystem, span: span}, out)
}

// own writes a line of this package's own, outside any task.
func (c *core) own(message string, attrs ...slog.Attr) {
	r := slog.NewRecord(time.Now(), slog.LevelWarn, message, 0)
	if c.enabled(context.Background(), ownSubsystem, r.Level) {
		_ = c.emit(context.Background(), ownSubsystem, nil, &r, attrs) // there is nowhere to report it
	}
}

const (
	ownSubsystem = "logging"
	lossMessage  = "log lines were lost"
)

// appendLoss appends a line which says that n lines were lost.
func (c *core) appendLoss(b []byte, n uint64, cause error) []byte {
	l := &Line{
		Time: time.Now(), Level: slog.LevelWarn, Message: lossMessage, Subsystem: ownSubsystem, Stack: NoTrace,
		Attrs: []slog.Attr{slog.Uint64("lines", n), slog.Any("error", cause)},
	}
	if c.opts.Encoder != nil {
		return c.opts.Encoder.AppendLine(b, l)
	}
	return c.append(b, l)
}
