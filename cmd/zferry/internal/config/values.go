package config

import (
	"errors"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spanstack/spanstack/cmd/zferry/internal/schedule"
	"github.com/spanstack/spanstack/internal/bytesize"
)

// Duration is a time as people write it: 90s, 10m, 1h30m, 1d, 2w, 1y. A day has 24 hours, a year 365 days.
type Duration time.Duration

var durationUnits = []struct {
	name string
	size time.Duration
}{{"y", 365 * 24 * time.Hour}, {"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour}, {"h", time.Hour}, {"ms", time.Millisecond}, {"m", time.Minute}, {"s", time.Second}}

var durationPart = regexp.MustCompile(`^([0-9]+)(ms|[ywdhms])`)

// ParseDuration parses one.
func ParseDuration(text string) (Duration, error) {
	wrong := fmt.Errorf("%q is no time: want whole numbers with y, w, d, h, m or s, such as 10m, 1h30m, 1d or 2w", text)
	if text == "" {
		return 0, wrong
	}
	var sum time.Duration
	for rest := text; rest != ""; {
		m := durationPart.FindStringSubmatch(rest)
		if m == nil {
			return 0, wrong
		}
		rest = rest[len(m[0]):]
		n, err := strconv.ParseInt(m[1], 10, 64)
		for _, u := range durationUnits {
			if u.name != m[2] {
				continue
			}
			if err != nil || n > int64((1<<63-1-sum)/u.size) {
				return 0, fmt.Errorf("%q is too long: want less than 292 years", text)
			}
			sum += time.Duration(n) * u.size
		}
	}
	return Duration(sum), nil
}

// String returns the text form in which whole weeks are weeks: "1w", but "8d"; 36 hours are "1d12h".
func (d Duration) String() string {
	if d == 0 {
		return "0s"
	}
	var b strings.Builder
	rest := time.Duration(d)
	for _, unit := range []string{"w", "d", "h", "m", "s", "ms"} {
		for _, u := range durationUnits {
			if u.name == unit && rest >= u.size && (unit != "w" || rest%u.size == 0) {
				fmt.Fprintf(&b, "%d%s", rest/u.size, unit)
				rest %= u.size
			}
		}
	}
	return b.String()
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDuration(string(text))
	return err
}

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// Address is one to listen at; without a host it is one of loopback. "off" is none.
type Address string

// UnmarshalText implements encoding.TextUnmarshaler.
func (a *Address) UnmarshalText(text []byte) error {
	*a = Address(text)
	if *a == "off" {
		return nil
	}
	_, port, err := net.SplitHostPort(string(text))
	if n, portErr := strconv.ParseUint(port, 10, 16); err != nil || portErr != nil || n > 65535 {
		return fmt.Errorf(`%q is no address: want HOST:PORT, :PORT or "off"`, text)
	}
	return nil
}

// Zone is a time zone, by its name in the database of zones, "UTC" or "local".
type Zone struct {
	name string
	loc  *time.Location
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (z *Zone) UnmarshalText(text []byte) (err error) {
	z.name = string(text)
	if z.name == "local" {
		z.loc = time.Local
		return nil
	}
	if z.loc, err = time.LoadLocation(z.name); err != nil || z.name == "" {
		return fmt.Errorf(`%q is no time zone: want UTC, local, or a name such as Europe/Berlin`, text)
	}
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (z Zone) MarshalText() ([]byte, error) { return []byte(z.name), nil }

// Or returns the zone, or another one if none is set.
func (z Zone) Or(other *time.Location) *time.Location {
	if z.loc == nil {
		return other
	}
	return z.loc
}

// Cron is a cron expression: see [schedule.ParseCron].
type Cron string

// UnmarshalText implements encoding.TextUnmarshaler.
func (c *Cron) UnmarshalText(text []byte) error {
	parsed, err := schedule.ParseCron(string(text))
	*c = Cron(parsed.String())
	return err
}

// Rate is a number of bytes per second, such as 50MB.
type Rate int64

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Rate) UnmarshalText(text []byte) error {
	n, err := bytesize.Parse(string(text))
	if err == nil && n == 0 {
		err = fmt.Errorf("%q: want more than nothing", text)
	}
	*r = Rate(n)
	return err
}

// MarshalText implements encoding.TextMarshaler.
func (r Rate) MarshalText() ([]byte, error) { return []byte(bytesize.Format(int64(r))), nil }

// Pair is a property with its value: "canmount=off".
type Pair struct{ Name, Value string }

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *Pair) UnmarshalText(text []byte) (err error) {
	name, value, ok := strings.Cut(string(text), "=")
	if !ok || name == "" || strings.HasPrefix(name, "-") {
		return fmt.Errorf("%q: want NAME=VALUE", text)
	}
	*p = Pair{name, value}
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (p Pair) MarshalText() ([]byte, error) { return []byte(p.Name + "=" + p.Value), nil }

// Regexp is a regular expression of Go.
type Regexp struct{ re *regexp.Regexp }

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Regexp) UnmarshalText(text []byte) (err error) {
	if len(text) == 0 {
		return errors.New("it is empty, and would match everything; say so by a dot")
	}
	if r.re, err = regexp.Compile(string(text)); err != nil {
		return fmt.Errorf("%q is no regular expression: %w", text, err)
	}
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (r Regexp) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// String returns the expression, "" if there is none.
func (r Regexp) String() string {
	if r.re == nil {
		return ""
	}
	return r.re.String()
}
