package trace

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// A Span is a task, a span or an async span that was started by [WithTask], [WithSpan] or [WithAsyncSpan]. Its
// methods may be called concurrently, and do nothing on a nil *Span, which is what is started at [LevelOff].
type Span struct {
	outer  context.Context // what the span's own context passes on
	host   *host           // the task, or the root async span, that it belongs to
	parent *Span           // the innermost span of the context it was started with
	below  *Span           // of a strict span: the span that becomes its task's innermost one when this one ends

	id    ID
	name  string
	start int64 // ns since the recorder's epoch
	attrs []slog.Attr

	late  atomic.Pointer[late]
	stack atomic.Pointer[string]
	state atomic.Uint32
	kind  Kind
}

const (
	stateEnded    = 1 << iota // End was called
	stateStray                // misused: lives on as an async span
	stateRecorded             // it, or something below it, was started at LevelRecording
	stateDetached             // a task that may outlive its parent
	stateLate                 // a task that was started when its parent's task had ended
)

// A host is what a task has beyond a span: the innermost of its open strict spans, which are linked downwards by
// Span.below. A root async span is a host without strict spans.
type host struct {
	Span
	rec   *Recorder
	shard *shard
	top   atomic.Pointer[Span]
	tasks atomic.Int32 // open child tasks that must end before this one
}

// late holds what is added to a span after its start.
type late struct {
	mu    sync.Mutex
	attrs []slog.Attr
	err   error
}

// WithTask starts a task: a child of the innermost task or span of ctx, or a root. Open one where a goroutine
// begins, and end it where the goroutine ends:
//
//	go func() {
//		ctx, task := trace.WithTask(ctx, "worker")
//		defer task.End()
//		…
//	}()
//
// name should be a constant; what varies belongs into attributes. A child task must end before its parent task,
// unless its context is detached from the parent's cancellation by [context.WithoutCancel].
func WithTask(ctx context.Context, name string, attrs ...slog.Attr) (context.Context, *Span) {
	if enabled.Load() == 0 {
		return ctx, nil
	}
	parent, rec := FromContext(ctx), RecorderFromContext(ctx)
	level := rec.Level()
	if level == LevelOff {
		return ctx, nil
	}
	h := newHost(ctx, rec, parent, name, attrs)
	h.kind = KindTask
	h.top.Store(&h.Span)
	h.stamp(level)
	if parent != nil {
		h.joinParent(ctx)
	}
	h.shard.register(rec, &h.Span)
	return (*spanContext)(&h.Span), &h.Span
}

// WithSpan starts a span in the task of ctx. Spans of a task nest strictly, and begin and end on the task's
// goroutine:
//
//	ctx, span := trace.WithSpan(ctx, "zfs list", slog.String("dataset", name))
//	defer span.EndErr(&err)
//
// Whatever else is done with it is repaired, never fatal: see [Anomaly].
func WithSpan(ctx context.Context, name string, attrs ...slog.Attr) (context.Context, *Span) {
	if enabled.Load() == 0 {
		return ctx, nil
	}
	parent := FromContext(ctx)
	if parent == nil {
		return withoutTask(ctx, name, attrs)
	}
	rec := parent.host.rec
	level := rec.Level()
	if level == LevelOff {
		return ctx, nil
	}
	s := &Span{kind: KindSpan}
	s.init(ctx, parent.host, parent, name, attrs)
	s.stamp(level)
	if !s.push() {
		s.kind = KindAsync
		s.host.shard.register(rec, s)
		if parent.isStrict() {
			rec.anomaly(s.misplaced())
		}
	}
	return (*spanContext)(s), s
}

// WithAsyncSpan starts an async span: a child of the innermost task or span of ctx, or a root, that may overlap its
// siblings, outlive its parent, and begin and end on any goroutine. It is what an event-driven program needs for an
// operation that no goroutine waits for. Spans started under it nest in the task around it if they are on its
// goroutine, and are async spans otherwise.
func WithAsyncSpan(ctx context.Context, name string, attrs ...slog.Attr) (context.Context, *Span) {
	if enabled.Load() == 0 {
		return ctx, nil
	}
	parent, rec := FromContext(ctx), RecorderFromContext(ctx)
	level := rec.Level()
	if level == LevelOff {
		return ctx, nil
	}
	s := startAsync(ctx, rec, level, parent, name, attrs)
	return (*spanContext)(s), s
}

