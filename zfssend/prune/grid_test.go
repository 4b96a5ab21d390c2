package prune

import (
	"fmt"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the same zones everywhere

	"github.com/spanstack/spanstack/zfssend"
)

func TestParseAge(t *testing.T) {
	const day = 24 * time.Hour
	for text, want := range map[string]time.Duration{"1s": time.Second, "90m": 90 * time.Minute, "12h": 12 * time.Hour, "30d": 30 * day,
		"2w": 14 * day, "1y": 365 * day, "1d12h": 36 * time.Hour, "01h": time.Hour} {
		got, err := ParseAge(text)
		if err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
		if again, err := ParseAge(formatAge(got)); err != nil || again != want {
			t.Errorf("%s is written as %s: %v, %v", text, formatAge(got), again, err)
		}
	}
	for _, text := range []string{"", "1", "h", "0h", "-1h", "1.5h", "1 h", "1x", "h1", "1mo", "99999999999999999999d", "1d2"} {
		if got, err := ParseAge(text); err == nil || !strings.Contains(err.Error(), "age") {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	if _, err := ParseAge("300y"); err == nil || !strings.Contains(err.Error(), "more than 292 years") {
		t.Error(err)
	}
}

func TestParseGrid(t *testing.T) {
	for text, want := range map[string]string{
		"24x1h 30x1d 12x30d":             "grid 24x1h | 30x1d | 12x30d",
		"1x1h(keep=all) | 24x1h | 30x1d": "grid 1x1h(keep=all) | 24x1h | 30x1d",
		"24x1h,4x1w(keep=2)":             "grid 24x1h | 4x7d(keep=2)",
		"hourly=24 daily=30 monthly=12":  "hourly=24 daily=30 monthly=12",
		"yearly=1,weekly=0":              "yearly=1",
	} {
		if g, err := ParseGrid(text, nil); err != nil || g.String() != want || !g.needsCreation() {
			t.Errorf("%s: %v, %v", text, g, err)
		}
	}
	for text, want := range map[string]string{
		"":                  "it is empty",
		" | ":               "it is empty",
		"24":                `"24" is no interval; want something like`,
		"0x1h":              "has to be 1 or more",
		"99999999999x1h":    "has to be 1 or more",
		"1x0h":              "want a length of time",
		"1x1h(keep=0)":      "keep= wants 1 or more, or all",
		"1x1h(keep=some)":   "keep= wants 1 or more, or all",
		"30x1d 24x1h":       "the buckets of 24x1h are shorter than those of 30x1d",
		"2000000000x1y":     "more than 292 years",
		"200x1y | 200x1y":   "more than 292 years",
		"hourly=x":          `"hourly=x": want a number`,
		"hourly":            "want a number",
		"hourly=1 hourly=2": "hourly is there twice",
		"hourly=1 30x1d":    "the notations don't mix",
		"hourly=0":          "it keeps nothing",
		"30x1d hourly=1":    `"hourly=1" is no interval`,
	} {
		if g, err := ParseGrid(text, nil); err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "grid ") {
			t.Errorf("%q: %v, %v; want %s", text, g, err, want)
		}
	}
}

func grid1(t testing.TB, text, zone string) Rule {
	t.Helper()
	z, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	g, err := ParseGrid(text, z)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// kept returns the times, in a layout, of the snapshots that a rule keeps of some that were taken at these times.
func kept(rule Rule, now time.Time, layout string, at ...time.Time) string {
	c := &candidates{now: now}
	for i, creation := range at {
		c.snapshots = append(c.snapshots, zfssend.Version{Name: fmt.Sprint("@", i), CreateTXG: uint64(i), Creation: creation})
	}
	marked := make([]bool, len(at))
	rule.keep(c, func(i int, reason string) { marked[i] = reason != "" })
	var list []string
	for i, m := range marked {
		if m {
			list = append(list, at[i].Format(layout))
		}
	}
	return strings.Join(list, " ")
}

// every returns times from one to another.
func every(step time.Duration, from, to time.Time) (list []time.Time) {
	for at := from; !at.After(to); at = at.Add(step) {
		list = append(list, at)
	}
	return list
}

func date(month, day, hour, minute int) time.Time {
	return time.Date(2026, time.Month(month), day, hour, minute, 0, 0, time.UTC)
}

func TestGrid(t *testing.T) {
	half := every(30*time.Minute, date(3, 1, 0, 10), date(3, 3, 12, 40))
	now := date(3, 3, 13, 0)
	for _, c := range []struct{ grid, want string }{
		{"3x1h", "03T10:10 03T11:10 03T12:10"},
		{"1x1h(keep=all) 2x1h", "03T10:10 03T11:10 03T12:10 03T12:40"},
		{"2x1h(keep=2)", "03T11:10 03T11:40 03T12:10 03T12:40"},
		{"2x1h 2x1d", "02T00:10 03T00:10 03T11:10 03T12:10"}, // the third of March up to 11 is a bucket of its own
		{"2x1h 9x1d", "01T00:10 02T00:10 03T00:10 03T11:10 03T12:10"},
		{"1x1w", "01T00:10"}, // a week begins on a Thursday, as 1970 did
		{"1x1d", "03T00:10"},
	} {
		if got := kept(grid1(t, c.grid, "UTC"), now, "02T15:04", half...); got != c.want {
			t.Errorf("%s keeps %s\nwant %s", c.grid, got, c.want)
		}
	}
	// Long after the last snapshot, it keeps the same; also before 1970.
	if got := kept(grid1(t, "3x1h", "UTC"), now.AddDate(5, 0, 0), "02T15:04", half...); got != "03T10:10 03T11:10 03T12:10" {
		t.Errorf("years later it keeps %s", got)
	}
	if got := kept(grid1(t, "1x1d", "UTC"), now, "2006-01-02", time.Unix(-100_000, 0).UTC(), time.Unix(-1, 0).UTC(), time.Unix(-2, 0).UTC()); got != "1969-12-31" {
		t.Errorf("got %s", got)
	}
	// What is of the future is nobody's business, and doesn't move the grid.
	if got := kept(grid1(t, "1x1h", "UTC"), now, "02T15:04", date(3, 3, 12, 40), date(3, 3, 13, 0), date(3, 3, 13, 1)); got != "03T13:00" {
		t.Errorf("got %s", got)
	}
	if got := kept(grid1(t, "1x1h", "UTC"), now, "02T15:04", date(4, 1, 0, 0)); got != "" {
		t.Errorf("got %s", got)
	}
}

func TestCalendar(t *testing.T) {
	hours := every(time.Hour, date(3, 27, 0, 30), date(3, 31, 3, 30))
	now := date(4, 1, 0, 0)
	for _, c := range []struct{ grid, zone, want string }{
		{"hourly=3", "UTC", "31T01:30 31T02:30 31T03:30"},
		{"daily=3", "UTC", "29T00:30 30T00:30 31T00:30"},
		{"daily=3", "Europe/Berlin", "28T23:30 29T22:30 30T22:30"}, // the 29th begins at 23:00 UTC, the others at 22:00
		{"weekly=2", "UTC", "27T00:30 30T00:30"},                   // the 30th is a Monday
		{"monthly=5 yearly=1", "UTC", "27T00:30"},
		{"hourly=1 daily=1", "UTC", "31T00:30 31T03:30"},
	} {
		if got := kept(grid1(t, c.grid, c.zone), now, "02T15:04", hours...); got != c.want {
			t.Errorf("%s in %s keeps %s\nwant %s", c.grid, c.zone, got, c.want)
		}
	}
	// Days without snapshots don't count.
	if got := kept(grid1(t, "daily=2", "UTC"), now, "02T15", date(3, 1, 1, 0), date(3, 5, 2, 0), date(3, 5, 3, 0), date(3, 31, 1, 0)); got != "05T02 31T01" {
		t.Errorf("got %s", got)
	}
}

// TestGridsStayFilled takes a snapshot each half hour for 100 days, and prunes after each. What a grid promises of the past has to be
// there in the end: a bucket whose snapshot goes away before it is filled would be found empty.
func TestGridsStayFilled(t *testing.T) {
	begin := time.Date(2026, 1, 1, 0, 5, 0, 0, time.UTC)
	for grid, want := range map[string]struct{ least, most int }{
		"24x1h 30x1d":                       {24 + 29, 24 + 30},
		"1x1h(keep=all) 24x1h 30x1d 2x30d":  {2 + 23 + 29 + 1, 2 + 24 + 30 + 2},
		"hourly=24 daily=30 monthly=12":     {24 + 29 + 3, 24 + 30 + 4}, // from January to April
		"4x30m | 6x2h | 7x1d | 4x1w":        {4 + 5 + 6 + 3, 4 + 6 + 7 + 4},
		"hourly=5 daily=7 weekly=4":         {5 + 6 + 3, 5 + 7 + 4},
		"2x6h(keep=3) | 10x1d(keep=2) 1x5w": {3 + 18, 6 + 20 + 1},
	} {
		policy := &Policy{Rules: []Rule{grid1(t, grid, "UTC")}}
		d := zfssend.Dataset{Name: "tank/a"}
		for i, at := range every(30*time.Minute, begin, begin.AddDate(0, 0, 100)) {
			d.Versions = append(d.Versions, zfssend.Version{Name: fmt.Sprint("@", i), GUID: uint64(i + 1), CreateTXG: uint64(i + 1), Creation: at})
			plan, err := NewPlan(at, d, nil, policy)
			if err != nil {
				t.Fatal(err)
			}
			d.Versions = remaining(plan)
		}
		if n := len(d.Versions); n < want.least || n > want.most+1 { // and the newest one
			t.Errorf("%s: %d are left, want %d to %d:\n%v", grid, n, want.least, want.most+1, d.Versions)
		}
	}
}

// remaining returns the snapshots that a plan keeps.
func remaining(p *Plan) (list []zfssend.Version) {
	for _, d := range p.Decisions {
		if d.Fate != Destroy {
			list = append(list, d.Snapshot)
		}
	}
	return list
}
