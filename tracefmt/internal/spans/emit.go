package spans

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
)

// Limits of what an Emitter tells apart. Spans of more processes or threads share the last of each.
const (
	maxProcesses = 1 << 16
	maxTracks    = 1 << 18
)

// Emitter turns spans and log records into events, for readers. Its memory is bounded by the number of resources and
// threads. The zero value is ready for use.
//
// Each Span or Log queues some events, which Next hands out. A reader calls Next until that returns nil before it adds
// more, if it wants the queue to stay short.
type Emitter struct {
	Losses tracefmt.Losses

	queue []tracefmt.Event
	next  int

	anchored  bool
	last      tracefmt.TrackID // the highest that was given
	processes map[string]tracefmt.TrackID
	anonymous int // processes without a resource
	tracks    map[trackKey]tracefmt.TrackID
	lastKey   trackKey
	lastTrack tracefmt.TrackID
	texts     *texts
}

// trackKey is what tells tracks apart. The zero thread is that of spans which name none.
type trackKey struct {
	process tracefmt.TrackID
	thread  tracefmt.Value
	name    string
}

// Next returns the next event that is queued, or nil. It is valid until the next Span, Log, Process or Describe.
func (m *Emitter) Next() *tracefmt.Event {
	if m.next == len(m.queue) {
		m.queue, m.next = m.queue[:0], 0
		return nil
	}
	m.next++
	return &m.queue[m.next-1]
}

// emit adds an event to the queue. It is valid until the next is added.
func (m *Emitter) emit(kind tracefmt.Kind, track tracefmt.TrackID, time int64) *tracefmt.Event {
	if m.next > 0 && m.next == len(m.queue) {
		m.queue, m.next = m.queue[:0], 0
	}
	if len(m.queue) < cap(m.queue) {
		m.queue = m.queue[:len(m.queue)+1]
	} else {
		m.queue = append(m.queue, tracefmt.Event{})
	}
	e := &m.queue[len(m.queue)-1]
	*e = tracefmt.Event{Kind: kind, Track: track, Time: time, Attrs: e.Attrs[:0]}
	return e
}

// Process returns the process of a resource, and declares it if it is new. It keeps nothing of r but strings.
func (m *Emitter) Process(r *Resource) tracefmt.TrackID {
	key := r.text()
	if id, ok := m.processes[key]; ok {
		return id
	}
	if len(m.processes) >= maxProcesses {
		m.Losses.Add("resource beyond the first 65536, taken for the last one")
		return m.processes[""]
	}
	if m.processes == nil {
		m.processes = make(map[string]tracefmt.TrackID)
	}
	m.last++
	m.processes[key] = m.last
	if len(m.processes) == maxProcesses-1 {
		m.processes[""] = m.last // no resource's text is empty
	}
	m.describe(m.last, r)
	return m.last
}

// Anonymous returns a new process, of which nothing is known yet.
func (m *Emitter) Anonymous() tracefmt.TrackID {
	if m.anonymous++; m.anonymous > maxProcesses {
		return m.Process(&Resource{})
	}
	m.last++
	m.emit(tracefmt.Process, m.last, 0)
	return m.last
}

// Describe says of what resource an anonymous process is.
func (m *Emitter) Describe(process tracefmt.TrackID, r *Resource) { m.describe(process, r) }

func (m *Emitter) describe(id tracefmt.TrackID, r *Resource) {
	e := m.emit(tracefmt.Process, id, 0)
	e.Name, e.SourceID = r.Service, r.PID
	for _, a := range r.Attrs {
		switch n, isInt := a.Value.Int64(); {
		case a.Key == keyOrder && isInt:
			e.Order = n
		case a.Key == keySource:
			e.SourceID = a.Value
		default:
			e.Attrs = append(e.Attrs, a)
		}
	}
	if r.Schema != "" {
		e.Attrs = append(e.Attrs, tracefmt.Attr{Key: KeyResourceSchema, Value: tracefmt.String(r.Schema)})
	}
}

