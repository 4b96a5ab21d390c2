package chrome

import (
	"bytes"
	"io"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
)

// Args that carry what the format has no place for.
const (
	ownPrefix  = "spanstack."        // before all of them
	argID      = "spanstack.id"      // Event.ID
	argParent  = "spanstack.parent"  // Event.Parent
	argUnix    = "spanstack.unix_ns" // Clock.Unix, as a decimal string: in process_name at ts 0, in an instant at its ts
	argLaneOf  = "spanstack.lane_of" // in thread_name: the tid of the track whose overlapping slices are on this one
	argOpen    = "spanstack.open"    // in an async end: the slice was still open when the file was closed
	argLevel   = "level"             // of a log line: Severity's name
	endPrefix  = "spanstack.end."    // before an end's arg if the begin has one of the same name: Catapult warns of those
	attrPrefix = "chrome."           // before attributes that stand beside args in the event
)

const (
	catLog   = "log"            // category of log lines, or its first part
	catLane  = "spanstack.lane" // category of arrows to slices that aren't on their parent's lane
	catClock = "clock"          // category and name of the instants that carry later clock snapshots
)

// Names of metadata events. Catapult warns of any that it doesn't know.
const (
	metaProcessName   = "process_name"
	metaProcessSort   = "process_sort_index"
	metaProcessLabels = "process_labels"
	metaThreadName    = "thread_name"
	metaThreadSort    = "thread_sort_index"

	attrLabels = "labels" // the attribute of a Process that is written as process_labels
)

// phases maps the phase letters to kinds. The older async phases join the newer ones; those that aren't here, and not
// handled by the reader itself (M), are in lostPhases.
var phases = [256]tracefmt.Kind{
	'B': tracefmt.Begin, 'E': tracefmt.End, 'X': tracefmt.Complete,
	'i': tracefmt.Instant, 'I': tracefmt.Instant, 'R': tracefmt.Instant,
	'C': tracefmt.Counter,
	's': tracefmt.FlowStart, 't': tracefmt.FlowStep, 'f': tracefmt.FlowEnd,
	'b': tracefmt.AsyncBegin, 'n': tracefmt.AsyncInstant, 'e': tracefmt.AsyncEnd,
	'S': tracefmt.AsyncBegin, 'T': tracefmt.AsyncInstant, 'p': tracefmt.AsyncInstant, 'F': tracefmt.AsyncEnd,
}

// letters maps kinds to the phase letters that are written.
var letters = [...]byte{
	tracefmt.Begin: 'B', tracefmt.End: 'E', tracefmt.Complete: 'X', tracefmt.Instant: 'i', tracefmt.Log: 'i',
	tracefmt.Counter: 'C', tracefmt.Clock: 'i', tracefmt.FlowStart: 's', tracefmt.FlowStep: 't', tracefmt.FlowEnd: 'f',
	tracefmt.AsyncBegin: 'b', tracefmt.AsyncInstant: 'n', tracefmt.AsyncEnd: 'e',
}

// lostPhases says what phases are that the model has no kind for.
var lostPhases = map[byte]string{
	'P': "sample (phase P)",
	'N': "object created (phase N)", 'O': "object snapshot (phase O)", 'D': "object destroyed (phase D)",
	'v': "process memory dump (phase v)", 'V': "global memory dump (phase V)",
	'(': "context entered (phase \"(\")", ')': "context left (phase \")\")",
	'c': "clock sync (phase c)",
}

// lostKeys says what keys of the object container hold that is lost. Others are remarks about the whole file, such as
// "otherData", and lost too; those in quietKeys only concern the display.
var lostKeys = map[string]string{
	"stackFrames":            "stack frames of the file (\"stackFrames\")",
	"samples":                "samples of the file (\"samples\")",
	"systemTraceEvents":      "system trace (\"systemTraceEvents\")",
	"powerTraceAsString":     "power trace (\"powerTraceAsString\")",
	"androidProcessDump":     "process dump (\"androidProcessDump\")",
	"traceAnnotations":       "annotations (\"traceAnnotations\")",
	"controllerTraceDataKey": "remark about the file (\"controllerTraceDataKey\")",
}

var quietKeys = map[string]bool{"displayTimeUnit": true}

// Format describes this format.
var Format = &tracefmt.Format{
	Name:        "chrome",
	Description: "Chrome trace events as JSON (chrome://tracing, Perfetto, speedscope)",
	Extensions:  []string{".json", ".trace.json", ".chrome.json", ".trace"},
	MIMEType:    "application/json",
	Detect:      detect,
	NewReader:   func(r io.Reader) tracefmt.Reader { return NewReader(r) },
	NewWriter:   func(w io.Writer) tracefmt.Writer { return NewWriter(w) },
	Mode:        tracefmt.Streaming,
	Keeps:       tracefmt.KeepsAll,
}

func init() { tracefmt.Register(Format) }

// detect knows the array by its first event, and the object by its key "traceEvents". An object that has other keys
// first might still be a trace, since that key can be far away.
func detect(prefix []byte) int {
	text := bytes.TrimLeft(prefix, " \t\r\n\ufeff")
	switch {
	case len(text) == 0:
		return 0
	case text[0] == '{' && bytes.Contains(text, []byte(`"traceEvents"`)):
		return 90
	case text[0] == '{':
		if rest := bytes.TrimLeft(text[1:], " \t\r\n"); len(rest) > 0 && (rest[0] == '"' || rest[0] == '}') {
			return 10
		}
		return 0
	case text[0] == '[':
		rest := bytes.TrimLeft(text[1:], " \t\r\n")
		switch {
		case len(rest) == 0 || rest[0] == ']':
			return 20
		case rest[0] == '{' && bytes.Contains(rest, []byte(`"ph"`)):
			return 80
		case rest[0] == '{':
			return 20
		}
	}
	return 0
}

// isLog reports whether a category marks a log line, and returns the line's own category.
func isLog(category string) (rest string, ok bool) {
	if rest, ok = strings.CutPrefix(category, catLog); !ok {
		return "", false
	}
	if rest == "" {
		return "", true
	}
	return strings.CutPrefix(rest, ",")
}
