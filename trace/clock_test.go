package trace

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// TestClockSnapshots: a consumer that last saw the wall clock elsewhere says once where it is now, and nothing while it
// stays there.
func TestClockSnapshots(t *testing.T) {
	c := NewRecorder(Config{}).NewConsumer(ConsumerConfig{})
	snapshots := func() (clocks []Record) {
		records, _ := c.Poll()
		for _, r := range records {
			if r.Kind == KindClock {
				clocks = append(clocks, r)
			}
		}
		return clocks
	}
	if got := snapshots(); len(got) != 0 {
		t.Errorf("the clock didn't move, but there are %d snapshots", len(got))
	}
	c.offset = time.Hour // as if the wall clock had been stepped back since
	before := time.Now().UnixNano()
	got := snapshots()
	if len(got) != 1 || got[0].Unix < before || got[0].Unix > time.Now().UnixNano() {
		t.Errorf("after a step: %+v", got)
	}
	if got := snapshots(); len(got) != 0 {
		t.Errorf("one step gave %d more snapshots", len(got))
	}
}

// TestClock: whatever the processor's counter says, a shard's clock is that of the system.
func TestClock(t *testing.T) {
	if !useCounter {
		t.Log("this processor's counter isn't used: all readings are the system's")
	}
	c := clock{epoch: time.Now().Add(-time.Hour)}
	fromCounter, worst := 0, time.Duration(0)
	check := func(what string, tolerance time.Duration) {
		t.Helper()
		anchor := c.ticks
		before := time.Since(c.epoch)
		now := time.Duration(c.now())
		after := time.Since(c.epoch)
		if c.ticks == anchor && c.fresh != 0 {
			fromCounter++
			if off := max(before-now, now-after); off > tolerance {
				t.Fatalf("%s: the clock says %v between %v and %v", what, now, before, after)
			} else if tolerance < maxStale {
				worst = max(worst, off)
			}
		}
	}
	for _, jump := range []int64{0, 1 << 20, 1 << 22, 1 << 30, 1 << 40, -1 << 20, -1 << 22, -1 << 30, -1 << 40, -1 << 63} {
		c.ticks += uint64(jump) // as if the counter had been set back or forth
		c.baseTicks += uint64(jump)
		for start := time.Now(); time.Since(start) < 100*time.Millisecond; {
			tolerance := 10 * time.Microsecond
			if time.Since(start) < 3*maxStale {
				tolerance = 2 * maxStale
			}
			check(fmt.Sprint("after a jump of ", jump), tolerance)
		}
	}
	t.Logf("%d readings of the counter, at most %v off", fromCounter, worst)
	if useCounter && fromCounter == 0 {
		t.Error("the counter was never used")
	}
}

func TestClockOfSynctest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clock{epoch: time.Now()}
		for range 100 {
			time.Sleep(time.Millisecond)
			c.now()
		}
		if now := time.Duration(c.now()); now != 100*time.Millisecond {
			t.Errorf("after 100 ms of a test's time the clock says %v", now)
		}
	})
}

// BenchmarkClock compares the two ways to the time.
func BenchmarkClock(b *testing.B) {
	c := clock{epoch: time.Now()}
	b.Run("shard", func(b *testing.B) {
		for b.Loop() {
			c.now()
		}
	})
	b.Run("system", func(b *testing.B) {
		for b.Loop() {
			_ = time.Since(c.epoch)
		}
	})
}
