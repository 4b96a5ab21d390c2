package lanes

import "math"

// A Track is one track and its lanes. L is what a writer knows of a lane, O what it wants to remember of a slice that
// has begun. The zero value is ready for use.
type Track[L, O any] struct {
	Lanes []*Lane[L, O] // the lowest first

	index *index[L, O] // nil while there are few lanes
}

// A Lane is one of the rows that the slices of a track are on.
type Lane[L, O any] struct {
	Out  L
	n    int
	open []Opened[O]
	row  row
}

// Opened is a slice that has begun and not ended.
type Opened[O any] struct {
	Slice
	Data O
}

func (t *Track[L, O]) add() *Lane[L, O] {
	l := &Lane[L, O]{n: len(t.Lanes)}
	t.Lanes = append(t.Lanes, l)
	if t.index != nil {
		t.index.add(l)
	} else if len(t.Lanes) > few {
		t.index = newIndex(t.Lanes)
	}
	return l
}

// First returns the lowest lane, which is there from the beginning.
func (t *Track[L, O]) First() *Lane[L, O] {
	if len(t.Lanes) == 0 {
		t.add()
	}
	return t.Lanes[0]
}

// Begin adds a slice that has begun, to the lowest lane where it doesn't start before another open one: begins and ends
// are those of something that does one thing at a time. isNew says that the lane is a new one.
func (t *Track[L, O]) Begin(s Slice, data O) (lane *Lane[L, O], isNew bool) {
	t.First()
	for _, l := range t.Lanes {
		if n := len(l.open); n == 0 || l.open[n-1].Start <= s.Start {
			lane = l
			break
		}
	}
	if lane == nil {
		lane, isNew = t.add(), true
	}
	s.End = math.MaxInt64
	lane.open = append(lane.open, Opened[O]{s, data})
	t.note(lane, &s)
	return lane, isNew
}

// End takes off the slice that was begun last. It ended at the given time or, if that is before its start, then. ok is
// false if nothing is open; nests is false if it overlaps others of its lane.
func (t *Track[L, O]) End(at int64) (lane *Lane[L, O], ended Opened[O], nests, ok bool) {
	for _, l := range t.Lanes {
		if n := len(l.open); n > 0 && (lane == nil || l.open[n-1].Start >= lane.open[len(lane.open)-1].Start) {
			lane = l
		}
	}
	if lane == nil {
		return nil, ended, false, false
	}
	n := len(lane.open) - 1
	ended = lane.open[n]
	lane.open[n] = Opened[O]{}
	lane.open = lane.open[:n]
	ended.End = max(at, ended.Start)
	return lane, ended, lane.row.place(&ended.Slice, true), true
}

// Complete adds a whole slice. If its parent goes on at its start, and is on another lane of this track, that is where
// an arrow comes from. isNew says that the lane is a new one.
func (t *Track[L, O]) Complete(s Slice) (lane *Lane[L, O], from Arrow[L, O], isNew bool) {
	t.First()
	if s.Parent != "" {
		if parent := t.laneOf(s.Parent, s.Start); parent != nil {
			if parent.take(&s) {
				t.note(parent, &s)
				return parent, from, false
			}
			from = Arrow[L, O]{parent, parent.moment(s.Parent, s.Start)}
		}
	}
	if lane = t.lowest(&s); lane == nil {
		lane, isNew = t.add(), true
		lane.row.place(&s, true)
	}
	t.note(lane, &s)
	return lane, from, isNew
}

// lowest puts a slice on the lowest lane that takes it, and returns that, or nil.
func (t *Track[L, O]) lowest(s *Slice) *Lane[L, O] {
	if x := t.index; x != nil && s.identified() && s.Start >= x.latest {
		if l := x.free(s.Start); l == nil || l.take(s) {
			return l
		}
	}
	for _, l := range t.Lanes {
		if l.take(s) {
			return l
		}
	}
	return nil
}

// laneOf returns the lane of a slice that is around a time, or nil if none is known.
func (t *Track[L, O]) laneOf(id string, at int64) *Lane[L, O] {
	if t.index != nil {
		return t.index.laneOf(id, at)
	}
	for _, l := range t.Lanes {
		if l.has(id, at) {
			return l
		}
	}
	return nil
}

func (t *Track[L, O]) note(l *Lane[L, O], s *Slice) {
	if t.index != nil {
		t.index.note(l, s)
	}
}

// At returns the lane on which a slice is known to be at a time, or nil.
func (t *Track[L, O]) At(when int64) *Lane[L, O] {
	for _, l := range t.Lanes {
		if len(l.open) > 0 && l.open[0].Start <= when || l.row.covers(when) {
			return l
		}
	}
	return nil
}

// take adds a slice if it nests with what is on the lane.
func (l *Lane[L, O]) take(s *Slice) bool {
	n := len(l.open)
	for n > 0 && l.open[n-1].Start > s.Start {
		if n--; l.open[n].Start < s.End {
			return false // it began inside
		}
	}
	if n > 0 && !l.open[n-1].mayHold(s) && !l.row.within(s, l.open[n-1].Start) {
		return false
	}
	return l.row.place(s, false)
}

// An Arrow says where an arrow to a slice begins. Viewers let it begin at the innermost slice of that moment.
type Arrow[L, O any] struct {
	Lane *Lane[L, O] // nil: there is none
	At   int64       // ns
}

// moment returns the last moment until a time at which a slice is the innermost one of the lane, or its start if there is
// none that is known.
func (l *Lane[L, O]) moment(id string, at int64) int64 {
	for i := range l.open {
		if o := &l.open[i]; o.ID == id {
			if i+1 < len(l.open) && l.open[i+1].Start <= at {
				at = l.open[i+1].Start - 1
			}
			return max(o.Start, before(l.row.since(o.Start), at))
		}
	}
	return l.row.moment(id, at)
}

// has reports whether a slice with this ID is around a time.
func (l *Lane[L, O]) has(id string, at int64) bool {
	for n := len(l.open); n > 0; n-- {
		if o := &l.open[n-1]; o.ID == id {
			return o.Start <= at
		}
	}
	return l.row.has(id, at)
}

// until returns from when on the lane is free.
func (l *Lane[L, O]) until() int64 {
	if len(l.open) > 0 {
		return math.MaxInt64
	}
	return l.row.until()
}
