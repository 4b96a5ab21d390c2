package timeline

import (
	"maps"
	"slices"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/offsets"
)

// AlignBy says by what the clocks of several inputs are aligned, besides offsets that are set.
type AlignBy uint8

const (
	// ByClocks takes the inputs' readings of the wall clock (Clock events), unless most of the messages between them say
	// that it was set to different times where they were recorded. Messages also place what has no such reading.
	ByClocks AlignBy = iota
	// ByMessages takes messages first, as they are the more precise, and readings of the wall clock where there are none.
	ByMessages
	// ByClocksOnly takes readings of the wall clock only.
	ByClocksOnly
)

// Method says how an input was aligned.
type Method uint8

const (
	NotAligned       Method = iota
	ByReference             // it is what others are aligned to
	ByClock                 // by its reading of the wall clock
	ByMessagePairs          // by messages
	ByOffset                // by the offset that was set
	ByConfirmedClock        // by its reading of the wall clock, which messages confirm
)

// Alignment says how an input's clock was aligned.
type Alignment struct {
	Method Method
	To     int   // the input to which; others may be in between
	Offset int64 // ns that were added to its times, besides what readings of the wall clock say
	// Bound is the greatest error of Offset in ns, where messages tell it: all in between added up. Some messages may
	// contradict it, see Agreeing.
	Bound    int64
	Agreeing int // messages that agree with Offset and Bound
	Messages int // of so many
	// Contradicted says that its reading of the wall clock can't be right if messages are. With ByClock, it was taken all
	// the same, as messages contradict each other, too.
	Contradicted bool
}

// AlignBy sets by what clocks are aligned. It has to be called before Events.
func (t *Timeline) AlignBy(method AlignBy) { t.method, t.clocks = method, nil }

// SetOffset sets what is to be added to the times of an input, in ns, besides what its reading of the wall clock says.
// It is the number of the call of Read for the input, from 0. The others aren't moved for it. It has to be called
// before Events.
func (t *Timeline) SetOffset(input int, ns int64) {
	if t.offsets == nil {
		t.offsets = make(map[int]int64)
	}
	t.offsets[input], t.clocks = ns, nil
}

// Aligned reports whether all inputs are on one clock: there is one only, or all have a reading of the wall clock, or
// messages or set offsets to those that have.
func (t *Timeline) Aligned() bool { return len(t.inputs) < 2 || t.compared().all }

// Alignments returns how each of the inputs was aligned.
func (t *Timeline) Alignments() []Alignment { return slices.Clone(t.compared().inputs) }

// clocks is how the inputs' clocks correspond.
type clocks struct {
	inputs []Alignment
	all    bool            // they do
	first  *tracefmt.Event // the reading of the wall clock in the input that began first; nil if none has one
	shift  []int64         // what is added to the times of each input
	wrong  []int64         // by how much of it the wall clock was behind, by input
	walls  []*Alignment    // the nearest input on the way to each that has a reading of the wall clock; nil if none has
}

// compared compares the inputs' clocks, once.
func (t *Timeline) compared() *clocks {
	if t.clocks == nil {
		t.clocks = t.compare()
	}
	return t.clocks
}

func (t *Timeline) compare() *clocks {
	n := len(t.inputs)
	c := &clocks{inputs: make([]Alignment, n), shift: make([]int64, n), wrong: make([]int64, n),
		walls: make([]*Alignment, n)}
	if n == 0 {
		return c
	}
	joined := offsets.NewJoined(n)
	reference := t.byWallClock(c, joined)
	fixed := []int{reference}
	for _, i := range slices.Sorted(maps.Keys(t.offsets)) {
		if i < 0 || i >= n {
			continue
		}
		if t.inputs[i].anchor == nil {
			c.shift[i] = c.shift[reference]
		}
		c.inputs[i] = Alignment{Method: ByOffset, To: reference, Offset: t.offsets[i]}
		joined.Join(i, reference)
		if i != reference {
			fixed = append(fixed, i)
		}
	}
	if t.method != ByClocksOnly {
		for _, s := range offsets.Tree(t.byAnchor(), fixed, t.messages(c.shift)) {
			t.follow(c, s)
			joined.Join(s.From, s.To)
		}
	}
	for i := range c.inputs {
		a := &c.inputs[i]
		if t.inputs[i].anchor != nil {
			c.wrong[i] = a.Offset
		}
		c.shift[i] = offsets.Add(c.shift[i], a.Offset)
	}
	if c.all = joined.All(); !c.all {
		t.leave(c)
	}
	return c
}

