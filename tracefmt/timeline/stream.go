package timeline

import (
	"slices"

	"github.com/spanstack/spanstack/internal/innermost"
	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/window"
)

// DefaultWindow is the number of events among which a Stream finds the order of time, if it isn't told another. They take
// some 10 MB, and 40 MB at most.
const DefaultWindow = window.Default

// batch is how many events are read, and then handed out, at a time. Code that does one thing for a while is faster by a
// seventh.
const batch = 64

// A Stream is a Reader of a trace that doesn't fit into memory. It hands out the events of another Reader as close to
// the normal form as a bounded number of events at hand allows:
//
//   - in the order of time, as far as none comes later than a whole window of others. Those are handed out late, and
//     reported as losses of their order;
//   - ends match begins, but stay events of their own. An end closes the innermost open slice of its name, slices inside
//     of that end with it, and an end whose slice isn't open is left out;
//   - of the marks of open slices (tracefmt.CategoryOpen) the last one of each track is left, if it has an open slice.
//
// Its memory is bounded by the window and by what is open.
type Stream struct {
	from   tracefmt.Reader
	window *window.Window
	drain  int   // events to be handed out before the window is filled again
	err    error // of from: to be returned when the window is empty
	timed  bool  // there was an event that has a time

	last   int64 // the time of the latest event that was handed out
	began  bool
	open   map[tracefmt.TrackID]*openTrack
	tracks []tracefmt.TrackID // the keys of open, in their order
	queue  []tracefmt.Event   // to be handed out before what is in the window
	losses tracefmt.Losses
}

// openTrack is what is open on a track.
type openTrack struct {
	names innermost.Names
	mark  tracefmt.Event
}

// NewStream returns a Stream of what r reads, with a window of so many events, or DefaultWindow if size is 0.
func NewStream(r tracefmt.Reader, size int) *Stream {
	if size <= 0 {
		size = DefaultWindow
	}
	return &Stream{from: r, window: window.New(size), open: map[tracefmt.TrackID]*openTrack{}}
}

// Losses returns what r lost, and what had to be repaired.
func (s *Stream) Losses() []tracefmt.Loss {
	return slices.Concat(tracefmt.LossesOf(s.from), s.losses.List())
}

// Next returns the next event, as [tracefmt.Reader] has it. The error of r comes after all that was read before it.
func (s *Stream) Next() (*tracefmt.Event, error) {
	for {
		if len(s.queue) > 0 {
			e := &s.queue[0]
			s.queue = s.queue[1:]
			return e, nil
		}
		if s.err == nil && s.filling() {
			if e := s.read(); e != nil {
				return e, nil
			}
			continue
		}
		if s.window.Len() == 0 {
			if s.marks() {
				continue
			}
			return nil, s.err
		}
		if e := s.window.Pop(); s.pass(e) {
			return e, nil
		}
	}
}

// filling reports whether the window is to be filled before more is handed out.
func (s *Stream) filling() bool {
	if s.drain == 0 && s.window.Full() {
		s.drain = min(batch, max(s.window.Limit()/16, 1))
	}
	if s.drain == 0 || s.window.Len() == 0 {
		s.drain = 0
		return true
	}
	s.drain--
	return false
}

// read takes in an event, or returns it if it has no place in the order of time.
func (s *Stream) read() *tracefmt.Event {
	e, err := s.from.Next()
	switch {
	case err != nil:
		s.err = err
		return nil
	case !e.Kind.Timed(), e.Kind == tracefmt.Clock && !s.timed: // an anchor is that of all events
		return e
	}
	s.timed = true
	s.window.Push(e)
	return nil
}

// pass reports whether an event is to be handed out as it is, or at all.
func (s *Stream) pass(e *tracefmt.Event) bool {
	if s.began && e.Time < s.last {
		s.losses.Add("order of an event that came very late")
	} else {
		s.last, s.began = e.Time, true
	}
	switch {
	case e.Kind == tracefmt.Begin:
		t := s.track(e.Track)
		t.names.Push(e.Name)
	case e.Kind == tracefmt.End:
		return s.end(e)
	case e.Kind == tracefmt.Instant && e.Category == tracefmt.CategoryOpen:
		s.track(e.Track).mark = *e.Clone()
		return false
	}
	return true
}

func (s *Stream) track(id tracefmt.TrackID) *openTrack {
	t := s.open[id]
	if t == nil {
		t = &openTrack{}
		s.open[id] = t
		s.tracks = append(s.tracks, id)
	}
	return t
}

// end closes the slice that an end is of, and those inside of it.
func (s *Stream) end(e *tracefmt.Event) bool {
	t := s.track(e.Track)
	at := t.names.Find(e.Name)
	if at < 0 {
		s.losses.Add("end without a begin")
		return false
	}
	inner := t.names.Len() - at - 1
	t.names.Cut(at)
	if inner == 0 {
		return true
	}
	for range inner {
		s.losses.Add("slice without an end, ended with the one around it")
		s.queue = append(s.queue, tracefmt.Event{Kind: tracefmt.End, Track: e.Track, Time: e.Time})
	}
	s.queue = append(s.queue, *e.Clone())
	return false
}

// marks queues the marks of what is open in the end.
func (s *Stream) marks() bool {
	for _, id := range s.tracks {
		if t := s.open[id]; t.names.Len() > 0 && t.mark.Kind != tracefmt.Invalid {
			s.queue = append(s.queue, t.mark)
		}
	}
	s.tracks = nil
	return len(s.queue) > 0
}
