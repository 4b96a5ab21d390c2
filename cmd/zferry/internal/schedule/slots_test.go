package schedule_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/spanstack/spanstack/cmd/zferry/internal/schedule"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func slots(t testing.TB, s schedule.Spec) *schedule.Slots {
	t.Helper()
	p, err := s.Slots()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestNext follows schedules through changes of the clock.
func TestNext(t *testing.T) {
	for _, c := range []struct {
		name  string
		spec  schedule.Spec
		after string
		want  string // the next ones, in the zone
	}{
		{"interval", schedule.Spec{Every: 15 * time.Minute}, "2026-03-01T10:07:00Z", "03-01 10:15, 03-01 10:30, 03-01 10:45"},
		{"on a slot", schedule.Spec{Every: time.Hour}, "2026-03-01T10:00:00Z", "03-01 11:00, 03-01 12:00"},
		{"weeks begin on Monday", schedule.Spec{Every: 7 * 24 * time.Hour}, "2026-03-01T10:07:00Z", "03-02 00:00, 03-09 00:00"},
		{"cron", schedule.Spec{Cron: "30 2 * * *"}, "2026-03-01T10:07:00Z", "03-02 02:30, 03-03 02:30"},
		{"word", schedule.Spec{Cron: "@daily", Zone: zone(t, "Asia/Tokyo")}, "2026-03-01T10:07:00Z", "03-02 00:00, 03-03 00:00"},
		{"a skipped hour is made up for", schedule.Spec{Cron: "30 2 * * *", Zone: zone(t, "Europe/Berlin")},
			"2026-03-28T12:00:00Z", "03-29 03:00, 03-30 02:30"},
		{"a repeated hour comes once", schedule.Spec{Cron: "30 2 * * *", Zone: zone(t, "Europe/Berlin")},
			"2026-10-24T12:00:00Z", "10-25 02:30, 10-26 02:30"},
		{"also seen from within it", schedule.Spec{Cron: "30 2 * * *", Zone: zone(t, "Europe/Berlin")},
			"2026-10-25T00:45:00Z", "10-26 02:30"},
		{"west of Greenwich", schedule.Spec{Cron: "30 1 * * *", Zone: zone(t, "America/New_York")},
			"2026-10-31T12:00:00Z", "11-01 01:30, 11-02 01:30"},
		{"each hour goes by the time that passes", schedule.Spec{Cron: "0 * * * *", Zone: zone(t, "Europe/Berlin")},
			"2026-10-24T23:30:00Z", "10-25 02:00, 10-25 02:00, 10-25 03:00"},
		{"and none is lost in spring", schedule.Spec{Cron: "@hourly", Zone: zone(t, "Europe/Berlin")},
			"2026-03-28T23:30:00Z", "03-29 01:00, 03-29 03:00, 03-29 04:00"},
		{"leap day", schedule.Spec{Cron: "0 0 29 2 *"}, "2026-03-01T00:00:00Z", "02-29 00:00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := slots(t, c.spec)
			at, err := time.Parse(time.RFC3339, c.after)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for range strings.Split(c.want, ", ") {
				at = p.Next(at)
				got = append(got, at.Format("01-02 15:04"))
			}
			if s := strings.Join(got, ", "); s != c.want {
				t.Errorf("got  %s\nwant %s", s, c.want)
			}
		})
	}
}

// TestInvalid wants errors that say what is wrong.
func TestInvalid(t *testing.T) {
	for want, spec := range map[string]schedule.Spec{
		"either an interval or a cron expression": {},
		"no cron expression":                      {Cron: "hourly"},
		"want minute, hour":                       {Cron: "61 * * * *"},
		"never comes":                             {Cron: "0 0 31 2 *"},
		`a field of its own: "zone"`:              {Cron: "TZ=UTC 0 0 * * *"},
		`a field of its own: "every"`:             {Cron: "@every 1h"},
		"too short":                               {Every: time.Millisecond},
		"is negative":                             {Every: time.Hour, Jitter: -1},
		"isn't shorter than the 1h0m0s":           {Cron: "0 * * * *", Jitter: time.Hour},
		"isn't shorter than the 4h0m0s":           {Cron: "0 3,23 * * *", Jitter: 5 * time.Hour},
	} {
		if _, err := spec.Slots(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", spec, err, want)
		}
	}
	if _, err := (schedule.Spec{Every: time.Hour, Cron: "@daily"}).Slots(); err == nil {
		t.Error("both are taken")
	}
}

// TestJitter: it is the same whenever it is asked for, within its bound, and differs between jobs and days.
func TestJitter(t *testing.T) {
	start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	seen := map[time.Duration]bool{}
	for _, key := range []string{"a", "b", "c", "d"} {
		p := slots(t, schedule.Spec{Every: 24 * time.Hour, Jitter: 2 * time.Hour, Key: key})
		for day := range 5 {
			from := start.AddDate(0, 0, day)
			at := p.Next(from.Add(-time.Second))
			j := at.Sub(from)
			if j < 0 || j >= 2*time.Hour {
				t.Errorf("%s, day %d: jitter %v", key, day, j)
			}
			seen[j] = true
			if again := p.Next(at.Add(-time.Nanosecond)); !again.Equal(at) {
				t.Errorf("%s: %v once, and then %v", key, at, again)
			}
		}
	}
	if len(seen) < 18 {
		t.Errorf("only %d different ones of 20", len(seen))
	}
}

// TestOrder: whatever the schedule, slots come in order, later than asked for, and none is skipped.
func TestOrder(t *testing.T) {
	zones := []*time.Location{time.UTC, zone(t, "Europe/Berlin"), zone(t, "America/New_York"), zone(t, "Australia/Lord_Howe"), zone(t, "America/Sao_Paulo")}
	crons := []string{"*/15 * * * *", "30 2 * * *", "0 */2 * * *", "15,45 1-3 * * *", "@daily", "0 0 * * 0"}
	rapid.Check(t, func(rt *rapid.T) {
		spec := schedule.Spec{Cron: rapid.SampledFrom(crons).Draw(rt, "cron"), Zone: rapid.SampledFrom(zones).Draw(rt, "zone"),
			Jitter: time.Duration(rapid.IntRange(0, 14).Draw(rt, "jitter")) * time.Minute, Key: "k"}
		p, err := spec.Slots()
		if err != nil {
			rt.Fatal(err)
		}
		from := time.Unix(rapid.Int64Range(1.4e9, 1.9e9).Draw(rt, "from"), 0)
		at := from
		for range 20 {
			next := p.Next(at)
			if !next.After(at) {
				rt.Fatalf("%v comes after %v", next, at)
			}
			middle := at.Add(next.Sub(at) / 2)
			if m := p.Next(middle); !m.Equal(next) {
				rt.Fatalf("after %v comes %v, but after %v, which is between them, %v", at, next, middle, m)
			}
			at = next
		}
	})
}
