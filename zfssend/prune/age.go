package prune

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// units are those of ages. Days have 24 hours.
var units = map[string]time.Duration{
	"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour, "y": 365 * 24 * time.Hour,
}

// ParseAge parses a length of time such as "90m", "12h", "30d", "2w", "1y" or "1d12h": whole numbers with a unit. Days have 24
// hours, and years 365 days. It has to be more than nothing.
func ParseAge(text string) (time.Duration, error) {
	var age time.Duration
	rest := text
	for rest != "" {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		n, err := strconv.ParseInt(rest[:digits], 10, 64)
		if digits == 0 || digits == len(rest) || err != nil {
			return 0, ageError(text)
		}
		unit, ok := units[rest[digits:digits+1]]
		if !ok {
			return 0, ageError(text)
		}
		if n > int64((math.MaxInt64-age)/unit) {
			return 0, fmt.Errorf("age %q: it is more than 292 years", text)
		}
		age += time.Duration(n) * unit
		rest = rest[digits+1:]
	}
	if age <= 0 {
		return 0, ageError(text)
	}
	return age, nil
}

func ageError(text string) error {
	return fmt.Errorf("age %q: want a length of time such as 90m, 12h, 30d, 2w, 1y or 1d12h", text)
}

// formatAge returns a length of time with its largest whole units, which ParseAge parses; whole seconds at least.
func formatAge(age time.Duration) string {
	if age < time.Second {
		return "0s"
	}
	var b strings.Builder
	for _, unit := range []string{"d", "h", "m", "s"} {
		if n := age / units[unit]; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, unit)
			age %= units[unit]
		}
	}
	return b.String()
}
