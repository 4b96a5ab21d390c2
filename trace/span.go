package trace

import (
	"context"
	"log/slog"
	rtrace "runtime/trace"
	"sync/atomic"
)

// A Span is a task, a span or an async span, as started by [WithTask], [WithSpan], [WithAsyncSpan] or [Detach]. Its
// methods may be called concurrently, and do nothing on a nil *Span, which is what is started at [LevelOff].
type Span struct {
	outer  context.Context // what the span's own context passes on
	host   *host           // the task, or the root async span, that it belongs to
	parent *Span           // the innermost span of the context it was started with
	extra  atomic.Pointer[extra]
	name   string

	id    ID
	start int64 // ns since the recorder's epoch; guarded by the shard
	flags flags // guarded by the shard
	kind  Kind
	timed bool // started at LevelRecording
}

// flags say what happened to a span.
type flags uint8

const (
	flagEnded    flags = 1 << iota // its End has taken effect
	flagStray                      // misused: lives on as an async span
	flagRecorded                   // it, or something below it, was started at LevelRecording
	flagDetached                   // a task that may outlive its parent
	flagLate                       // a task that was started when its parent's task had ended
	flagAdopted                    // its record names another parent than Span.parent, which has no record
	flagRenamed                    // its name is in more
)

// A host is what a task has beyond a span: the innermost of its open strict spans, which hang together by their
// parents. A root async span is a host without strict spans. Its fields are guarded by the shard.
type host struct {
	Span
	rec     *Recorder
	shard   *shard
	entry   entry
	trace   TraceID
	lineage *lineage // of the trace
	top     *Span
	lastEnd int64  // latest end of a strict span
	depth   int32  // number of open strict spans
	tasks   int32  // open child tasks that must end before this one
	offs    uint32 // the recorder's switches from and to LevelOff before this host began
}

// maxDepth is how many strict spans of a task may be open. Whoever opens more leaks them.
const maxDepth = 4096

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
	parent := FromContext(ctx)
	return startTask(ctx, recorderOf(ctx, parent), parent, name, attrs, true)
}

// WithSpanOrTask is [WithSpan] in a task, and [WithTask] where ctx has none: for functions of libraries, whose callers may not use
// this package.
func WithSpanOrTask(ctx context.Context, name string, attrs ...slog.Attr) (context.Context, *Span) {
	if s := FromContext(ctx); s == nil || s.kind == kindRemote {
		return WithTask(ctx, name, attrs...)
	}
	return WithSpan(ctx, name, attrs...)
}

// Detach starts a root task that outlives what ctx belongs to: its context keeps the values of ctx but not its
// cancellation and deadline, and it has a link to the innermost task or span of ctx instead of a parent.
func Detach(ctx context.Context, name string, attrs ...slog.Attr) (context.Context, *Span) {
	from := FromContext(ctx)
	if ctx == nil {
		ctx = context.Background()
	}
	ctx = context.WithoutCancel(ctx)
	if enabled.Load() == 0 {
		return ctx, nil
	}
	ctx, task := startTask(ctx, recorderOf(ctx, from), nil, name, attrs, true)
	if from != nil {
		task.Link(from.Ref())
	}
	return ctx, task
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
	var parent *Span
	outer := ctx
	if c, ok := ctx.(*spanContext); ok { // as FromContext and outerOf do it
		parent, outer = (*Span)(c), c.outer
	} else {
		parent = FromContext(ctx)
	}
	if parent == nil || parent.kind == kindRemote {
		return withoutTask(ctx, parent, name, attrs)
	}
	h := parent.host
	mode := h.rec.mode.load()
	if mode.level() == LevelOff {
		return ctx, nil
	}
	var s *Span
	if len(attrs) == 0 {
		s = new(Span)
	} else {
		s = newSpanWithAttrs(attrs)
	}
	s.outer, s.host, s.parent, s.name, s.kind = outer, h, parent, name, KindSpan
	if mode.level() == LevelRecording {
		s.timed, s.flags = true, flagRecorded
	}
	if mode.instrumented() || rtrace.IsEnabled() {
		s.instrument(mode)
	}
	sh := h.shard
	sh.mu.Lock()
	s.id = sh.ids.new()
	fit := h.push(s)
	sh.mu.Unlock()
	if fit == unkept {
		s.keepParent()
		sh.mu.Lock()
		fit = h.push(s)
		sh.mu.Unlock()
	}
	if fit != fits {
		h.misfit(s, fit)
	}
	return (*spanContext)(s), s
}

// WithAsyncSpan starts an async span: a child of the innermost task or span of ctx, or a root, that may overlap its
// siblings, outlive its parent, and begin and end on any goroutine. It is what an event-driven program needs for an
// operation that no goroutine waits for. Spans started under it nest in the task around it if they are on its
// goroutine, and are async spans otherwise.
func WithAsyncSpan(ctx context.Context, name string, attrs ...slog.Attr) (context.Context, *Span) {
	return AsyncConfig{}.Begin(ctx, name, attrs...)
}

