package trigger

import (
	"cmp"
	"slices"

	"github.com/spanstack/spanstack/tracefmt"
)

// Category is that of the instants in a dump that tell why it was written.
const Category = "trigger"

// A mark is an event that a dump has beside what was recorded.
type mark struct {
	span  string // on whose track it is; "": on the process's
	event tracefmt.Event
}

// marksOf returns the marks that tell why a dump was written.
func marksOf(causes []Cause, more int) (marks []mark) {
	for i, c := range causes {
		e := tracefmt.Event{Kind: tracefmt.Instant, Time: c.Time, Name: "trigger: " + c.Trigger, Category: Category,
			Attrs: []tracefmt.Attr{{Key: "reason", Value: tracefmt.String(c.Reason)}}}
		if c.stack != "" {
			e.Attrs = append(e.Attrs, tracefmt.Attr{Key: "exception.stacktrace", Value: tracefmt.String(c.stack)})
		}
		if more > 0 && i == len(causes)-1 {
			e.Attrs = append(e.Attrs, tracefmt.Attr{Key: "more", Value: tracefmt.Int64(int64(more))})
		}
		m := mark{event: e}
		if c.Span != 0 {
			m.span = c.Span.String()
			m.event.Parent = m.span
		}
		marks = append(marks, m)
	}
	return marks
}

// A marker is a writer that adds marks to what is written: as soon as something later comes, so that the order of time
// stays what it is.
type marker struct {
	tracefmt.Writer
	marks   []mark // by time
	process tracefmt.TrackID
	tracks  map[string]tracefmt.TrackID // of the marks' spans
}

func newMarker(w tracefmt.Writer, marks []mark) *marker {
	m := &marker{Writer: w, marks: slices.Clone(marks), tracks: map[string]tracefmt.TrackID{}}
	slices.SortStableFunc(m.marks, func(a, b mark) int { return cmp.Compare(a.event.Time, b.event.Time) })
	for _, mark := range marks {
		if mark.span != "" {
			m.tracks[mark.span] = 0
		}
	}
	return m
}

func (m *marker) Write(e *tracefmt.Event) error {
	if e.Kind == tracefmt.Process && m.process == 0 {
		m.process = e.Track
	}
	if e.Kind.Timed() && e.Kind != tracefmt.Clock {
		if err := m.writeUntil(e.Time); err != nil {
			return err
		}
	}
	if e.ID != "" {
		if _, wanted := m.tracks[e.ID]; wanted {
			m.tracks[e.ID] = e.Track
		}
	}
	return m.Writer.Write(e)
}

// writeUntil writes the marks of times before t.
func (m *marker) writeUntil(t int64) error {
	for len(m.marks) > 0 && m.marks[0].event.Time < t {
		if err := m.writeFirst(); err != nil {
			return err
		}
	}
	return nil
}

func (m *marker) writeFirst() error {
	e := m.marks[0].event
	m.marks = m.marks[1:]
	e.Track = cmp.Or(m.tracks[e.Parent], m.process)
	return m.Writer.Write(&e)
}

func (m *marker) Close() error {
	for len(m.marks) > 0 {
		if err := m.writeFirst(); err != nil {
			m.Writer.Close()
			return err
		}
	}
	return m.Writer.Close()
}
