package perfetto

import "github.com/spanstack/spanstack/tracefmt"

// clocks relates the clocks of a trace to the one that its events are on.
type clocks struct {
	primary uint64
	known   map[clockKey]*clock
}

// clockKey is a clock's ID, with the sequence that it belongs to if it is of one only.
type clockKey struct{ sequence, id uint64 }

type clock struct {
	offset  int64 // ns: what to add for the trace's clock
	unit    int64 // ns
	isDelta bool  // each time is relative to the one before
	last    int64 // ns, if so
}

func (c *clocks) init() {
	c.primary = clockBoottime
	c.known = make(map[clockKey]*clock)
}

func keyOfClock(sequence, id uint64) clockKey {
	if id < clockFirstOwn || id > clockLastOwn {
		sequence = 0
	}
	return clockKey{sequence, id}
}

// convert returns a time on the trace's clock, in ns. It is not ok, and the time as it was, if the clock isn't known.
func (c *clocks) convert(sequence, id, time uint64) (ns int64, ok bool) {
	if id == 0 || id == c.primary {
		return int64(time), true
	}
	k := c.known[keyOfClock(sequence, id)]
	if k == nil {
		return int64(time), false
	}
	ns = int64(time) * k.unit
	if k.isDelta {
		k.last += ns
		ns = k.last
	}
	return ns + k.offset, true
}

// reading is what a snapshot says of one clock.
type reading struct {
	id   uint64
	time int64 // ns
	unit int64
	inc  bool
}

// snapshot handles a ClockSnapshot. One that says what the wall clock read becomes a Clock event.
func (r *Reader) snapshot(s *sequenceState, data []byte) {
	var list []reading
	c := cursor{b: data, bad: &r.bad}
	for c.next() {
		switch c.num {
		case snapshotPrimary:
			if id := c.varint(); id != 0 {
				r.clocks.primary = id
			}
		case snapshotClocks:
			list = append(list, readClock(c.within()))
		}
	}
	now, ok := r.clocks.now(s.id, list)
	if !ok {
		r.losses.AddAt("clock snapshot without the trace's clock", r.start)
		return
	}
	for _, k := range list {
		if k.id == clockRealtime {
			r.emit(tracefmt.Clock, 0, now).Unix = k.time
		}
		key := keyOfClock(s.id, k.id)
		known := r.clocks.known[key]
		if known == nil {
			if len(r.clocks.known) >= maxSequences {
				r.losses.AddAt("clock, one too many", r.start)
				continue
			}
			known = &clock{}
			r.clocks.known[key] = known
		}
		*known = clock{offset: now - k.time, unit: k.unit, isDelta: k.inc, last: k.time}
	}
}

func readClock(c cursor) reading {
	k := reading{unit: 1}
	var time uint64
	for c.next() {
		switch c.num {
		case clockID:
			k.id = c.varint()
		case clockTimestamp:
			time = c.varint()
		case clockIsDelta:
			k.inc = c.varint() != 0
		case clockUnit:
			k.unit = max(int64(c.varint()), 1)
		}
	}
	k.time = int64(time) * k.unit
	return k
}

// now returns the time of a snapshot on the trace's clock: as it says, or by a clock that is known from an earlier one.
func (c *clocks) now(sequence uint64, list []reading) (ns int64, ok bool) {
	for _, k := range list {
		if k.id == c.primary {
			return k.time, true
		}
	}
	for _, k := range list {
		if known := c.known[keyOfClock(sequence, k.id)]; known != nil && !known.isDelta && k.id != clockRealtime {
			return k.time + known.offset, true
		}
	}
	return 0, false
}
