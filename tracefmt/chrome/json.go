package chrome

import (
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/spanstack/spanstack/tracefmt"
)

const hexDigits = "0123456789abcdef"

// plain marks the bytes that stand for themselves in a JSON string.
var plain = func() (t [256]bool) {
	for c := 0x20; c < utf8.RuneSelf; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// appendString adds s as a JSON string. Bytes that aren't UTF-8 become U+FFFD, and U+2028 and U+2029, which end a line
// in JavaScript, are escaped.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if plain[c] {
			i++
			continue
		}
		if c < utf8.RuneSelf {
			dst = append(dst, s[start:i]...)
			switch c {
			case '"', '\\':
				dst = append(dst, '\\', c)
			case '\n':
				dst = append(dst, '\\', 'n')
			case '\r':
				dst = append(dst, '\\', 'r')
			case '\t':
				dst = append(dst, '\\', 't')
			default:
				dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			}
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 || r == '\u2028' || r == '\u2029' {
			dst = append(dst, s[start:i]...)
			dst = append(dst, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
			start = i + size
		}
		i += size
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

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
			return appendString(dst, v.String()), "NaN or infinity, written as a string"
		}
		return appendFloat(dst, f), ""
	case tracefmt.RawValue:
		if raw, ok := appendCompact(dst, v.String()); ok {
			return raw, ""
		}
		return appendString(dst, v.String()), "attribute that isn't valid JSON, written as a string"
	case tracefmt.NoValue:
		return append(dst, "null"...), ""
	}
	return appendString(dst, v.String()), ""
}
