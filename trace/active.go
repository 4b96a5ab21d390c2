package trace

import (
	"cmp"
	"slices"
)

// A recorderCut is what a recorder held at one moment of each shard.
type recorderCut struct {
	at    int64
	open  []openSpan // outer ones before inner ones
	spans map[*lane]cut
	logs  map[*lane]cut
}

// openSpan is what must be read of an open span under its shard's lock.
type openSpan struct {
	span     *Span
	name     string
	parent   *Span // that its record names
	start    int64
	kind     Kind
	nests    bool // it is a span that hangs on its task
	late     bool
	recorded bool
	site     uintptr
	attrs    attrList // those that were added later
	err      error
}

// cut notes what is open and what is written.
func (r *Recorder) cut() recorderCut {
	k := recorderCut{at: r.now(), spans: map[*lane]cut{}, logs: map[*lane]cut{}}
	for _, sh := range r.shards {
		sh.mu.Lock()
		n := sh.count
		sh.mu.Unlock()
		k.open = slices.Grow(k.open, n+n/2+16) // rather not while the shard is locked
		sh.mu.Lock()
		for e := sh.open.next; e != &sh.open; e = e.next {
			k.add(e.span, false)
			if h := e.span.host; e.span == &h.Span && h.top != nil {
				k.addStack(h)
			}
		}
		k.spans[&sh.spans], k.logs[&sh.logs] = sh.spans.cut(), sh.logs.cut()
		sh.mu.Unlock()
	}
	slices.SortStableFunc(k.open, func(a, b openSpan) int { return cmp.Compare(a.start, b.start) })
	return k
}

// addStack adds the strict spans of a task, outer ones first. The shard is locked.
func (k *recorderCut) addStack(h *host) {
	first := len(k.open)
	for s := h.top; s != &h.Span; s = s.below() {
		k.add(s, true)
	}
	slices.Reverse(k.open[first:])
}

// add notes an open span. The shard is locked.
func (k *recorderCut) add(s *Span, nests bool) {
	o := openSpan{span: s, name: s.nameNow(), parent: s.recordParent(), start: s.start, kind: s.kind, nests: nests,
		late: s.flags&flagLate != 0, recorded: s.flags&flagRecorded != 0}
	if s.flags&flagStray != 0 {
		o.kind = KindAsync
	}
	if m := s.moreOf(); m != nil {
		o.attrs = attrList{first: m.first, late: m.late, more: m.attrs, count: int(m.nLate), dropped: int(m.dropped)}
		o.err, o.site = m.err, s.site()
	}
	k.open = append(k.open, o)
}

// record describes an open span. Attributes that only user code can render are left to the end record, since this is
// not the span's goroutine.
func (o *openSpan) record() Record {
	s := o.span
	r := Record{Kind: o.kind, Phase: PhaseBegin, ID: s.id, Task: s.host.id, Name: cutText(o.name), Start: o.start}
	r.setParent(o.parent, o.late)
	if s == &s.host.Span {
		r.Trace, r.State, r.Unsampled = s.host.trace, s.TraceState(), !s.Sampled()
	}
	if o.site != 0 {
		r.Site = siteText(o.site)
	}
	attrs := o.attrs
	attrs.plain = true
	if x := s.extra.Load(); x != nil {
		attrs.rendered = x.plain
		attrs.count += int(x.nPlain)
	}
	r.Attrs = decodeAttrs(attrs.append(nil), bytesToString)
	if o.err != nil {
		r.Status = StatusError
	}
	return r
}

func (r *Record) setParent(p *Span, late bool) {
	if p == nil {
		return
	}
	r.Parent = p.id
	if r.Kind == KindTask && !late && p.kind != kindRemote {
		r.ParentTask = p.host.id
	}
}

// Active returns the open tasks and spans as begin records, ordered by start, each after its parent. Their age is the
// recorder's [Recorder.Now] minus Start. Ancestors of them that have ended are there, too, with [PhaseGone].
func (r *Recorder) Active() []Record {
	k := r.cut()
	known := make(ancestors, len(k.open))
	for i := range k.open {
		known[k.open[i].span.id] = -1
	}
	all := make([]Record, 0, len(k.open))
	for i := range k.open {
		all = known.add(all, &k.open[i])
		all = append(all, k.open[i].record())
	}
	slices.SortStableFunc(all, byTime)
	return all
}

// ancestors are the spans that a list of records has: for those that are gone their index in it, for others -1.
type ancestors map[ID]int

// add appends records of those ancestors of o that aren't known yet, at most as many as an ID stack shows, and notes that
// they now are. Almost always they have ended; one that was started between the cuts of two shards is open.
func (known ancestors) add(all []Record, o *openSpan) []Record {
	known[o.span.id] = -1
	wasOpen, p := o.start, o.parent // until when p was open at least
	for range MaxStack {
		if p == nil || p.kind == kindRemote {
			break
		}
		i, ok := known[p.id]
		if ok && i < 0 {
			break // it is open, and its own ancestors are known
		}
		g, state := p.look()
		if ok {
			all[i].End = max(all[i].End, wasOpen)
		} else if state != forgotten {
			r := g.record()
			known[p.id] = -1
			if state == gone {
				r.Phase, r.End = PhaseGone, wasOpen
				known[p.id] = len(all)
			}
			all = append(all, r)
		}
		if g.kind != KindSpan { // what a span nests in was open for as long as the span
			wasOpen = g.start
		}
		p = g.parent
	}
	return all
}

// What look finds.
const (
	open      = iota
	gone      // it ended
	forgotten // nobody ended it, but it is too old to be known: see Config.MaxOpen
)

// look returns what is to be read of a span that was in no list.
func (s *Span) look() (o openSpan, state int) {
	sh := s.host.shard
	sh.mu.Lock()
	defer sh.mu.Unlock()
	var k recorderCut
	k.add(s, false)
	if s.flags&flagEnded != 0 {
		return k.open[0], gone
	}
	e := s.entry()
	if e == nil {
		e = &s.host.entry
	}
	if e.next == nil {
		return k.open[0], forgotten
	}
	return k.open[0], open
}
