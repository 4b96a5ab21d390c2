package rows

import (
	"math"

	"github.com/spanstack/spanstack/tracefmt"
)

// Nesting tells how deep slices are in others on their tracks, for those that came so far. It is right where slices
// come in the order of their starts, longer ones first, and where they come as begins and ends; of slices in the order
// of their ends it can't know what is around them. The zero value is ready for use.
type Nesting struct {
	tracks map[tracefmt.TrackID]*[]interval
}

// interval is a slice that may be around the next one.
type interval struct {
	start, end int64
	begun      bool // by a Begin: it ends with an End
}

// maxNesting bounds how many slices of a track are remembered.
const maxNesting = 1 << 12

// Depth returns how many slices are around the one of a Begin or Complete event, and remembers it.
func (n *Nesting) Depth(e *tracefmt.Event) int {
	if n.tracks == nil {
		n.tracks = make(map[tracefmt.TrackID]*[]interval)
	}
	stack := n.tracks[e.Track]
	if stack == nil {
		stack = new([]interval)
		n.tracks[e.Track] = stack
	}
	s := interval{e.Time, math.MaxInt64, e.Kind == tracefmt.Begin}
	if e.Kind == tracefmt.Complete && e.Dur >= 0 {
		s.end = e.Until()
	}
	list := *stack
	// Those that are over, and those that were inside of this one, are around nothing that follows.
	for len(list) > 0 && !list[len(list)-1].begun && !list[len(list)-1].contains(s) {
		list = list[:len(list)-1]
	}
	depth := 0
	for _, outer := range list {
		if outer.contains(s) {
			depth++
		}
	}
	if s.end > s.start || s.begun {
		list = append(list, s)
	}
	if len(list) > maxNesting {
		list = append(list[:0], list[len(list)/2:]...)
	}
	*stack = list
	return depth
}

func (i interval) contains(s interval) bool {
	return i.start <= s.start && (i.begun || s.end <= i.end || s.end == math.MaxInt64 && s.start < i.end)
}

// End forgets the slice that was begun last on the track, with what was inside of it.
func (n *Nesting) End(e *tracefmt.Event) {
	stack := n.tracks[e.Track]
	if stack == nil {
		return
	}
	list := *stack
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].begun {
			*stack = list[:i]
			return
		}
	}
}
