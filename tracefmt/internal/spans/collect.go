package spans

import (
	"fmt"
	"math"
	"slices"

	"github.com/spanstack/spanstack/tracefmt"
)

// Limits of what a Collector holds beside what is open.
const (
	maxHeld       = 1024    // spans that have ended and may still get events
	maxWaiting    = 1 << 16 // spans that wait for a parent of which their trace is known
	maxKnown      = 1 << 16 // IDs of spans that were handed out, with their traces
	maxOrphans    = 4096    // events that wait for their span
	maxEvents     = 1 << 16 // events of one span
	maxHeldBytes  = 16 << 20
	maxWaitBytes  = 64 << 20
	maxOrphanText = 8 << 20 // bytes
	maxNested     = 1 << 12 // complete slices around a moment of a track
)

// Collector turns events into spans, for writers. Spans are handed out once they have ended, roughly in the order of
// their ends: 1,024 are held for events that come after their span, and up to 65,536 wait for a parent that says which
// trace they are in. Its memory is bounded by these, by what is open, and by the number of tracks.
//
// What spans can't express is counted in Losses.
type Collector struct {
	// Span and Log are called with what is to be written. It is the Collector's again when they return.
	Span func(*Span)
	// Log is nil in formats without log records: log lines are events of spans then.
	Log func(*Log)

	Losses tracefmt.Losses

	tracks   map[tracefmt.TrackID]*track
	async    map[asyncKey][]*node
	nothing  Resource // of tracks that aren't declared
	scope    *Scope   // the last one
	anchored bool
	timed    bool
	offset   int64 // from the trace's clock to Unix time, in ns

	nodes   map[ID]*node
	recent  []*node // in the order of their making
	serial  uint64  // of the last slice
	unnamed uint64  // slices without an ID so far
	held    queue
	waits   queue
	orphan  queue // of events
	spare   []*Span
}

type asyncKey struct{ category, key string }

// state is how far a node's span is.
type state uint8

const (
	unseen state = iota // only its ID was mentioned
	open
	held
	gone // handed out
)

// node is what is known of an ID.
type node struct {
	id       ID
	state    state
	serial   uint64 // of its slice
	parent   ID
	trace    TraceID // if traced
	traced   bool
	parked   bool  // its span is in waits
	span     *Span // if open or held
	children []*node
	events   []*item // that wait for it
}

// Add adds an event. It keeps nothing of e but strings.
func (c *Collector) Add(e *tracefmt.Event) {
	if c.tracks == nil {
		c.tracks = make(map[tracefmt.TrackID]*track)
		c.async = make(map[asyncKey][]*node)
		c.nodes = make(map[ID]*node)
	}
	switch e.Kind {
	case tracefmt.Process, tracefmt.Track:
		c.declare(e)
		return
	case tracefmt.Clock:
		c.clock(e)
		return
	}
	c.timed = true
	at, ok := c.time(e.Time)
	if !ok {
		c.Losses.Add("event before 1970 or after 2262")
		return
	}
	switch e.Kind {
	case tracefmt.Begin, tracefmt.Complete, tracefmt.AsyncBegin:
		c.begin(e, at)
	case tracefmt.End:
		c.end(e, at)
	case tracefmt.AsyncEnd:
		c.asyncEnd(e, at)
	case tracefmt.AsyncInstant:
		c.asyncInstant(e, at)
	case tracefmt.Instant:
		c.instant(e, at)
	case tracefmt.Log:
		c.logLine(e, at)
	default:
		c.Losses.Add(e.Kind.String())
	}
}

// time returns a time of the trace in ns since 1970.
func (c *Collector) time(t int64) (unix int64, ok bool) {
	unix = t + c.offset
	return unix, unix >= 0 && (unix >= t) == (c.offset >= 0)
}

func (c *Collector) clock(e *tracefmt.Event) {
	if c.anchored || c.timed {
		c.Losses.Add("clock after the first event")
		return
	}
	c.anchored = true
	if c.offset = e.Unix - e.Time; (c.offset <= e.Unix) != (e.Time >= 0) {
		c.offset = 0
		c.Losses.Add("clock out of range")
	}
}

// node returns what is known of an ID, perhaps nothing.
func (c *Collector) node(id ID) *node {
	n := c.nodes[id]
	if n == nil {
		n = &node{id: id}
		c.nodes[id] = n
		c.remember(n)
	}
	return n
}

// remember puts a node into the list of those that are forgotten some time.
func (c *Collector) remember(n *node) {
	c.recent = append(c.recent, n)
	if len(c.recent) <= maxKnown {
		return
	}
	old := c.recent[0]
	c.recent = c.recent[1:]
	if old.state == open || old.state == held || len(old.children) > 0 || len(old.events) > 0 {
		c.recent = append(c.recent, old)
	} else if c.nodes[old.id] == old {
		delete(c.nodes, old.id)
	}
}

func (c *Collector) newSpan() *Span {
	if n := len(c.spare); n > 0 {
		s := c.spare[n-1]
		c.spare = c.spare[:n-1]
		s.Reset()
		return s
	}
	return new(Span)
}

// recycle keeps a span's memory, unless that is large.
func (c *Collector) recycle(s *Span) {
	if len(c.spare) < maxHeld && cap(s.Attrs) <= 64 && cap(s.Events) <= 16 && cap(s.Links) <= 16 {
		c.spare = append(c.spare, s)
	}
}

