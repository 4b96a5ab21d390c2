package snapshot

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spanstack/spanstack/zfssend"
)

// DefaultTemplate is what commands name snapshots by unless told otherwise.
const DefaultTemplate = "zferry_%Y-%m-%d_%H:%M:%S%z"

// Template makes the names of snapshots. It may be used concurrently.
//
// Its verbs are, with the number of digits:
//
//	%Y  year (4)     %m  month (2)   %d  day (2)      %j  day of the year (3)    %F  %Y-%m-%d
//	%H  hour (2)     %M  minute (2)  %S  second (2)   %3N, %6N  part of it       %T  %H:%M:%S
//	%z  offset from UTC: Z, _0200 or -0330            %s  seconds since 1970
//
// Times are from 1972 to 9999. All else stands for itself.
type Template struct {
	text  string
	zone  *time.Location
	parts []part
	has   map[string]bool // by the text of a verb
	tells bool            // names tell the time
}

// part is a verb, or a text that stands for itself.
type part struct {
	verb *verb
	text string
}

// TemplateError says what is wrong with a template, and where.
type TemplateError struct {
	Template string
	Offset   int // in bytes
	Reason   string
}

// Error implements error.
func (e *TemplateError) Error() string {
	return fmt.Sprintf("template %q: at character %d: %s", e.Template, e.Offset+1, e.Reason)
}

// ParseTemplate parses a template whose times are shown in a zone; nil is UTC. The error is a *[TemplateError]. What it accepts
// makes names that zfs takes, as long as that of the dataset before them isn't too long.
func ParseTemplate(text string, zone *time.Location) (*Template, error) {
	if zone == nil {
		zone = time.UTC
	}
	t := &Template{text: text, zone: zone, has: make(map[string]bool)}
	for at := 0; at < len(text); {
		n, reason := t.add(text[at:])
		if reason != "" {
			return nil, &TemplateError{Template: text, Offset: at, Reason: reason}
		}
		at += n
	}
	// A name consists of what was checked character by character. What can be wrong with all of it are its length, and dots.
	sample := t.Name(time.Date(2026, 12, 31, 23, 59, 59, 0, time.UTC))
	if _, err := zfssend.ParseName("a@" + sample); err != nil {
		reason := err.Error()
		if wrong, ok := errors.AsType[*zfssend.NameError](err); ok {
			reason = wrong.Reason
		}
		return nil, &TemplateError{Template: text, Reason: reason}
	}
	f, _ := t.read(sample)
	_, t.tells = t.time(f)
	return t, nil
}

// add adds what a text begins with, and returns its length, or what is wrong with it.
func (t *Template) add(text string) (n int, reason string) {
	if text[0] != '%' {
		r := []rune(text)[0]
		if !legal(r) {
			return 0, fmt.Sprintf("%q can't be in the name of a snapshot: zfs takes letters, digits and \"-_.: \"", r)
		}
		return 1, t.append(part{text: text[:1]})
	}
	for short, long := range shorthands {
		if strings.HasPrefix(text, short) {
			for at := 0; at < len(long); {
				n, reason := t.add(long[at:])
				if reason != "" {
					return 0, reason
				}
				at += n
			}
			return len(short), ""
		}
	}
	for i := range verbs {
		if strings.HasPrefix(text, verbs[i].text) {
			t.has[verbs[i].text] = true
			return len(verbs[i].text), t.append(part{verb: &verbs[i]})
		}
	}
	return 0, unknownVerb(text)
}

// unknownVerb says what is wrong with a text that begins with a percent sign.
func unknownVerb(text string) string {
	var known []string
	for _, v := range verbs {
		known = append(known, v.text)
	}
	for short := range shorthands {
		known = append(known, short)
	}
	slices.Sort(known)
	switch name := string([]rune(text)[:min(2, len([]rune(text)))]); name {
	case "%":
		return "a percent sign is followed by a verb, one of " + strings.Join(known, " ")
	case "%%":
		return "%% stands for a percent sign, which can't be in the name of a snapshot"
	case "%Z":
		return "%Z, the name of a zone, can't be read back, and may have a plus sign in it: use %z"
	default:
		return fmt.Sprintf("%s is no verb; there are %s", name, strings.Join(known, " "))
	}
}

// append adds a part, unless it can't be told from the one before it: there is no end to the digits of %s.
func (t *Template) append(p part) (reason string) {
	digit := p.verb != nil && p.verb.digits || p.text != "" && p.text[0] >= '0' && p.text[0] <= '9'
	if n := len(t.parts); n > 0 && t.parts[n-1].verb != nil && t.parts[n-1].verb.text == "%s" && digit {
		return "a digit can't follow %s, since nobody could tell where that ends"
	}
	t.parts = append(t.parts, p)
	return ""
}

