package otlp

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/spans"
	"google.golang.org/protobuf/encoding/protowire"
)

// flushSize is the number of buffered bytes at which a Writer doesn't wait for a Flush.
const flushSize = 64 << 10

// Writer writes spans as OTLP's TracesData in protobuf. What it writes at a time is a whole message; such messages in a
// row are one, too. Log lines are events of their spans.
//
// Slices are written when they have ended, see spans.Collector for how many are held. Times before 1970 are lost.
type Writer struct {
	out     io.Writer
	err     error
	closed  bool
	collect spans.Collector
	groups  groups
	buf     []byte
}

// groups holds encoded records by what they have in common.
type groups struct {
	list  []*group
	last  *group
	size  int
	spare []*group
}

type group struct {
	resource *spans.Resource
	scope    *spans.Scope
	records  []byte
	written  bool
}

// of returns the group of a resource and a scope.
func (g *groups) of(resource *spans.Resource, scope *spans.Scope) *group {
	same := func(x *group) bool {
		return x.resource == resource && (x.scope == scope || x.scope != nil && scope != nil && *x.scope == *scope)
	}
	if g.last != nil && same(g.last) {
		return g.last
	}
	for _, x := range g.list {
		if same(x) {
			g.last = x
			return x
		}
	}
	if n := len(g.spare); n > 0 {
		g.last = g.spare[n-1]
		g.spare = g.spare[:n-1]
	} else {
		g.last = new(group)
	}
	*g.last = group{resource: resource, scope: scope, records: g.last.records[:0]}
	g.list = append(g.list, g.last)
	return g.last
}

// maxGroups bounds in how many groups one is looked for.
const maxGroups = 64

func (g *groups) full() bool { return g.size >= flushSize || len(g.list) > maxGroups }

func (g *groups) reset() {
	g.spare = append(g.spare, g.list...)
	g.list, g.last, g.size = g.list[:0], nil, 0
}

// NewWriter returns a Writer to out.
func NewWriter(out io.Writer) *Writer {
	w := &Writer{out: out}
	w.collect.Span = w.span
	return w
}

// Losses returns what could not be written so far.
func (w *Writer) Losses() []tracefmt.Loss { return w.collect.Losses.List() }

// Write adds an event.
func (w *Writer) Write(e *tracefmt.Event) error {
	if w.err == nil && w.closed {
		return fmt.Errorf("write otlp trace: it is closed")
	}
	if w.err == nil {
		w.collect.Add(e)
	}
	return w.err
}

// Flush writes the spans that have ended.
func (w *Writer) Flush() error {
	if w.err == nil && !w.closed {
		w.collect.Flush()
		w.flush()
	}
	return w.err
}

// Close writes what is left.
func (w *Writer) Close() error {
	if w.err == nil && !w.closed {
		w.closed = true
		w.collect.Close()
		w.flush()
	}
	return w.err
}

// flush writes the groups as one message.
func (w *Writer) flush() {
	if w.err != nil || len(w.groups.list) == 0 {
		return
	}
	b := w.buf[:0]
	for i, g := range w.groups.list {
		if g.written {
			continue // written with one before it
		}
		var start int
		b, start = openMessage(b, dataResources)
		b = w.appendResource(b, g.resource)
		for _, other := range w.groups.list[i:] {
			if other.resource == g.resource && !other.written {
				b = w.appendScope(b, other)
				other.written = true
			}
		}
		b = closeMessage(b, start)
	}
	w.buf = b
	w.groups.reset()
	if _, err := w.out.Write(b); err != nil {
		w.err = fmt.Errorf("write otlp trace: %w", err)
	}
}

func (w *Writer) appendResource(b []byte, r *spans.Resource) []byte {
	b, start := openMessage(b, resourceResource)
	if r.Service != "" {
		b = w.appendAttr(b, resourceAttrs, spans.KeyService, tracefmt.String(r.Service))
	}
	if !r.PID.IsZero() {
		b = w.appendAttr(b, resourceAttrs, spans.KeyPID, r.PID)
	}
	b = w.appendAttrs(b, resourceAttrs, r.Attrs)
	b = closeMessage(b, start)
	return appendText(b, resourceSchema, r.Schema)
}

