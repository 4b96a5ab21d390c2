package anonymize

import (
	"strconv"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
)

// round returns a number with its first digit only: 1234 becomes 1000, and 0.0256 becomes 0.03.
func round(v tracefmt.Value) tracefmt.Value {
	switch v.Kind() {
	case tracefmt.Int64Value:
		n, _ := v.Int64()
		unit := int64(1)
		for n/unit > 9 || n/unit < -9 {
			unit *= 10
		}
		return tracefmt.Int64(n / unit * unit)
	case tracefmt.Uint64Value:
		n, _ := v.Uint64()
		unit := uint64(1)
		for n/unit > 9 {
			unit *= 10
		}
		return tracefmt.Uint64(n / unit * unit)
	case tracefmt.Float64Value:
		f, _ := v.Float64()
		rounded, err := strconv.ParseFloat(strconv.FormatFloat(f, 'e', 0, 64), 64)
		if err != nil { // the largest ones are rounded up to infinity
			return v
		}
		return tracefmt.Float64(rounded)
	}
	return v
}

// roundText returns a JSON number with its first digit only; the others become zeros, and its exponent stays.
func roundText(number string) string {
	mantissa, exponent := number, ""
	if i := strings.IndexAny(number, "eE"); i >= 0 {
		mantissa, exponent = number[:i], number[i:]
	}
	first := true
	return strings.Map(func(r rune) rune {
		if r < '1' || r > '9' {
			return r
		}
		if first {
			first = false
			return r
		}
		return '0'
	}, mantissa) + exponent
}
