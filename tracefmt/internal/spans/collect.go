package spans

import (
	"cmp"
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

// track is a process or a track.
type track struct {
	isProcess bool
	process   *track
	resource  *Resource // of a process
	name      string
	source    tracefmt.Value
	order     int64
	stack     []level
}

// level is a slice of a track that others may be in.
type level struct {
	node       *node // of an open one
	id         ID
	start, end int64 // of a complete one
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

// item is an element of a queue: a span that a node has, a log record, or an event.
type item struct {
	node  *node // the span's, or that of the parent
	log   *Log
	point point
	bytes int
	gone  bool
}

// queue is a list of items with their size. Items that are gone stay in it until they are at its head.
type queue struct {
	items []*item
	head  int
	count int
	bytes int
}

func (q *queue) push(it *item) {
	q.items = append(q.items, it)
	q.count++
	q.bytes += it.bytes
}

// remove takes an item out that is in the middle.
func (q *queue) remove(it *item) {
	it.gone = true
	q.count--
	q.bytes -= it.bytes
}

// pop takes the first item; nil if there is none.
func (q *queue) pop() *item {
	for q.head < len(q.items) {
		it := q.items[q.head]
		q.items[q.head] = nil
		q.head++
		if q.head >= 1024 && q.head*2 > len(q.items) {
			n := copy(q.items, q.items[q.head:])
			clear(q.items[n:])
			q.items, q.head = q.items[:n], 0
		}
		if !it.gone {
			q.remove(it)
			return it
		}
	}
	return nil
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

func (c *Collector) declare(e *tracefmt.Event) {
	t := c.trackOf(e.Track)
	if e.Name != "" {
		t.name = e.Name
	}
	if !e.SourceID.IsZero() {
		t.source = e.SourceID
	}
	if e.Order != 0 {
		t.order = e.Order
	}
	if e.Kind == tracefmt.Track {
		t.process = c.trackOf(e.Process)
		t.isProcess = false
		if e.Order != 0 {
			c.Losses.Add("order of a track")
		}
		if len(e.Attrs) > 0 {
			c.Losses.Add("attributes of a track")
		}
		return
	}
	t.isProcess = true
	if t.resource == nil {
		t.resource = new(Resource)
	}
	r := t.resource // spans that are held have it, too, and may well know more
	r.Service = t.name
	for _, a := range e.Attrs {
		if a.Key == KeyResourceSchema && a.Value.Kind() == tracefmt.StringValue {
			r.Schema = a.Value.String()
			continue
		}
		r.Attrs = SetAttr(r.Attrs, a.Key, a.Value)
	}
	switch t.source.Kind() {
	case tracefmt.NoValue:
	case tracefmt.Int64Value:
		r.PID = t.source
	default:
		r.Attrs = SetAttr(r.Attrs, keySource, t.source)
	}
	if t.order != 0 {
		r.Attrs = SetAttr(r.Attrs, keyOrder, tracefmt.Int64(t.order))
	}
}

// trackOf returns what is known of a track or process.
func (c *Collector) trackOf(id tracefmt.TrackID) *track {
	t := c.tracks[id]
	if t == nil {
		t = new(track)
		c.tracks[id] = t
	}
	return t
}

func (c *Collector) resourceOf(t *track) *Resource {
	if t.process != nil && !t.isProcess {
		t = t.process
	}
	if t.resource == nil {
		return &c.nothing
	}
	return t.resource
}

// thread appends the attributes that say which track something is on.
func (t *track) thread(attrs []tracefmt.Attr) []tracefmt.Attr {
	if t.isProcess || t.process == nil || t.source.IsZero() && t.name == spansTrack {
		return attrs
	}
	if !t.source.IsZero() {
		attrs = append(attrs, tracefmt.Attr{Key: KeyThreadID, Value: t.source})
	}
	return appendText(attrs, KeyThreadName, t.name)
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

// leave takes those complete slices from a track's stack that what happens now isn't in.
func (t *track) leave(e *tracefmt.Event, at int64) {
	end := at
	if e.Kind == tracefmt.Complete {
		end += max(e.Dur, 0)
	}
	for n := len(t.stack); n > 0; n = len(t.stack) {
		if top := &t.stack[n-1]; top.node != nil || top.start <= at && at < top.end && end <= top.end {
			return
		}
		t.stack = t.stack[:n-1]
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

// setTrace says of which trace a node is, and with it all that waited for that.
func (c *Collector) setTrace(n *node, trace TraceID) {
	todo := []*node{n}
	if len(n.children) == 0 && !n.parked {
		n.trace, n.traced = trace, true
		return
	}
	for len(todo) > 0 {
		n, todo = todo[len(todo)-1], todo[:len(todo)-1]
		if n.traced {
			continue
		}
		n.trace, n.traced = trace, true
		todo = append(todo, n.children...)
		n.children = nil
		if n.parked {
			n.parked = false
			c.handOut(n)
		}
	}
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

// trim hands out what is more than may be held.
func (c *Collector) trim() {
	for c.held.count > maxHeld || c.held.bytes > maxHeldBytes {
		c.release(c.held.pop())
	}
}

// release hands out an item, or lets its span wait for its trace.
func (c *Collector) release(it *item) {
	n := it.node
	if it.log != nil {
		if n != nil && n.traced && it.log.Trace.IsZero() {
			it.log.Trace = n.trace
		}
		c.Log(it.log)
		return
	}
	if n.traced {
		c.handOut(n)
		return
	}
	n.parked = true
	it.gone = false
	c.waits.push(it)
	for c.waits.count > maxWaiting || c.waits.bytes > maxWaitBytes {
		c.forceFirst("trace of a span whose parent isn't there, or comes too late: made up")
	}
}

// forceFirst makes the span go that waits for its trace since the longest time.
func (c *Collector) forceFirst(why string) bool {
	it := c.waits.pop()
	if it == nil {
		return false
	}
	if it.node.parked {
		if why != "" {
			c.Losses.Add(why)
		}
		c.force(it.node)
	}
	return true
}

// force says of which trace a node is, by the outermost of those around it that is known.
func (c *Collector) force(n *node) {
	root := n
	for steps := 0; root.parent != 0 && steps < maxKnown; steps++ {
		p := c.nodes[root.parent]
		if p == nil || p == n {
			break
		}
		if p.traced {
			c.setTrace(root, p.trace)
			return
		}
		root = p
	}
	trace := traceOf(root.id)
	c.setTrace(root, trace)
	c.setTrace(n, trace) // if there is a circle
}

// handOut hands out a span whose trace is known.
func (c *Collector) handOut(n *node) {
	s := n.span
	s.Trace = n.trace
	c.Span(s)
	n.state, n.span = gone, nil
	c.recycle(s)
}

// Flush hands out the spans that have ended, and the log records, as far as their traces are known. It doesn't
// wait for events of them that might come.
func (c *Collector) Flush() {
	for it := c.held.pop(); it != nil; it = c.held.pop() {
		c.release(it)
	}
}

// Close hands out all that is left: slices that are open as spans without an end.
func (c *Collector) Close() {
	var left []*node
	for _, t := range c.tracks {
		for _, l := range t.stack {
			if l.node != nil {
				left = append(left, l.node)
			}
		}
	}
	for _, list := range c.async {
		left = append(left, list...)
	}
	slices.SortFunc(left, func(a, b *node) int { return cmp.Compare(a.serial, b.serial) })
	for _, n := range left {
		c.finish(n)
	}
	for it := c.orphan.pop(); it != nil; it = c.orphan.pop() {
		c.abandon(it)
	}
	c.Flush()
	for c.forceFirst("") {
	}
}
