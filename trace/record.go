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
)

var kindNames = [...]string{"invalid", "task", "span", "async", "event", "log", "anomaly", "loss", "clock"}

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

	Name  string // of the task or span; an instant's name; a log line's message
	Start int64  // ns since the recorder's start, on the monotonic clock
	End   int64  // likewise; equals Start for instants

	Err   string // the error's text, or the cause of a cancellation
	Attrs []slog.Attr
	Count uint64 // of a loss: how many records
	Unix  int64  // of a clock snapshot: Unix time in ns
}

// Limits of a record. What is longer is cut, visibly: strings end with "…(+N)", left-out attributes are counted by
// the attribute "attrs.dropped".
const (
	maxString = 1024     // bytes of a name, a message, an error's text or an attribute's value
	maxAttrs  = 64       // attributes of a record, groups flattened
	maxBytes  = 16 << 10 // bytes of an encoded record
)

// The encoding of a record in the ring: fixed-width fields first, little-endian, then strings with a uvarint length
// in front, then the attributes (see attrs.go) up to the record's end. A uvarint length of the whole record comes
// before it.
const fixedLen = 4 + 8*6

func appendRecord(b []byte, r *Record, attrs attrList) []byte {
	b = append(b, byte(r.Kind), byte(r.Status), byte(int8(max(min(r.Level, 127), -128))), 0)
	for _, id := range [...]ID{r.ID, r.Parent, r.Task, r.ParentTask} {
		b = binary.LittleEndian.AppendUint64(b, uint64(id))
	}
	b = binary.LittleEndian.AppendUint64(b, uint64(r.Start))
	b = binary.LittleEndian.AppendUint64(b, uint64(r.End))
	b = appendString(b, r.Name)
	b = appendString(b, r.Err)
	return attrs.append(b)
}

// decodeRecord is the inverse of appendRecord. Only our own encoding is ever decoded, so that a malformed one is a
// bug of this package, which the bounds checks turn into a panic of the consumer, never of the program's spans.
func decodeRecord(b []byte, intern func([]byte) string) Record {
	r := Record{Kind: Kind(b[0]), Status: Status(b[1]), Level: slog.Level(int8(b[2]))}
	u64 := func(i int) uint64 { return binary.LittleEndian.Uint64(b[4+8*i:]) }
	r.ID, r.Parent, r.Task, r.ParentTask = ID(u64(0)), ID(u64(1)), ID(u64(2)), ID(u64(3))
	r.Start, r.End = int64(u64(4)), int64(u64(5))
	b = b[fixedLen:]
	name, b := cutString(b)
	text, b := cutString(b)
	r.Name, r.Err = intern(name), string(text)
	r.Attrs = decodeAttrs(b, intern)
	return r
}

// appendString appends s, cut to maxString bytes, behind its length.
func appendString(b []byte, s string) []byte {
	s = cutText(s)
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

func cutString(b []byte) (s, rest []byte) {
	n, w := binary.Uvarint(b)
	b = b[w:]
	return b[:n], b[n:]
}
