package spans

import (
	"slices"
	"time"

	"github.com/spanstack/spanstack/tracefmt"
)

// Span is one span. Its memory can be reused, see Reset.
type Span struct {
	Resource *Resource        // from a Collector: never nil, one for each process; more may be found out later
	Process  tracefmt.TrackID // to an Emitter: the process of its resource
	Scope    *Scope           // nil if it has none

	Trace      TraceID
	ID, Parent ID
	Name       string
	Kind       Kind
	Start, Dur int64 // ns since 1970, and ns; Dur may be tracefmt.Open
	Attrs      []tracefmt.Attr

	Status  Status
	Message string // of StatusError
	State   string // W3C's tracestate
	Flags   uint32 // the lower 8 bits are W3C's trace flags, see FlagSampled

	DroppedAttrs, DroppedEvents, DroppedLinks uint32

	Events []Event
	Links  []Link
}

// Event is an event of a span.
type Event struct {
	Time     int64 // ns since 1970
	Name     string
	Attrs    []tracefmt.Attr
	Dropped  uint32 // attributes
	IsLog    bool   // it is a log line
	Severity tracefmt.Severity
}

// MarkLog says in the attributes that the event is a log line, if it is one, for formats in which it is an event like
// others. An Emitter understands it.
func (e *Event) MarkLog() {
	if e.IsLog {
		e.Attrs = append(e.Attrs, tracefmt.Attr{Key: keySeverity, Value: tracefmt.String(e.Severity.String())})
	}
}

// Link is a link of a span to another one.
type Link struct {
	Trace   TraceID
	ID      ID
	State   string
	Flags   uint32
	Attrs   []tracefmt.Attr
	Dropped uint32 // attributes
}

// Log is a log record.
type Log struct {
	Resource *Resource
	Process  tracefmt.TrackID
	Scope    *Scope

	Time         int64 // ns since 1970
	Severity     tracefmt.Severity
	SeverityText string         // if it isn't Severity's name
	Text         string         // the body's text
	Body         tracefmt.Value // the body, if it isn't a string
	EventName    string
	Trace        TraceID
	Span         ID
	Flags        uint32
	Attrs        []tracefmt.Attr
	Dropped      uint32 // attributes
}

// Scope is the library that made a span.
type Scope struct {
	Name, Version, Schema string
	Attrs                 string // a JSON object; "" if there are none
}

// Kind is the kind of a span, with OTLP's numbers.
type Kind uint8

const (
	KindUnspecified Kind = iota
	KindInternal
	KindServer
	KindClient
	KindProducer
	KindConsumer
)

var kindNames = [...]string{"", "", "server", "client", "producer", "consumer"}

// String returns the kind's name in lower case; "" for internal, which is the usual one, and for unspecified.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return ""
}

// ParseKind is the reverse of String, and knows "internal", too.
func ParseKind(name string) (k Kind, ok bool) {
	if name == "internal" {
		return KindInternal, true
	}
	i := slices.Index(kindNames[KindServer:], name)
	return KindServer + Kind(max(i, 0)), i >= 0
}

// Status is a span's status code, with OTLP's numbers.
type Status uint8

const (
	StatusUnset Status = iota
	StatusOK
	StatusError
)

// Flags of spans, links and log records.
const (
	FlagSampled   = 0x1
	FlagHasRemote = 0x100 // it is known whether the parent is of another process
	FlagRemote    = 0x200 // it is
)

// Reset empties s for reuse, and keeps the memory of its lists.
func (s *Span) Reset() {
	for i := range s.Events {
		s.Events[i] = Event{Attrs: s.Events[i].Attrs[:0]}
	}
	for i := range s.Links {
		s.Links[i] = Link{Attrs: s.Links[i].Attrs[:0]}
	}
	*s = Span{Attrs: s.Attrs[:0], Events: s.Events[:0], Links: s.Links[:0]}
}

// AddEvent adds an empty event and returns it. It is valid until the next is added.
func (s *Span) AddEvent() *Event {
	if len(s.Events) < cap(s.Events) {
		s.Events = s.Events[:len(s.Events)+1]
	} else {
		s.Events = append(s.Events, Event{})
	}
	e := &s.Events[len(s.Events)-1]
	*e = Event{Attrs: e.Attrs[:0]}
	return e
}

// AddLink adds an empty link and returns it. It is valid until the next is added.
func (s *Span) AddLink() *Link {
	if len(s.Links) < cap(s.Links) {
		s.Links = s.Links[:len(s.Links)+1]
	} else {
		s.Links = append(s.Links, Link{})
	}
	l := &s.Links[len(s.Links)-1]
	*l = Link{Attrs: l.Attrs[:0]}
	return l
}

// Reset empties l for reuse, and keeps the memory of its attributes.
func (l *Log) Reset() { *l = Log{Attrs: l.Attrs[:0]} }

// Resource is what spans are of: a program, as a rule.
type Resource struct {
	Service string          // service.name
	PID     tracefmt.Value  // process.pid, if it is an integer
	Attrs   []tracefmt.Attr // all others
	Schema  string
}

// Reset empties r for reuse, and keeps the memory of its attributes.
func (r *Resource) Reset() { *r = Resource{Attrs: r.Attrs[:0]} }

// Add adds an attribute, in the place that it has.
func (r *Resource) Add(key string, v tracefmt.Value) {
	switch {
	case key == KeyService && v.Kind() == tracefmt.StringValue && r.Service == "":
		r.Service = v.String()
	case key == KeyPID && v.Kind() == tracefmt.Int64Value && r.PID.IsZero():
		r.PID = v
	case key == KeyResourceSchema && v.Kind() == tracefmt.StringValue && r.Schema == "":
		r.Schema = v.String()
	default:
		r.Attrs = append(r.Attrs, tracefmt.Attr{Key: key, Value: v})
	}
}

// SetAttr replaces the last attribute of this name, or adds one.
func SetAttr(attrs []tracefmt.Attr, key string, v tracefmt.Value) []tracefmt.Attr {
	for i := len(attrs) - 1; i >= 0; i-- {
		if attrs[i].Key == key {
			attrs[i].Value = v
			return attrs
		}
	}
	return append(attrs, tracefmt.Attr{Key: key, Value: v})
}

// InRange reports whether a time can be that of a span: it has a number of ns since 1970, and isn't before.
func InRange(t time.Time) bool { return t.Year() < 2262 && t.Unix() >= 0 }
