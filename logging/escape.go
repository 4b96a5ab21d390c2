package logging

import (
	"encoding"
	"fmt"
	"log/slog"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	// MaxValue is how many bytes of a message, a key or a value are written; escapes may make more of them. What is
	// left out is counted at the end, as in "…(+123)".
	MaxValue = 16 << 10
	// MaxLine is the length in bytes at which a line gets no more attributes; attrs_dropped says how many it lacks.
	MaxLine = 64 << 10
)

const droppedKey = "attrs_dropped"

// cut shortens s to MaxValue bytes on a rune's boundary and says how many bytes it left out.
func cut(s string) string {
	if len(s) <= MaxValue {
		return s
	}
	n := MaxValue
	for n > MaxValue-utf8.UTFMax && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…(+" + strconv.Itoa(len(s)-n) + ")"
}

// appendTime appends t in UTC as RFC 3339 (section 5.6) with all nine decimals, so that lines sort as text.
// [time.RFC3339Nano] would leave out trailing zeros.
func appendTime(b []byte, t time.Time) []byte {
	t = t.UTC()
	b = appendDate(b, t, 'T')
	b = append(b, '.')
	b = appendDigits(b, t.Nanosecond(), 9)
	return append(b, 'Z')
}

func appendDate(b []byte, t time.Time, separator byte) []byte {
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	b = append(appendDigits(b, year, 4), '-')
	b = append(appendDigits(b, int(month), 2), '-')
	b = append(appendDigits(b, day, 2), separator)
	b = append(appendDigits(b, hour, 2), ':')
	b = append(appendDigits(b, minute, 2), ':')
	return appendDigits(b, second, 2)
}

// appendDigits appends v with leading zeros; its higher digits are left out if it has more than width.
func appendDigits(b []byte, v, width int) []byte {
	b = append(b, "000000000"[:width]...)
	for i := len(b) - 1; v > 0 && width > 0; i, width = i-1, width-1 {
		b[i] = byte('0' + v%10)
		v /= 10
	}
	return b
}

// appendLevel appends the level's name as [slog.Level.String] makes it, without its allocations.
func appendLevel(b []byte, l slog.Level) []byte {
	switch l {
	case slog.LevelDebug:
		return append(b, "DEBUG"...)
	case slog.LevelInfo:
		return append(b, "INFO"...)
	case slog.LevelWarn:
		return append(b, "WARN"...)
	case slog.LevelError:
		return append(b, "ERROR"...)
	}
	return append(b, l.String()...)
}

// text returns a value that has no format of its own as text, by the value's own methods if it has some.
func text(v any) (s string) {
	defer func() {
		if p := recover(); p != nil {
			s = panicText(v, p)
		}
	}()
	switch v := v.(type) {
	case error:
		return v.Error()
	case encoding.TextMarshaler:
		b, err := v.MarshalText()
		if err != nil {
			return "!ERROR: " + err.Error()
		}
		return string(b)
	case fmt.Stringer:
		return v.String()
	case []byte:
		return string(v)
	}
	return fmt.Sprintf("%+v", v)
}

// panicText says that a value's own method panicked. For a nil pointer that is so common that nil is answer enough.
func panicText(v, p any) string {
	if r := reflect.ValueOf(v); r.Kind() == reflect.Pointer && r.IsNil() {
		return "<nil>"
	}
	return fmt.Sprintf("!PANIC rendering %T: %v", v, p)
}

const hexDigits = "0123456789abcdef"

// appendVisible appends a rune and its encoding from a string: as it is if it can be seen, else escaped as in Go.
func appendVisible(b []byte, r rune, encoded string) []byte {
	switch {
	case r == utf8.RuneError && len(encoded) == 1:
		return appendByte(b, encoded[0])
	case unicode.IsPrint(r):
		return append(b, encoded...)
	}
	start := len(b)
	b = strconv.AppendQuoteRune(b, r)
	return append(b[:start], b[start+1:len(b)-1]...) // without its quotes
}

func appendByte(b []byte, c byte) []byte {
	return append(b, '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
}

// appendEscaped appends s with Go's escapes for backslashes, for all that isn't printable, and for the ASCII characters
// of also.
func appendEscaped(b []byte, s, also string) []byte {
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '\\':
			b = append(b, `\\`...)
		case r < utf8.RuneSelf && strings.IndexByte(also, byte(r)) >= 0:
			b = appendByte(b, byte(r))
		default:
			b = appendVisible(b, r, s[i:i+size])
		}
		i += size
	}
	return b
}
