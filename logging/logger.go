package logging

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"

	"github.com/spanstack/spanstack/internal/logslot"
	"github.com/spanstack/spanstack/trace"
)

// Keys of the fields that place a line. See also [slog.TimeKey], [slog.LevelKey] and [slog.MessageKey].
const (
	SubsystemKey = "subsystem"
	TraceKey     = "trace"
	EndedKey     = "span_ended"
)

// Keys of the fields that name a line's span as OpenTelemetry does, for handlers with [Options].OTelIDs. See its
// specification, "Trace Context in non-OTLP Log Formats".
const (
	TraceIDKey = "trace_id"
	SpanIDKey  = "span_id"
)

// NoTrace is the trace field of a line outside any task.
const NoTrace = "none"

// GetLogger returns the logger of a subsystem for what is done under ctx. It is cheap and meant to be called where the
// line is written: nothing is rendered before a line is, and nothing at all for a level that is off. The logger is kept
// with the innermost span of ctx, or with what [With] has made, so that it is made once there.
//
// Subsystems are short constants such as "zfs"; dots make parts, as in "zfs.cmd". A nil ctx is an empty one.
func GetLogger(ctx context.Context, subsystem string) *slog.Logger {
	if ctx == nil {
		ctx = context.Background()
	}
	slot, _ := ctx.Value(logslot.Key{}).(*logslot.Slot)
	if slot == nil || logslot.Mixed() && ctx.Value(logslot.ContextKey{}) != ctx {
		return newLogger(ctx, nil, subsystem)
	}
	if l := slot.Find(subsystem); l != nil {
		return l
	}
	return newLogger(ctx, slot, subsystem)
}

// newLogger makes a logger, and keeps it with the nearest context of ours, for which it is the same as for ctx, unless
// a handler of another kind might look for more in ctx.
func newLogger(ctx context.Context, slot *logslot.Slot, subsystem string) *slog.Logger {
	made := &struct {
		handler Handler
		logger  slog.Logger
		kept    logslot.Kept
	}{handler: Handler{ctx: ctx, subsystem: subsystem}}
	made.kept = logslot.Kept{Logger: &made.logger, Subsystem: subsystem, Generation: logslot.Generation()}
	h := &made.handler
	h.bind()
	made.logger = *slog.New(h)
	if slot != nil && !h.target().handsOn() {
		h.ctx = ctx.Value(logslot.ContextKey{}).(context.Context)
		slot.Keep(&made.kept)
	}
	return &made.logger
}

// bind sets what h gets from its context.
func (h *Handler) bind() {
	h.env = envOf(h.ctx)
	base := processDefault.Load()
	if h.env != nil && h.env.base != nil {
		base = h.env.base
		h.core, h.levels = base.core, base.core.decides
	}
	if base != nil {
		h.scope = base.scope
	}
}

// An env is what a context carries for this package: injected attributes, and the handler that lines go to. It is its
// own context, so that it costs one allocation.
type env struct {
	context.Context
	base  *Handler    // nil: the process's default
	attrs []slog.Attr // injected by this one
	outer *env        // the next one that has attributes

	merged atomic.Pointer[[]slog.Attr] // of attrs and outer's; made by the first line
	slot   logslot.Slot
}

type envKey struct{}

// Value implements context.Context.
func (e *env) Value(key any) any {
	// Looking for the key's type is faster than comparing it with a value.
	if _, ok := key.(logslot.Key); ok {
		return &e.slot
	}
	if _, ok := key.(envKey); ok {
		return e
	}
	if _, ok := key.(logslot.ContextKey); ok {
		return e
	}
	return e.Context.Value(key)
}

// String makes the context readable where contexts are printed.
func (e *env) String() string { return "logging.With" }

func envOf(ctx context.Context) *env {
	e, _ := ctx.Value(envKey{}).(*env)
	return e
}

// With returns a context that adds attributes to every line that is logged under it. Values are rendered for each line:
// a [slog.LogValuer] shows its state at that time.
func With(ctx context.Context, attrs ...slog.Attr) context.Context {
	if len(attrs) == 0 {
		return ctx
	}
	e := &env{Context: ctx, attrs: append([]slog.Attr(nil), attrs...)}
	if outer := envOf(ctx); outer != nil {
		e.base = outer.base
		e.outer = outer.withAttrs()
	}
	return e
}

// WithHandler returns a context whose loggers write to h, or to the process's default if h is nil. Attributes that were
// injected before stay in effect.
//
// A handler of this package gets lines as they are. Any other [slog.Handler] gets records whose first attributes are
// subsystem, trace and, for an ended span, span_ended, before the injected ones, the logger's and the call's. Its
// context has the values of the call's and, for what that lacks, of the logger's, so that the line's span is in it.
func WithHandler(ctx context.Context, h slog.Handler) context.Context {
	return &env{Context: ctx, base: adopt(h), outer: envOf(ctx).withAttrs()}
}

// withAttrs returns the innermost env, from e outwards, that has attributes.
func (e *env) withAttrs() *env {
	if e == nil || len(e.attrs) > 0 {
		return e
	}
	return e.outer
}

// fields returns the attributes in effect, outer ones first.
func (e *env) fields() []slog.Attr {
	e = e.withAttrs()
	if e == nil {
		return nil
	}
	if m := e.merged.Load(); m != nil {
		return *m
	}
	all := unique(slices.Concat(e.outer.fields(), e.attrs))
	e.merged.Store(&all)
	return all
}

var processDefault atomic.Pointer[Handler]

// SetDefault makes h the handler of all lines whose context has none, those of existing loggers included.
// A nil h restores the initial one: human format at level info on stderr.
func SetDefault(h slog.Handler) {
	processDefault.Store(adopt(h))
	logslot.Outdate()
}

// Default returns the handler of lines whose context has none.
func Default() slog.Handler { return defaultHandler() }

func defaultHandler() *Handler {
	if h := processDefault.Load(); h != nil {
		return h
	}
	return stderrHandler()
}

// adopt makes a *Handler with a core of its own of any handler, and nil of nil.
func adopt(h slog.Handler) *Handler {
	switch h := h.(type) {
	case nil:
		return nil
	case *Handler:
		return &Handler{core: h.target(), scope: h.scope}
	}
	return &Handler{core: &core{foreign: h}}
}

// spanOf returns the innermost span of ctx.
func spanOf(ctx context.Context) *trace.Span {
	if ctx == nil {
		return nil
	}
	return trace.FromContext(ctx)
}
