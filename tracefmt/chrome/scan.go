package chrome

import (
	"errors"
	"fmt"
	"unicode/utf16"
	"unicode/utf8"
)

// errShort says that the text goes on beyond the end of the bytes at hand.
var errShort = errors.New("need more bytes")

// badJSON says what is wrong with the text, and where in the bytes at hand.
type badJSON struct {
	at   int
	what string
}

func (e *badJSON) Error() string { return e.what }

func bad(at int, format string, args ...any) error {
	return &badJSON{at, fmt.Sprintf(format, args...)}
}

// maxDepth bounds how deep the values of an event may nest.
const maxDepth = 512

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

func skipSpace(b []byte, i int) int {
	for i < len(b) && isSpace(b[i]) {
		i++
	}
	return i
}

// scanString returns the index after the string that begins at b[i], and whether its text is plain: needs no decoding.
// Control characters are let through, although JSON forbids them.
func scanString(b []byte, i int) (end int, isPlain bool, err error) {
	isPlain = true
	for i++; i < len(b); i++ {
		c := b[i]
		if plain[c] {
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
	return 0, false, errShort
}

// scanNumber returns the index after the number that begins at b[i].
func scanNumber(b []byte, i int) (end int, err error) {
	start := i
	if b[i] == '-' {
		i++
	}
	digits := func() bool {
		from := i
		for i < len(b) && isDigit(b[i]) {
			i++
		}
		return i > from
	}
	zero := i < len(b) && b[i] == '0'
	first := i
	if !digits() && i < len(b) || zero && i > first+1 {
		return 0, bad(start, "bad number")
	}
	if i < len(b) && b[i] == '.' {
		i++
		if !digits() && i < len(b) {
			return 0, bad(start, "bad number")
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		if !digits() && i < len(b) {
			return 0, bad(start, "bad number")
		}
	}
	if i == len(b) {
		return 0, errShort // there might be more digits
	}
	return i, nil
}

// scanLiteral returns the index after true, false or null at b[i].
func scanLiteral(b []byte, i int) (end int, err error) {
	var word string
	switch b[i] {
	case 't':
		word = "true"
	case 'f':
		word = "false"
	case 'n':
		word = "null"
	default:
		return 0, bad(i, "unexpected %q", b[i])
	}
	n := min(len(word), len(b)-i)
	if string(b[i:i+n]) != word[:n] {
		return 0, bad(i, "unexpected %q", b[i])
	}
	if n < len(word) {
		return 0, errShort
	}
	return i + n, nil
}

// scanValue returns the index after the value that begins at b[i], which is not white space.
func scanValue(b []byte, i, depth int) (end int, err error) {
	if i >= len(b) {
		return 0, errShort
	}
	switch c := b[i]; {
	case c == '"':
		end, _, err = scanString(b, i)
		return end, err
	case c == '-' || isDigit(c):
		return scanNumber(b, i)
	case c == '{' || c == '[':
		if depth >= maxDepth {
			return 0, bad(i, "nested deeper than %d", maxDepth)
		}
		return scanMembers(b, i, depth+1)
	}
	return scanLiteral(b, i)
}

// scanMembers returns the index after the object or array that begins at b[i].
func scanMembers(b []byte, i, depth int) (end int, err error) {
	isObject := b[i] == '{'
	closing := b[i] + 2 // in ASCII, both for { and for [
	i = skipSpace(b, i+1)
	if i < len(b) && b[i] == closing {
		return i + 1, nil
	}
	for {
		if isObject {
			if _, _, i, err = scanKey(b, i); err != nil {
				return 0, err
			}
		}
		if i, err = scanValue(b, i, depth); err != nil {
			return 0, err
		}
		i = skipSpace(b, i)
		if i >= len(b) {
			return 0, errShort
		}
		switch b[i] {
		case closing:
			return i + 1, nil
		case ',':
			i = skipSpace(b, i+1)
		default:
			return 0, bad(i, "unexpected %q", b[i])
		}
	}
}

// scanKey scans an object's key and colon. It returns where the key's text is, without quotes, and the index of the
// value.
func scanKey(b []byte, i int) (from, to, value int, err error) {
	if i >= len(b) {
		return 0, 0, 0, errShort
	}
	if b[i] != '"' {
		return 0, 0, 0, bad(i, "unexpected %q", b[i])
	}
	end, _, err := scanString(b, i)
	if err != nil {
		return 0, 0, 0, err
	}
	from, to = i+1, end-1
	i = skipSpace(b, end)
	if i >= len(b) {
		return 0, 0, 0, errShort
	}
	if b[i] != ':' {
		return 0, 0, 0, bad(i, "unexpected %q", b[i])
	}
	i = skipSpace(b, i+1)
	if i >= len(b) {
		return 0, 0, 0, errShort
	}
	return from, to, i, nil
}

// appendDecoded adds the text of a string, given without its quotes: escapes are resolved, and what isn't UTF-8 becomes
// U+FFFD. Escapes that JSON doesn't know stand for themselves.
func appendDecoded(dst, text []byte) []byte {
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
		case isDigit(c):
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

// appendCompact adds the JSON value in text, or nothing if that isn't valid JSON.
func appendCompact(dst []byte, text string) (compact []byte, ok bool) {
	b := append(make([]byte, 0, len(text)+1), text...)
	b = append(b, ' ') // so that a number at the end has an end
	start := skipSpace(b, 0)
	end, err := scanValue(b, start, 0)
	if err != nil || skipSpace(b, end) != len(b) {
		return dst, false
	}
	return appendScanned(dst, b[start:end]), true
}

// appendScanned adds a JSON value that scanValue found no fault with: without white space between its tokens, and with
// its strings in our own spelling, which is valid UTF-8 on one line.
func appendScanned(dst, text []byte) []byte {
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '"':
			end, isPlain, _ := scanString(text, i)
			if isPlain {
				dst = append(dst, text[i:end]...)
			} else {
				dst = appendString(dst, string(appendDecoded(nil, text[i+1:end-1])))
			}
			i = end
		case isSpace(c):
			i++
		default:
			dst = append(dst, c)
			i++
		}
	}
	return dst
}