func startAsync(ctx context.Context, rec *Recorder, level Level, parent *Span, name string, attrs []slog.Attr) *Span {
	var s *Span
	if parent == nil {
		s = &newHost(ctx, rec, nil, name, attrs).Span
	} else {
		s = new(Span)
		s.init(ctx, parent.host, parent, name, attrs)
	}
	s.kind = KindAsync
	s.stamp(level)
	s.host.shard.register(rec, s)
	return s
}

func newHost(ctx context.Context, rec *Recorder, parent *Span, name string, attrs []slog.Attr) *host {
	h := &host{rec: rec, shard: rec.pickShard()}
	h.init(ctx, h, parent, name, attrs)
	return h
}

func (s *Span) init(ctx context.Context, h *host, parent *Span, name string, attrs []slog.Attr) {
	s.outer, s.host, s.parent, s.name, s.id = outerOf(ctx), h, parent, name, h.rec.ids.new()
	if len(attrs) > 0 {
		s.attrs = append([]slog.Attr(nil), attrs...) // so that the caller's slice stays on its stack
	}
}

// stamp sets the start time. What is started at LevelRecording makes its ancestors recorded, too, lest a record
// name a parent that no capture has.
func (s *Span) stamp(level Level) {
	s.start = s.host.rec.now()
	if s.parent != nil && s.start <= s.parent.start {
		s.start = s.parent.start + 1 // a coarse clock must not hide which of the two is the outer one
	}
	if level != LevelRecording {
		return
	}
	s.state.Or(stateRecorded)
	for p := s.parent; p != nil && p.state.Load()&stateRecorded == 0; p = p.parent {
		p.state.Or(stateRecorded)
	}
}

// detached reports whether ctx was cut off from the cancellation of its innermost span's context, as
// context.WithoutCancel does: then work under it is meant to outlive that span.
func detached(ctx context.Context, parent *Span) bool {
	return ctx.Done() == nil && parent.outer.Done() != nil || isWithoutCancel(ctx)
}

// push makes s the innermost strict span of its task, if the span it was started in is that now.
func (s *Span) push() bool {
	below := s.parent
	for below != nil && !below.isStrict() {
		below = below.parent
	}
	if below == nil || below.host != s.host {
		return false
	}
	s.below = below
	return s.host.top.CompareAndSwap(below, s)
}

// isStrict reports whether s is a task or a span that nests.
func (s *Span) isStrict() bool { return s.kind != KindAsync && s.state.Load()&stateStray == 0 }

// End ends the task or span. Only the first call counts.
func (s *Span) End() {
	if s != nil {
		s.end(nil)
	}
}

// EndErr ends the task or span with the error that err points to when it is called. It is meant to be deferred, with
// the address of a named result:
//
//	defer span.EndErr(&err)
//
// If the error says that the span's context was cancelled, the span counts as cancelled, with the cause of it. So does one
// whose error Is [context.Canceled].
func (s *Span) EndErr(err *error) {
	if s == nil {
		return
	}
	if err == nil {
		s.end(nil)
		return
	}
	s.end(*err)
}

func (s *Span) end(err error) {
	if s.state.Or(stateEnded)&stateEnded != 0 {
		return
	}
	recorded := s.state.Load()&stateRecorded != 0
	end := int64(0)
	if recorded {
		end = s.host.rec.now()
	}
	if s.kind != KindAsync {
		s.pop()
	}
	if s.kind == KindTask {
		s.leaveParent()
	}
	if !recorded {
		s.host.shard.writeEnd(s, nil)
		return
	}
	r := s.record()
	r.End = end
	attrs, late := s.attributes()
	if err == nil {
		err = late
	}
	if err != nil {
		r.Status, r.Err = s.outcome(err)
	}
	var buf [512]byte
	s.host.shard.writeEnd(s, appendRecord(buf[:0], &r, attrs))
}

// attributes returns what s was given so far.
func (s *Span) attributes() (attrs attrList, err error) {
	attrs.first = s.attrs
	if l := s.late.Load(); l != nil {
		l.mu.Lock()
		attrs.more, err = l.attrs, l.err
		l.mu.Unlock()
	}
	return attrs, err
}

// joinParent tells the parent task of a new child that it has to outlive.
func (h *host) joinParent(ctx context.Context) {
	p := h.parent.host
	if p.Ended() {
		h.state.Or(stateLate)
	}
	if detached(ctx, h.parent) {
		h.state.Or(stateDetached)
	} else {
		p.tasks.Add(1)
	}
}

