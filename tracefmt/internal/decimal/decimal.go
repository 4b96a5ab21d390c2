// Package decimal reads decimal numbers of JSON and text as integers of a smaller unit, without floating point.
package decimal

import (
	"encoding/binary"
	"math"
	"math/bits"
	"strconv"

	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
)

// Scale returns a JSON number times 10^places as an integer, such as microseconds in nanoseconds with places 3. It
// doesn't go through floating point: 1.6e15 with three decimals needs 61 bits, of which a float64 has 53. What is below
// 1 is rounded, halves away from zero. It is not ok if text isn't a JSON number or doesn't fit.
func Scale(text []byte, places int) (n int64, ok bool) {
	if n, length, ok := usual(text, places); ok && length == len(text) {
		return n, true
	}
	i := 0
	negative := false
	if i < len(text) && text[i] == '-' {
		negative = true
		i++
	}
	var (
		digits  uint64   // the significant digits
		scale   = places // the number is digits * 10^scale
		dropped byte     // the first digit that digits had no room for
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

// Prefix is Scale for the number at the beginning of b, of which it returns the length, too. It is ok if the number is an
// usual one, without leading zeros, and a comma, bracket or white space comes behind it.
func Prefix(b []byte, places int) (n int64, length int, ok bool) {
	n, length, ok = usual(b, places)
	if !ok || length == len(b) || b[0] == '0' && length > 1 && b[1] != '.' {
		return 0, 0, false
	}
	switch b[length] {
	case ',', '}', ']', ' ', '\n', '\r', '\t':
		return n, length, true
	}
	return 0, 0, false
}

// usual is Scale for what most numbers at the beginning of a text are: positive, of at most 18 digits before the point,
// and with no more decimals than the unit of the result has.
func usual(b []byte, places int) (n int64, length int, ok bool) {
	i := 0
	for i+8 <= len(b) && i <= 8 {
		eight, ok := eightDigits(binary.LittleEndian.Uint64(b[i:]))
		if !ok {
			break
		}
		n = n*1e8 + int64(eight)
		i += 8
	}
	for i < len(b) && jsontext.IsDigit(b[i]) && i < 18 {
		n = n*10 + int64(b[i]-'0')
		i++
	}
	if i == 0 || places >= len(most) || n > most[places] {
		return 0, 0, false
	}
	scale := places
	if i < len(b) && b[i] == '.' {
		for i++; i < len(b) && jsontext.IsDigit(b[i]) && scale > 0; i++ {
			n = n*10 + int64(b[i]-'0')
			scale--
		}
		if scale == places {
			return 0, 0, false
		}
	}
	for ; scale > 0; scale-- {
		n *= 10
	}
	return n, i, true
}

// most are numbers that any digits can follow, as many as their index says.
var most = func() (t [19]int64) {
	limit := int64(math.MaxInt64)
	for i := range t {
		t[i] = limit - 1
		limit /= 10
	}
	return t
}()

// eightDigits returns the number that eight bytes are as decimal digits, the first in the lowest byte of v. Neighbours
// are joined to numbers of two digits, these to four, and these to eight.
func eightDigits(v uint64) (n uint64, ok bool) {
	const each = 0x0101010101010101
	v ^= each * '0'
	if (v|(v+each*(0x80-10)))&(each*0x80) != 0 { // a byte is above 9
		return 0, false
	}
	v = (v*10 + v>>8) & 0x00ff00ff00ff00ff
	v = (v*100 + v>>16) & 0x0000ffff0000ffff
	return (v*10000 + v>>32) & 0xffffffff, true
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

// Append adds n / 10^places as a decimal number, with the decimals that it needs. Scale reads it back, unless it is the
// smallest integer of all.
func Append(dst []byte, n int64, places int) []byte {
	abs := uint64(n)
	if n < 0 {
		dst = append(dst, '-')
		abs = -abs
	}
	unit := uint64(1)
	for range places {
		unit *= 10
	}
	dst = strconv.AppendUint(dst, abs/unit, 10)
	frac := abs % unit
	if frac == 0 {
		return dst
	}
	for dst = append(dst, '.'); frac > 0; frac %= unit {
		unit /= 10
		dst = append(dst, byte('0'+frac/unit))
	}
	return dst
}
