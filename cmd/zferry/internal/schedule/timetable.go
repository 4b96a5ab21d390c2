package schedule

import "time"

// Clock is what a schedule goes by.
type Clock interface {
	Now() time.Time       // of the wall
	Since() time.Duration // the time that has passed since some moment, whatever happened to the wall clock
}

// System is the system's clock.
var System Clock = system{start: time.Now()}

type system struct{ start time.Time }

func (system) Now() time.Time         { return time.Now().Round(0) } // differences are those of the wall clock
func (s system) Since() time.Duration { return time.Since(s.start) }

// A Timetable says when slots are due. It isn't for concurrent use.
type Timetable struct {
	slots *Slots
	clock Clock

	last   time.Time     // the newest slot that was taken; before the first one, when it began
	taken  time.Duration // when that was, by Clock.Since
	next   time.Time     // the slot that is waited for; zero if it has to be determined
	seen   time.Time     // the wall clock at the last look
	offset time.Duration // the wall clock's, from Clock.Since, at the last look
}

// step is by how much the wall clock has to move against the time that passes to be looked at anew.
const step = 500 * time.Millisecond

// NewTimetable returns one whose slots up to last are done; a zero last is now.
func NewTimetable(slots *Slots, clock Clock, last time.Time) *Timetable {
	now := clock.Now()
	if last.IsZero() || last.After(now) {
		last = now
	}
	t := &Timetable{slots: slots, clock: clock, last: last, taken: clock.Since() - now.Sub(last)}
	t.look()
	t.next = slots.Next(last)
	return t
}

// Next returns the slot that is waited for, which may have passed; zero if there is none.
func (t *Timetable) Next() time.Time {
	t.look()
	return t.next
}

// Last returns the newest slot that was taken.
func (t *Timetable) Last() time.Time { return t.last }

// missedMost bounds how far slots are counted.
const missedMost = 1000

// Take reports whether a slot is due, and takes it, with all others that have passed: missed is how many those are.
func (t *Timetable) Take() (slot time.Time, missed int, due bool) {
	now := t.look()
	if t.next.IsZero() || t.next.After(now) {
		return time.Time{}, 0, false
	}
	slot = t.next
	for missed < missedMost {
		next := t.slots.Next(slot)
		if next.IsZero() || next.After(now) {
			break
		}
		slot, missed = next, missed+1
	}
	if missed == missedMost {
		slot = now
	}
	t.last, t.taken = slot, t.clock.Since()
	t.next = t.slots.Next(now)
	return slot, missed, true
}

// look notices a wall clock that was set back, and then determines the next slot anew. One that is set forward passes it.
func (t *Timetable) look() (now time.Time) {
	now = t.clock.Now()
	offset := time.Duration(now.UnixNano()) - t.clock.Since()
	if !t.seen.IsZero() && offset < t.offset-step {
		t.next = t.again(now)
	}
	t.seen, t.offset = now, offset
	return now
}

// again returns the first slot after now that isn't one whose time comes a second time, too early.
func (t *Timetable) again(now time.Time) time.Time {
	passed := t.clock.Since() - t.taken
	for slot := t.slots.Next(now); !slot.IsZero(); slot = t.slots.Next(slot) {
		if slot.After(t.last) || passed+slot.Sub(now) >= t.slots.Next(slot).Sub(slot) {
			return slot
		}
	}
	return time.Time{}
}