// leaveParent tells the parent task that this child is gone, and complains if children of this one still run.
func (s *Span) leaveParent() {
	if n := s.host.tasks.Load(); n > 0 {
		s.host.rec.anomaly(Anomaly{Misuse: ChildOutlivesParent, Span: s})
	}
	if s.parent != nil && s.state.Load()&stateDetached == 0 {
		s.parent.host.tasks.Add(-1)
	}
}

// pop takes s off its task's stack of open spans. If spans above it are still open, they live on as async spans.
func (s *Span) pop() {
	h := s.host
	if h.top.CompareAndSwap(s, s.below) {
		return
	}
	for {
		top := h.top.Load()
		var above []*Span
		x := top
		for x != nil && x != s {
			above = append(above, x)
			x = x.below
		}
		if x == nil {
			return // it was made an async span before
		}
		if !h.top.CompareAndSwap(top, s.below) {
			continue
		}
		for _, a := range above {
			a.state.Or(stateStray)
			h.shard.register(h.rec, a)
		}
		if len(above) > 0 {
			h.rec.anomaly(Anomaly{Misuse: EndedBeforeChild, Span: s})
		}
		return
	}
}

// outcome classifies the error a span ends with.
func (s *Span) outcome(err error) (Status, string) {
	if ctxErr := s.outer.Err(); ctxErr != nil {
		cause := context.Cause(s.outer)
		if errors.Is(err, ctxErr) || errors.Is(err, cause) {
			return StatusCancelled, anyText(cause)
		}
	}
	if errors.Is(err, context.Canceled) { // of a context that s was detached from
		return StatusCancelled, anyText(err)
	}
	return StatusError, anyText(err)
}

// record describes s, but for its end, its outcome and its attributes.
func (s *Span) record() Record {
	r := Record{Kind: s.kind, ID: s.id, Task: s.host.id, Name: s.name, Start: s.start}
	if s.state.Load()&stateStray != 0 {
		r.Kind = KindAsync
	}
	if s.parent != nil {
		r.Parent = s.parent.id
		if s.kind == KindTask && s.state.Load()&stateLate == 0 {
			r.ParentTask = s.parent.host.id
		}
	}
	return r
}

// SetAttrs adds attributes to an open task or span. They are rendered when it ends.
func (s *Span) SetAttrs(attrs ...slog.Attr) {
	if s == nil || len(attrs) == 0 || !s.recording() {
		return
	}
	l := s.added()
	l.mu.Lock()
	l.attrs = append(l.attrs, attrs...)
	l.mu.Unlock()
}

// SetError sets the error that the task or span ends with, unless EndErr brings another. A nil error is ignored.
func (s *Span) SetError(err error) {
	if s == nil || err == nil || !s.recording() {
		return
	}
	l := s.added()
	l.mu.Lock()
	l.err = err
	l.mu.Unlock()
}

func (s *Span) added() *late {
	if l := s.late.Load(); l != nil {
		return l
	}
	s.late.CompareAndSwap(nil, new(late))
	return s.late.Load()
}

// recording reports whether what is added to s ends up anywhere.
func (s *Span) recording() bool { return s.state.Load()&(stateRecorded|stateEnded) == stateRecorded }

// Event records an instant on the task or span.
func (s *Span) Event(name string, attrs ...slog.Attr) {
	if s == nil || s.host.rec.Level() != LevelRecording {
		return
	}
	s.instant(Record{Kind: KindEvent, Name: name, Start: s.host.rec.now()}, attrList{first: attrs})
}

// Log records a log line on the task or span, so that captures show it there. at is the line's time; its monotonic
// reading is used if it has one. Package logging calls it for every line; few others need to.
func (s *Span) Log(at time.Time, level slog.Level, message string, attrs ...slog.Attr) {
	if s == nil || s.host.rec.Level() != LevelRecording {
		return
	}
	rec := s.host.rec
	s.instant(Record{Kind: KindLog, Level: level, Name: message, Start: int64(at.Sub(rec.epoch))}, attrList{first: attrs})
}

func (s *Span) instant(r Record, attrs attrList) {
	r.End, r.Parent, r.Task = r.Start, s.id, s.host.id
	var buf [512]byte
	s.host.shard.writeInstant(r.Kind, appendRecord(buf[:0], &r, attrs))
}

// ID returns the span's ID; 0 on a nil span.
func (s *Span) ID() ID {
	if s == nil {
		return 0
	}
	return s.id
}

// Ended reports whether End was called. It is true for a nil span.
func (s *Span) Ended() bool { return s == nil || s.state.Load()&stateEnded != 0 }
