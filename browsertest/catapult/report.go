package catapult

import (
	"encoding/json"
	"fmt"
)

// Report is what the viewer made of a trace. Times are milliseconds on the
// trace's own clock ("ts" divided by 1000), as float64, the viewer's type.
type Report struct {
	// Warnings are the importer's, in the order of their appearance.
	Warnings []Warning
	// Processes are in the order in which the viewer draws them.
	Processes []*Process
	// Instants are those of global scope (s:"g").
	Instants []Instant
	// Flows are the arrows with both ends bound to a slice. An arrow without
	// an end is not here and may have no warning either.
	Flows []*Flow
}

// Warning is one import warning.
type Warning struct{ Type, Message string }

func (w Warning) String() string { return w.Type + ": " + w.Message }

// Process is a process that was named in the trace or has events.
type Process struct {
	PID  int64
	Name string
	// Threads are the drawn ones, top to bottom: a thread without slices is
	// dropped even if it has a name.
	Threads  []*Thread
	Counters []Counter
	// Instants are those of process scope (s:"p").
	Instants []Instant
}

// Thread is one lane of the timeline.
type Thread struct {
	TID       int64
	Name      string
	SortIndex float64
	// Slices are ordered by start. Instants of thread scope (s:"t") are among
	// them, as slices of duration 0: that is how the viewer stores them.
	Slices []*Slice
	// Async are the lane's async slices, each followed by those nested in it.
	Async []*Slice

	Process *Process `json:"-"`
}

// Slice is a bar of the timeline.
type Slice struct {
	GUID         int64 // the viewer's own number, valid until the next Load
	Title        string
	Category     string
	StartMs      float64
	DurationMs   float64
	SelfMs       float64 // 0 for async slices
	Depth        int     // 0 for a slice that is not nested in another
	Args         map[string]any
	DidNotFinish bool
	Error        string // async slices: what is wrong with the pair

	Parent *Slice  `json:"-"` // the slice that the viewer nests this one in, or nil
	Thread *Thread `json:"-"`

	ParentGUID int64 `json:"parent"`
}

// EndMs is the slice's end.
func (s *Slice) EndMs() float64 { return s.StartMs + s.DurationMs }

// Instant is an instant of process or global scope.
type Instant struct {
	Title    string
	Category string
	StartMs  float64
	Args     map[string]any
}

// Counter is a counter track with its series.
type Counter struct {
	Name   string
	Series []CounterSeries
}

// CounterSeries is one stacked area of a counter track.
type CounterSeries struct {
	Name    string
	Samples []struct{ TimeMs, Value float64 }
}

// Flow is a drawn arrow.
type Flow struct {
	ID         string
	Title      string
	Category   string
	StartMs    float64
	DurationMs float64
	From, To   *Slice `json:"-"`

	FromGUID int64 `json:"from"`
	ToGUID   int64 `json:"to"`
}

// ImportError is an import that the viewer gave up; nothing is shown then.
type ImportError struct {
	Message string // the importer's exception
}

func (e *ImportError) Error() string { return "import trace: " + e.Message }

// Threads returns the lanes of all processes, in drawing order.
func (r *Report) Threads() []*Thread {
	var threads []*Thread
	for _, p := range r.Processes {
		threads = append(threads, p.Threads...)
	}
	return threads
}

// Slices returns the slices of all lanes, lane by lane, without the async ones.
func (r *Report) Slices() []*Slice {
	var slices []*Slice
	for _, t := range r.Threads() {
		slices = append(slices, t.Slices...)
	}
	return slices
}

// AsyncSlices returns the async slices of all lanes.
func (r *Report) AsyncSlices() []*Slice {
	var slices []*Slice
	for _, t := range r.Threads() {
		slices = append(slices, t.Async...)
	}
	return slices
}

// decodeReport reads what driver.load returned and resolves the references
// between slices.
func decodeReport(text []byte) (*Report, error) {
	var result struct {
		Report
		ImportError *string
	}
	if err := json.Unmarshal(text, &result); err != nil {
		return nil, fmt.Errorf("read the viewer's report: %w", err)
	}
	if result.ImportError != nil {
		return nil, &ImportError{Message: *result.ImportError}
	}
	report := &result.Report
	byGUID := make(map[int64]*Slice)
	for _, p := range report.Processes {
		for _, t := range p.Threads {
			t.Process = p
			for _, list := range [][]*Slice{t.Slices, t.Async} {
				for _, s := range list {
					s.Thread = t
					byGUID[s.GUID] = s
				}
			}
		}
	}
	for _, s := range byGUID {
		s.Parent = byGUID[s.ParentGUID]
	}
	for _, f := range report.Flows {
		f.From, f.To = byGUID[f.FromGUID], byGUID[f.ToGUID]
	}
	return report, nil
}
