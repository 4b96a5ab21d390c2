// Package rows turns the events of a trace into the rows of one flat table, which the formats for tables have in
// common: a row for each slice, async slice, instant, log line, and value of a counter.
//
// A slice is a row when its end is known. So in a trace as trace-convert writes it, whose slices are complete and in
// the order of time, rows are in the order of their starts; a slice that comes as a begin and an end is a row where its
// end is, after those inside of it. What is open when the trace ends comes last, in the order of starts.
package rows

import "github.com/spanstack/spanstack/tracefmt"

// Kind says what a row is.
type Kind string

const (
	Slice   Kind = "slice"
	Async   Kind = "async"   // a slice that doesn't nest on its track
	Instant Kind = "instant" // or a point of an async slice, whose ID or key Parent is
	Log     Kind = "log"
	Counter Kind = "counter" // one series of it
)

// Clocks on which times are.
const (
	UnixClock  = "unix"  // ns since 1970
	TraceClock = "trace" // ns on a clock of the trace, since whenever
)

// AttrTraceID is the attribute that holds the ID of a span's trace, in formats that have such.
const AttrTraceID = "trace_id"

// Row is one row. Empty strings and zero values mean that there is nothing to say.
type Row struct {
	Kind     Kind
	TraceID  string
	ID       string // of a slice; an async slice without one has its key here, a counter the name of its instance
	Parent   string
	Process  string         // its name
	PID      tracefmt.Value // what the source calls the process: a number or a string
	Track    string         // its name
	TID      tracefmt.Value
	Name     string
	Category string
	Start    int64  // ns
	Clock    string // on which Start is: UnixClock or TraceClock
	Dur      int64  // ns, of slices that have ended; else tracefmt.Open
	Depth    int    // of slices: how many are around it on its track; else -1
	Error    string // that of a slice that failed
	Severity tracefmt.Severity
	Series   string         // of a counter
	Value    tracefmt.Value // of a counter: a number
	// Attrs are all other attributes. No key is there twice: the last value counts.
	Attrs []tracefmt.Attr
}

// IsSlice reports whether it has a duration, unless it is open.
func (r *Row) IsSlice() bool { return r.Kind == Slice || r.Kind == Async }
