package validate

import "slices"

// Severity says how bad a finding is.
type Severity string

const (
	Error   Severity = "error"   // against the format or the model: readers will disagree about it
	Warning Severity = "warning" // possible, but perhaps not meant
)

// Rule names what is looked at.
type Rule string

const (
	Syntax        Rule = "syntax"             // the file isn't what its format allows
	Truncated     Rule = "truncated"          // it stops in the middle of something
	Input         Rule = "input"              // it can't be read, such as for a wrong checksum
	Lost          Rule = "lost"               // the reader couldn't make sense of something
	EndOnly       Rule = "end-without-begin"  // of slices and async slices
	Unclosed      Rule = "unclosed-slice"     // slices and async slices that are open at the end
	Overlap       Rule = "overlap"            // slices of a track, without IDs, that neither nest nor are apart
	Negative      Rule = "negative-duration"  // slices that end before they begin
	DuplicateID   Rule = "duplicate-id"       // slices with the ID of another
	ParentMissing Rule = "parent-missing"     // what names a slice as parent that isn't there
	ParentTime    Rule = "parent-time"        // slices outside of their parent
	FlowUnended   Rule = "flow-without-end"   // arrows that lead nowhere
	FlowUnstarted Rule = "flow-without-start" // points of arrows that come from nowhere
	Backwards     Rule = "time-backwards"     // on a track
	Undeclared    Rule = "undeclared-track"   // tracks and processes that nothing is said about before they are used
	ClockStep     Rule = "clock-step"         // of the wall clock, by more than 1 ms
	InvalidUTF8   Rule = "invalid-utf8"       // in names, IDs, attributes
	UnknownKind   Rule = "unknown-kind"       // events that the model doesn't know
	Unchecked     Rule = "unchecked"          // what there was too much of to be looked at
)

const (
	maxRemembered  = 1 << 20 // of IDs, of what waits for them, of open slices, and of arrows
	clockTolerance = 1e6     // ns: what a clock that is disciplined may drift between snapshots
)

// about has the severity of each rule, and what it says.
var about = map[Rule]struct {
	Severity
	text string
}{
	Syntax:        {Error, "the file isn't what its format allows"},
	Truncated:     {Error, "the file is cut short"},
	Input:         {Error, "the file can't be read"},
	Lost:          {Warning, "lost in reading"},
	EndOnly:       {Error, "end without a begin"},
	Unclosed:      {Warning, "slice without an end"},
	Overlap:       {Error, "slice that overlaps another on its track"},
	Negative:      {Error, "slice that ends before it begins"},
	DuplicateID:   {Error, "slice with the ID of another"},
	ParentMissing: {Warning, "parent that isn't in the trace"},
	ParentTime:    {Warning, "slice outside of its parent's time"},
	FlowUnended:   {Warning, "arrow without an end"},
	FlowUnstarted: {Warning, "point of an arrow without a start"},
	Backwards:     {Warning, "time goes backwards on a track"},
	Undeclared:    {Error, "track that isn't declared"},
	ClockStep:     {Warning, "step of the wall clock"},
	InvalidUTF8:   {Error, "text that isn't UTF-8"},
	UnknownKind:   {Error, "event of an unknown kind"},
	Unchecked:     {Warning, "too much to be looked at"},
}

// Finding is what is wrong with a trace by one rule.
type Finding struct {
	Severity Severity `json:"severity"`
	Rule     Rule     `json:"rule"`
	Text     string   `json:"text"`
	Count    int64    `json:"count"`
	Event    int64    `json:"event,omitempty"` // number of the first, from 1; 0 if it isn't about one
	Offset   int64    `json:"offset"`          // byte of the (unpacked) input; -1 if there is no telling
	Example  string   `json:"example,omitempty"`
	Most     int64    `json:"most_ns,omitempty"` // by how much, where it is the most
}

// Rules returns all rules, with their severities and meanings, in the order of their names.
func Rules() []Finding {
	var list []Finding
	for rule, a := range about {
		list = append(list, Finding{Severity: a.Severity, Rule: rule, Text: a.text, Offset: -1})
	}
	slices.SortFunc(list, compare)
	return list
}