// byWallClock aligns those inputs that have a reading of the wall clock, and returns the one that the others are
// aligned to: the first of these whose offset isn't set, or else, the first that there is.
func (t *Timeline) byWallClock(c *clocks, joined offsets.Joined) (reference int) {
	reference = -1
	anchored := -1
	for i, in := range t.inputs {
		if in.anchor == nil {
			continue
		}
		if anchored < 0 {
			anchored = i
		}
		joined.Join(i, anchored)
		c.inputs[i].Method = ByClock
		if _, set := t.offsets[i]; !set && reference < 0 {
			reference = i
		}
		if c.first == nil || in.anchor.Unix-in.anchor.Time < c.first.Unix-c.first.Time {
			c.first = in.anchor
		}
	}
	for i, in := range t.inputs {
		if in.anchor != nil {
			c.shift[i] = (in.anchor.Unix - in.anchor.Time) - (c.first.Unix - c.first.Time)
		}
		if _, set := t.offsets[i]; !set && reference < 0 && anchored < 0 {
			reference = i
		}
	}
	reference = max(reference, 0)
	for i := range c.inputs {
		c.inputs[i].To = reference
	}
	c.inputs[reference].Method = ByReference
	return reference
}

// byAnchor returns the inputs, first those that have a reading of the wall clock.
func (t *Timeline) byAnchor() (list []int) {
	for _, has := range []bool{true, false} {
		for i, in := range t.inputs {
			if has == (in.anchor != nil) {
				list = append(list, i)
			}
		}
	}
	return list
}

// follow aligns an input to another one, by the messages between them.
func (t *Timeline) follow(c *clocks, s offsets.Step) {
	from := &c.inputs[s.From]
	a := Alignment{Method: ByMessagePairs, To: from.To, Agreeing: s.Agreeing, Messages: s.All}
	switch from.Method {
	case NotAligned:
		from.Method = ByReference
		fallthrough
	case ByReference, ByClock:
		a.To = s.From
	}
	wall := c.walls[s.From]
	if t.inputs[s.From].anchor != nil {
		wall = from
	}
	a.Offset, a.Bound = offsets.Add(from.Offset, s.Middle()), offsets.Add(from.Bound, s.FarthestFrom(s.Middle()))
	if wall != nil && t.inputs[s.To].anchor != nil {
		slack := from.Bound - wall.Bound // of inputs in between
		low, high := offsets.Add(from.Offset-slack, s.Lo), offsets.Add(from.Offset+slack, s.Hi)
		a.Contradicted = wall.Offset < low || wall.Offset > high
		switch {
		case t.method == ByClocks && a.Contradicted && 2*a.Agreeing <= a.Messages: // as they contradict each other
			a.Method, a.Offset, a.Bound = ByClock, wall.Offset, 0
		case t.method == ByClocks && !a.Contradicted:
			a.Method, a.Offset = ByConfirmedClock, wall.Offset
			a.Bound = offsets.Add(wall.Bound, offsets.Interval{Lo: low, Hi: high}.FarthestFrom(wall.Offset))
		}
	}
	c.inputs[s.To], c.walls[s.To] = a, wall
}

// leave leaves the times as they are, except by offsets that were set.
func (t *Timeline) leave(c *clocks) {
	for i := range c.inputs {
		a := Alignment{}
		if ns, set := t.offsets[i]; set {
			a = Alignment{Method: ByOffset, Offset: ns}
		}
		c.inputs[i], c.shift[i], c.wrong[i] = a, a.Offset, a.Offset
	}
}

// align moves the inputs' times to the clock of the one that started its clock first, and returns the anchor.
func (t *Timeline) align() *tracefmt.Event {
	c := t.compared()
	for i := range t.inputs {
		t.adapt(i, c.shift[i], "")
	}
	if !t.Aligned() {
		for _, in := range t.inputs {
			if in.anchor != nil {
				t.losses.Add("clock anchor of a trace that can't be aligned with the others")
			}
		}
		return nil
	}
	if c.first != nil {
		t.base = c.first.Unix - c.first.Time
	}
	return c.first
}
