package chrome

import (
	"math"
	"strconv"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
)

// appendMicros adds ns nanoseconds as microseconds, with the decimals that it needs.
func appendMicros(dst []byte, ns int64) []byte {
	abs := uint64(ns)
	if ns < 0 {
		dst = append(dst, '-')
		abs = -abs
	}
	dst = strconv.AppendUint(dst, abs/1000, 10)
	frac := abs % 1000
	if frac == 0 {
		return dst
	}
	dst = append(dst, '.', byte('0'+frac/100), byte('0'+frac/10%10), byte('0'+frac%10))
	for dst[len(dst)-1] == '0' {
		dst = dst[:len(dst)-1]
	}
	return dst
}

// appendFloat adds a finite number so that it reads back as a float64: with a point or an exponent.
func appendFloat(dst []byte, f float64) []byte {
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'g', -1, 64)
	for _, c := range dst[start:] {
		if c == '.' || c == 'e' {
			return dst
		}
	}
	return append(dst, '.', '0')
}

// appendValue adds an attribute's value. What JSON has no form for becomes a string; lost says what.
func appendValue(dst []byte, v tracefmt.Value) (text []byte, lost string) {
	switch v.Kind() {
	case tracefmt.Int64Value:
		n, _ := v.Int64()
		return strconv.AppendInt(dst, n, 10), ""
	case tracefmt.BoolValue, tracefmt.Uint64Value:
		return append(dst, v.String()...), ""
	case tracefmt.Float64Value:
		f, _ := v.Float64()
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return jsontext.AppendString(dst, v.String()), "NaN or infinity, written as a string"
		}
		return appendFloat(dst, f), ""
	case tracefmt.RawValue:
		if raw, ok := jsontext.AppendCompact(dst, v.String()); ok {
			return raw, ""
		}
		return jsontext.AppendString(dst, v.String()), "attribute that isn't valid JSON, written as a string"
	case tracefmt.NoValue:
		return append(dst, "null"...), ""
	}
	return jsontext.AppendString(dst, v.String()), ""
}