// text returns a text that equal resources have in common.
func (r *Resource) text() string {
	lines := make([]string, 0, len(r.Attrs)+1)
	for _, a := range r.Attrs {
		lines = append(lines, fmt.Sprintf("%q=%d%q", a.Key, a.Value.Kind(), a.Value.String()))
	}
	slices.Sort(lines)
	lines = append(lines, fmt.Sprintf("%q %v %q", r.Service, r.PID, r.Schema))
	return strings.Join(lines, "\n")
}

// track returns the track of a thread of a process, and declares it if it is new.
func (m *Emitter) track(key trackKey) tracefmt.TrackID {
	if key == m.lastKey && m.lastTrack != 0 {
		return m.lastTrack
	}
	id, ok := m.tracks[key]
	if !ok {
		id = m.newTrack(key)
	}
	m.lastKey, m.lastTrack = key, id
	return id
}

func (m *Emitter) newTrack(key trackKey) tracefmt.TrackID {
	if len(m.tracks) >= maxTracks && (!key.thread.IsZero() || key.name != "") {
		m.Losses.Add(fmt.Sprintf("thread beyond the first %d, not told apart", maxTracks))
		return m.track(trackKey{process: key.process})
	}
	if m.tracks == nil {
		m.tracks = make(map[trackKey]tracefmt.TrackID)
	}
	m.last++
	m.tracks[key] = m.last
	e := m.emit(tracefmt.Track, m.last, 0)
	e.Process, e.SourceID, e.Name = key.process, key.thread, key.name
	if key.thread.IsZero() && key.name == "" {
		e.Name = spansTrack
	}
	return m.last
}

func (m *Emitter) anchor(t int64) {
	if !m.anchored {
		m.anchored = true
		m.emit(tracefmt.Clock, 0, t).Unix = t
	}
	if m.texts == nil {
		m.texts = new(texts)
	}
}

// marks are what attributes under reserved names say.
type marks struct {
	key      trackKey
	category *string
	id       *string
	parent   *string
	nested   bool
	async    tracefmt.Value // its Key, or true
	instant  bool
	time     *int64
	severity *string
}

// take takes attributes out of a list which are no attributes in the model.
func (k *marks) take(attrs []tracefmt.Attr) (rest []tracefmt.Attr) {
	for i := range attrs {
		if isMark(attrs[i].Key) {
			rest = attrs[:i]
			for _, a := range attrs[i:] {
				if !isMark(a.Key) || !k.set(a.Key, a.Value) {
					rest = append(rest, a)
				}
			}
			return rest
		}
	}
	return attrs
}

// isMark is quick in saying that a name isn't reserved.
func isMark(key string) bool {
	if len(key) < len(KeyThreadID) {
		return false
	}
	return key[0] == 't' && key[:7] == "thread." || key[0] == 's' && strings.HasPrefix(key, own)
}

func (k *marks) set(key string, v tracefmt.Value) bool {
	text := v.String()
	isText := v.Kind() == tracefmt.StringValue
	isTrue := v == tracefmt.Bool(true)
	switch key {
	case KeyThreadID:
		if k.key.thread.IsZero() && (v.Kind() == tracefmt.Int64Value || isText && text != "") {
			k.key.thread = v
			return true
		}
		return false
	case KeyThreadName:
		if k.key.name == "" && isText && text != "" {
			k.key.name = text
			return true
		}
		return false
	case keyCategory:
		k.category = &text
		return isText
	case keyID:
		k.id = &text
		return isText
	case keyParent:
		k.parent = &text
		return isText
	case keyNested:
		k.nested = isTrue
		return isTrue
	case keyAsync:
		k.async = v
		return isText || isTrue
	case keyTime:
		n, ok := v.Int64()
		k.time = &n
		return ok
	case keySeverity:
		k.severity = &text
		return isText
	case keyInstant:
		k.instant = isTrue
		return isTrue
	}
	return false
}

