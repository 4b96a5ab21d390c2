package timeline

import "github.com/spanstack/spanstack/tracefmt"

// marks replaces the marks of open slices (tracefmt.CategoryOpen) by one on each track that has an open slice, at the
// last moment that is known of its process. Begins that it gets to know are of slices that never ended.
type marks struct {
	process map[tracefmt.TrackID]tracefmt.TrackID
	last    map[tracefmt.TrackID]int64 // by process
	open    map[tracefmt.TrackID]bool
	tracks  []tracefmt.TrackID // the keys of open, in the order of the begins
	marked  bool
}

func (m *marks) init(process map[tracefmt.TrackID]tracefmt.TrackID) {
	m.process = process
	m.last = make(map[tracefmt.TrackID]int64)
	m.open = make(map[tracefmt.TrackID]bool)
}

// note takes note of an event, and reports whether it is to stay.
func (m *marks) note(e *tracefmt.Event) bool {
	p, end := m.process[e.Track], e.Until()
	if known, ok := m.last[p]; !ok || end > known {
		m.last[p] = end
	}
	switch {
	case e.Kind == tracefmt.Instant && e.Category == tracefmt.CategoryOpen:
		m.marked = true
		return false
	case e.Kind == tracefmt.Begin && !m.open[e.Track]:
		m.open[e.Track] = true
		m.tracks = append(m.tracks, e.Track)
	}
	return true
}

// list returns the marks.
func (m *marks) list() (list []*tracefmt.Event) {
	if !m.marked {
		return nil // by a program that doesn't mark
	}
	for _, id := range m.tracks {
		list = append(list, &tracefmt.Event{Kind: tracefmt.Instant, Track: id, Time: m.last[m.process[id]],
			Name: "open", Category: tracefmt.CategoryOpen})
	}
	return list
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
