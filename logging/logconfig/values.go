package logconfig

import (
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/spanstack/spanstack/internal/bytesize"
)

// A Size is a number of bytes. Its text form is a whole number with a unit: "100MB" (or "100 MB") are 100,000,000
// bytes, "64MiB" are 67,108,864.
type Size int64

// Units of sizes.
const (
	KB Size = 1000
	MB      = 1000 * KB
	GB      = 1000 * MB

	KiB Size = 1024
	MiB      = 1024 * KiB
	GiB      = 1024 * MiB
)

// String returns the text form with the largest unit that fits.
func (s Size) String() string { return bytesize.Format(int64(s)) }

// MarshalText implements encoding.TextMarshaler.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Size) UnmarshalText(text []byte) error {
	n, err := bytesize.Parse(string(text))
	if err == nil {
		*s = Size(n)
	}
	return err
}

// A Mode is the permissions of new files. Its text form is octal: "0640".
type Mode fs.FileMode

// String returns the text form.
func (m Mode) String() string { return fmt.Sprintf("%04o", uint32(m)) }

// MarshalText implements encoding.TextMarshaler.
func (m Mode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *Mode) UnmarshalText(text []byte) error {
	n, err := strconv.ParseUint(strings.TrimPrefix(string(text), "0o"), 8, 32)
	if err != nil || n > 0o777 || n != 0 && n&0o200 == 0 {
		return fmt.Errorf("%q is no mode: want octal permissions with which the owner can write, such as 0640", text)
	}
	*m = Mode(n)
	return nil
}

// durationText returns the text form of a time, as short as possible: "24h" instead of "24h0m0s".
func durationText(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func parseDuration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is no time: want a number with a unit, such as 24h, 90m, 1.5s or 100ms", text)
	}
	return d, nil
}