// startTask starts a task. here says that the calling goroutine is the task's own.
func startTask(ctx context.Context, rec *Recorder, parent *Span, name string, attrs []slog.Attr, here bool) (context.Context, *Span) {
	mode := rec.mode.load()
	if mode.level() == LevelOff {
		return ctx, nil
	}
	h := newHost(rec, attrs)
	h.outer, h.parent, h.name, h.kind, h.top = outerOf(ctx), parent, name, KindTask, &h.Span
	h.begin(mode)
	if mode.instrumented() || rtrace.IsEnabled() {
		h.instrumentTask(mode, here)
	}
	if parent != nil && h.joinParent(ctx != (*spanContext)(parent) && detached(ctx, parent)) {
		h.keepParent()
	}
	h.register(&h.entry, 0)
	return (*spanContext)(&h.Span), &h.Span
}

func startAsync(ctx context.Context, rec *Recorder, mode mode, parent *Span, name string, c *AsyncConfig, attrs []slog.Attr) *Span {
	var s *Span
	var e *entry
	if parent == nil || parent.kind == kindRemote {
		h := newHost(rec, attrs)
		s, e = &h.Span, &h.entry
		if parent != nil {
			h.trace, h.lineage = parent.host.trace, parent.host.lineage
		}
		if c != nil && c.Common.n > 0 {
			x := s.extras()
			x.plain, x.nPlain = append(x.plain[:len(x.plain):len(x.plain)], c.Common.text...), x.nPlain+c.Common.n
		}
	} else {
		a := &asyncSpan{}
		a.extra.more.Store(&a.more)
		b := a.text[:0]
		if c != nil {
			b = append(b, c.Common.text...)
			a.extra.nPlain = c.Common.n
		}
		a.extra.keep(b, attrs)
		s, e = &a.Span, &a.more.entry
		s.extra.Store(&a.extra)
		s.host = parent.host
	}
	s.outer, s.parent, s.name, s.kind = outerOf(ctx), parent, name, KindAsync
	if c != nil {
		s.identify(c.Ref)
	}
	s.begin(mode)
	if mode.instrumented() || rtrace.IsEnabled() {
		s.instrument(mode)
	}
	if parent != nil && s.after(parent) {
		s.keepParent()
	}
	s.register(e, c.startOn(rec))
	return s
}

// asyncSpan is an async span with all that it needs, in one allocation.
type asyncSpan struct {
	Span
	extra extra
	more  more
	text  [asyncText]byte
}

// newHost returns a host that isn't registered yet.
func newHost(rec *Recorder, attrs []slog.Attr) *host {
	var h *host
	if len(attrs) == 0 {
		h = new(host)
	} else {
		h = newHostWithAttrs(attrs)
	}
	h.rec, h.shard, h.host, h.offs = rec, rec.pickShard(), h, rec.offs.Load()
	return h
}

// begin says whether a task or async span is recorded.
func (s *Span) begin(mode mode) {
	if mode.level() == LevelRecording {
		s.timed, s.flags = true, flagRecorded
	}
}

// register gives a task or async span its ID, if it has none, and its time, and makes it visible to readers as open. Its
// start so far is the earliest possible one; at is when it began, 0 for now.
func (s *Span) register(e *entry, at int64) {
	h := s.host
	e.span = s
	h.shard.mu.Lock()
	if s.id == 0 {
		s.id = h.shard.ids.new()
	}
	if at == 0 {
		at = h.shard.clock.now()
	}
	if s.start == 0 || at > s.start {
		s.start = at
	}
	if s == &h.Span && h.trace.IsZero() {
		h.trace = h.rec.ids.traceOf(s.id)
	}
	h.shard.list(e)
	h.shard.mu.Unlock()
}

// after makes s start after its parent, lest a coarse clock hide which of the two is the outer one. It reports whether
// s is recorded and its parent isn't yet.
func (s *Span) after(parent *Span) (keepParent bool) {
	sh := parent.host.shard
	sh.mu.Lock()
	defer sh.mu.Unlock()
	s.start = parent.start + 1
	return s.flags&flagRecorded != 0 && parent.flags&flagRecorded == 0
}

// joinParent tells the parent's task of a new child that it has to outlive, unless the child is detached.
func (h *host) joinParent(detached bool) (keepParent bool) {
	p := h.parent.host
	h.trace, h.lineage = p.trace, p.lineage
	if h.parent.kind == kindRemote {
		h.flags |= flagDetached
		return false
	}
	keepParent = h.after(h.parent)
	p.shard.mu.Lock()
	defer p.shard.mu.Unlock()
	if p.flags&flagEnded != 0 {
		h.flags |= flagLate
	}
	if detached {
		h.flags |= flagDetached
	} else {
		p.tasks++
	}
	return keepParent
}

// fit says whether a new span nests in its task, and if not, why.
type fit uint8

const (
	fits        fit = iota
	unkept          // its parent must be made a recorded one first
	tooDeep         // too many are open
	ended           // its parent is no longer open
	overlapping     // another one is open where it should be
	hostless        // there is no task, or the innermost one is not its parent's
)

