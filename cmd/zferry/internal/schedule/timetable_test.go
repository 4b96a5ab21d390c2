package schedule_test

import (
	"testing"
	"time"

	"github.com/spanstack/spanstack/cmd/zferry/internal/schedule"
)

// handClock is a clock that a test moves.
type handClock struct {
	wall   time.Time
	passed time.Duration
}

func (c *handClock) Now() time.Time       { return c.wall }
func (c *handClock) Since() time.Duration { return c.passed }

// pass lets time pass.
func (c *handClock) pass(d time.Duration) { c.wall, c.passed = c.wall.Add(d), c.passed+d }

// set sets the wall clock.
func (c *handClock) set(d time.Duration) { c.wall = c.wall.Add(d) }

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// runs looks at a timetable each minute for a time, and returns when it was due, as the time that has passed.
func runs(c *handClock, table *schedule.Timetable, d time.Duration) (list []time.Duration) {
	for end := c.passed + d; c.passed < end; {
		c.pass(time.Minute)
		if _, _, due := table.Take(); due {
			list = append(list, c.passed)
		}
	}
	return list
}

func TestTimetable(t *testing.T) {
	hourly, daily := schedule.Spec{Every: time.Hour}, schedule.Spec{Cron: "0 13 * * *"}
	const day = 24 * time.Hour
	for _, c := range []struct {
		name        string
		spec        schedule.Spec
		step        time.Duration // after 90 minutes
		first, last int           // runs before that, and in the following 26 hours
		longest     time.Duration // between two runs
	}{
		{"no step", hourly, 0, 1, 26, time.Hour},
		{"forward by less than a slot", hourly, 10 * time.Minute, 1, 26, time.Hour},
		{"forward by many", hourly, 30 * day, 1, 27, time.Hour},
		{"back over the last slot", hourly, -40 * time.Minute, 1, 25, 100 * time.Minute},
		{"back by months", hourly, -90 * day, 1, 26, time.Hour},
		{"daily: back over its hour", daily, -time.Hour, 1, 1, 25 * time.Hour},
		{"daily: forward over none", daily, 5 * time.Hour, 1, 1, day},
		{"daily: forward by a month", daily, 30*day + 5*time.Hour, 1, 2, day},
		{"daily: back by a month", daily, -30 * day, 1, 1, day},
	} {
		t.Run(c.name, func(t *testing.T) {
			clock := &handClock{wall: noon}
			table := schedule.NewTimetable(slots(t, c.spec), clock, time.Time{})
			before := runs(clock, table, 90*time.Minute)
			clock.set(c.step)
			after := runs(clock, table, 26*time.Hour)
			if len(before) != c.first || len(after) != c.last {
				t.Fatalf("%d runs before the step, and %d after it, want %d and %d: %v, %v", len(before), len(after), c.first, c.last, before, after)
			}
			all := append(before, after...)
			for i := 1; i < len(all); i++ {
				if d := all[i] - all[i-1]; d > c.longest {
					t.Errorf("%v without a run, want %v: %v", d, c.longest, all)
				}
			}
		})
	}
}

// TestMissed: a suspended machine catches up with one run, which knows how many it stands for.
func TestMissed(t *testing.T) {
	clock := &handClock{wall: noon}
	table := schedule.NewTimetable(slots(t, schedule.Spec{Every: time.Hour}), clock, time.Time{})
	clock.set(5*time.Hour + time.Minute) // the time that passes stands still meanwhile
	slot, missed, due := table.Take()
	if want := noon.Add(5 * time.Hour); !due || missed != 4 || !slot.Equal(want) {
		t.Errorf("%v, %d missed, %v: want %v, 4", slot, missed, due, want)
	}
	if _, _, due := table.Take(); due {
		t.Error("it is due again")
	}
	clock.set(10 * 365 * 24 * time.Hour)
	if _, missed, due := table.Take(); !due || missed != 1000 {
		t.Errorf("after ten years: %d missed, %v", missed, due)
	}
}

// TestRestart: slots that passed while the program was down are made up for, once; those of a future that never was don't
// keep it waiting.
func TestRestart(t *testing.T) {
	clock := &handClock{wall: noon, passed: time.Hour}
	p := slots(t, schedule.Spec{Cron: "0 2 * * *"})
	table := schedule.NewTimetable(p, clock, noon.AddDate(0, 0, -3))
	if _, missed, due := table.Take(); !due || missed != 2 {
		t.Errorf("after three days: %d missed, %v", missed, due)
	}
	table = schedule.NewTimetable(p, clock, noon.AddDate(1, 0, 0))
	if want := time.Date(2026, 3, 3, 2, 0, 0, 0, time.UTC); !table.Next().Equal(want) {
		t.Errorf("the next one is %v, want %v", table.Next(), want)
	}
}
