package remote

import (
	"sync"
	"time"
)

// clockSamples is how many of the latest samples are looked at: old ones don't know of a drift or a step.
const clockSamples = 8

// clock estimates how far another host's clock is ahead of this one's, as NTP does: RFC 5905, section 8. Each sample is wrong by
// at most half of the time that was spent on the way, and so the one that was fastest counts.
type clock struct {
	mu      sync.Mutex
	samples []sample
}

type sample struct{ offset, bound time.Duration }

// add adds a sample: when a request went out and its reply came in here, and the stamps from there.
func (c *clock) add(out, in time.Time, s stamps) {
	there := time.Duration(s.Sent - s.Received)
	took := in.Sub(out) // by the monotonic clock
	if s.Received == 0 || there < 0 || there > took {
		return
	}
	// Everything is reckoned from out, so that a step of this host's clock meanwhile does no harm.
	middle := out.Add(took / 2).UnixNano()
	offset := time.Duration(s.Received + int64(there/2) - middle)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.samples = append(c.samples, sample{offset, (took - there + 1) / 2})
	c.samples = c.samples[max(len(c.samples)-clockSamples, 0):]
}

// best returns the best sample, one with a bound of -1 if there is none.
func (c *clock) best() (s sample) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.bound = -1
	for _, other := range c.samples {
		if s.bound < 0 || other.bound <= s.bound {
			s = other
		}
	}
	return s
}
