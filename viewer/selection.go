package viewer

import (
	"context"

	"github.com/spanstack/spanstack/viewer/internal/index"
)

// A selection is what of a trace is asked for.
type selection struct {
	window index.Window
	tracks []uint32             // nil are all
	within func(index.Pos) bool // which slices count: nil if all do
}

// selection reads it: a stretch of time and tracks, and of these maybe only a slice and what is below it.
func (r *request) selection() (sel selection, err error) {
	sel.window, sel.tracks = r.window()
	if r.err == nil && r.has("slice") {
		p, err := r.byKey("slice")
		if err != nil {
			return sel, err
		}
		sel.within = r.snap.Below(p)
	}
	return sel, r.err
}

// narrow leaves the tracks that have something of what is below the slice, wherever it was started: for what takes in all of a
// track or nothing of it.
func (sel *selection) narrow(ctx context.Context, s *index.Snapshot) error {
	if sel.within == nil {
		return nil
	}
	all := sel.tracks
	if all == nil {
		all = tracksOf(s)
	}
	sel.tracks = []uint32{}
	for _, id := range all {
		found := false
		err := s.Walk(ctx, sel.window, []uint32{id}, func(v *index.Visit) bool {
			found = sel.within(v.Pos)
			return !found
		})
		if err != nil {
			return err
		}
		if found {
			sel.tracks = append(sel.tracks, id)
		}
	}
	return nil
}

// tracksOf returns all tracks.
func tracksOf(s *index.Snapshot) (ids []uint32) {
	for _, t := range s.Tracks() {
		ids = append(ids, t.ID)
	}
	return ids
}
