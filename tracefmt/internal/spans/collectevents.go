package spans

import (
	"slices"

	"github.com/spanstack/spanstack/tracefmt"
)

// instant takes in an instant: it belongs to its parent, or else to the slice that it is in.
func (c *Collector) instant(e *tracefmt.Event, at int64) {
	t := c.trackOf(e.Track)
	v := Event{Time: at, Name: e.Name, Attrs: slices.Clone(e.Attrs)}
	if e.Category != categoryEvent {
		v.Attrs = append(v.Attrs, tracefmt.Attr{Key: keyCategory, Value: tracefmt.String(e.Category)})
	}
	c.place(e, point{v, t, e.Parent, "instant outside of a slice"})
}

// logLine takes in a log line.
func (c *Collector) logLine(e *tracefmt.Event, at int64) {
	t := c.trackOf(e.Track)
	if c.Log == nil {
		v := Event{Time: at, Name: e.Name, Attrs: slices.Clone(e.Attrs), IsLog: true, Severity: e.Severity}
		if e.Category != "" {
			v.Attrs = append(v.Attrs, tracefmt.Attr{Key: keyCategory, Value: tracefmt.String(e.Category)})
		}
		c.place(e, point{v, t, e.Parent, "log line outside of a span"})
		return
	}
	l := c.newLog(t, at, e.Name, slices.Clone(e.Attrs))
	l.Severity = e.Severity
	if e.Category != "" {
		l.Attrs = append(l.Attrs, tracefmt.Attr{Key: keyCategory, Value: tracefmt.String(e.Category)})
	}
	var n *node
	if e.Parent != "" {
		l.Span, _ = Number(e.Parent)
		l.nameParent(e.Parent)
		n = c.node(l.Span)
	}
	c.hold(l, n)
}

// point is an event that is to become one of a span.
type point struct {
	Event
	track  *track
	parent string // the text of the span's ID, if the event names it
	lost   string // what it is counted as, if there is no place for it
}

// place gives an event to its span, which may be still to come.
func (c *Collector) place(e *tracefmt.Event, p point) {
	id := ID(0)
	if p.parent != "" {
		id, _ = Number(p.parent)
	} else {
		p.track.leave(e, p.Time)
		if stack := p.track.stack; len(stack) > 0 {
			id = stack[len(stack)-1].id
			p.Attrs = append(p.Attrs, tracefmt.Attr{Key: keyNested, Value: tracefmt.Bool(true)})
		}
	}
	if id == 0 {
		c.lonely(nil, p)
		return
	}
	n := c.node(id)
	if n.state != unseen {
		c.attach(n, p)
		return
	}
	it := &item{node: n, point: p, bytes: 300 + len(p.Name) + sizeOf(p.Attrs)}
	n.events = append(n.events, it)
	c.orphan.push(it)
	for c.orphan.count > maxOrphans || c.orphan.bytes > maxOrphanText {
		c.abandon(c.orphan.pop())
	}
}

// attach gives an event to a span, if that isn't written yet.
func (c *Collector) attach(n *node, p point) {
	switch {
	case n.span == nil || len(n.span.Events)+len(n.span.Links) >= maxEvents:
		c.lonely(n, p)
	case !n.span.addLink(&p.Event):
		to := n.span.AddEvent()
		attrs := to.Attrs
		*to = p.Event
		to.Attrs = attrs
		for _, a := range p.Attrs {
			if a.Key != KeyDroppedAttrs || !setCount(&to.Dropped, a.Value) {
				to.Attrs = append(to.Attrs, a)
			}
		}
	}
}

// abandon gives up an event whose span didn't come.
func (c *Collector) abandon(it *item) {
	n := it.node
	n.events = slices.DeleteFunc(n.events, func(other *item) bool { return other == it })
	c.lonely(n, it.point)
}

// lonely makes a log record of an event that has no span to be in, or counts it.
func (c *Collector) lonely(n *node, p point) {
	if c.Log == nil {
		c.Losses.Add(p.lost)
		return
	}
	l := c.newLog(p.track, p.Time, p.Name, append(p.Attrs, tracefmt.Attr{Key: keyInstant, Value: tracefmt.Bool(true)}))
	if n != nil {
		l.Span = n.id
		l.nameParent(p.parent)
	}
	c.hold(l, n)
}

