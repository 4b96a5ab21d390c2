package trigger

import (
	"cmp"
	"errors"
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

// A marker is a writer that adds marks to what is written: each when something later comes, so that the order of time
// stays what it is, but not before the mark's span, which tells its track.
type marker struct {
	tracefmt.Writer
	marks   []mark // that aren't written yet, by time
	process tracefmt.TrackID
	spans   map[string]bool // that marks are about
}

func newMarker(w tracefmt.Writer, marks []mark) *marker {
	m := &marker{Writer: w, marks: slices.Clone(marks), spans: map[string]bool{}}
	slices.SortStableFunc(m.marks, func(a, b mark) int { return cmp.Compare(a.event.Time, b.event.Time) })
	for _, mark := range marks {
		m.spans[mark.span] = mark.span != ""
	}
	return m
}

func (m *marker) Write(e *tracefmt.Event) error {
	if e.Kind == tracefmt.Process && m.process == 0 {
		m.process = e.Track
	}
	if e.Kind.Timed() && e.Kind != tracefmt.Clock {
		if err := m.flush(e.Time); err != nil {
			return err
		}
	}
	if m.spans[e.ID] {
		for i := range m.marks {
			if m.marks[i].span == e.ID {
				m.marks[i].event.Track = e.Track
			}
		}
	}
	return m.Writer.Write(e)
}

// flush writes the marks of times before t whose place is known.
func (m *marker) flush(t int64) error {
	for i := 0; i < len(m.marks) && m.marks[i].event.Time < t; {
		if mark := &m.marks[i]; mark.span != "" && mark.event.Track == 0 {
			i++
			continue
		}
		if err := m.write(i); err != nil {
			return err
		}
	}
	return nil
}

// write writes the ith mark, and takes it off the list.
func (m *marker) write(i int) error {
	e := m.marks[i].event
	e.Track = cmp.Or(e.Track, m.process)
	m.marks = slices.Delete(m.marks, i, i+1)
	return m.Writer.Write(&e)
}

// Close writes the rest: marks later than everything, and those of spans that have left the recorder.
func (m *marker) Close() error {
	var err error
	for len(m.marks) > 0 && err == nil {
		err = m.write(0)
	}
	return errors.Join(err, m.Writer.Close())
}
