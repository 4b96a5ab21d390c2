package filter

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"github.com/spanstack/spanstack/tracefmt"
)

// stream leaves a stretch of absolute time of a trace that goes by. It holds what is known of tracks that nothing was
// left on yet, and begins before the stretch whose ends didn't come yet.
type stream struct {
	*Reader
	from, to int64
	bounds   bounds

	tracks  map[tracefmt.TrackID]*held
	async   map[asyncKey][]*asyncHeld
	dropped map[arrowKey]bool // arrows that start before the stretch

	queue []*tracefmt.Event // to be delivered
	last  error             // of the input, when the queue is empty
}

type asyncKey struct{ category, key string }

type arrowKey struct{ category, name, key string }

// held is what is kept of a track. What is open on it is, from the outermost: told, before, after.
type held struct {
	declared *tracefmt.Event   // what has to be told of it; nil if nothing has
	known    bool              // it was declared to the one who reads
	before   []*tracefmt.Event // begins before the stretch
	told     int               // slices whose begins were delivered
	after    int               // slices that begin after the stretch
}

// asyncHeld is an async slice that is open. One that begins after the stretch is neither told nor held.
type asyncHeld struct {
	name string
	held *tracefmt.Event // its begin, before the stretch
	told bool
}

func newStream(r *Reader) *stream {
	return &stream{Reader: r, from: math.MinInt64, to: math.MaxInt64, tracks: make(map[tracefmt.TrackID]*held),
		async: make(map[asyncKey][]*asyncHeld), dropped: make(map[arrowKey]bool)}
}

func (s *stream) next() (*tracefmt.Event, error) {
	for len(s.queue) == 0 {
		if s.last != nil {
			return nil, s.last
		}
		e, err := s.in.Next()
		if err != nil {
			s.last = err
			s.finish()
			continue
		}
		if err := s.take(e); err != nil {
			return nil, err
		}
	}
	e := s.queue[0]
	s.queue = slices.Delete(s.queue, 0, 1)
	return s.clipped(e, s.from, s.to), nil
}

// take judges an event.
func (s *stream) take(e *tracefmt.Event) error {
	switch e.Kind {
	case tracefmt.Process, tracefmt.Track:
		s.declare(e)
		return nil
	case tracefmt.Clock:
		s.bounds.add(e)
		s.queue = append(s.queue, e)
		return nil
	}
	if !s.bounds.timed {
		s.bounds.add(e)
		if err := s.resolve(); err != nil {
			return err
		}
	}
	switch e.Kind {
	case tracefmt.Begin:
		s.begin(e)
	case tracefmt.End:
		s.end(e)
	case tracefmt.Complete:
		end := int64(endless)
		if d, ok := e.Duration(); ok {
			end = clamped(e.Time, d)
		}
		s.judge(e, span{e.Time, end}.meets(s.from, s.to))
	case tracefmt.AsyncBegin:
		s.asyncBegin(e)
	case tracefmt.AsyncEnd:
		s.asyncEnd(e)
	case tracefmt.AsyncInstant:
		s.asyncInstant(e)
	case tracefmt.FlowStart, tracefmt.FlowStep, tracefmt.FlowEnd:
		s.flow(e)
	default:
		s.judge(e, s.within(e))
	}
	return nil
}

func (s *stream) resolve() (err error) {
	s.from, s.to, err = s.o.stretch(s.bounds)
	return err
}

func (s *stream) within(e *tracefmt.Event) bool { return s.from <= e.Time && e.Time <= s.to }

// judge counts an event, and delivers it if it is left.
func (s *stream) judge(e *tracefmt.Event, left bool) {
	s.counts.add(e, left)
	if left {
		s.deliver(e)
	}
}

// deliver puts an event into the queue, after what has to be known of its track and of what is open there.
func (s *stream) deliver(e *tracefmt.Event) {
	s.tell(e.Track)
	s.tellOpen(e.Track)
	s.queue = append(s.queue, e)
}

// tellOpen delivers the slices that begin before the stretch and were found to reach into it.
func (s *stream) tellOpen(id tracefmt.TrackID) {
	t := s.track(id)
	if len(t.before) == 0 {
		return
	}
	s.tell(id)
	for _, begin := range t.before {
		s.counts.add(begin, true)
	}
	t.told += len(t.before)
	s.queue = append(s.queue, t.before...)
	t.before = nil
}

// tell declares a track, after its process.
func (s *stream) tell(id tracefmt.TrackID) {
	t := s.track(id)
	e := t.declared
	t.declared, t.known = nil, true
	if e == nil {
		return
	}
	if e.Kind == tracefmt.Track {
		s.tell(e.Process)
	}
	s.queue = append(s.queue, e)
}

