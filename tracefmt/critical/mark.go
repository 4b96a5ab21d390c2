package critical

import (
	"fmt"
	"iter"
	"math"

	"github.com/spanstack/spanstack/tracefmt"
)

// TrackName is that of the track that Mark adds.
const TrackName = "critical path"

// Category is that of the slices and arrows that Mark adds.
const Category = "critical"

// Mark yields the events of the trace, which are the ones that were added, together with a track of the path, in the
// process of its slice: a slice for each segment, with the name and, as the attribute "slice", the ID of the one that
// it is of, and an arrow from there.
func (t *Trace) Mark(events iter.Seq[*tracefmt.Event], p *Path) iter.Seq[*tracefmt.Event] {
	return func(yield func(*tracefmt.Event) bool) {
		marks := t.marks(p)
		declared := false
		for e := range events {
			if !declared && e.Kind.Timed() && e.Kind != tracefmt.Clock {
				declared = true
				if !yield(t.declaration(p)) {
					return
				}
			}
			for len(marks) > 0 && e.Kind.Timed() && marks[0].Time < e.Time {
				if !yield(&marks[0]) {
					return
				}
				marks = marks[1:]
			}
			if !yield(e) {
				return
			}
		}
		for i := range marks {
			if !yield(&marks[i]) {
				return
			}
		}
	}
}

// declaration declares the track, with a number that is free in its process.
func (t *Trace) declaration(p *Path) *tracefmt.Event {
	highest := int64(0)
	for id, tr := range t.tracks {
		if n, ok := tr.number.Int64(); ok && tr.process == p.Slice.Process && id != tr.process && n < math.MaxInt32 {
			highest = max(highest, n)
		}
	}
	return &tracefmt.Event{Kind: tracefmt.Track, Track: t.last + 1, Process: p.Slice.Process, Name: TrackName,
		SourceID: tracefmt.Int64(highest + 1), Order: math.MinInt32}
}

// marks returns what is on the track, and the beginnings of the arrows. These are in the middle of their segments: at a
// segment's edges another slice begins or ends, which they could be taken for arrows of. All are in the order of time.
func (t *Trace) marks(p *Path) []tracefmt.Event {
	events := make([]tracefmt.Event, 0, 3*len(p.Segments))
	for i, s := range p.Segments {
		mark := tracefmt.Event{Kind: tracefmt.Complete, Track: t.last + 1, Time: s.Start, Dur: s.Dur,
			Name: s.Slice.Name, Category: Category}
		if s.Slice.ID != "" {
			mark.Attrs = []tracefmt.Attr{{Key: "slice", Value: tracefmt.String(s.Slice.ID)}}
		}
		arrow := tracefmt.Event{Kind: tracefmt.FlowStart, Track: s.Slice.Track, Time: s.Start + s.Dur/2, Name: TrackName,
			Category: Category, Key: fmt.Sprintf("critical:%d", i+1)}
		end := arrow
		end.Kind, end.Track = tracefmt.FlowEnd, t.last+1
		events = append(events, mark, arrow, end)
	}
	return events
}
