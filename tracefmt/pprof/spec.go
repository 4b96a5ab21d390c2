package pprof

import (
	"io"

	"github.com/spanstack/spanstack/tracefmt"
)

// Format describes this format.
var Format = &tracefmt.Format{
	Name:        "pprof",
	Description: "profile of where time goes (go tool pprof); counts, wall and self time by path",
	Extensions:  []string{".pb.gz", ".pprof"},
	MIMEType:    "application/vnd.google.protobuf+gzip",
	Detect:      detect,
	NewReader:   func(r io.Reader) tracefmt.Reader { return NewReader(r) },
	NewWriter:   func(w io.Writer) tracefmt.Writer { return NewWriter(w) },
	Mode:        tracefmt.Summing,
	Packed:      true,
}

func init() { tracefmt.Register(Format) }

// Labels of samples.
const (
	labelProcess = "process" // its name
	labelPID     = "pid"     // a number
	labelTask    = "task"    // the name of the innermost task
	labelTrack   = "track"   // the track's name, for slices without IDs of a process with several tracks
	labelError   = "error"   // "true" for what failed
)

// Attributes of processes that are read.
const (
	attrType = "pprof.type" // the type of the values that are read, such as "cpu"
	attrUnit = "pprof.unit" // their unit, such as "nanoseconds"
)

// units has the units of time in ns, as pprof spells them.
var units = map[string]int64{
	"nanoseconds": 1, "nanosecond": 1, "ns": 1,
	"microseconds": 1e3, "microsecond": 1e3, "us": 1e3, "µs": 1e3,
	"milliseconds": 1e6, "millisecond": 1e6, "ms": 1e6,
	"seconds": 1e9, "second": 1e9, "s": 1e9,
}

// maxSamples bounds the number of samples. The smallest ones are left out, and counted.
const maxSamples = 1 << 18
