package speedscope

import (
	"bytes"
	"io"

	"github.com/spanstack/spanstack/tracefmt"
)

const schema = "https://www.speedscope.app/file-format-schema.json"

// Format describes this format.
var Format = &tracefmt.Format{
	Name:        "speedscope",
	Description: "speedscope's own JSON: a flame graph over time for each track",
	Extensions:  []string{".speedscope.json", ".speedscope"},
	MIMEType:    "application/json",
	Detect:      detect,
	NewReader:   func(r io.Reader) tracefmt.Reader { return NewReader(r) },
	NewWriter:   func(w io.Writer) tracefmt.Writer { return NewWriter(w) },
	Mode:        tracefmt.Whole,
	Keeps:       0, // slices, but not as they were: what overlaps is on tracks of its own
}

func init() { tracefmt.Register(Format) }

// keyBase is a member of the file that speedscope ignores: what was taken off all times, in ns, as a decimal string.
// Programs in JavaScript have 53 bits for a number, and nanoseconds since 1970 need 61.
const keyBase = "spanstack.base_ns"

// maxExact is the largest integer that a float64 can tell from its neighbours.
const maxExact = 1 << 53

// Attributes of slices that are members of frames.
const (
	attrFile = "file"
	attrLine = "line"
	attrCol  = "col"
)

// units has the decimal places from a unit to ns, as the schema spells them. The others, "none" and "bytes", are no times.
var units = map[string]int{"nanoseconds": 0, "microseconds": 3, "milliseconds": 6, "seconds": 9}

// detect knows files by their schema, which most have near their beginning.
func detect(prefix []byte) int {
	text := bytes.TrimLeft(prefix, " \t\r\n\ufeff")
	if len(text) == 0 || text[0] != '{' {
		return 0
	}
	switch {
	case bytes.Contains(text, []byte(`"`+schema+`"`)):
		return tracefmt.Certain
	case bytes.Contains(text, []byte(`"shared"`)) && bytes.Contains(text, []byte(`"frames"`)) &&
		bytes.Contains(text, []byte(`"name"`)) && !bytes.Contains(text, []byte(`"traceEvents"`)):
		return 55
	}
	return 0
}
