package critical

import (
	"cmp"

	"github.com/spanstack/spanstack/tracefmt"
)

// Slice is a slice of the trace.
type Slice struct {
	Name     string
	Category string
	ID       string           // empty if it has none
	Track    tracefmt.TrackID // on which it is
	Process  tracefmt.TrackID // of the track; 0 if it isn't known
	Start    int64            // ns on the trace's clock
	End      int64
	Open     bool // it never ended: End is that of the trace

	queued   bool // it only leaves a message for others, or takes one up: nobody waits for that
	parentID string
	parent   *Slice
	asking   bool // met on the way to its root
	rooted   bool // known to have one

	waits  []wait // for what it waited, by their ends, the last one first
	next   int    // the first of them that still may be on the path
	onPath bool   // the path has come to it, and not left it yet
	order  int    // in the trace, and so by Start
}

// Duration returns End - Start, in ns.
func (s *Slice) Duration() int64 { return s.End - s.Start }

// Parent returns the slice that this one is below, or nil.
func (s *Slice) Parent() *Slice { return s.parent }

// A wait is one slice's waiting for another.
type wait struct {
	on      *Slice
	end     int64 // until when
	arrow   bool  // an arrow tells of it
	clipped bool  // by the clocks, it lasted longer than what waited
}

// compare has the one first that ended last, and of several the one that began first.
func (w wait) compare(v wait) int {
	return cmp.Or(cmp.Compare(v.end, w.end), cmp.Compare(w.on.order, v.on.order))
}

// maxSteps bounds the search among the slices around one for the one that waited.
const maxSteps = 1 << 10

// outwards returns the nearest of s and those around it for which is holds, or nil.
func (s *Slice) outwards(is func(*Slice) bool) *Slice {
	for range maxSteps {
		if s == nil || is(s) {
			return s
		}
		s = s.parent
	}
	return nil
}
