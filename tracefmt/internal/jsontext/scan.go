// Package jsontext scans JSON text for the readers of formats that are made of it: without reflection, and without
// copying what needs no decoding. It finds the ends of values in bytes of which more may follow, and lets through what is
// harmless although JSON forbids it, such as control characters in strings.
package jsontext

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// ErrShort says that the text goes on beyond the end of the bytes at hand.
var ErrShort = errors.New("need more bytes")

// Bad says what is wrong with the text, and where in the bytes at hand.
type Bad struct {
	At   int
	What string
}

func (e *Bad) Error() string { return e.What }

// Badf returns a [Bad] about the byte at an index.
func Badf(at int, format string, args ...any) error {
	return &Bad{at, fmt.Sprintf(format, args...)}
}

// maxDepth bounds how deep the values of an event may nest.
const maxDepth = 512

// IsSpace reports whether c is white space between tokens.
func IsSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

// SkipSpace returns the index of the first byte from b[i] on that isn't white space.
func SkipSpace(b []byte, i int) int {
	for i < len(b) && IsSpace(b[i]) {
		i++
	}
	return i
}

// ScanString returns the index after the string that begins at b[i], and whether its text is plain: needs no decoding.
// Control characters are let through, although JSON forbids them.
func ScanString(b []byte, i int) (end int, isPlain bool, err error) {
	for i++; i+8 <= len(b); i += 8 { // eight at a time, as long as all are plain
		if first := notPlain(binary.LittleEndian.Uint64(b[i:])); first < 8 {
			if i += first; b[i] == '"' {
				return i + 1, true, nil
			}
			break
		}
	}
	isPlain = true
	for ; i < len(b); i++ {
		c := b[i]
		if Plain[c] {
			continue
		}
		switch {
		case c == '"':
			return i + 1, isPlain, nil
		case c == '\\':
			i++ // what it escapes is looked at when it is decoded
			isPlain = false
		default: // beyond ASCII, or a control character
			isPlain = false
		}
	}
	return 0, false, ErrShort
}

// notPlain returns which of the eight bytes in v, the lowest first, isn't plain; 8 if all are. In a word of bytes,
// x-0x01…&^x&0x80… has the high bits of those that are 0, and maybe of some above the first of them.
func notPlain(v uint64) int {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	quote, slash := v^ones*'"', v^ones*'\\'
	return bits.TrailingZeros64(((v-ones*0x20)|(quote-ones)&^quote|(slash-ones)&^slash|v)&high) / 8
}

