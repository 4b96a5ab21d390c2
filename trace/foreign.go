package trace

import (
	"context"
	"log/slog"
	"time"
)

// An AsyncConfig says more about an async span than [WithAsyncSpan] does: what bridges to other tracers know of it. The
// zero value says nothing.
type AsyncConfig struct {
	Ref  Ref  // what another tracer calls the span, and, of a root, its trace; zero: a new ID
	Root bool // it has no parent, also if there is a task or span in the context

	// Recorder is that of a root, if the context has none. nil: Default.
	Recorder *Recorder

	// Common are attributes besides those of the call, which many spans have.
	Common Rendered

	// Start is when the span began, if that isn't now. Of one that claims to have begun before its parent, it is the
	// parent's.
	Start time.Time
}

// Rendered are attributes that were rendered once, for many spans. The zero value is none.
type Rendered struct {
	text []byte
	n    uint8
}

// Render renders attributes of plain types: text, numbers, booleans, times and [JSON]. Others are left out.
func Render(attrs ...slog.Attr) (r Rendered) {
	for _, a := range attrs {
		_, isJSON := a.Value.Any().(JSON)
		if isPlain(a.Value.Kind()) || isJSON {
			r.text = appendValue(appendString(r.text, a.Key), a.Value.Kind(), a.Value)
			r.n++
		}
	}
	return r
}

// Begin is [WithAsyncSpan] with what c says.
func (c AsyncConfig) Begin(ctx context.Context, name string, attrs ...slog.Attr) (context.Context, *Span) {
	if enabled.Load() == 0 {
		return ctx, nil
	}
	parent := FromContext(ctx)
	rec := recorderOf(ctx, parent)
	if parent == nil && c.Recorder != nil && rec == Default() {
		rec = c.Recorder
	}
	mode := rec.mode.load()
	if mode.level() == LevelOff {
		return ctx, nil
	}
	if c.Root {
		parent = nil
	}
	s := startAsync(ctx, rec, mode, parent, name, &c, attrs)
	return (*spanContext)(s), s
}

// startOn returns when the span began on a recorder's clock; 0 for now.
func (c *AsyncConfig) startOn(r *Recorder) int64 {
	if c == nil || c.Start.IsZero() {
		return 0
	}
	return r.timeOf(c.Start)
}

// timeOf returns a time on the recorder's clock. 0, which elsewhere means none, is never returned.
func (r *Recorder) timeOf(t time.Time) int64 {
	if at := int64(t.Sub(r.epoch)); at != 0 {
		return at
	}
	return 1
}

// identify gives a new span the identity that another tracer gave it. Spans of one task share its trace ID.
func (s *Span) identify(ref Ref) {
	s.id = ref.Span
	if s == &s.host.Span && !ref.Trace.IsZero() {
		s.host.trace = ref.Trace
	}
}

// EndAt is [Span.End] at another time than now. Only async spans heed that; what nests ends when it ends.
func (s *Span) EndAt(at time.Time) {
	if s == nil {
		return
	}
	s.endRendering(s.extras(), nil, s.host.rec.timeOf(at))
}

// EventAt is [Span.Event] for an instant that isn't now.
func (s *Span) EventAt(at time.Time, name string, attrs ...slog.Attr) {
	s.runtimeLog("event", name)
	if s.recordsInstants() {
		s.instant(instant{kind: KindEvent, name: name, at: s.host.rec.timeOf(at)}, attrs)
	}
}

// SetName renames an open task or span. Where it appeared already, it keeps its old name.
func (s *Span) SetName(name string) {
	if s == nil {
		return
	}
	sh := s.host.shard
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if s.flags&flagEnded == 0 {
		s.added().name = name
		s.flags |= flagRenamed
	}
}

// nameNow returns the span's present name. The shard is locked.
func (s *Span) nameNow() string {
	if s.flags&flagRenamed != 0 {
		return s.moreOf().name
	}
	return s.name
}

// Recording reports whether the task or span is open, and will have a record.
func (s *Span) Recording() bool {
	if s == nil {
		return false
	}
	s.host.shard.mu.Lock()
	defer s.host.shard.mu.Unlock()
	return s.flags&(flagEnded|flagRecorded) == flagRecorded
}

// Sampled reports whether the trace that the span belongs to is to be exported: see [Remote]. It is false for a nil span.
func (s *Span) Sampled() bool {
	return s != nil && (s.host.lineage == nil || !s.host.lineage.unsampled)
}

// TraceState returns what other tracers want to be passed on with the trace: see [Remote].
func (s *Span) TraceState() string {
	if s == nil || s.host.lineage == nil {
		return ""
	}
	return s.host.lineage.state
}
