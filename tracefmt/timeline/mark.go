package timeline

import "github.com/spanstack/spanstack/tracefmt"

// mark replaces the marks of open slices (tracefmt.CategoryOpen) by one on each track that has an open slice, at the
// last moment that is known of its process. It comes after pair, when only slices that never ended are begins.
func (t *Timeline) mark() {
	process := t.processes()
	last := make(map[tracefmt.TrackID]int64) // by process
	open := make(map[tracefmt.TrackID]bool)
	var tracks []tracefmt.TrackID
	marked := false
	for i := range t.events {
		e := &t.events[i]
		if e.Kind == tracefmt.Invalid {
			continue
		}
		p, end := process[e.Track], e.Time+max(e.Dur, 0)
		if known, ok := last[p]; !ok || end > known {
			last[p] = end
		}
		switch {
		case e.Kind == tracefmt.Instant && e.Category == tracefmt.CategoryOpen:
			marked = true
			*e = tracefmt.Event{}
		case e.Kind == tracefmt.Begin && !open[e.Track]:
			open[e.Track] = true
			tracks = append(tracks, e.Track)
		}
	}
	if !marked {
		return // by a program that doesn't mark
	}
	for _, id := range tracks {
		t.events = append(t.events, tracefmt.Event{Kind: tracefmt.Instant, Track: id, Time: last[process[id]],
			Name: "open", Category: tracefmt.CategoryOpen})
	}
}

// processes returns the process of each declared track.
func (t *Timeline) processes() map[tracefmt.TrackID]tracefmt.TrackID {
	of := make(map[tracefmt.TrackID]tracefmt.TrackID)
	for _, in := range t.inputs {
		for id := range in.processes {
			of[id] = id
		}
		for id, e := range in.tracks {
			of[id] = e.Process
		}
	}
	return of
}
