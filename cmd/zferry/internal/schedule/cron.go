package schedule

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// A Cron is a parsed cron expression.
type Cron struct {
	text    string
	fields  *cron.SpecSchedule
	anyHour bool // it runs by the time that passes, and not at hours that have names
}

var parser = cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor)

// ParseCron parses the five fields of cron (minute, hour, day of month, month, day of week), or @hourly, @daily, @weekly,
// @monthly or @yearly.
func ParseCron(text string) (Cron, error) {
	text = strings.Join(strings.Fields(text), " ")
	switch {
	case strings.Contains(text, "TZ="):
		return Cron{}, errors.New(`the time zone has a field of its own: "zone"`)
	case strings.HasPrefix(text, "@every"):
		return Cron{}, errors.New(`an interval has a field of its own: "every"`)
	}
	s, err := parser.Parse(text)
	if err != nil {
		return Cron{}, fmt.Errorf("%q is no cron expression: %w: want minute, hour, day of month, month and day of week, such as \"30 2 * * *\"", text, err)
	}
	fields, ok := s.(*cron.SpecSchedule)
	if !ok {
		return Cron{}, fmt.Errorf("%q is no cron expression", text)
	}
	c := Cron{text: text, fields: fields, anyHour: text == "@hourly"}
	if f := strings.Fields(text); len(f) == 5 {
		c.anyHour = strings.HasPrefix(f[1], "*")
	}
	if c.next(time.Unix(0, 0), time.UTC).IsZero() {
		return Cron{}, fmt.Errorf("%q never comes", text)
	}
	return c, nil
}

// String returns the expression.
func (c Cron) String() string { return c.text }

// next returns the first moment after t; zero if there is none.
func (c Cron) next(t time.Time, zone *time.Location) time.Time {
	fields := *c.fields
	if c.anyHour {
		fields.Location = zone
		return fields.Next(t.In(zone))
	}
	// The calendar of UTC has all hours once. What it names is then looked up in the zone. A day before is enough to begin
	// with, whatever the change of the clock.
	fields.Location = time.UTC
	local := t.In(zone)
	for named := asUTC(local).Add(-24 * time.Hour); ; {
		if named = fields.Next(named); named.IsZero() {
			return named
		}
		if at := inZone(named, zone); at.After(t) {
			return at
		}
	}
}

// asUTC returns the moment at which clocks of UTC show what those of t's zone do at t.
func asUTC(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
}

// inZone returns the first moment at which clocks of a zone show what those of UTC do at t. If they never do, it is that at
// which they are put forward over it.
func inZone(t time.Time, zone *time.Location) time.Time {
	at := time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, zone)
	if start, _ := at.ZoneBounds(); !start.IsZero() {
		_, before := start.Add(-time.Second).Zone()
		_, after := start.Zone()
		first := t.Add(-time.Duration(before) * time.Second)
		switch {
		case after < before && first.Before(start) && asUTC(first.In(zone)).Equal(t):
			return first.In(zone)
		case after > before && !asUTC(at).Equal(t):
			return start
		}
	}
	if _, end := at.ZoneBounds(); !end.IsZero() && !asUTC(at).Equal(t) {
		return end.In(zone)
	}
	return at
}
