package trace

import (
	"context"
	"log/slog"
	rtrace "runtime/trace"
	"sync/atomic"
	"time"
)

// extra is what only some spans have: attributes, a rendered stack, and more.
type extra struct {
	plain  []byte      // attributes given at the start, rendered; they never change
	nPlain uint8       // attributes in plain
	ended  atomic.Bool // somebody renders the attributes, because the span ends
	stack  atomic.Pointer[string]
	more   atomic.Pointer[more]
}

// more is what few spans have. It is guarded by the shard.
type more struct {
	first   []slog.Attr // given at the start, but not in plain, since only user code can render them; they never change
	attrs   []slog.Attr // set after the start
	err     error
	entry   entry
	adopted *Span   // with flagAdopted: the parent that the record names
	site    uintptr // where the span was started, if the recorder wants to know
	region  *region
	task    *rtrace.Task
	labels  context.Context // the goroutine's profiler labels come from it when the task ends
}

// newSpanWithAttrs returns a span with attributes. Those that need no user code are rendered at once, since bytes are
// cheaper to keep than values; the caller's slice stays on its stack.
func newSpanWithAttrs(attrs []slog.Attr) *Span {
	n, size := plainSize(attrs)
	if size > inlineText {
		s := new(struct {
			Span
			x extra
		})
		s.extra.Store(&s.x)
		s.x.keep(make([]byte, 0, size), attrs, n)
		return &s.Span
	}
	s := new(struct {
		Span
		x    extra
		text [inlineText]byte
	})
	s.extra.Store(&s.x)
	s.x.keep(s.text[:0], attrs, n)
	return &s.Span
}

// newHostWithAttrs is newSpanWithAttrs for hosts.
func newHostWithAttrs(attrs []slog.Attr) *host {
	n, size := plainSize(attrs)
	h := new(struct {
		host
		x    extra
		text [inlineText]byte
	})
	b := h.text[:0]
	if size > inlineText {
		b = make([]byte, 0, size)
	}
	h.extra.Store(&h.x)
	h.x.keep(b, attrs, n)
	return &h.host
}

const (
	inlineText = 80      // bytes of rendered attributes in a span's own allocation
	maxPlain   = 32      // attributes that are rendered at the start
	plainBytes = 4 << 10 // after so many bytes the rest is left to the end, which bounds it
)

// plainSize returns how many of the first attributes are to be rendered at the start, and a bound of what that takes.
func plainSize(attrs []slog.Attr) (n, size int) {
	for n < len(attrs) && n < maxPlain && size < plainBytes {
		a := &attrs[n]
		if !isPlain(a) {
			break
		}
		size += min(len(a.Key), maxString) + 12 // with lengths, tag and number
		switch a.Value.Kind() {
		case slog.KindString:
			size += min(len(a.Value.String()), maxString)
		case slog.KindTime:
			size += len(time.RFC3339Nano)
		}
		n++
	}
	return n, size
}

// keep renders the first n attributes into b, and keeps the others.
func (x *extra) keep(b []byte, attrs []slog.Attr, n int) {
	for i := range attrs[:n] {
		b = appendValue(appendString(b, attrs[i].Key), attrs[i].Value)
	}
	x.plain, x.nPlain = b, uint8(n)
	if n < len(attrs) {
		m := x.more.Load()
		if m == nil {
			m = new(more)
			x.more.Store(m)
		}
		m.first = append([]slog.Attr(nil), attrs[n:]...)
	}
}

// extras returns what s has beyond its fields, and makes it if it has nothing yet.
func (s *Span) extras() *extra {
	if x := s.extra.Load(); x != nil {
		return x
	}
	s.extra.CompareAndSwap(nil, new(extra))
	return s.extra.Load()
}

// moreOf returns what s has beyond that, or nil.
func (s *Span) moreOf() *more {
	if x := s.extra.Load(); x != nil {
		return x.more.Load()
	}
	return nil
}

// added is moreOf, and makes it if there is nothing yet. The shard is locked, or s is still unknown to others.
func (s *Span) added() *more {
	x := s.extras()
	if x.more.Load() == nil {
		x.more.Store(new(more))
	}
	return x.more.Load()
}

// SetAttrs adds attributes to an open task or span. They are rendered when it ends.
func (s *Span) SetAttrs(attrs ...slog.Attr) {
	if s == nil || len(attrs) == 0 {
		return
	}
	sh := s.host.shard
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if s.flags&flagEnded == 0 {
		m := s.added()
		m.attrs = append(m.attrs, attrs...)
	}
}

// SetError sets the error that the task or span ends with, unless EndErr brings another. A nil error is ignored.
func (s *Span) SetError(err error) {
	if s == nil || err == nil {
		return
	}
	sh := s.host.shard
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if s.flags&flagEnded == 0 {
		s.added().err = err
	}
}