// Span queues the events of a span. It takes the attributes' memory and leaves other for it, and keeps nothing else.
func (m *Emitter) Span(s *Span) {
	if s.Dur >= 0 && s.Start > math.MaxInt64-s.Dur {
		m.Losses.Add("span whose end is out of range")
		return
	}
	m.anchor(s.Start)
	k := marks{key: trackKey{process: s.Process}}
	s.Attrs = k.take(s.Attrs)
	track := m.track(k.key)
	kind := tracefmt.Complete
	if k.async.Kind() == tracefmt.StringValue {
		kind = tracefmt.AsyncBegin
	}
	e := m.emit(kind, track, s.Start)
	at := len(m.queue) - 1 // e is valid until the next is added
	e.Name, e.Category, e.Dur = s.Name, tracefmt.CategorySpan, s.Dur
	e.ID, e.Parent = m.texts.span(s.ID), m.texts.span(s.Parent)
	if k.category != nil {
		e.Category = *k.category
	}
	if k.id != nil {
		e.ID = *k.id
	}
	if k.parent != nil {
		e.Parent = *k.parent
	}
	if k.nested {
		e.Parent = ""
	}
	e.Attrs, s.Attrs = m.spanAttrs(s), e.Attrs
	if kind == tracefmt.AsyncBegin {
		e.Dur, e.Key = 0, k.async.String()
	}
	id := e.ID
	for i := range s.Links {
		m.link(&s.Links[i], track, s.Start, id)
	}
	for i := range s.Events {
		m.event(&s.Events[i], track, id, at)
	}
	if kind == tracefmt.AsyncBegin && s.Dur >= 0 {
		end := m.emit(tracefmt.AsyncEnd, track, s.Start+s.Dur)
		begin := &m.queue[at]
		end.Name, end.Category, end.ID, end.Key = begin.Name, begin.Category, begin.ID, begin.Key
	}
}

// spanAttrs returns a span's attributes with those that stand for what else it has.
func (m *Emitter) spanAttrs(s *Span) []tracefmt.Attr {
	attrs := s.Attrs
	if !s.Trace.IsZero() && !s.Trace.made() {
		attrs = append(attrs, tracefmt.Attr{Key: KeyTrace, Value: tracefmt.String(m.texts.trace(&s.Trace))})
	}
	if kind := s.Kind.String(); kind != "" {
		attrs = append(attrs, tracefmt.Attr{Key: KeyKind, Value: tracefmt.String(kind)})
	}
	if s.Scope != nil {
		attrs = s.Scope.append(attrs)
	}
	attrs = appendText(attrs, KeyState, s.State)
	if s.Flags&^(FlagSampled|FlagHasRemote) != 0 {
		attrs = append(attrs, tracefmt.Attr{Key: KeyFlags, Value: tracefmt.Int64(int64(s.Flags))})
	}
	switch {
	case s.Status == StatusOK:
		attrs = append(attrs, tracefmt.Attr{Key: KeyStatus, Value: tracefmt.String("OK")})
	case s.Status == StatusError && s.Message != "":
		attrs = append(attrs, tracefmt.Attr{Key: tracefmt.AttrError, Value: tracefmt.String(s.Message)})
	case s.Status == StatusError:
		if !(&tracefmt.Event{Attrs: attrs}).Failed() {
			attrs = append(attrs, tracefmt.Attr{Key: tracefmt.AttrError, Value: tracefmt.Bool(true)})
		}
	}
	attrs = appendCount(attrs, KeyDroppedAttrs, s.DroppedAttrs)
	attrs = appendCount(attrs, KeyDroppedEvents, s.DroppedEvents)
	return appendCount(attrs, KeyDroppedLinks, s.DroppedLinks)
}

func (s *Scope) append(attrs []tracefmt.Attr) []tracefmt.Attr {
	attrs = appendText(attrs, KeyScope, s.Name)
	attrs = appendText(attrs, KeyScopeVersion, s.Version)
	attrs = appendText(attrs, KeyScopeSchema, s.Schema)
	if s.Attrs != "" {
		attrs = append(attrs, tracefmt.Attr{Key: KeyScopeAttrs, Value: tracefmt.RawJSON(s.Attrs)})
	}
	return attrs
}

func appendText(attrs []tracefmt.Attr, key, text string) []tracefmt.Attr {
	if text == "" {
		return attrs
	}
	return append(attrs, tracefmt.Attr{Key: key, Value: tracefmt.String(text)})
}

func appendCount(attrs []tracefmt.Attr, key string, n uint32) []tracefmt.Attr {
	if n == 0 {
		return attrs
	}
	return append(attrs, tracefmt.Attr{Key: key, Value: tracefmt.Int64(int64(n))})
}