func (s *stream) track(id tracefmt.TrackID) *held {
	t := s.tracks[id]
	if t == nil {
		t = &held{}
		s.tracks[id] = t
	}
	return t
}

// declare keeps what is known of a track until something is left on it.
func (s *stream) declare(e *tracefmt.Event) {
	t := s.track(e.Track)
	switch {
	case t.known:
		if e.Kind == tracefmt.Track {
			s.tell(e.Process)
		}
		s.queue = append(s.queue, e)
		return
	case t.declared == nil:
		t.declared = e.Clone()
		return
	}
	old := t.declared
	old.Name = cmp.Or(e.Name, old.Name)
	old.Order = cmp.Or(e.Order, old.Order)
	old.Process = cmp.Or(e.Process, old.Process)
	if !e.SourceID.IsZero() {
		old.SourceID = e.SourceID
	}
	for _, a := range e.Attrs {
		old.Attrs = slices.DeleteFunc(old.Attrs, func(b tracefmt.Attr) bool { return a.Key == b.Key })
		old.Attrs = append(old.Attrs, a)
	}
}

func (s *stream) begin(e *tracefmt.Event) {
	t := s.track(e.Track)
	switch {
	case e.Time > s.to:
		s.tellOpen(e.Track) // it was open all the time
		t.after++
		s.counts.add(e, false)
	case e.Time < s.from:
		t.before = append(t.before, e.Clone())
	default:
		s.judge(e, true)
		t.told++
	}
}

func (s *stream) end(e *tracefmt.Event) {
	t := s.track(e.Track)
	n := len(t.before)
	switch {
	case t.after > 0:
		t.after--
	case n > 0 && e.Time <= s.from:
		s.counts.add(t.before[n-1], false)
		t.before = t.before[:n-1]
	case n > 0 || t.told > 0:
		s.deliver(e)
		t.told--
	default: // without a begin
		s.judge(e, s.within(e))
	}
}

func (s *stream) asyncBegin(e *tracefmt.Event) {
	a := &asyncHeld{name: e.Name}
	switch {
	case e.Time > s.to:
		s.counts.add(e, false)
	case e.Time < s.from:
		a.held = e.Clone()
	default:
		s.judge(e, true)
		a.told = true
	}
	key := asyncKey{e.Category, e.AsyncKey()}
	s.async[key] = append(s.async[key], a)
}

// tellAsync delivers the begin of an async slice that was found to reach into the stretch.
func (s *stream) tellAsync(a *asyncHeld) {
	if a.held != nil {
		s.judge(a.held, true)
		a.held, a.told = nil, true
	}
}

func (s *stream) asyncInstant(e *tracefmt.Event) {
	if s.within(e) {
		for _, a := range s.async[asyncKey{e.Category, e.AsyncKey()}] {
			s.tellAsync(a)
		}
	}
	s.judge(e, s.within(e))
}

func (s *stream) asyncEnd(e *tracefmt.Event) {
	key := asyncKey{e.Category, e.AsyncKey()}
	open := s.async[key]
	i := len(open) - 1
	for i >= 0 && e.Name != "" && open[i].name != e.Name {
		i--
	}
	if i < 0 { // without a begin
		s.judge(e, s.within(e))
		return
	}
	a := open[i]
	if e.Time > s.from {
		s.tellAsync(a)
	} else if a.held != nil {
		s.counts.add(a.held, false)
	}
	if a.told {
		s.deliver(e)
	}
	if open = slices.Delete(open, i, i+1); len(open) > 0 {
		s.async[key] = open
	} else {
		delete(s.async, key)
	}
}

func (s *stream) flow(e *tracefmt.Event) {
	key := arrowKey{e.Category, e.Name, e.Key}
	if e.Kind == tracefmt.FlowStart {
		delete(s.dropped, key)
		if e.Time < s.from {
			s.dropped[key] = true
		}
	}
	s.judge(e, s.within(e) && !s.dropped[key])
	if e.Kind == tracefmt.FlowEnd {
		delete(s.dropped, key)
	}
}

// finish delivers what is still open at the end of the trace: it reaches into the stretch.
func (s *stream) finish() {
	for _, id := range slices.Sorted(maps.Keys(s.tracks)) {
		s.tellOpen(id)
	}
	byKey := func(a, b asyncKey) int { return cmp.Or(cmp.Compare(a.category, b.category), cmp.Compare(a.key, b.key)) }
	for _, key := range slices.SortedFunc(maps.Keys(s.async), byKey) {
		for _, a := range s.async[key] {
			s.tellAsync(a)
		}
	}
}
