package otelbridge

import (
	"encoding/binary"
	"slices"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/spanstack/spanstack/trace"
)

// An assembly makes spans as OpenTelemetry has them of records: events and links come before the span that they are of
// has ended, and only tasks and root async spans say which trace they belong to. Only one goroutine uses it.
type assembly struct {
	config  ExportConfig
	hosts   map[trace.ID]*lineage // of tasks and root async spans
	gone    []trace.ID            // of hosts that have ended, the oldest first
	parts   map[trace.ID]*parts   // of spans that haven't ended
	order   []trace.ID            // of parts, the oldest first, and of some that are taken
	n       int                   // events and links in parts
	clocks  []clock               // the oldest first
	orphans atomic.Uint64         // spans whose trace isn't known, and parts of spans whose end didn't come
}

// A lineage says what trace a task belongs to.
type lineage struct {
	trace     trace.TraceID
	state     oteltrace.TraceState
	unsampled bool
}

// parts are what a span has had so far.
type parts struct {
	events        []event
	links         []sdktrace.Link
	droppedEvents int
	droppedLinks  int
}

// An event is one without its place on the wall clock, which is that of its span.
type event struct {
	name  string
	at    int64 // ns, on the recorder's clock
	attrs []attribute.KeyValue
}

// A clock says what the wall clock read.
type clock struct {
	at   int64 // ns, on the recorder's clock
	unix int64 // ns
}

// Bounds of what is remembered. OpenTelemetry's default for events and links of a span is 128 each.
const (
	maxPartsOfSpan = 128
	maxParts       = 1 << 18
	maxGone        = 1 << 14
	maxClocks      = 1 << 10
)

func newAssembly(rec *trace.Recorder, c ExportConfig) *assembly {
	return &assembly{config: c, hosts: map[trace.ID]*lineage{}, parts: map[trace.ID]*parts{},
		clocks: []clock{{0, rec.Epoch().UnixNano()}}}
}

// add takes in records, and returns the spans that have ended with them. A span's record comes before those of what
// happened in it, since they are ordered by their beginning.
func (a *assembly) add(records []trace.Record) (spans tracetest.SpanStubs) {
	for i := range records {
		a.part(&records[i])
	}
	for i := range records {
		switch r := &records[i]; r.Kind {
		case trace.KindTask, trace.KindSpan, trace.KindAsync:
			if s, ok := a.span(r); ok {
				spans = append(spans, s)
			}
		}
	}
	return spans
}

// part takes in what isn't a span.
func (a *assembly) part(r *trace.Record) {
	switch r.Kind {
	case trace.KindEvent, trace.KindAnomaly:
		a.event(r, r.Name, nil)
	case trace.KindLog:
		if a.config.Logs {
			a.event(r, "log", []attribute.KeyValue{attribute.String("log.severity", r.Level.String()), attribute.String("log.message", r.Name)})
		}
	case trace.KindLink:
		a.link(r)
	case trace.KindClock:
		a.clocks = append(a.clocks, clock{r.Start, r.Unix})
		if len(a.clocks) > maxClocks {
			a.clocks = a.clocks[1:]
		}
	}
}

// span takes in a task or span, and returns it if it has ended and is to be exported.
func (a *assembly) span(r *trace.Record) (s tracetest.SpanStub, ok bool) {
	if r.ID == r.Task || !r.Trace.IsZero() {
		a.host(r)
	}
	switch r.Phase {
	case trace.PhaseBegin, trace.PhaseGone:
		return s, false
	}
	p := a.take(r.ID)
	if r.Phase == trace.PhaseLost {
		return s, false // it is counted as lost already
	}
	l := a.hosts[r.Task]
	if l == nil {
		a.orphans.Add(1)
		return s, false
	}
	if l.unsampled {
		return s, false
	}
	return a.stub(r, l, p)
}

// host notes what trace a task belongs to. What has ended long ago is forgotten.
func (a *assembly) host(r *trace.Record) {
	if a.hosts[r.ID] == nil {
		state, _ := oteltrace.ParseTraceState(r.State) // else there is none
		a.hosts[r.ID] = &lineage{trace: r.Trace, state: state, unsampled: r.Unsampled}
	}
	if r.Phase == trace.PhaseBegin {
		return
	}
	a.gone = append(a.gone, r.ID)
	if len(a.gone) > maxGone {
		delete(a.hosts, a.gone[0])
		a.gone = a.gone[1:]
	}
}

