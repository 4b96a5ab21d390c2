package schedule

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"time"
)

// Spec says when something is to run: Every or Cron is set.
type Spec struct {
	Every  time.Duration  // multiples of it, counted from a Monday, 0:00 UTC
	Cron   string         // see [ParseCron]
	Zone   *time.Location // of Cron; nil is UTC
	Jitter time.Duration  // each slot is later by up to this, by the same on all of a day's

	Key string // what Jitter depends on, such as a job's name
}

// Slots are moments of the wall clock. They are immutable.
type Slots struct {
	spec Spec
	cron Cron
}

// MinEvery is the shortest interval.
const MinEvery = time.Second

// Slots returns those of a Spec.
func (s Spec) Slots() (*Slots, error) {
	p := &Slots{spec: s}
	p.spec.Zone = cmp.Or(s.Zone, time.UTC)
	switch {
	case (s.Every != 0) == (s.Cron != ""):
		return nil, errors.New("want either an interval or a cron expression")
	case s.Cron != "":
		var err error
		if p.cron, err = ParseCron(s.Cron); err != nil {
			return nil, err
		}
	case s.Every < MinEvery:
		return nil, fmt.Errorf("the interval %v is too short: want %v or more", s.Every, MinEvery)
	}
	if s.Jitter < 0 {
		return nil, fmt.Errorf("the jitter %v is negative", s.Jitter)
	}
	if s.Jitter > 0 {
		if period := p.period(); s.Jitter >= period { // else slots would change their order
			return nil, fmt.Errorf("the jitter %v isn't shorter than the %v between two runs", s.Jitter, period)
		}
	}
	return p, nil
}

// epoch is a Monday, from which intervals are counted, so that those of a week begin with one.
var epoch = time.Date(1970, 1, 5, 0, 0, 0, 0, time.UTC)

// Next returns the first slot after t; zero if there is none.
func (p *Slots) Next(t time.Time) time.Time {
	for at := p.nominal(t.Add(-p.spec.Jitter)); !at.IsZero(); at = p.nominal(at) {
		if slot := at.Add(p.jitter(at)); slot.After(t) {
			return slot
		}
	}
	return time.Time{}
}

// nominal returns the first moment after t without jitter.
func (p *Slots) nominal(t time.Time) time.Time {
	if p.spec.Cron != "" {
		return p.cron.next(t, p.spec.Zone)
	}
	since := t.Sub(epoch)
	n := since / p.spec.Every
	if since < 0 && since%p.spec.Every != 0 {
		n--
	}
	return epoch.Add((n + 1) * p.spec.Every).In(p.spec.Zone)
}

// jitter is the same for all slots of a day, so that they keep their distance.
func (p *Slots) jitter(at time.Time) time.Duration {
	if p.spec.Jitter == 0 {
		return 0
	}
	year, month, day := at.In(p.spec.Zone).Date()
	h := fnv.New64a()
	_, _ = h.Write([]byte(p.spec.Key)) // never fails
	_, _ = h.Write(binary.BigEndian.AppendUint64(nil, uint64(year*10000+int(month)*100+day)))
	x := h.Sum64() // whose upper bits hardly depend on the last bytes
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return time.Duration(x % uint64(p.spec.Jitter)).Truncate(time.Millisecond)
}

// period returns the shortest time between two slots, as far as a few hundred of them tell.
func (p *Slots) period() time.Duration {
	if p.spec.Every != 0 {
		return p.spec.Every
	}
	at := p.nominal(epoch)
	shortest := p.nominal(at).Sub(at)
	for range 300 {
		next := p.nominal(at)
		if next.IsZero() {
			break
		}
		at, shortest = next, min(shortest, next.Sub(at))
	}
	return shortest
}
