package jsontext

import (
	"math"
	"strconv"

	"github.com/spanstack/spanstack/tracefmt"
)

// AppendFloat adds a finite number so that it reads back as a float64: with a point or an exponent.
func AppendFloat(dst []byte, f float64) []byte {
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'g', -1, 64)
	for _, c := range dst[start:] {
		if c == '.' || c == 'e' {
			return dst
		}
	}
	return append(dst, '.', '0')
}

// AppendValue adds an attribute's value. What JSON has no form for becomes a string; lost says what.
func AppendValue(dst []byte, v tracefmt.Value) (text []byte, lost string) {
	switch v.Kind() {
	case tracefmt.Int64Value:
		n, _ := v.Int64()
		return strconv.AppendInt(dst, n, 10), ""
	case tracefmt.BoolValue, tracefmt.Uint64Value:
		return append(dst, v.String()...), ""
	case tracefmt.Float64Value:
		f, _ := v.Float64()
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return AppendString(dst, v.String()), "NaN or infinity, written as a string"
		}
		return AppendFloat(dst, f), ""
	case tracefmt.RawValue:
		if raw, ok := AppendCompact(dst, v.String()); ok {
			return raw, ""
		}
		return AppendString(dst, v.String()), "attribute that isn't valid JSON, written as a string"
	case tracefmt.NoValue:
		return append(dst, "null"...), ""
	}
	return AppendString(dst, v.String()), ""
}
