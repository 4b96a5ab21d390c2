package trace

import (
	"encoding/binary"
	"log/slog"
)

// Kind says what a [Record] describes.
type Kind uint8

const (
	KindTask    Kind = 1 + iota // a task: a unit of concurrent activity
	KindSpan                    // a span: nests strictly in its task
	KindAsync                   // an async span: has a parent, but no nesting or goroutine rule
	KindEvent                   // an instant on a span, from [Span.Event]
	KindLog                     // a log line on a span, from [Span.Log]
	KindAnomaly                 // a repaired misuse of this package, see [Anomaly]
	KindLoss                    // Count records were lost to this consumer at about this time
	KindClock                   // at Start on the recorder's clock, the wall clock read Unix
	KindCounter                 // Value is a counter's value, from [Span.Counter]
	KindLink                    // the span has to do with the one that Link names, from [Span.Link]
)

const kindRemote Kind = 255 // stands for a span of another process, and is in no record

var kindNames = [...]string{"invalid", "task", "span", "async", "event", "log", "anomaly", "loss", "clock", "counter", "link"}

// String returns the kind's name in lower case.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return kindNames[0]
}

// Phase says which part of a task's or span's life a [Record] tells.
type Phase uint8

const (
	PhaseComplete Phase = iota // all of it; instants are complete, too
	PhaseBegin                 // it is open; End is 0, and attributes and error are those known so far
	PhaseEnd                   // the end of one whose begin this consumer already got; the record is complete
	PhaseGone                  // it ended, but something in it is open, the latest part of which began at End
	PhaseLost                  // like PhaseEnd, but this consumer lost the record: it was open at End, and has ended since
)

// Status is the outcome of a task or span.
type Status uint8

const (
	StatusUnset     Status = iota // ended without an error
	StatusError                   // ended with an error, see [Span.EndErr]
	StatusCancelled               // ended with an error because its context was cancelled
)

// Record is one finished or open task or span, or one instant.
type Record struct {
	Kind   Kind
	Phase  Phase
	Status Status
	Level  slog.Level // of a log line

	ID         ID // of the task or span; 0 for instants
	Parent     ID // the span or task it was started in, or, for an instant, happened in; 0 for a root
	Task       ID // the task that it belongs to; a task belongs to itself
	ParentTask ID // for a task: the one that Parent belongs to, if that was open when this one started

	Name  string // of the task or span; an event's or counter's name; a log line's message
	Start int64  // ns since the recorder's start, on the monotonic clock
	End   int64  // likewise; equals Start for instants

	Err   string // the error's text, or the cause of a cancellation
	Attrs []slog.Attr

	Trace     TraceID // of a task or a root async span
	State     string  // likewise: the trace's tracestate, see [Remote]
	Unsampled bool    // likewise: the trace isn't to be exported

	Link  Ref        // of a link: the other span
	Site  string     // file:line where it was started, if the recorder was asked for it: see [Recorder.SetSites]
	Value slog.Value // of a counter: an integer or a float
	Count uint64     // of a loss: how many records
	Unix  int64      // of a clock snapshot: Unix time in ns
}

// Limits of a record. What is longer is cut, visibly: strings end with "…(+N)", left-out attributes are counted by
// the attribute "attrs.dropped".
const (
	maxString = 1024     // bytes of a name, a message, an error's text or an attribute's value
	maxAttrs  = 128      // attributes of a record, groups flattened
	maxBytes  = 16 << 10 // bytes of an encoded record
)

// The encoding of a record in the ring, little-endian:
//
//	 0  uint16    length of the whole record
//	 2  byte      kind
//	 3  byte      parts: status in the low two bits, then which optional parts follow
//	 4  int8      level of a log line
//	 5  5×uint64  ID, Parent, Task, Start, End
//	45  uint64    ParentTask, with partParentTask
//	    16 bytes  trace ID, with partTrace
//	    uint64    linked span, with partLink
//	    uint64    program counter where it was started, with partSite
//	    string    tracestate, with partState; partUnsampled has nothing
//	    string    name
//	    string    error, with a status
//	    …         attributes (see attrs.go) up to the record's end
//
// A string is its length as a uvarint, and its bytes.
const fixedLen = 45

const (
	partStatus     = 3 // mask
	partParentTask = 1 << (iota + 1)
	partTrace
	partLink
	partSite
	partUnsampled
	partState

	maxHeader = fixedLen + 8 + 16 + 8 + 8 + 2*binary.MaxVarintLen16 + maxState + maxString
)

const valueKey = "value" // the only attribute of a counter