// push makes s the innermost span of its task, if the span it was started in is that now. The shard is locked.
func (h *host) push(s *Span) fit {
	s.start = max(h.shard.clock.now(), s.parent.start+1)
	below := s.parent
	if below.flags&flagEnded != 0 {
		return ended
	}
	if !below.isStrict() {
		if below = below.below(); below == nil || below.host != h {
			return hostless
		}
	}
	switch {
	case h.top != below:
		return overlapping
	case h.depth >= maxDepth:
		return tooDeep
	}
	if s.timed && s.parent.flags&flagRecorded == 0 && s.flags&flagAdopted == 0 {
		return unkept
	}
	s.start = max(s.start, h.lastEnd)
	h.top = s
	h.depth++
	return fits
}

// below returns the innermost strict span or task around s in its host, or nil if there is none. The shard is locked.
func (s *Span) below() *Span {
	if s.kind == KindTask {
		return nil
	}
	p := s.parent
	for p != nil && !p.isStrict() {
		p = p.parent
	}
	return p
}

// isStrict reports whether s is a task or a span that nests. The shard is locked.
func (s *Span) isStrict() bool { return s.kind != KindAsync && s.flags&flagStray == 0 }

// entry returns what lists s as open, or nil for a span that hangs on its task. The shard is locked.
func (s *Span) entry() *entry {
	switch {
	case s == &s.host.Span:
		return &s.host.entry
	case s.isStrict():
		return nil
	}
	return &s.moreOf().entry
}

// misfit deals with a new span that doesn't nest in its task: it becomes an async span.
func (h *host) misfit(s *Span, f fit) {
	if s.timed {
		s.keepParent()
	}
	s.becomeAsync()
	switch f {
	case tooDeep:
		h.rec.anomaly(Anomaly{Misuse: TooDeep, Span: s})
	case ended:
		h.rec.anomaly(Anomaly{Misuse: StartedAfterEnd, Span: s})
	case overlapping:
		if !s.parent.isLoose() {
			h.rec.anomaly(Anomaly{Misuse: OverlappingSpan, Span: s})
		}
	}
}

// becomeAsync turns a strict span that was just started and that nobody else knows into an async one.
func (s *Span) becomeAsync() {
	sh := s.host.shard
	sh.mu.Lock()
	defer sh.mu.Unlock()
	s.kind = KindAsync
	sh.list(s.strayEntry())
}

// strayEntry returns the entry of a span that wasn't made to have one. The shard is locked.
func (s *Span) strayEntry() *entry {
	e := &s.added().entry
	e.span = s
	return e
}

// isLoose reports whether s is an async span.
func (s *Span) isLoose() bool {
	s.host.shard.mu.Lock()
	defer s.host.shard.mu.Unlock()
	return !s.isStrict()
}

// keepParent makes the ancestors of a recorded span that nobody knows yet recorded, lest a record name a parent that no
// capture has. If the parent ended without a record, the next ancestor takes its place.
func (s *Span) keepParent() {
	if p := keep(s.parent); p != s.parent {
		s.adopt(p)
	}
}

func (s *Span) adopt(p *Span) {
	s.rarely().adopted = p
	s.flags |= flagAdopted
}

// keep makes p and its ancestors recorded ones, as far as they are open, and returns the innermost one that has or
// will have a record.
func keep(p *Span) *Span {
	if p == nil {
		return nil
	}
	sh := p.host.shard
	sh.mu.Lock()
	recorded := p.flags&flagRecorded != 0
	sh.mu.Unlock()
	if recorded {
		return p
	}
	around := keep(p.parent) // first, so that p's record can't name one without
	sh.mu.Lock()
	defer sh.mu.Unlock()
	switch {
	case p.flags&flagRecorded != 0:
		return p
	case p.flags&flagEnded != 0:
		return around
	}
	p.flags |= flagRecorded
	if around != p.parent {
		p.adopt(around)
	}
	return p
}

// recordParent returns the parent that the record of s names. The shard is locked.
func (s *Span) recordParent() *Span {
	if s.flags&flagAdopted != 0 {
		return s.rareOf().adopted
	}
	return s.parent
}

// ID returns the span's ID; 0 on a nil span.
func (s *Span) ID() ID {
	if s == nil {
		return 0
	}
	return s.id
}

// Ref returns what names the span in other processes; the zero Ref on a nil span.
func (s *Span) Ref() Ref {
	if s == nil {
		return Ref{}
	}
	return Ref{Trace: s.host.trace, Span: s.id}
}

// Name returns the span's name; "" on a nil span.
func (s *Span) Name() string {
	if s == nil {
		return ""
	}
	s.host.shard.mu.Lock()
	defer s.host.shard.mu.Unlock()
	return s.nameNow()
}

// Ended reports whether End was called. It is true for a nil span.
func (s *Span) Ended() bool {
	if s == nil {
		return true
	}
	s.host.shard.mu.Lock()
	defer s.host.shard.mu.Unlock()
	return s.flags&flagEnded != 0
}
