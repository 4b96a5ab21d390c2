package tracefmt

import (
	"math"
	"slices"
)

// Kind says what an event is, and with that which fields of [Event] mean something.
type Kind uint8

const (
	Invalid Kind = iota

	// Process declares the process Track, or changes what is known of it: Name, SourceID (the pid), Order, Attrs.
	// An empty field leaves what was known. It has no Time.
	Process
	// Track declares the track Track of the process Process, or changes what is known of it: Name, SourceID (the tid),
	// Order, Attrs. An empty field leaves what was known. It has no Time.
	Track
	// Clock says that the wall clock read Unix nanoseconds at Time. It belongs to the whole trace, not to a track.
	// One before the first timed event anchors the trace; later ones record steps of the wall clock.
	Clock

	// Begin opens a slice on Track. Slices of a track nest.
	Begin
	// End closes the innermost slice that is open on Track. Attrs are added to the slice's. Name may be empty; it
	// need not repeat that of the Begin. ID and Parent mean nothing here.
	End
	// Complete is a slice with its duration, Dur. Complete slices of a track may come in the order of their starts or
	// in that of their ends.
	Complete
	// Instant is a point in time on Track. On a process's track it concerns the process, on track 0 the whole trace.
	Instant
	// Log is a log line: Name is its message, Severity its level, Parent the ID of the slice in which it was written.
	Log
	// Counter sets the counter Name (and Key, if it has several instances) of Track's process. Attrs are its series.
	Counter

	// FlowStart, FlowStep and FlowEnd are the points of an arrow between slices. All points of an arrow have the same
	// Key, Name and Category. A point belongs to the slice that encloses Time on Track.
	FlowStart
	FlowStep
	FlowEnd

	// AsyncBegin, AsyncInstant and AsyncEnd are the points of a slice that doesn't nest on its track. Points with the
	// same Key and Category belong together; slices among them nest by time, and an end closes the one of its Name.
	AsyncBegin
	AsyncInstant
	AsyncEnd

	numKinds
)

var kindNames = [numKinds]string{
	Invalid: "invalid", Process: "process", Track: "track", Clock: "clock",
	Begin: "begin", End: "end", Complete: "complete", Instant: "instant", Log: "log", Counter: "counter",
	FlowStart: "flow start", FlowStep: "flow step", FlowEnd: "flow end",
	AsyncBegin: "async begin", AsyncInstant: "async instant", AsyncEnd: "async end",
}

func (k Kind) String() string {
	if k < numKinds {
		return kindNames[k]
	}
	return "unknown"
}

// Timed reports whether events of this kind happen at a time: all but Process and Track.
func (k Kind) Timed() bool { return k >= Clock && k < numKinds }

// TrackID numbers the tracks of one trace, processes included, in the order in which its reader met them. The first is
// 1; 0 means the trace as a whole. The numbers are small, and mean nothing in another trace.
type TrackID uint32

// Open is the Dur of a Complete slice whose end isn't known.
const Open = -1

// Keys of attributes that formats and reports understand.
const (
	// AttrError holds the error with which a slice ended, usually as a string. A slice that has it counts as failed,
	// unless it is false or empty.
	AttrError = "error"
	// AttrSubsystem names the part of the program that wrote a log line.
	AttrSubsystem = "subsystem"
)

// Categories that package trace gives its events, so that other programs can tell them apart.
const (
	CategoryTask    = "task"    // slices: a task's whole life; flows: from the spawning span to the task
	CategorySpan    = "span"    // slices
	CategoryAsync   = "async"   // async slices: spans that don't nest
	CategoryAnomaly = "anomaly" // instants: a misuse of the API, repaired
	CategoryLoss    = "loss"    // instants: records are missing here
	CategoryLink    = "link"    // instants: the slice has to do with another one; flows, if that is open
	CategoryOpen    = "open"    // instants: what is open on this track was still open here, see package capture
)

// Event is one item of a trace. Kind says which other fields mean something; the rest are zero. A Reader reuses its
// event, so use Clone to keep one.
type Event struct {
	Kind  Kind
	Track TrackID // where it happens; for Process and Track: what is declared

	// Time is in nanoseconds on the trace's own clock. It is not comparable between traces, except by their Clocks.
	Time int64
	// Dur is a Complete slice's duration in nanoseconds, or Open.
	Dur int64

	Name     string
	Category string // a comma-separated list in formats that know several

	// ID is a slice's own identity, unique in the trace; empty if the source has none.
	ID string
	// Parent is the ID of the slice that caused this event: the enclosing one, or the one that started a task.
	Parent string
	// Key joins the points of one flow or of one async slice, or names one instance of a counter. An async slice with
	// an ID and no Key uses its ID.
	Key string

	Severity Severity // Log
	// BindNext says of a FlowEnd that it points to the next slice that begins on Track, not to the enclosing one.
	BindNext bool

	Process  TrackID // Track: the process it belongs to
	SourceID Value   // Process, Track: what the source calls it: a pid or tid (Int64), or a string
	Order    int64   // Process, Track: lower ones are shown first; 0 is the usual place
	Unix     int64   // Clock: nanoseconds since 1970 UTC

	Attrs []Attr
}

// Duration returns the duration of a Complete slice that has ended.
func (e *Event) Duration() (ns int64, ok bool) {
	return e.Dur, e.Kind == Complete && e.Dur >= 0
}

// Until returns when e ends: its time for all but Complete slices that have ended, and the last time that there is for
// one that ends later.
func (e *Event) Until() (ns int64) {
	if e.Dur > 0 && e.Time > math.MaxInt64-e.Dur {
		return math.MaxInt64
	}
	return e.Time + max(e.Dur, 0)
}

// Attr returns the value of the last attribute with the given key, or the zero Value.
func (e *Event) Attr(key string) Value {
	for i := len(e.Attrs) - 1; i >= 0; i-- { // slices.Backward would copy each of them
		if a := &e.Attrs[i]; a.Key == key {
			return a.Value
		}
	}
	return Value{}
}

// Failed reports whether the event has an error (see AttrError).
func (e *Event) Failed() bool {
	v := e.Attr(AttrError)
	switch v.Kind() {
	case NoValue:
		return false
	case BoolValue:
		b, _ := v.Bool()
		return b
	case StringValue:
		return v.String() != ""
	case RawValue:
		return v.String() != "null"
	}
	return true
}

// Clone returns a copy of e that stays valid after its reader's next call.
func (e *Event) Clone() *Event {
	c := *e
	c.Attrs = slices.Clone(e.Attrs)
	return &c
}

// Reset empties e for reuse, and keeps the memory of Attrs.
func (e *Event) Reset() {
	clear(e.Attrs)
	*e = Event{Attrs: e.Attrs[:0]}
}

// AsyncKey returns Key, or ID if there is no Key.
func (e *Event) AsyncKey() string {
	if e.Key != "" {
		return e.Key
	}
	return e.ID
}