// writeSpan writes the record of a span that ends. tail is its error and its attributes. The shard is locked.
func (l *lane) writeSpan(s *Span, end int64, status Status, tail []byte) {
	b := l.room(maxHeader + len(tail))
	at := len(b)
	kind, parts := s.kind, byte(status)
	if s.flags&flagStray != 0 {
		kind = KindAsync
	}
	var parent ID
	p := s.recordParent()
	if p != nil {
		parent = p.id
	}
	b = appendFixed(b, kind, 0, s.id, parent, s.host.id, s.start, end)
	if s.kind == KindTask && p != nil && p.kind != kindRemote && s.flags&flagLate == 0 {
		parts |= partParentTask
		b = binary.LittleEndian.AppendUint64(b, uint64(p.host.id))
	}
	if s == &s.host.Span {
		parts |= partTrace
		b = append(b, s.host.trace[:]...)
	}
	if l := s.host.lineage; l != nil && s == &s.host.Span {
		if l.unsampled {
			parts |= partUnsampled
		}
		if l.state != "" {
			parts |= partState
		}
	}
	if site := s.site(); site != 0 {
		parts |= partSite
		b = binary.LittleEndian.AppendUint64(b, uint64(site))
	}
	if parts&partState != 0 {
		b = appendString(b, s.host.lineage.state)
	}
	name := s.nameNow()
	if n := len(name); n < 0x80 { // as appendString does
		b = append(append(b, byte(n)), name...)
	} else {
		b = appendString(b, name)
	}
	if len(tail) > 0 {
		b = append(b, tail...)
	}
	l.commit(b, at, parts, end)
}

// appendFixed appends the part of a record that all of them have. b has room for it.
func appendFixed(b []byte, kind Kind, level slog.Level, id, parent, task ID, start, end int64) []byte {
	at := len(b)
	b = b[:at+fixedLen]
	h := b[at:]
	_ = h[fixedLen-1]
	h[2], h[4] = byte(kind), byte(int8(max(min(level, 127), -128)))
	binary.LittleEndian.PutUint64(h[5:], uint64(id))
	binary.LittleEndian.PutUint64(h[13:], uint64(parent))
	binary.LittleEndian.PutUint64(h[21:], uint64(task))
	binary.LittleEndian.PutUint64(h[29:], uint64(start))
	binary.LittleEndian.PutUint64(h[37:], uint64(end))
	return b
}

// writeInstant writes the record of an instant on s, which may be nil. The shard of the lane is locked.
func (l *lane) writeInstant(s *Span, i *instant, tail []byte) {
	b := l.room(maxHeader + len(tail))
	at := len(b)
	var parent, task ID
	if s != nil {
		parent, task = s.id, s.host.id
	}
	b = appendFixed(b, i.kind, i.level, 0, parent, task, i.at, i.at)
	parts := byte(0)
	if i.kind == KindLink {
		parts = partTrace | partLink
		b = binary.LittleEndian.AppendUint64(append(b, i.link.Trace[:]...), uint64(i.link.Span))
	}
	b = appendString(b, i.name)
	b = append(b, tail...)
	l.commit(b, at, parts, i.at)
}

// decodeRecord is the inverse of writeSpan and writeInstant, without the length in front. Only our own encoding is ever
// decoded, so that a malformed one is a bug of this package, which the bounds checks turn into a panic of the consumer,
// never of the program's spans.
func decodeRecord(b []byte, intern func([]byte) string) Record {
	parts := b[3]
	r := Record{Kind: Kind(b[2]), Status: Status(parts & partStatus), Level: slog.Level(int8(b[4]))}
	u64 := func(i int) uint64 { return binary.LittleEndian.Uint64(b[i:]) }
	r.ID, r.Parent, r.Task, r.Start, r.End = ID(u64(5)), ID(u64(13)), ID(u64(21)), int64(u64(29)), int64(u64(37))
	b = b[fixedLen:]
	next := func() uint64 {
		n := binary.LittleEndian.Uint64(b)
		b = b[8:]
		return n
	}
	if parts&partParentTask != 0 {
		r.ParentTask = ID(next())
	}
	if parts&partTrace != 0 {
		r.Trace = TraceID(b[:16])
		b = b[16:]
	}
	if parts&partLink != 0 {
		r.Link = Ref{Trace: r.Trace, Span: ID(next())}
		r.Trace = TraceID{}
	}
	if parts&partSite != 0 {
		r.Site = siteText(uintptr(next()))
	}
	r.Unsampled = parts&partUnsampled != 0
	if parts&partState != 0 {
		var state []byte
		state, b = cutString(b)
		r.State = intern(state)
	}
	name, b := cutString(b)
	r.Name = intern(name)
	if r.Status != StatusUnset {
		var text []byte
		text, b = cutString(b)
		r.Err = string(text)
	}
	r.Attrs = decodeAttrs(b, intern)
	if r.Kind == KindCounter {
		r.Value, r.Attrs = r.Attrs[0].Value, nil
	}
	return r
}

// appendString appends s, cut to maxString bytes, behind its length.
func appendString(b []byte, s string) []byte {
	if len(s) < 0x80 {
		b = append(b, byte(len(s)))
		return append(b, s...)
	}
	s = cutText(s)
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

func cutString(b []byte) (s, rest []byte) {
	n, w := binary.Uvarint(b)
	b = b[w:]
	return b[:n], b[n:]
}