// legal reports whether zfs takes a character in the name of a snapshot.
func legal(r rune) bool {
	_, err := zfssend.ParseName("a@a" + string(r))
	return err == nil && r != '@' && r != '#'
}

// LoadZone returns a time zone: UTC for "" and "UTC", that of the host for "local", or that of an IANA name such as
// "Europe/Berlin".
func LoadZone(name string) (*time.Location, error) {
	switch strings.ToLower(name) {
	case "", "utc":
		return time.UTC, nil
	case "local":
		return time.Local, nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("time zone %q: want UTC, local, or a name such as Europe/Berlin: %w", name, err)
	}
	return zone, nil
}

// String returns the template's text.
func (t *Template) String() string { return t.text }

// Name returns the name of a snapshot that is taken at a time, without an at sign.
func (t *Template) Name(at time.Time) string {
	at = at.In(t.zone)
	b := make([]byte, 0, len(t.text)+16)
	for _, p := range t.parts {
		if p.verb == nil {
			b = append(b, p.text...)
		} else {
			b = p.verb.write(b, at)
		}
	}
	return string(b)
}

// Match reports whether a name, without an at sign, is one that the template makes.
func (t *Template) Match(name string) bool {
	f, ok := t.read(name)
	if ok && t.tells {
		_, ok = t.time(f) // which the 30th of February hasn't
	}
	return ok
}

// Time returns the time in a name that the template makes: the beginning of the second, or of the day, or of whatever the
// template is exact to. If there are two, as where clocks are set back, it is the earlier one. It fails for other names, and if
// the template doesn't tell the time: it does with %s, or with the year and what follows up to any place.
func (t *Template) Time(name string) (time.Time, bool) {
	f, ok := t.read(name)
	if !ok {
		return time.Time{}, false
	}
	at, ok := t.time(f)
	if !ok || t.Name(at) != name { // of an hour that there wasn't, or of two statements that don't agree
		return time.Time{}, false
	}
	return at, true
}

// read finds the fields of a name.
func (t *Template) read(name string) (f fields, ok bool) {
	f = noFields()
	for _, p := range t.parts {
		if p.verb == nil {
			name, ok = strings.CutPrefix(name, p.text)
		} else {
			name, ok = p.verb.read(name, &f)
		}
		if !ok {
			return f, false
		}
	}
	return f, name == ""
}

// time puts fields together.
func (t *Template) time(f fields) (at time.Time, ok bool) {
	if f.unix != noUnix {
		return time.Unix(f.unix, int64(max(f.nanosecond, 0))).In(t.zone), true
	}
	// The fields from the year on, each of which needs the one before it.
	day := f.day
	if f.yearDay >= 0 {
		day = f.yearDay
		if f.month < 0 {
			f.month = 1 // and day counts from its first
		} else {
			day = f.day
		}
	}
	values := []int{f.year, f.month, day, f.hour, f.minute, f.second, f.nanosecond}
	end := slices.Index(values, -1)
	if end == 0 || end > 0 && slices.ContainsFunc(values[end:], func(n int) bool { return n >= 0 }) {
		return time.Time{}, false
	}
	for i, least := range []int{1, 1, 1, 0, 0, 0, 0} {
		values[i] = max(values[i], least)
	}
	zone := t.zone
	if f.offset != noOffset {
		zone = time.FixedZone("", f.offset)
	}
	at = time.Date(values[0], time.Month(values[1]), values[2], values[3], values[4], values[5], values[6], zone)
	if f.day >= 0 && at.Day() != f.day {
		return time.Time{}, false
	}
	if at = at.In(t.zone); f.offset == noOffset {
		at = earlier(at)
	}
	return at, true
}

// earlier returns the first of the moments at which clocks of the zone show a time.
func earlier(at time.Time) time.Time {
	start, _ := at.ZoneBounds()
	if start.IsZero() {
		return at
	}
	_, after := at.Zone()
	_, before := start.Add(-time.Nanosecond).Zone()
	first := at.Add(time.Duration(after-before) * time.Second)
	if before > after && first.Before(start) {
		return first
	}
	return at
}

// Repeats returns the next stretch of time, within two years, whose names come a second time right after it, since clocks are
// set back then. It fails if there is none: in UTC, and with %z or %s.
func (t *Template) Repeats(after time.Time) (from, to time.Time, ok bool) {
	if t.has["%z"] || t.has["%s"] || !t.has["%H"] {
		return from, to, false
	}
	limit := after.AddDate(2, 0, 0)
	for at := after.In(t.zone); at.Before(limit); {
		_, end := at.ZoneBounds()
		if end.IsZero() {
			break
		}
		_, before := end.Add(-time.Nanosecond).Zone()
		_, then := end.Zone()
		if then < before {
			return end.Add(time.Duration(then-before) * time.Second), end, true
		}
		at = end
	}
	return from, to, false
}
