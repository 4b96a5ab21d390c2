package viewer

import (
	"slices"

	"github.com/spanstack/spanstack/tracefmt"
)

// stated is a reader that also counts the losses of which the trace itself tells, as those of package capture do: what a program
// recorded faster than it could be handed on.
type stated struct {
	tracefmt.Reader
	count int64
}

// Next implements [tracefmt.Reader].
func (s *stated) Next() (*tracefmt.Event, error) {
	e, err := s.Reader.Next()
	if err == nil {
		s.look(e)
	}
	return e, err
}

// ReadEvents implements [tracefmt.BatchReader].
func (s *stated) ReadEvents(buf []tracefmt.Event) ([]tracefmt.Event, error) {
	events, err := tracefmt.ReadEvents(s.Reader, buf)
	for i := range events {
		s.look(&events[i])
	}
	return events, err
}

// look counts what an event says that is lost.
func (s *stated) look(e *tracefmt.Event) {
	if isLoss(e) {
		n, _ := e.Attr("count").Int64() // without it, the reader has counted it
		s.count += max(0, n)
	}
}

// Losses implements [tracefmt.LossReporter].
func (s *stated) Losses() []tracefmt.Loss {
	lost := tracefmt.LossesOf(s.Reader)
	if s.count > 0 {
		lost = append(slices.Clip(lost), tracefmt.Loss{What: "records that the program made faster than they were read", Count: s.count, Offset: -1})
	}
	return lost
}

// isLoss reports whether an event says that others are missing.
func isLoss(e *tracefmt.Event) bool {
	return e.Kind == tracefmt.Instant && e.Category == tracefmt.CategoryLoss
}
