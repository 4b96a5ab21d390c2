package index

import (
	"math"

	"github.com/spanstack/spanstack/tracefmt"
)

// Pos is where a slice is: its number in its track. It holds for one snapshot.
type Pos struct{ Track, Pos uint32 }

// Window is a stretch of time, from From up to and without To. An event that begins at To isn't in it.
type Window struct{ From, To int64 }

// Everything is the window of all times.
var Everything = Window{math.MinInt64, math.MaxInt64}

// Counts says how much of what there is.
type Counts struct {
	Slices, Open, Failed    int64
	Instants, Logs          int64
	Counters, Flows, Tracks int64 // counters are tracks, flows are arrows
	Kinds                   int64
	LossMarks               int64 // of the instants
}

// Type says what a track shows.
type Type uint8

const (
	ProcessTrack Type = iota
	SliceTrack        // slices that nest: a thread, a goroutine, a task
	AsyncTrack        // slices that don't, in as many rows as they need
	CounterTrack
)

func (t Type) String() string {
	return [...]string{"process", "track", "async", "counter"}[min(t, CounterTrack)]
}

// TrackInfo is what is known of a track.
type TrackInfo struct {
	ID     uint32
	Parent uint32 // a process, or the track of the slice that started this one; 0 if neither is known
	Type   Type
	Name   string
	Source string // such as "pid 820"
	Order  int64  // as the trace has it: lower ones are shown first
	Depth  int    // rows
	Hidden int64  // slices that are below the last row
	Slices int64
	Open   int64
	Failed int64
	Marks  int64
	Start  int64 // of the first event, and End of the last: 0 if there is none
	End    int64
	Series []string // of counters
	Task   string   // the name of the track's first slice, if that is a task of package trace
	Attrs  []tracefmt.Attr
	Gen    uint64 // of the snapshot in which it changed last
}

// Slice is what is shown of a slice without looking into it.
type Slice struct {
	Pos
	Row        uint32 // that of a hidden one is MaxRows
	Kind       uint32
	Name       string
	Category   string
	Start, End int64 // of an open one, End is the snapshot's Now
	Open       bool
	Failed     bool
}

// Window returns the time that a slice takes, its end included.
func (s *Slice) Window() Window { return Window{s.Start, addTimes(s.End, 1)} }

// Details is the rest of a slice.
type Details struct {
	ID, Parent, Key string // as the trace has them; Parent is an ID
	Attrs           []tracefmt.Attr
}

// Mark is an instant or a log line.
type Mark struct {
	Track, Pos uint32 // its number among the marks of the track
	Time       int64
	Kind       uint32
	Name       string // of a log line the message
	Category   string
	Type       MarkType
	Severity   tracefmt.Severity // 0 of what isn't a log line
	Parent     string            // the ID of its slice, if it names one
	Attrs      []tracefmt.Attr
}

// MarkType says what a mark is.
type MarkType uint8

const (
	InstantMark MarkType = iota
	LogMark
	AnomalyMark // see [tracefmt.CategoryAnomaly]
	LossMark    // see [tracefmt.CategoryLoss]
)

func (t MarkType) String() string {
	return [...]string{"instant", "log", "anomaly", "loss"}[min(t, LossMark)]
}

// Flow is an arrow.
type Flow struct {
	Name, Category string
	From, To       FlowPoint
}

// FlowPoint is an end of an arrow. Slice says whether there is a slice at it.
type FlowPoint struct {
	Pos
	Time  int64
	Row   uint32
	Slice bool
}

// TileID names a tile of a track: the one that begins at Index * TileBuckets << level, see Tiles.
type TileID struct {
	Track uint32
	Index int64
}
