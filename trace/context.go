package trace

import (
	"context"
	"reflect"
	"time"

	"github.com/spanstack/spanstack/internal/logslot"
)

// spanContext is a [Span] seen as a context: the same object under a type of its own, so that a span costs one
// allocation while the *Span that callers get has no context methods (defer span.Done() does not compile).
type spanContext Span

type spanKey struct{}

func (c *spanContext) Deadline() (time.Time, bool) { return c.outer.Deadline() }
func (c *spanContext) Done() <-chan struct{}       { return c.outer.Done() }
func (c *spanContext) Err() error                  { return c.outer.Err() }

func (c *spanContext) Value(key any) any {
	// Looking for the key's type is faster than comparing it with a value.
	if _, ok := key.(logslot.Key); ok {
		if x := c.extra.Load(); x != nil {
			return &x.loggers
		}
		return &(*Span)(c).extras().loggers
	}
	if _, ok := key.(spanKey); ok {
		return (*Span)(c)
	}
	if _, ok := key.(logslot.ContextKey); ok {
		return c
	}
	if hooked.Load() {
		if h := c.host.rec.hook.Load(); h != nil && key == h.Key {
			return h.Value((*Span)(c))
		}
	}
	return c.outer.Value(key)
}

// String makes a span's context readable where contexts are printed.
func (c *spanContext) String() string { return "trace." + c.kind.String() + "(" + c.name + ")" }

// FromContext returns the innermost task or span of ctx, or nil if there is none. All methods of a nil *Span do
// nothing, so that the result can be used as it is.
func FromContext(ctx context.Context) *Span {
	if c, ok := ctx.(*spanContext); ok {
		return (*Span)(c)
	}
	if ctx == nil {
		return nil
	}
	s, _ := ctx.Value(spanKey{}).(*Span)
	if hooked.Load() {
		return innermost(ctx, s)
	}
	return s
}

// innermost returns the span that stands for the other tracer's innermost one, if that is further in than s, else s.
func innermost(ctx context.Context, s *Span) *Span {
	h := recorderOf(ctx, s).hook.Load()
	if h == nil {
		return s
	}
	if v := ctx.Value(h.Key); v != nil {
		if other := h.Span(v); other != nil {
			return other
		}
	}
	return s
}

// outerOf returns the context whose values, deadline and cancellation a span started under ctx passes on. Span
// contexts add nothing but themselves, so they are skipped: look-ups cost the same at any depth of spans.
func outerOf(ctx context.Context) context.Context {
	switch c := ctx.(type) {
	case *spanContext:
		return c.outer
	case nil: // a mistake, but none to end a program for
		return context.Background()
	}
	return ctx
}

// Stack returns the ID stack of the innermost task or span of ctx: see [Span.Stack].
func Stack(ctx context.Context) string { return FromContext(ctx).Stack() }

// detached reports whether ctx was cut off from the cancellation of its innermost span's context by
// [context.WithoutCancel]: then work under it is meant to outlive that span. It looks for that between the two, through
// the contexts that package context makes: all of them have the one around as their first field.
func detached(ctx context.Context, parent *Span) bool {
	v := reflect.ValueOf(ctx)
	for range 32 {
		if v.Kind() == reflect.Pointer {
			v = v.Elem()
		}
		t := v.Type()
		if t == withoutCancel {
			return true
		}
		if v.Kind() != reflect.Struct || t.PkgPath() != "context" || t.NumField() == 0 {
			break
		}
		for v = v.Field(0); v.Kind() == reflect.Struct && v.NumField() > 0; {
			v = v.Field(0)
		}
		if v.Kind() != reflect.Interface || v.IsNil() {
			break
		}
		v = v.Elem()
	}
	return ctx.Done() == nil && parent.outer.Done() != nil
}

var withoutCancel = reflect.TypeOf(context.WithoutCancel(context.Background()))
