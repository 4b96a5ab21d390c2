package gotrace

import (
	"bytes"
	"io"

	"github.com/spanstack/spanstack/tracefmt"
)

// A trace begins with these, and the minor version of Go between them; 16 bytes in all
// (golang.org/x/exp/trace/internal/version, ReadHeader).
var (
	headerStart = []byte("go 1.")
	headerEnd   = []byte(" trace\x00\x00\x00")
)

const headerSize = 16

// Categories of events, besides tracefmt.CategoryTask for user tasks. Log lines have those that the program gave them.
const (
	CategoryRegion = "region" // slices: user regions
	CategoryState  = "state"  // slices: states of goroutines, see Reader.States
)

// Keys of attributes.
const (
	// AttrClipped says that a task or region has a begin or an end only because the trace, or the goroutine, had: it is
	// true for a begin before the trace, and for an end that never came.
	AttrClipped = "clipped"
	// AttrReason says why a goroutine is in a state, such as "chan receive".
	AttrReason = "reason"
	// AttrLabel of a goroutine's track is the label that the runtime gave it, such as "GC (dedicated)".
	AttrLabel = "label"
	// AttrValue is the only series of a metric's counter.
	AttrValue = "value"
)

// Format describes this format.
var Format = &tracefmt.Format{
	Name:        "gotrace",
	Description: "Go's execution traces (runtime/trace, go test -trace): user tasks, regions and logs",
	Extensions:  []string{".gotrace"}, // ".trace" is taken by Chrome's
	MIMEType:    "application/octet-stream",
	Detect:      detect,
	NewReader:   func(r io.Reader) tracefmt.Reader { return NewReader(r) },
	Keeps: tracefmt.KeepsTimes | tracefmt.KeepsOpen | tracefmt.KeepsTracks | tracefmt.KeepsIDs | tracefmt.KeepsLogs |
		tracefmt.KeepsCounters | tracefmt.KeepsAsync | tracefmt.KeepsClock,
}

func init() { tracefmt.Register(Format) }

func detect(prefix []byte) int {
	if len(prefix) >= headerSize && bytes.HasPrefix(prefix, headerStart) &&
		bytes.HasSuffix(prefix[:headerSize], headerEnd) {
		return 100
	}
	return 0
}