// appendScope adds a ScopeSpans. The schema comes before the spans, so that it is known when they are read.
func (w *Writer) appendScope(b []byte, g *group) []byte {
	b, start := openMessage(b, resourceScopes)
	if s := g.scope; s != nil {
		var scope int
		b, scope = openMessage(b, scopeScope)
		b = appendText(b, scopeName, s.Name)
		b = appendText(b, scopeVersion, s.Version)
		if text, ok := compact(s.Attrs); ok && text[0] == '{' {
			b, _ = appendRawMembers(b, scopeAttrs, text, 0)
		} else if s.Attrs != "" {
			w.collect.Losses.Add("attributes of a scope that aren't a JSON object")
		}
		b = closeMessage(b, scope)
		b = appendText(b, scopeSchema, s.Schema)
	}
	b = append(b, g.records...)
	return closeMessage(b, start)
}

func (w *Writer) appendAttrs(b []byte, num protowire.Number, attrs []tracefmt.Attr) []byte {
	for i := range attrs {
		b = w.appendAttr(b, num, attrs[i].Key, attrs[i].Value)
	}
	return b
}

func (w *Writer) appendAttr(b []byte, num protowire.Number, key string, v tracefmt.Value) []byte {
	b, start := openMessage(b, num)
	b = appendString(b, attrKey, key)
	b, lost := appendValue(b, attrValue, v)
	if lost != "" {
		w.collect.Losses.Add(lost)
	}
	return closeMessage(b, start)
}

// span adds a span to its group.
func (w *Writer) span(s *spans.Span) {
	g := w.groups.of(s.Resource, s.Scope)
	before := len(g.records)
	b, start := openMessage(g.records, scopeRecords)
	b = appendBytes(b, spanTrace, s.Trace[:])
	b = appendID(b, spanID, s.ID)
	b = appendText(b, spanState, s.State)
	if s.Parent != 0 {
		b = appendID(b, spanParent, s.Parent)
	}
	b = appendText(b, spanName, s.Name)
	if s.Kind == spans.KindUnspecified {
		s.Kind = spans.KindInternal
	}
	b = appendUint(b, spanKind, uint64(s.Kind))
	b = appendFixed64(b, spanStart, uint64(s.Start))
	if s.Dur >= 0 {
		b = appendFixed64(b, spanEnd, uint64(s.Start)+uint64(s.Dur))
	}
	b = w.appendAttrs(b, spanAttrs, s.Attrs)
	b = appendCount(b, spanDroppedAttrs, s.DroppedAttrs)
	for i := range s.Events {
		b = w.appendEvent(b, &s.Events[i])
	}
	b = appendCount(b, spanDroppedEvents, s.DroppedEvents)
	for i := range s.Links {
		b = w.appendLink(b, &s.Links[i])
	}
	b = appendCount(b, spanDroppedLinks, s.DroppedLinks)
	b = appendStatus(b, s)
	b = appendFlags(b, spanFlags, s.Flags)
	g.records = closeMessage(b, start)
	w.groups.size += len(g.records) - before
	if w.groups.full() {
		w.flush()
	}
}

func appendID(b []byte, num protowire.Number, id spans.ID) []byte {
	return binary.BigEndian.AppendUint64(append(appendTag(b, num, protowire.BytesType), 8), uint64(id))
}

func (w *Writer) appendEvent(b []byte, e *spans.Event) []byte {
	e.MarkLog()
	b, start := openMessage(b, spanEvents)
	b = appendFixed64(b, eventTime, uint64(e.Time))
	b = appendText(b, eventName, e.Name)
	b = w.appendAttrs(b, eventAttrs, e.Attrs)
	return closeMessage(appendCount(b, eventDropped, e.Dropped), start)
}

func (w *Writer) appendLink(b []byte, l *spans.Link) []byte {
	b, start := openMessage(b, spanLinks)
	b = appendBytes(b, linkTrace, l.Trace[:])
	b = appendID(b, linkSpan, l.ID)
	b = appendText(b, linkState, l.State)
	b = w.appendAttrs(b, linkAttrs, l.Attrs)
	b = appendCount(b, linkDropped, l.Dropped)
	return closeMessage(appendFlags(b, linkFlags, l.Flags), start)
}

func appendStatus(b []byte, s *spans.Span) []byte {
	if s.Status == spans.StatusUnset {
		return b
	}
	b, start := openMessage(b, spanStatus)
	b = appendText(b, statusMessage, s.Message)
	return closeMessage(appendUint(b, statusCode, uint64(s.Status)), start)
}
