package trace

import (
	"context"
	"errors"
)

// End ends the task or span. Only the first call counts.
func (s *Span) End() {
	if s == nil {
		return
	}
	switch x := s.extra.Load(); {
	case x == nil:
		s.end(StatusUnset, nil, 0)
	case x.more.Load() == nil:
		s.end(StatusUnset, x.plain, 0)
	default:
		s.endRendering(x, nil, 0)
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
	if err == nil || *err == nil {
		s.End()
		return
	}
	s.endRendering(s.extras(), *err, 0)
}

// endRendering ends a span that has an error, or attributes that are not yet rendered. at is when; 0 for now.
func (s *Span) endRendering(x *extra, err error, at int64) {
	var buf [256]byte
	b, status := buf[:0], StatusUnset
	sh := s.host.shard
	sh.mu.Lock()
	m := x.more.Load()
	if m != nil && err == nil {
		err = m.err
	}
	if m != nil && err == nil && m.first == nil && m.attrs == nil && m.rare.idle() { // there is no code of users to run
		s.endLocked(status, append(append(b, x.plain...), m.late...), at)
		return
	}
	attrs := attrList{rendered: x.plain, count: int(x.nPlain)}
	var instrumented *rare
	if m != nil {
		instrumented = m.rare
		attrs.first, attrs.late, attrs.more = m.first, m.late, m.attrs
		attrs.count, attrs.dropped = attrs.count+int(m.nLate), int(m.dropped)
	}
	recorded, ended := s.flags&flagRecorded != 0, s.flags&flagEnded != 0
	sh.mu.Unlock()
	if ended || x.ended.Swap(true) {
		return
	}
	if instrumented != nil {
		instrumented.leave()
	}
	if recorded {
		if err != nil {
			var text string
			status, text = s.outcome(err)
			b = appendString(b, text)
		}
		b = attrs.append(b)
	}
	s.end(status, b, at)
}

// end ends s. tail is the end of its record: error and attributes. at is when, if s is an async span; 0 for now.
func (s *Span) end(status Status, tail []byte, at int64) {
	s.host.shard.mu.Lock()
	s.endLocked(status, tail, at)
}

// endLocked is end with the shard locked, and unlocks it.
func (s *Span) endLocked(status Status, tail []byte, at int64) {
	h := s.host
	sh := h.shard
	if s.flags == flagRecorded && s.kind == KindSpan && h.top == s { // as almost always
		s.flags |= flagEnded
		h.top = s.below()
		h.depth--
		sh.spans.writeSpan(s, h.endsAt(sh.clock.now(), s), status, tail)
		sh.mu.Unlock()
		return
	}
	if s.flags&flagEnded != 0 {
		sh.mu.Unlock()
		return
	}
	s.flags |= flagEnded
	misuse := numMisuses
	strict := s.isStrict()
	if strict && h.pop(s) {
		misuse = EndedBeforeChild
	}
	if e := s.entry(); e != nil {
		sh.unlist(e)
	}
	if s.flags&flagRecorded != 0 {
		now := sh.clock.now()
		switch {
		case strict:
			now = h.endsAt(now, s)
		case at != 0:
			now = at
		}
		sh.spans.writeSpan(s, max(now, s.start), status, tail)
	}
	tasks := h.tasks
	sh.mu.Unlock()
	if s.kind == KindTask {
		s.leaveParent()
		if tasks > 0 {
			h.rec.anomaly(Anomaly{Misuse: ChildOutlivesParent, Span: s})
		}
	}
	if misuse != numMisuses {
		h.rec.anomaly(Anomaly{Misuse: misuse, Span: s})
	}
}

// endsAt returns when a strict span ends that reads the clock as now: not before its start, nor before what ended in it.
// Only goroutines that share a task can make a difference. The shard is locked.
func (h *host) endsAt(now int64, s *Span) int64 {
	now = max(now, s.start, h.lastEnd)
	h.lastEnd = now
	return now
}

// leaveParent tells the parent task that this child is gone.
func (s *Span) leaveParent() {
	if s.parent == nil || s.flags&flagDetached != 0 { // set before anybody knew s
		return
	}
	p := s.parent.host
	p.shard.mu.Lock()
	p.tasks--
	p.shard.mu.Unlock()
}

// pop takes s off its task's open spans. If spans above it are still open, they live on as async spans, and pop returns
// true. The shard is locked.
func (h *host) pop(s *Span) (misused bool) {
	for h.top != s {
		x := h.top
		h.top = x.below()
		h.depth--
		x.flags |= flagStray
		h.shard.list(x.strayEntry())
		misused = true
	}
	h.top = s.below()
	h.depth--
	return misused
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
