package snapshot

import (
	"fmt"
	"strconv"
	"time"
)

// fields are what a name tells of a time. They are -1 if it doesn't.
type fields struct {
	year, month, day, yearDay, hour, minute, second, nanosecond int
	offset                                                      int // seconds east of UTC; noOffset if it isn't told
	unix                                                        int64
}

const (
	noOffset = 1 << 30
	noUnix   = -1 << 63
)

func noFields() fields {
	return fields{year: -1, month: -1, day: -1, yearDay: -1, hour: -1, minute: -1, second: -1, nanosecond: -1,
		offset: noOffset, unix: noUnix}
}

// verb is a part of a template that stands for something of a time.
type verb struct {
	text   string // how it is written
	about  string // for error messages
	digits bool   // what it makes begins with a digit

	write func(b []byte, t time.Time) []byte
	// read takes what the verb has made from the beginning of s, and returns what follows.
	read func(s string, f *fields) (rest string, ok bool)
}

// verbs are all of them. One that is the beginning of another stands after it.
var verbs = []verb{
	number("%Y", "year", 4, 1, 9999, func(t time.Time) int { return t.Year() }, func(f *fields) *int { return &f.year }),
	number("%m", "month", 2, 1, 12, func(t time.Time) int { return int(t.Month()) }, func(f *fields) *int { return &f.month }),
	number("%d", "day of the month", 2, 1, 31, time.Time.Day, func(f *fields) *int { return &f.day }),
	number("%j", "day of the year", 3, 1, 366, time.Time.YearDay, func(f *fields) *int { return &f.yearDay }),
	number("%H", "hour", 2, 0, 23, time.Time.Hour, func(f *fields) *int { return &f.hour }),
	number("%M", "minute", 2, 0, 59, time.Time.Minute, func(f *fields) *int { return &f.minute }),
	number("%S", "second", 2, 0, 59, time.Time.Second, func(f *fields) *int { return &f.second }),
	fraction("%3N", "milliseconds", 3),
	fraction("%6N", "microseconds", 6),
	{text: "%z", about: "offset from UTC", write: writeOffset, read: readOffset},
	{text: "%s", about: "seconds since 1970", digits: true, write: writeUnix, read: readUnix},
}

// shorthands stand for several verbs.
var shorthands = map[string]string{"%F": "%Y-%m-%d", "%T": "%H:%M:%S"}

// number returns a verb for a number of so many digits.
func number(text, about string, digits, least, most int, of func(time.Time) int, field func(*fields) *int) verb {
	return verb{text: text, about: about, digits: true,
		write: func(b []byte, t time.Time) []byte { return fmt.Appendf(b, "%0*d", digits, of(t)) },
		read: func(s string, f *fields) (string, bool) {
			n, rest, ok := readNumber(s, digits)
			if !ok || n < least || n > most {
				return "", false
			}
			return rest, set(field(f), n)
		},
	}
}

// fraction returns a verb for a part of the second.
func fraction(text, about string, digits int) verb {
	unit := 1_000_000_000
	for range digits {
		unit /= 10
	}
	return verb{text: text, about: about, digits: true,
		write: func(b []byte, t time.Time) []byte { return fmt.Appendf(b, "%0*d", digits, t.Nanosecond()/unit) },
		read: func(s string, f *fields) (string, bool) {
			n, rest, ok := readNumber(s, digits)
			return rest, ok && set(&f.nanosecond, n*unit)
		},
	}
}

// set sets a field. It fails if a name says two things of it.
func set(field *int, n int) bool {
	if *field >= 0 && *field != n {
		return false
	}
	*field = n
	return true
}

// readNumber takes so many digits.
func readNumber(s string, digits int) (n int, rest string, ok bool) {
	if len(s) < digits {
		return 0, "", false
	}
	for i := range digits {
		if s[i] < '0' || s[i] > '9' {
			return 0, "", false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, s[digits:], true
}

// writeOffset writes an offset without a plus sign, which zfs doesn't take. Offsets have been of whole minutes since 1972.
func writeOffset(b []byte, t time.Time) []byte {
	_, offset := t.Zone()
	sign := byte('_')
	switch {
	case offset == 0:
		return append(b, 'Z')
	case offset < 0:
		sign, offset = '-', -offset
	}
	return fmt.Appendf(append(b, sign), "%02d%02d", offset/3600, offset/60%60)
}

func readOffset(s string, f *fields) (string, bool) {
	if s == "" {
		return "", false
	}
	offset, rest, sign := 0, s[1:], 1
	switch s[0] {
	case 'Z':
	case '-', '_':
		n, after, ok := readNumber(s[1:], 4)
		if !ok || n == 0 || n%100 > 59 || n > 2359 {
			return "", false
		}
		if s[0] == '-' {
			sign = -1
		}
		offset, rest = n/100*3600+n%100*60, after
	default:
		return "", false
	}
	offset *= sign
	if f.offset != noOffset && f.offset != offset {
		return "", false
	}
	f.offset = offset
	return rest, true
}

func writeUnix(b []byte, t time.Time) []byte { return strconv.AppendInt(b, t.Unix(), 10) }

func readUnix(s string, f *fields) (string, bool) {
	digits := 0
	for digits < len(s) && s[digits] >= '0' && s[digits] <= '9' {
		digits++
	}
	n, err := strconv.ParseInt(s[:digits], 10, 64)
	if err != nil || f.unix != noUnix && f.unix != n {
		return "", false
	}
	f.unix = n
	return s[digits:], true
}
