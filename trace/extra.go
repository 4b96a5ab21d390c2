package trace

import (
	"context"
	"log/slog"
	"math"
	rtrace "runtime/trace"
	"slices"
	"sync/atomic"

	"github.com/spanstack/spanstack/internal/logslot"
)

// extra is what only some spans have: attributes, a rendered stack, and more.
type extra struct {
	plain  []byte      // attributes given at the start, rendered; they never change
	nPlain uint8       // attributes in plain
	ended  atomic.Bool // somebody renders the attributes, because the span ends
	stack  atomic.Pointer[string]
	more   atomic.Pointer[more]

	loggers logslot.Slot
}

// more is what few spans have. It is guarded by the shard.
type more struct {
	first   []slog.Attr // given at the start, but not in plain, since only user code can render them; they never change
	late    []byte      // set after the start, rendered
	attrs   []slog.Attr // set after the start; there are either these or late
	nLate   uint16      // attributes in late
	dropped uint16      // attributes that were too many
	err     error
	name    string // with flagRenamed
	entry   entry  // of an async span that isn't a host
	rare    *rare
}

// rare is what a span has that was misused, or started while somebody watches more closely than usual.
type rare struct {
	adopted *Span   // with flagAdopted: the parent that the record names
	site    uintptr // where the span was started, if the recorder wants to know
	region  *region
	task    *rtrace.Task
	labels  context.Context // the goroutine's profiler labels come from it when the task ends
}

// idle reports whether there is nothing to be done at the end of a span that has r.
func (r *rare) idle() bool { return r == nil || r.region == nil && r.task == nil && r.labels == nil }

// newSpanWithAttrs returns a span with attributes. Those that need no user code are rendered at once, since bytes are
// cheaper to keep than values; the caller's slice stays on its stack.
func newSpanWithAttrs(attrs []slog.Attr) *Span {
	s := new(struct {
		Span
		x    extra
		text [inlineText]byte
	})
	s.extra.Store(&s.x)
	s.x.keep(s.text[:0], attrs)
	return &s.Span
}

// newHostWithAttrs is newSpanWithAttrs for hosts.
func newHostWithAttrs(attrs []slog.Attr) *host {
	h := new(struct {
		host
		x    extra
		text [inlineText]byte
	})
	h.extra.Store(&h.x)
	h.x.keep(h.text[:0], attrs)
	return &h.host
}

const (
	inlineText = 72      // bytes of rendered attributes in a span's own allocation
	asyncText  = 128     // the same for async spans, which OpenTelemetry's are, with more of them
	maxPlain   = 32      // attributes that are rendered at the start
	plainBytes = 4 << 10 // after so many bytes the rest is left to the end, which bounds it
)

// keep renders attributes into b until the first that needs user code, and keeps the others.
func (x *extra) keep(b []byte, attrs []slog.Attr) {
	b, n := appendPlain(b, attrs)
	x.plain, x.nPlain = b, x.nPlain+uint8(n)
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
	if s.extra.Load() == nil { // almost always: then both come in one allocation
		both := new(struct {
			x extra
			m more
		})
		both.x.more.Store(&both.m)
		s.extra.CompareAndSwap(nil, &both.x)
	}
	x := s.extra.Load()
	if m := x.more.Load(); m != nil {
		return m
	}
	m := new(more)
	x.more.Store(m)
	return m
}

// rarely returns what s has beyond that, and makes it if there is nothing yet. The shard is locked, or s is still unknown
// to others.
func (s *Span) rarely() *rare {
	m := s.added()
	if m.rare == nil {
		m.rare = new(rare)
	}
	return m.rare
}

// rareOf is rarely, but returns nil if there is nothing. The shard is locked, or s has ended.
func (s *Span) rareOf() *rare {
	if m := s.moreOf(); m != nil {
		return m.rare
	}
	return nil
}

// SetAttrs adds attributes to an open task or span. Of several values of a key the last one counts. Those that need code
// of yours to be rendered are rendered when the span ends.
func (s *Span) SetAttrs(attrs ...slog.Attr) {
	if s == nil || len(attrs) == 0 {
		return
	}
	late, n := appendPlain(make([]byte, 0, 16*len(attrs)), attrs)
	sh := s.host.shard
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if s.flags&flagEnded != 0 {
		return
	}
	m := s.added()
	if n == len(attrs) && m.late == nil && m.attrs == nil { // for the first time, as almost always
		m.late, m.nLate = late, uint16(n)
		return
	}
	m.set(attrs)
}

// set adds attributes to others. Readers may be looking at those, which therefore aren't changed. The shard is locked.
func (m *more) set(attrs []slog.Attr) {
	all := make([]slog.Attr, 0, len(m.attrs)+int(m.nLate)+len(attrs))
	all = append(append(all, decodeAttrs(m.late, bytesToString)...), m.attrs...)
	for _, a := range attrs {
		if i := slices.IndexFunc(all, func(b slog.Attr) bool { return a.Key != "" && a.Key == b.Key }); i >= 0 {
			all[i] = a
		} else if len(all) < maxAttrs {
			all = append(all, a)
		} else if m.dropped < math.MaxUint16 {
			m.dropped++
		}
	}
	m.late, m.nLate, m.attrs = nil, 0, all
}

func bytesToString(b []byte) string { return string(b) }

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