// begin takes in a slice of any kind.
func (c *Collector) begin(e *tracefmt.Event, at int64) {
	if e.Kind == tracefmt.Complete && e.Dur > math.MaxInt64-at {
		c.Losses.Add("event before 1970 or after 2262")
		return
	}
	t := c.trackOf(e.Track)
	c.serial++
	s := c.newSpan()
	s.Resource, s.Name, s.Start, s.Dur = c.resourceOf(t), e.Name, at, tracefmt.Open
	s.Attrs = append(s.Attrs, e.Attrs...)
	if e.Kind == tracefmt.Complete {
		s.Dur = max(e.Dur, tracefmt.Open)
	}
	exact := false
	if e.ID == "" {
		c.unnamed++
		s.ID = hash(fmt.Sprint("slice ", c.unnamed))
	} else {
		s.ID, exact = Number(e.ID)
	}
	if !exact {
		s.Attrs = append(s.Attrs, tracefmt.Attr{Key: keyID, Value: tracefmt.String(e.ID)})
	}
	s.takeTrace()
	if e.Kind != tracefmt.AsyncBegin {
		t.leave(e, at)
	}
	if e.Parent != "" {
		if s.Parent, exact = Number(e.Parent); !exact {
			s.Attrs = append(s.Attrs, tracefmt.Attr{Key: keyParent, Value: tracefmt.String(e.Parent)})
		}
	} else if n := len(t.stack); n > 0 && s.Trace.IsZero() && e.Kind != tracefmt.AsyncBegin {
		s.Parent = t.stack[n-1].id
		s.Attrs = append(s.Attrs, tracefmt.Attr{Key: keyNested, Value: tracefmt.Bool(true)})
	}
	if e.Category != tracefmt.CategorySpan {
		s.Attrs = append(s.Attrs, tracefmt.Attr{Key: keyCategory, Value: tracefmt.String(e.Category)})
	}
	if e.Kind == tracefmt.AsyncBegin {
		s.Attrs = append(s.Attrs, tracefmt.Attr{Key: keyAsync, Value: tracefmt.String(e.Key)})
	}
	s.Attrs = t.thread(s.Attrs)
	n := c.define(s)
	switch e.Kind {
	case tracefmt.Begin:
		t.stack = append(t.stack, level{node: n, id: s.ID})
	case tracefmt.AsyncBegin:
		key := asyncKey{e.Category, e.AsyncKey()}
		c.async[key] = append(c.async[key], n)
	default:
		if s.Dur >= 0 && len(t.stack) < maxNested {
			t.stack = append(t.stack, level{id: s.ID, start: s.Start, end: s.Start + s.Dur})
		}
		c.finish(n)
	}
}

// takeTrace takes the trace's ID from the attributes.
func (s *Span) takeTrace() {
	for i, a := range s.Attrs {
		if a.Key == KeyTrace && a.Value.Kind() == tracefmt.StringValue {
			if id, ok := ParseTraceID(a.Value.String()); ok && len(a.Value.String()) == 32 && !id.IsZero() {
				s.Trace = id
				s.Attrs = slices.Delete(s.Attrs, i, i+1)
				return
			}
		}
	}
}

// define makes a span known by its ID, as an open one.
func (c *Collector) define(s *Span) *node {
	n := c.node(s.ID)
	if n.state != unseen { // an ID for the second time
		n = &node{id: s.ID}
		c.nodes[s.ID] = n
		c.remember(n)
	}
	n.state, n.serial, n.parent, n.span = open, c.serial, s.Parent, s
	for _, it := range n.events {
		c.orphan.remove(it)
		c.attach(n, it.point)
	}
	n.events = nil
	switch {
	case n.traced: // it was guessed for its children
		if !s.Trace.IsZero() && s.Trace != n.trace {
			c.Losses.Add("trace of a span that came too long before its parent")
			n.trace = s.Trace
		}
	case !s.Trace.IsZero():
		c.setTrace(n, s.Trace)
	case s.Parent == 0:
		c.setTrace(n, traceOf(s.ID))
	default:
		if p := c.node(s.Parent); p.traced {
			c.setTrace(n, p.trace)
		} else {
			p.children = append(p.children, n)
		}
	}
	return n
}

// end takes in the end of the innermost open slice of a track.
func (c *Collector) end(e *tracefmt.Event, at int64) {
	t := c.trackOf(e.Track)
	i := len(t.stack) - 1
	for i >= 0 && t.stack[i].node == nil {
		i--
	}
	if i < 0 {
		c.Losses.Add("end of a slice that isn't open")
		return
	}
	n := t.stack[i].node
	t.stack = t.stack[:i]
	c.ended(n, e, at)
}

// ended completes an open slice.
func (c *Collector) ended(n *node, e *tracefmt.Event, at int64) {
	s := n.span
	if s.Dur = at - s.Start; s.Dur < 0 {
		c.Losses.Add("slice that ends before it begins, made to end at once")
		s.Dur = 0
	}
	for _, a := range e.Attrs {
		s.Attrs = SetAttr(s.Attrs, a.Key, a.Value)
	}
	c.finish(n)
}

func (c *Collector) asyncEnd(e *tracefmt.Event, at int64) {
	key := asyncKey{e.Category, e.AsyncKey()}
	list := c.async[key]
	for i := len(list) - 1; i >= 0; i-- {
		if n := list[i]; n.span.Name == e.Name {
			if list = slices.Delete(list, i, i+1); len(list) == 0 {
				delete(c.async, key)
			} else {
				c.async[key] = list
			}
			c.ended(n, e, at)
			return
		}
	}
	c.Losses.Add("end of an async slice that isn't open")
}

// finish puts a span that has ended into the queue.
func (c *Collector) finish(n *node) {
	n.state = held
	c.take(n.span)
	c.held.push(&item{node: n, bytes: n.span.size()})
	c.trim()
}
