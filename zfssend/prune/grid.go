package prune

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// interval is a part of a grid.
type interval struct {
	count  int64
	length time.Duration // of a bucket
	keep   int           // in each bucket; 0 is all
}

func (v interval) String() string {
	text := fmt.Sprintf("%dx%s", v.count, formatAge(v.length))
	switch v.keep {
	case 0:
		return text + "(keep=all)"
	case 1:
		return text
	}
	return fmt.Sprintf("%s(keep=%d)", text, v.keep)
}

// grid is a rule that keeps ever fewer snapshots the older they get.
type grid []interval

// ParseGrid parses a grid: intervals such as "1x1h(keep=all) | 24x1h | 30x1d", separated by "|", commas or blanks, whose buckets
// don't get shorter towards the past; or words such as "hourly=24 daily=30 monthly=12 yearly=1", by the calendar of a time zone,
// of which nil is UTC.
func ParseGrid(text string, zone *time.Location) (Rule, error) {
	fail := func(format string, args ...any) (Rule, error) {
		return nil, fmt.Errorf("grid %q: %w", text, fmt.Errorf(format, args...))
	}
	items := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune("|, \t\n", r) })
	if len(items) == 0 {
		return fail("it is empty; want something like 24x1h | 30x1d")
	}
	if _, ok := periodNamed(items[0]); ok {
		c, err := parseCalendar(items, zone)
		if err != nil {
			return fail("%w", err)
		}
		return c, nil
	}
	var g grid
	for i, item := range items {
		v, err := parseInterval(item)
		switch {
		case err != nil:
			return fail("%w", err)
		case i > 0 && v.length < g[i-1].length:
			return fail("the buckets of %s are shorter than those of %s, which are newer", item, items[i-1])
		}
		g = append(g, v)
	}
	if g.span() <= 0 {
		return fail("it is more than 292 years")
	}
	return g, nil
}

var intervalSyntax = regexp.MustCompile(`^([0-9]+)x([0-9a-z]+)(?:\(keep=([0-9a-z]+)\))?$`)

func parseInterval(text string) (interval, error) {
	m := intervalSyntax.FindStringSubmatch(text)
	if m == nil {
		return interval{}, fmt.Errorf("%q is no interval; want something like 24x1h, 30x1d or 1x1h(keep=all)", text)
	}
	v := interval{keep: 1}
	var err error
	if v.count, err = strconv.ParseInt(m[1], 10, 32); err != nil || v.count < 1 {
		return v, fmt.Errorf("%q: the number of buckets has to be 1 or more", text)
	}
	if v.length, err = ParseAge(m[2]); err != nil {
		return v, err
	}
	switch m[3] {
	case "":
	case "all":
		v.keep = 0
	default:
		if v.keep, err = strconv.Atoi(m[3]); err != nil || v.keep < 1 {
			return v, errors.New("keep= wants 1 or more, or all")
		}
	}
	return v, nil
}

// span returns how long all intervals are; 0 if that is too much.
func (g grid) span() (sum time.Duration) {
	for _, v := range g {
		const most = 1<<63 - 1
		if v.count > int64((most-sum)/v.length) {
			return 0
		}
		sum += time.Duration(v.count) * v.length
	}
	return sum
}

func (g grid) String() string {
	var list []string
	for _, v := range g {
		list = append(list, v.String())
	}
	return "grid " + strings.Join(list, " | ")
}

func (grid) needsCreation() bool { return true }

// stretch is where an interval is: the buckets from first to last, up to a time, in Unix seconds, which may be within the last.
type stretch struct {
	interval
	reason      string
	seconds     int64 // of a bucket
	first, last int64 // in buckets since 1970
	end         int64 // where the next newer interval begins
}

// stretches places the intervals one after the other, towards the past, from the bucket that has the newest snapshot.
func (g grid) stretches(newest int64) []stretch {
	list := make([]stretch, len(g))
	for i, v := range g {
		s := stretch{interval: v, seconds: int64(v.length / time.Second)}
		if i == 0 {
			s.end = newest + 1
		} else {
			s.end = list[i-1].first * list[i-1].seconds
		}
		s.last = floorDiv(s.end-1, s.seconds)
		s.first = s.last - v.count + 1
		s.reason = "in the grid's " + v.String()
		list[i] = s
	}
	return list
}

func (g grid) keep(c *candidates, mark func(int, string)) {
	newest, ok := c.newest()
	if !ok {
		return
	}
	list := g.stretches(newest.Unix())
	type bucket struct {
		interval int
		number   int64
	}
	kept := make(map[bucket]int)
	for _, i := range c.byCreation() {
		v := &c.snapshots[i]
		if v.Creation.After(c.now) {
			break
		}
		at := v.Creation.Unix()
		k := slices.IndexFunc(list, func(s stretch) bool { return at < s.end && at >= s.first*s.seconds })
		if k < 0 {
			continue
		}
		b := bucket{k, floorDiv(at, list[k].seconds)}
		if kept[b]++; list[k].interval.keep == 0 || kept[b] <= list[k].interval.keep {
			mark(i, list[k].reason)
		}
	}
}

// floorDiv is division that rounds down, also before 1970.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
