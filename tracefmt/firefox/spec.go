package firefox

import (
	"bytes"
	"io"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
)

// Versions of the format that is written. The loader upgrades every older version to its own, so this one is kept as it
// is: 57 is the last one before the table of sources, and has its strings in one place. 31 is the version of Gecko's own
// format that goes with it. See docs-developer/CHANGELOG-formats.md of github.com/firefox-devtools/profiler.
const (
	processedVersion = 57
	geckoVersion     = 31
)

// Phases of markers, from Gecko's enum MarkerPhase.
const (
	phaseInstant  = 0
	phaseInterval = 1
	phaseStart    = 2
	phaseEnd      = 3
)

// Types of the markers that are written, which are also the names of their schemas.
const (
	typePrefix  = "spanstack."
	typeSlice   = "spanstack.slice"
	typeInstant = "spanstack.instant"
	typeLog     = "spanstack.log"
	typeAsync   = "spanstack.async"
	typeFlow    = "spanstack.flow"
	typeClock   = "spanstack.clock"
	typeCounter = "spanstack.counter: " // and the counter's name
)

// Fields of markers that carry what markers have no place for.
const (
	fieldID       = "spanstack.id"
	fieldParent   = "spanstack.parent"
	fieldKey      = "spanstack.key"      // of an async slice, or of a counter
	fieldCategory = "spanstack.category" // where the profile's list of categories has no room
	fieldLevel    = "spanstack.level"    // of a log line
	fieldFlow     = "spanstack.flow"     // a flow's key, as an index of strings
	fieldFlowEnd  = "spanstack.flow_end" // the same, of the flow's last point
	fieldPoint    = "spanstack.point"    // which point of a flow
	fieldNext     = "spanstack.next"     // the flow's end points to the next slice
	fieldName     = "spanstack.name"     // of a counter
	fieldWhole    = "spanstack.whole"    // the event belongs to the whole trace
	fieldOpen     = "spanstack.open"     // the slice is a complete one of which the end is not known
	fieldUnix     = "spanstack.unix_ns"  // of a clock snapshot
	prefixEnd     = "spanstack.end."     // before an attribute of an async slice's end
	prefixJSON    = "json."              // before an attribute that is JSON, as text: objects can't be shown
	prefixAttr    = "attr."              // before an attribute whose name means something else
)

// keyExtra is a member of meta and of threads that the loader ignores, with what it has no place for.
const keyExtra = "spanstack"

// Limits of what the profile lists. Schemas concern what is shown only.
const (
	maxCategories = 128 // the loader keeps their numbers in bytes
	maxFields     = 128 // of a schema
	maxCounters   = 64  // with schemas of their own
)

// maxExact is the largest integer that a float64 can tell from its neighbours.
const maxExact = 1 << 53

// Format describes this format.
var Format = &tracefmt.Format{
	Name:        "firefox",
	Description: "Firefox Profiler's JSON (profiler.firefox.com), with slices as markers",
	Extensions:  []string{".profile.json", ".firefox.json"},
	MIMEType:    "application/json",
	Detect:      detect,
	NewReader:   func(r io.Reader) tracefmt.Reader { return NewReader(r) },
	NewWriter:   func(w io.Writer) tracefmt.Writer { return NewWriter(w) },
	Mode:        tracefmt.Whole,
	Keeps:       tracefmt.KeepsAll,
}

func init() { tracefmt.Register(Format) }

// detect knows profiles by the members of "meta", which comes first in all that Firefox and others write.
func detect(prefix []byte) int {
	text := bytes.TrimLeft(prefix, " \t\r\n\ufeff")
	if len(text) == 0 || text[0] != '{' || !bytes.Contains(text, []byte(`"meta"`)) {
		return 0
	}
	if bytes.Contains(text, []byte(`"preprocessedProfileVersion"`)) {
		return 90
	}
	known := 0
	for _, key := range []string{`"stackwalk"`, `"processType"`, `"startTime"`, `"interval"`, `"version"`} {
		if bytes.Contains(text, []byte(key)) {
			known++
		}
	}
	if known >= 4 {
		return 80
	}
	return 0
}

// reserved reports whether a field of a marker means something to the loader or to us, so that an attribute of that name
// needs another one.
func reserved(key string) bool {
	switch key {
	case "", "type", "cause", "stack", "startTime", "endTime", "interval", "category", "innerWindowID", "name", "phase",
		"flows":
		return true
	}
	return strings.HasPrefix(key, typePrefix) || strings.HasPrefix(key, prefixJSON) || strings.HasPrefix(key, prefixAttr)
}
