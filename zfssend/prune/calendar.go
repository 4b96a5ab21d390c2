package prune

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// period is a unit of the calendar.
type period struct {
	word, noun string
	// number is the same for all times in one period, and for those alone.
	number func(t time.Time) int64
}

var periods = []period{
	{"hourly", "hour", func(t time.Time) int64 { return floorDiv(t.Unix(), 3600) }},
	{"daily", "day", func(t time.Time) int64 { return int64(t.Year())*1000 + int64(t.YearDay()) }},
	{"weekly", "week", func(t time.Time) int64 { year, week := t.ISOWeek(); return int64(year)*100 + int64(week) }},
	{"monthly", "month", func(t time.Time) int64 { return int64(t.Year())*100 + int64(t.Month()) }},
	{"yearly", "year", func(t time.Time) int64 { return int64(t.Year()) }},
}

// periodNamed returns the period that an item such as "hourly=24" begins with.
func periodNamed(item string) (*period, bool) {
	word, _, _ := strings.Cut(item, "=")
	for i := range periods {
		if periods[i].word == word {
			return &periods[i], true
		}
	}
	return nil, false
}

// calendar is a rule that keeps the oldest snapshot of each of the last periods that have one.
type calendar struct {
	zone  *time.Location
	items []calendarItem
}

type calendarItem struct {
	*period
	count int
}

func parseCalendar(items []string, zone *time.Location) (calendar, error) {
	c := calendar{zone: zone}
	if zone == nil {
		c.zone = time.UTC
	}
	seen := make(map[string]bool)
	for _, item := range items {
		p, ok := periodNamed(item)
		if !ok {
			return c, fmt.Errorf("%q is none of hourly=N, daily=N, weekly=N, monthly=N and yearly=N, and the notations don't mix", item)
		}
		_, number, _ := strings.Cut(item, "=")
		n, err := strconv.Atoi(number)
		if err != nil || n < 0 {
			return c, fmt.Errorf("%q: want a number, such as %s=12", item, p.word)
		}
		if seen[p.word] {
			return c, fmt.Errorf("%s is there twice", p.word)
		}
		seen[p.word] = true
		if n > 0 {
			c.items = append(c.items, calendarItem{p, n})
		}
	}
	if len(c.items) == 0 {
		return c, fmt.Errorf("it keeps nothing")
	}
	return c, nil
}

func (c calendar) String() string {
	var list []string
	for _, item := range c.items {
		list = append(list, fmt.Sprintf("%s=%d", item.word, item.count))
	}
	return strings.Join(list, " ")
}

func (calendar) needsCreation() bool { return true }

func (c calendar) keep(all *candidates, mark func(int, string)) {
	order := all.byCreation()
	for _, item := range c.items {
		reason := fmt.Sprintf("the oldest of its %s (%s=%d)", item.noun, item.word, item.count)
		// From the newest to the oldest: the last one of a period, in that order, is its oldest.
		periods, number, oldest := 0, int64(0), -1
		for k := len(order) - 1; k >= 0; k-- {
			v := all.snapshots[order[k]]
			if v.Creation.After(all.now) {
				continue
			}
			n := item.number(v.Creation.In(c.zone))
			if oldest >= 0 && n != number {
				mark(oldest, reason)
				if periods++; periods == item.count {
					oldest = -1
					break
				}
			}
			number, oldest = n, order[k]
		}
		if oldest >= 0 {
			mark(oldest, reason)
		}
	}
}
