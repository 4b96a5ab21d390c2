package trace

import (
	"testing"
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