// nameParent keeps the text of the span's ID, if that isn't what comes back anyway.
func (l *Log) nameParent(text string) {
	if _, exact := Number(text); !exact && text != "" {
		l.Attrs = append(l.Attrs, tracefmt.Attr{Key: keyParent, Value: tracefmt.String(text)})
	}
}

func (c *Collector) newLog(t *track, at int64, text string, attrs []tracefmt.Attr) *Log {
	l := &Log{Resource: c.resourceOf(t), Time: at, Text: text, Attrs: attrs}
	var scope Scope
	rest := l.Attrs[:0]
	for _, a := range l.Attrs {
		if !l.set(a.Key, a.Value, &scope) {
			rest = append(rest, a)
		}
	}
	l.Attrs, l.Scope = t.thread(rest), c.scopeOf(scope)
	return l
}

// set sets the field that an attribute stands for, if it does.
func (l *Log) set(key string, v tracefmt.Value, scope *Scope) bool {
	if setScope(scope, key, v) {
		return true
	}
	switch key {
	case KeyTrace:
		id, ok := ParseTraceID(v.String())
		if ok = ok && l.Trace.IsZero() && v.Kind() == tracefmt.StringValue && len(v.String()) == 32; ok {
			l.Trace = id
		}
		return ok
	case KeyBody:
		if l.Body.IsZero() && v.Kind() != tracefmt.StringValue {
			l.Body = v
			return true
		}
	case KeyEventName:
		return setText(&l.EventName, v)
	case KeySeverityText:
		return setText(&l.SeverityText, v)
	case KeyFlags:
		return setCount(&l.Flags, v)
	case KeyDroppedAttrs:
		return setCount(&l.Dropped, v)
	}
	return false
}

// hold puts a log record into the queue, so that it comes after what was before it. The trace is that of a node.
func (c *Collector) hold(l *Log, n *node) {
	c.held.push(&item{log: l, node: n, bytes: 300 + len(l.Text) + sizeOf(l.Attrs)})
	c.trim()
}

// asyncInstant takes in a point of an async slice.
func (c *Collector) asyncInstant(e *tracefmt.Event, at int64) {
	list := c.async[asyncKey{e.Category, e.AsyncKey()}]
	if len(list) == 0 {
		c.Losses.Add("instant of an async slice that isn't open")
		return
	}
	v := Event{Time: at, Name: e.Name, Attrs: slices.Clone(e.Attrs)}
	v.Attrs = append(v.Attrs, tracefmt.Attr{Key: keyAsync, Value: tracefmt.Bool(true)})
	c.attach(list[len(list)-1], point{v, c.trackOf(e.Track), "", "instant of an async slice"})
}

// addLink adds a link if the event is one: an instant of the category with the ID of a span.
func (s *Span) addLink(v *Event) bool {
	if v.IsLog || v.Name != tracefmt.CategoryLink {
		return false
	}
	e := tracefmt.Event{Attrs: v.Attrs}
	id := e.Attr(KeyLinkSpan)
	isLink := e.Attr(keyCategory) == tracefmt.String(tracefmt.CategoryLink)
	if !isLink || id.Kind() != tracefmt.StringValue || id.String() == "" {
		return false
	}
	l := s.AddLink()
	var exact bool
	if l.ID, exact = Number(id.String()); !exact {
		l.Attrs = append(l.Attrs, tracefmt.Attr{Key: keyID, Value: id})
	}
	if v.Time != s.Start {
		l.Attrs = append(l.Attrs, tracefmt.Attr{Key: keyTime, Value: tracefmt.Int64(v.Time)})
	}
	for _, a := range v.Attrs {
		switch a.Key {
		case KeyLinkSpan, keyCategory:
			continue
		case KeyLinkTrace:
			if trace, ok := ParseTraceID(a.Value.String()); ok && l.Trace.IsZero() {
				l.Trace = trace
				continue
			}
		case KeyLinkState:
			if setText(&l.State, a.Value) {
				continue
			}
		case KeyLinkFlags:
			if setCount(&l.Flags, a.Value) {
				continue
			}
		case KeyDroppedAttrs:
			if setCount(&l.Dropped, a.Value) {
				continue
			}
		}
		l.Attrs = append(l.Attrs, a)
	}
	return true
}
