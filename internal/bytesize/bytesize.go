// Package bytesize reads and writes numbers of bytes as people do: "100MB", "64MiB".
package bytesize

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// units are those of the text form: of several that fit, Format takes the first.
var units = []struct {
	name string
	size int64
}{{"GiB", 1 << 30}, {"GB", 1e9}, {"MiB", 1 << 20}, {"MB", 1e6}, {"KiB", 1 << 10}, {"kB", 1e3}, {"B", 1}}

// Parse reads a whole number with a unit, with spaces between them or not.
func Parse(text string) (int64, error) {
	digits := strings.TrimRight(text, "BkKMGi ")
	unit := strings.TrimSpace(text[len(digits):])
	n, err := strconv.ParseUint(digits, 10, 63)
	for _, u := range units {
		if err == nil && u.name == unit && int64(n) <= math.MaxInt64/u.size {
			return int64(n) * u.size, nil
		}
	}
	return 0, fmt.Errorf("%q is no size: want a whole number with B, kB, MB, GB, KiB, MiB or GiB", text)
}

// Format returns the text form with the largest unit that fits.
func Format(n int64) string {
	for _, u := range units {
		if n%u.size == 0 && n != 0 {
			return strconv.FormatInt(n/u.size, 10) + u.name
		}
	}
	return "0B"
}

// Size is a number of bytes as a flag.
type Size int64

func (s *Size) String() string { return Format(int64(*s)) }
func (s *Size) Type() string   { return "SIZE" }

// Set sets s to what Parse makes of text.
func (s *Size) Set(text string) error {
	n, err := Parse(text)
	*s = Size(n)
	return err
}
