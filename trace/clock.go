package trace

import "time"

// A clock tells the time of the spans of one shard, whose lock guards it.
//
// Reading the system's monotonic clock takes 25 ns, and a span needs it twice. Where the processor has a counter that
// runs at a constant rate, the clock reads the system's once in a while, and in between, for at most a millisecond, adds
// what that counter says. So it is some nanoseconds off, and, if somebody sets the counter meanwhile, as when a virtual
// machine moves to another host, at most a millisecond, for a millisecond.
type clock struct {
	epoch time.Time
	at    int64 // ns since the epoch, by the system's clock, when the counter was at ticks
	ticks uint64
	fresh uint64 // ticks for which that holds; 0: the counter is of no use, or nobody knows its rate for sure
	rate  uint64 // ns per tick, times 2³², as measured last

	base      int64 // where the rate is measured from
	baseTicks uint64
}

const (
	maxStale = time.Millisecond       // between two readings of the system's clock
	minBase  = 10 * time.Millisecond  // that a rate is measured for
	maxBase  = 500 * time.Millisecond // likewise
	maxTook  = 1 << 13                // ticks that reading the system's clock takes at most: some microseconds
	rateBits = 13                     // two rates that differ by less than a part in 2¹³ are the same
)

// now returns ns since the epoch.
func (c *clock) now() int64 {
	if t := counter() - c.ticks; t < c.fresh { // unsigned: a counter that went back is far ahead
		return c.at + int64(t*c.rate>>32)
	}
	return c.read()
}

// read reads the system's clock.
func (c *clock) read() int64 {
	if !useCounter || isFake(c.epoch) {
		return int64(time.Since(c.epoch))
	}
	before := counter()
	now := int64(time.Since(c.epoch))
	took := counter() - before
	if took > maxTook {
		return now // the thread was interrupted: nobody knows when in between the clock was read
	}
	ticks := before + took/2
	if elapsed := now - c.base; elapsed >= int64(minBase) {
		if elapsed <= int64(maxBase) {
			c.measure(uint64(elapsed), ticks-c.baseTicks)
		}
		c.base, c.baseTicks = now, ticks
	}
	c.at, c.ticks = now, ticks
	return now
}

// measure finds out the counter's rate. It is trusted if the last measurement said the same.
func (c *clock) measure(ns, ticks uint64) {
	const maxRate = 10 << 32 // a counter of 100 MHz is too coarse
	last := c.rate
	c.rate, c.fresh = ns<<32/max(1, ticks), 0
	if d := int64(c.rate - last); c.rate < maxRate && -int64(last>>rateBits) <= d && d <= int64(last>>rateBits) {
		c.fresh = uint64(maxStale) << 32 / max(1, c.rate)
	}
}

// isFake reports whether a time is one of [testing/synctest], whose clock begins with the year 2000. Traces of such tests
// have the tests' time.
func isFake(t time.Time) bool { return t.Year() == 2000 }
