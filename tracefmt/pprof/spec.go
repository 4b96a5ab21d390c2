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
	NewWriter:   func(w io.Writer) tracefmt.Writer { return NewWriter(w) },
	Mode:        tracefmt.Whole,
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

// maxSamples bounds the number of samples. The smallest ones are left out, and counted.
const maxSamples = 1 << 18