func (m *Emitter) link(l *Link, track tracefmt.TrackID, at int64, parent string) {
	var k marks
	l.Attrs = k.take(l.Attrs)
	if k.time != nil {
		at = *k.time
	}
	e := m.emit(tracefmt.Instant, track, at)
	e.Name, e.Category, e.Parent = tracefmt.CategoryLink, tracefmt.CategoryLink, parent
	id := m.texts.span(l.ID)
	if k.id != nil {
		id = *k.id
	}
	e.Attrs = append(e.Attrs, tracefmt.Attr{Key: KeyLinkSpan, Value: tracefmt.String(id)})
	if !l.Trace.IsZero() {
		e.Attrs = append(e.Attrs, tracefmt.Attr{Key: KeyLinkTrace, Value: tracefmt.String(m.texts.trace(&l.Trace))})
	}
	e.Attrs = appendText(append(e.Attrs, l.Attrs...), KeyLinkState, l.State)
	if l.Flags&^(FlagSampled|FlagHasRemote) != 0 {
		e.Attrs = appendCount(e.Attrs, KeyLinkFlags, l.Flags)
	}
	e.Attrs = appendCount(e.Attrs, KeyDroppedAttrs, l.Dropped)
}

// event queues an event of the span whose own event is at an index of the queue.
func (m *Emitter) event(v *Event, track tracefmt.TrackID, parent string, span int) {
	var k marks
	v.Attrs = k.take(v.Attrs)
	e := m.emit(tracefmt.Instant, track, v.Time)
	e.Name, e.Category, e.Parent = v.Name, categoryEvent, parent
	if k.severity != nil {
		v.IsLog = true
		v.Severity, _ = tracefmt.ParseSeverity(*k.severity)
	}
	if v.IsLog {
		e.Kind, e.Severity, e.Category = tracefmt.Log, v.Severity, ""
	}
	if k.category != nil {
		e.Category = *k.category
	}
	if k.nested {
		e.Parent = ""
	}
	if begin := &m.queue[span]; begin.Kind == tracefmt.AsyncBegin && k.async == tracefmt.Bool(true) {
		e.Kind, e.Category, e.Key, e.ID = tracefmt.AsyncInstant, begin.Category, begin.Key, begin.ID
		e.Parent = ""
	}
	e.Attrs, v.Attrs = v.Attrs, e.Attrs
	e.Attrs = appendCount(e.Attrs, KeyDroppedAttrs, v.Dropped)
}

// Log queues a log record. It takes the attributes' memory and leaves other for it, and keeps nothing else.
func (m *Emitter) Log(l *Log) {
	m.anchor(l.Time)
	k := marks{key: trackKey{process: l.Process}}
	l.Attrs = k.take(l.Attrs)
	track := m.track(k.key)
	e := m.emit(tracefmt.Log, track, l.Time)
	e.Name, e.Severity, e.Parent = l.Text, l.Severity, m.texts.span(l.Span)
	if k.instant {
		e.Kind, e.Severity, e.Category = tracefmt.Instant, 0, categoryEvent
	}
	if k.category != nil {
		e.Category = *k.category
	}
	if k.parent != nil {
		e.Parent = *k.parent
	}
	if k.nested {
		e.Parent = ""
	}
	attrs := l.Attrs
	if !l.Body.IsZero() {
		attrs = append(attrs, tracefmt.Attr{Key: KeyBody, Value: l.Body})
		if e.Name == "" {
			text, _ := jsontext.AppendValue(nil, l.Body)
			e.Name = string(text)
		}
	}
	if !l.Trace.IsZero() && !l.Trace.made() {
		attrs = append(attrs, tracefmt.Attr{Key: KeyTrace, Value: tracefmt.String(m.texts.trace(&l.Trace))})
	}
	if l.Scope != nil {
		attrs = l.Scope.append(attrs)
	}
	if l.Flags&^FlagSampled != 0 {
		attrs = appendCount(attrs, KeyFlags, l.Flags)
	}
	attrs = appendText(attrs, KeyEventName, l.EventName)
	attrs = appendText(attrs, KeySeverityText, l.SeverityText)
	attrs = appendCount(attrs, KeyDroppedAttrs, l.Dropped)
	e.Attrs, l.Attrs = attrs, e.Attrs
}
