package viewer

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestClock: the time of a process is that of its freshest event, and goes on.
func TestClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startClock()
		if c.now() != 0 {
			t.Errorf("before any event it is %d", c.now())
		}
		time.Sleep(time.Second)
		c.saw(5_000) // it took its time
		c.saw(int64(700 * time.Millisecond))
		time.Sleep(time.Second)
		c.saw(int64(800 * time.Millisecond)) // and this one more
		if want := int64(1700 * time.Millisecond); c.now() != want {
			t.Errorf("it is %d, want %d", c.now(), want)
		}
		c.stop()
		time.Sleep(time.Hour)
		if want := int64(1700 * time.Millisecond); c.now() != want {
			t.Errorf("it goes on to %d after it was stopped at %d", c.now(), want)
		}
	})
}
