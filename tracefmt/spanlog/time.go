package spanlog

// The years whose times are read: any two of these are less than 2⁶³ nanoseconds apart.
const (
	minYear = 1969
	maxYear = 2250
)

// parseTime returns a time as RFC 3339 has it (section 5.6), in nanoseconds since 1970 UTC. Digits below a nanosecond
// are left out.
func parseTime(b []byte) (unix int64, ok bool) {
	const form = "2006-01-02T15:04:05"
	if len(b) < len(form)+1 || b[4] != '-' || b[7] != '-' || b[10]|0x20 != 't' || b[13] != ':' || b[16] != ':' {
		return 0, false
	}
	year := digits2(b, 0)*100 + digits2(b, 2)
	month, day := digits2(b, 5), digits2(b, 8)
	hour, minute, second := digits2(b, 11), digits2(b, 14), digits2(b, 17)
	if year|month|day|hour|minute|second < 0 || year < minYear || year > maxYear || month < 1 || month > 12 ||
		day < 1 || day > daysIn(year, month) || hour > 23 || minute > 59 || second > 59 {
		return 0, false
	}
	seconds := int64(daysBefore(year, month)+day-1)*86400 + int64(hour*3600+minute*60+second)
	i := len(form)
	nanos, unit := int64(0), int64(1e9)
	if b[i] == '.' || b[i] == ',' {
		start := i + 1
		for i = start; i < len(b) && b[i]-'0' <= 9; i++ {
			if unit /= 10; unit > 0 {
				nanos += int64(b[i]-'0') * unit
			}
		}
		if i == start {
			return 0, false
		}
	}
	offset, ok := parseOffset(b[i:])
	return (seconds-offset)*1e9 + nanos, ok
}

// parseOffset returns what a time zone's clock is ahead of UTC, in seconds.
func parseOffset(b []byte) (seconds int64, ok bool) {
	if len(b) == 1 && b[0]|0x20 == 'z' {
		return 0, true
	}
	if len(b) != len("+00:00") || b[3] != ':' || b[0] != '+' && b[0] != '-' {
		return 0, false
	}
	hour, minute := digits2(b, 1), digits2(b, 4)
	if hour|minute < 0 || hour > 23 || minute > 59 {
		return 0, false
	}
	seconds = int64(hour*3600 + minute*60)
	if b[0] == '-' {
		seconds = -seconds
	}
	return seconds, true
}

// digits2 returns the number of two digits at b[i], or a negative one if there aren't any.
func digits2(b []byte, i int) int {
	tens, ones := b[i]-'0', b[i+1]-'0'
	if tens > 9 || ones > 9 {
		return -1 << 32
	}
	return int(tens)*10 + int(ones)
}

func isLeap(year int) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) }

func daysIn(year, month int) int {
	if month == 2 && isLeap(year) {
		return 29
	}
	return int("\x1f\x1c\x1f\x1e\x1f\x1e\x1f\x1f\x1e\x1f\x1e\x1f"[month-1])
}

var daysBeforeMonth = [12]int{0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334}

// daysBefore returns the days from 1970 to the first of a month, in the Gregorian calendar.
func daysBefore(year, month int) int {
	y := year - 1
	days := y*365 + y/4 - y/100 + y/400 - 719162 // those up to 1970
	days += daysBeforeMonth[month-1]
	if month > 2 && isLeap(year) {
		days++
	}
	return days
}
