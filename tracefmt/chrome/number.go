package chrome

import (
	"math"
	"math/bits"

	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
)

// usualMicros is micros for what most events have: up to 15 digits, and up to three decimals.
func usualMicros(text []byte) (ns int64, ok bool) {
	i := 0
	for i < len(text) && jsontext.IsDigit(text[i]) {
		ns = ns*10 + int64(text[i]-'0')
		i++
	}
	if i == 0 || i > 15 {
		return 0, false
	}
	scale := 3
	if i < len(text) && text[i] == '.' {
		for i++; i < len(text) && jsontext.IsDigit(text[i]) && scale > 0; i++ {
			ns = ns*10 + int64(text[i]-'0')
			scale--
		}
		if scale == 3 {
			return 0, false
		}
	}
	for ; scale > 0; scale-- {
		ns *= 10
	}
	return ns, i == len(text)
}

// micros turns a decimal number of microseconds into nanoseconds, without going through floating point: 1.6e15 with
// three decimals needs 61 bits, of which a float64 has 53. What is below a nanosecond is rounded, halves away from
// zero. It is not ok if text isn't a JSON number or doesn't fit.
func micros(text []byte) (ns int64, ok bool) {
	if ns, ok = usualMicros(text); ok {
		return ns, true
	}
	i := 0
	negative := false
	if i < len(text) && text[i] == '-' {
		negative = true
		i++
	}
	var (
		digits  uint64 // the significant digits
		scale   = 3    // digits counts units of 10^(-3+scale) µs
		dropped byte   // the first digit that digits had no room for
		full    bool
		seen    bool
	)
	add := func(c byte, fraction bool) {
		seen = true
		if full || digits > (math.MaxUint64-9)/10 {
			if !full {
				full, dropped = true, c-'0'
			}
			if !fraction {
				scale++
			}
			return
		}
		digits = digits*10 + uint64(c-'0')
		if fraction {
			scale--
		}
	}
	for ; i < len(text) && jsontext.IsDigit(text[i]); i++ {
		add(text[i], false)
	}
	if i < len(text) && text[i] == '.' {
		for i++; i < len(text) && jsontext.IsDigit(text[i]); i++ {
			add(text[i], true)
		}
	}
	if !seen {
		return 0, false
	}
	if i < len(text) && text[i]|0x20 == 'e' {
		exp, rest, ok := exponent(text[i+1:])
		if !ok {
			return 0, false
		}
		scale += exp
		i = len(text) - rest
	}
	if i != len(text) {
		return 0, false
	}
	abs, ok := shift(digits, scale, dropped)
	if !ok || abs > math.MaxInt64 {
		return 0, false
	}
	if negative {
		return -int64(abs), true
	}
	return int64(abs), true
}

// shift returns digits * 10^scale, rounded. dropped is the decimal digit after digits, of weight 10^(scale-1).
func shift(digits uint64, scale int, dropped byte) (uint64, bool) {
	if digits == 0 {
		return 0, true
	}
	for ; scale > 0; scale-- {
		hi, lo := bits.Mul64(digits, 10)
		sum, carry := bits.Add64(lo, uint64(dropped), 0)
		if hi != 0 || carry != 0 {
			return 0, false
		}
		digits, dropped = sum, 0
	}
	for ; scale < 0 && digits > 0; scale++ {
		dropped = byte(digits % 10)
		digits /= 10
	}
	if scale < 0 {
		return 0, true // less than a tenth
	}
	if dropped >= 5 {
		digits++
	}
	return digits, digits > 0 || dropped < 5 // or it went round
}

// exponent parses what follows the "e" of a number, and returns how many bytes are left after it. Values are clipped,
// far beyond what any input has room to undo.
func exponent(text []byte) (exp, rest int, ok bool) {
	i := 0
	sign := 1
	if i < len(text) && (text[i] == '+' || text[i] == '-') {
		if text[i] == '-' {
			sign = -1
		}
		i++
	}
	start := i
	for ; i < len(text) && jsontext.IsDigit(text[i]); i++ {
		exp = min(exp*10+int(text[i]-'0'), 1e8)
	}
	return sign * exp, len(text) - i, i > start
}