// ScanNumber returns the index after the number that begins at b[i].
func ScanNumber(b []byte, i int) (end int, err error) {
	start := i
	if b[i] == '-' {
		i++
	}
	digits := func() bool {
		from := i
		for i < len(b) && IsDigit(b[i]) {
			i++
		}
		return i > from
	}
	zero := i < len(b) && b[i] == '0'
	first := i
	if !digits() && i < len(b) || zero && i > first+1 {
		return 0, Badf(start, "bad number")
	}
	if i < len(b) && b[i] == '.' {
		i++
		if !digits() && i < len(b) {
			return 0, Badf(start, "bad number")
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		if !digits() && i < len(b) {
			return 0, Badf(start, "bad number")
		}
	}
	if i == len(b) {
		return 0, ErrShort // there might be more digits
	}
	return i, nil
}

// ScanLiteral returns the index after true, false or null at b[i].
func ScanLiteral(b []byte, i int) (end int, err error) {
	var word string
	switch b[i] {
	case 't':
		word = "true"
	case 'f':
		word = "false"
	case 'n':
		word = "null"
	default:
		return 0, Badf(i, "unexpected %q", b[i])
	}
	n := min(len(word), len(b)-i)
	if string(b[i:i+n]) != word[:n] {
		return 0, Badf(i, "unexpected %q", b[i])
	}
	if n < len(word) {
		return 0, ErrShort
	}
	return i + n, nil
}

// ScanValue returns the index after the value that begins at b[i], which is not white space.
func ScanValue(b []byte, i, depth int) (end int, err error) {
	if i >= len(b) {
		return 0, ErrShort
	}
	switch c := b[i]; {
	case c == '"':
		end, _, err = ScanString(b, i)
		return end, err
	case c == '-' || IsDigit(c):
		return ScanNumber(b, i)
	case c == '{' || c == '[':
		if depth >= maxDepth {
			return 0, Badf(i, "nested deeper than %d", maxDepth)
		}
		return scanMembers(b, i, depth+1)
	}
	return ScanLiteral(b, i)
}

// scanMembers returns the index after the object or array that begins at b[i].
func scanMembers(b []byte, i, depth int) (end int, err error) {
	isObject := b[i] == '{'
	closing := b[i] + 2 // in ASCII, both for { and for [
	i = SkipSpace(b, i+1)
	if i < len(b) && b[i] == closing {
		return i + 1, nil
	}
	for {
		if isObject {
			if _, _, i, err = ScanKey(b, i); err != nil {
				return 0, err
			}
		}
		if i, err = ScanValue(b, i, depth); err != nil {
			return 0, err
		}
		i = SkipSpace(b, i)
		if i >= len(b) {
			return 0, ErrShort
		}
		switch b[i] {
		case closing:
			return i + 1, nil
		case ',':
			i = SkipSpace(b, i+1)
		default:
			return 0, Badf(i, "unexpected %q", b[i])
		}
	}
}

// ScanKey scans an object's key and colon. It returns where the key's text is, without quotes, and the index of the
// value.
func ScanKey(b []byte, i int) (from, to, value int, err error) {
	if i >= len(b) {
		return 0, 0, 0, ErrShort
	}
	if b[i] != '"' {
		return 0, 0, 0, Badf(i, "unexpected %q", b[i])
	}
	end, _, err := ScanString(b, i)
	if err != nil {
		return 0, 0, 0, err
	}
	from, to = i+1, end-1
	i = SkipSpace(b, end)
	if i >= len(b) {
		return 0, 0, 0, ErrShort
	}
	if b[i] != ':' {
		return 0, 0, 0, Badf(i, "unexpected %q", b[i])
	}
	i = SkipSpace(b, i+1)
	if i >= len(b) {
		return 0, 0, 0, ErrShort
	}
	return from, to, i, nil
}

// AppendDecoded adds the text of a string, given without its quotes: escapes are resolved, and what isn't UTF-8 becomes
// U+FFFD. Escapes that JSON doesn't know stand for themselves.
func AppendDecoded(dst, text []byte) []byte {
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == '\\' && i+1 < len(text):
			var n int
			dst, n = appendEscape(dst, text[i+1:])
			i += 1 + n
		case c < utf8.RuneSelf:
			dst = append(dst, c)
			i++
		default:
			r, size := utf8.DecodeRune(text[i:])
			dst = utf8.AppendRune(dst, r)
			i += size
		}
	}
	return dst
}

// appendEscape adds what an escape stands for, given without its backslash, and returns its length.
func appendEscape(dst, text []byte) ([]byte, int) {
	switch text[0] {
	case 'b':
		return append(dst, '\b'), 1
	case 'f':
		return append(dst, '\f'), 1
	case 'n':
		return append(dst, '\n'), 1
	case 'r':
		return append(dst, '\r'), 1
	case 't':
		return append(dst, '\t'), 1
	case 'u':
		r, ok := hex4(text[1:])
		if !ok {
			return append(dst, '\\', 'u'), 1
		}
		if utf16.IsSurrogate(r) {
			if len(text) > 6 && text[5] == '\\' && text[6] == 'u' {
				if low, ok := hex4(text[7:]); ok {
					if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
						return utf8.AppendRune(dst, pair), 11
					}
				}
			}
			r = utf8.RuneError
		}
		return utf8.AppendRune(dst, r), 5
	case '"', '\\', '/':
		return append(dst, text[0]), 1
	}
	return append(dst, '\\'), 0
}

func hex4(text []byte) (r rune, ok bool) {
	if len(text) < 4 {
		return 0, false
	}
	for _, c := range text[:4] {
		switch {
		case IsDigit(c):
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// AppendCompact adds the JSON value in text, or nothing if that isn't valid JSON.
func AppendCompact(dst []byte, text string) (compact []byte, ok bool) {
	b := append(make([]byte, 0, len(text)+1), text...)
	b = append(b, ' ') // so that a number at the end has an end
	start := SkipSpace(b, 0)
	end, err := ScanValue(b, start, 0)
	if err != nil || SkipSpace(b, end) != len(b) {
		return dst, false
	}
	return AppendScanned(dst, b[start:end]), true
}

// AppendScanned adds a JSON value that ScanValue found no fault with: without white space between its tokens, and with
// its strings in our own spelling, which is valid UTF-8 on one line.
func AppendScanned(dst, text []byte) []byte {
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '"':
			end, isPlain, _ := ScanString(text, i)
			if isPlain {
				dst = append(dst, text[i:end]...)
			} else {
				dst = AppendString(dst, string(AppendDecoded(nil, text[i+1:end-1])))
			}
			i = end
		case IsSpace(c):
			i++
		default:
			dst = append(dst, c)
			i++
		}
	}
	return dst
}

// IsDigit reports whether c is a decimal digit.
func IsDigit(c byte) bool { return c-'0' <= 9 }