func (a *assembly) stub(r *trace.Record, l *lineage, p *parts) (s tracetest.SpanStub, ok bool) {
	attrs := make([]attribute.KeyValue, 0, len(r.Attrs))
	kind := oteltrace.SpanKindInternal
	dropped := 0
	for _, at := range r.Attrs {
		kv := toOTel(at)
		switch kv.Key {
		case sdkKey:
			return s, false
		case kindKey:
			if k, ok := kindOf(kv.Value.AsString()); ok {
				kind = k
				continue
			}
		case droppedKey:
			dropped = int(kv.Value.AsInt64())
			continue
		}
		attrs = append(attrs, kv)
	}
	status := sdktrace.Status{}
	switch r.Status {
	case trace.StatusError, trace.StatusCancelled:
		status = sdktrace.Status{Code: codes.Error, Description: r.Err}
	}
	if valueOf(attrs, statusKey).AsString() == statusOK {
		status = sdktrace.Status{Code: codes.Ok}
		attrs = without(attrs, statusKey)
	}
	offset := a.offset(r.Start)
	scope, attrs := takeScope(attrs)
	if scope.Name == "" {
		scope.Name = scopeName
	}
	s = tracetest.SpanStub{
		Name: r.Name, SpanContext: l.context(r.ID, false), SpanKind: kind, Status: status,
		StartTime: time.Unix(0, r.Start+offset), EndTime: time.Unix(0, r.End+offset), Attributes: attrs, DroppedAttributes: dropped,
		Resource: a.config.Resource, InstrumentationScope: scope,
	}
	if r.Parent != 0 {
		s.Parent = l.context(r.Parent, r.Kind == trace.KindTask && r.ParentTask == 0)
	}
	if p != nil {
		s.Links, s.DroppedEvents, s.DroppedLinks = p.links, p.droppedEvents, p.droppedLinks
		for _, e := range p.events {
			s.Events = append(s.Events, sdktrace.Event{Name: e.name, Time: time.Unix(0, e.at+offset), Attributes: e.attrs})
		}
	}
	return s, true
}

// scopeName is that of spans that package trace's own API has made.
const scopeName = "github.com/spanstack/spanstack/trace"

func (l *lineage) context(id trace.ID, remote bool) oteltrace.SpanContext {
	c := oteltrace.SpanContextConfig{TraceID: oteltrace.TraceID(l.trace), TraceFlags: oteltrace.FlagsSampled, TraceState: l.state, Remote: remote}
	binary.BigEndian.PutUint64(c.SpanID[:], uint64(id))
	return oteltrace.NewSpanContext(c)
}

// valueOf returns the value of an attribute, or the empty one.
func valueOf(kvs []attribute.KeyValue, key attribute.Key) attribute.Value {
	for _, kv := range kvs {
		if kv.Key == key {
			return kv.Value
		}
	}
	return attribute.Value{}
}

func without(kvs []attribute.KeyValue, key attribute.Key) []attribute.KeyValue {
	rest := kvs[:0]
	for _, kv := range kvs {
		if kv.Key != key {
			rest = append(rest, kv)
		}
	}
	return rest
}

// of returns the parts of a span. If there are too many of all spans, those of the oldest are forgotten, and counted as
// lost: most likely its end never came, since it left the recorder before it was fetched.
func (a *assembly) of(id trace.ID) *parts {
	for a.n >= maxParts && len(a.order) > 0 {
		oldest := a.order[0]
		a.order = a.order[1:]
		if p := a.take(oldest); p != nil {
			a.orphans.Add(uint64(len(p.events) + len(p.links)))
		}
	}
	if p := a.parts[id]; p != nil {
		return p
	}
	if len(a.order) >= 2*len(a.parts)+64 { // most of them are taken
		a.order = slices.DeleteFunc(a.order, func(id trace.ID) bool { return a.parts[id] == nil })
	}
	p := new(parts)
	a.parts[id] = p
	a.order = append(a.order, id)
	return p
}

// take returns the parts of a span that has ended, if it had some.
func (a *assembly) take(id trace.ID) *parts {
	p := a.parts[id]
	if p != nil {
		a.n -= len(p.events) + len(p.links)
		delete(a.parts, id)
	}
	return p
}

func (a *assembly) event(r *trace.Record, name string, attrs []attribute.KeyValue) {
	p := a.of(r.Parent)
	if len(p.events) >= maxPartsOfSpan {
		p.droppedEvents++
		return
	}
	for _, at := range r.Attrs {
		attrs = append(attrs, toOTel(at))
	}
	p.events = append(p.events, event{name, r.Start, attrs})
	a.n++
}

func (a *assembly) link(r *trace.Record) {
	p := a.of(r.Parent)
	if len(p.links) >= maxPartsOfSpan {
		p.droppedLinks++
		return
	}
	l := lineage{trace: r.Link.Trace}
	unsampled := false
	var attrs []attribute.KeyValue
	for _, at := range r.Attrs {
		switch at.Key {
		case linkStateKey:
			l.state, _ = oteltrace.ParseTraceState(at.Value.String())
		case linkUnsampledKey:
			unsampled = true
		default:
			attrs = append(attrs, toOTel(at))
		}
	}
	sc := l.context(r.Link.Span, false)
	if unsampled {
		sc = sc.WithTraceFlags(0)
	}
	p.links = append(p.links, sdktrace.Link{SpanContext: sc, Attributes: attrs})
	a.n++
}

// offset returns how far the wall clock was ahead of the recorder's at a time of that, by the last snapshot before. All
// times of a span are by that of its beginning: else a step of the wall clock would change how long it was.
func (a *assembly) offset(at int64) int64 {
	for _, c := range slices.Backward(a.clocks) { // most spans are recent
		if c.at <= at {
			return c.unix - c.at
		}
	}
	return a.clocks[0].unix - a.clocks[0].at
}
