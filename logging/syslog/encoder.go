package syslog

import (
	"bytes"
	"log/slog"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/spanstack/spanstack/logging"
)

// encoder renders lines as RFC 5424, section 6, says.
type encoder struct {
	facility Facility
	header   string // HOSTNAME SP APP-NAME SP PROCID
	id       string // of the structured data
	max      int    // bytes of a message
}

// otherParam is the name of parameters that have a key within their value, since it can't be a name.
const otherParam = "attr"

// AppendLine implements [logging.Encoder].
func (e *encoder) AppendLine(b []byte, l *logging.Line) []byte {
	start := len(b)
	b = appendPriority(b, e.facility, l)
	b = append(b, "1 "...) // VERSION
	if l.Time.IsZero() {
		b = append(b, '-')
	} else {
		b = l.Time.UTC().AppendFormat(b, "2006-01-02T15:04:05.000000Z") // six decimals at most: section 6.2.3
	}
	b = append(append(append(b, ' '), e.header...), ' ')
	b = appendName(b, l.Subsystem, maxMessageID)

	message := appendMessage(nil, l.Message, e.max/2)
	b = append(append(b, " ["...), e.id...)
	w := params{b: b, end: start + e.max - len(message) - len(`] `) - len(` attrs_dropped="00000"`)}
	for _, a := range l.AppendPlace(nil) {
		w.add(a.Key, a.Value)
	}
	for key, v := range l.Pairs() {
		w.add(key, v)
	}
	b = w.b
	if w.dropped > 0 {
		b = append(b, ` attrs_dropped="`...)
		b = append(strconv.AppendInt(b, int64(w.dropped), 10), '"')
	}
	b = append(append(b, "] "...), message...)
	return append(b, '\n')
}

// appendPriority appends PRI.
func appendPriority(b []byte, f Facility, l *logging.Line) []byte {
	return append(strconv.AppendInt(append(b, '<'), int64(f.code())*8+int64(l.Severity()), 10), '>')
}

// Lengths by RFC 5424, section 6.
const (
	maxHostname  = 255
	maxApp       = 48
	maxMessageID = 32
	maxParamName = 32
)

// appendName appends a field of the header: visible ASCII without spaces, of at most max bytes, or "-".
func appendName(b []byte, s string, max int) []byte {
	start := len(b)
	for i := 0; i < len(s) && len(b)-start < max; i++ {
		if c := s[i]; c > ' ' && c <= '~' {
			b = append(b, c)
		} else {
			b = append(b, '?')
		}
	}
	if len(b) == start {
		b = append(b, '-')
	}
	return b
}

// appendMessage appends a message as at most max bytes of visible text.
func appendMessage(b []byte, s string, max int) []byte {
	const more = "…"
	start := len(b)
	b = logging.AppendVisible(b, s[:min(len(s), max+utf8.UTFMax)])
	if len(b)-start <= max {
		return b
	}
	end := start + max - len(more)
	for end > start && !utf8.RuneStart(b[end]) {
		end--
	}
	return append(b[:end], more...)
}

// params appends parameters of a structured data element, until it would be too long.
type params struct {
	b       []byte
	end     int // of b
	dropped int
	scratch [256]byte
}

func (w *params) add(key string, v slog.Value) {
	before := len(w.b)
	value := w.scratch[:0]
	if isParamName(key) {
		w.b = append(append(w.b, ' '), key...)
	} else {
		w.b = append(w.b, " "+otherParam...)
		value = append(logging.AppendKey(value, key), '=')
	}
	w.b = append(w.b, `="`...)
	w.b = appendParamValue(w.b, appendText(value, v))
	w.b = append(w.b, '"')
	if len(w.b) > w.end {
		w.b = w.b[:before]
		w.dropped++
	}
}

// appendText appends a value so that it is one line of visible text.
func appendText(b []byte, v slog.Value) []byte {
	switch v.Kind() {
	case slog.KindBool, slog.KindInt64, slog.KindUint64, slog.KindFloat64, slog.KindDuration, slog.KindTime:
		return logging.AppendValue(b, v)
	}
	return logging.AppendVisible(b, string(logging.AppendValue(nil, v)))
}

// isParamName reports whether a key can be a PARAM-NAME: RFC 5424, section 6.3.3.
func isParamName(s string) bool {
	if s == "" || len(s) > maxParamName || s == otherParam {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || c == '=' || c == ']' || c == '"' {
			return false
		}
	}
	return true
}

// appendParamValue appends a PARAM-VALUE: RFC 5424, section 6.3.3.
func appendParamValue(b, value []byte) []byte {
	if !bytes.ContainsAny(value, `"\]`) {
		return append(b, value...)
	}
	for _, c := range value {
		if c == '"' || c == '\\' || c == ']' {
			b = append(b, '\\')
		}
		b = append(b, c)
	}
	return b
}

// localEncoder renders lines as the C library's syslog(3) does, which is all that local daemons have to understand:
//
//	<30>Jan 31 09:05:00 zferry[123]: sent snapshot subsystem=zfs trace=/…/ bytes=4096
type localEncoder struct {
	facility Facility
	tag      string // app[pid]
	max      int
}

// AppendLine implements [logging.Encoder].
func (e *localEncoder) AppendLine(b []byte, l *logging.Line) []byte {
	start := len(b)
	b = appendPriority(b, e.facility, l)
	t := l.Time
	if t.IsZero() {
		t = time.Now()
	}
	b = t.Local().AppendFormat(b, time.Stamp)
	b = append(append(append(b, ' '), e.tag...), ": "...)
	b = appendMessage(b, l.Message, e.max/2)
	attrs := append(l.AppendPlace(nil), l.Attrs...)
	return append(appendPairs(b, start+e.max, attrs), '\n')
}

// appendPairs appends the attributes that fit.
func appendPairs(b []byte, end int, attrs []slog.Attr) []byte {
	before := len(b)
	if b = logging.AppendPairs(b, attrs...); len(b) <= end {
		return b
	}
	b, end = b[:before], end-len(" attrs_dropped=00000")
	dropped := 0
	for _, a := range attrs {
		before := len(b)
		if b = logging.AppendPairs(b, a); len(b) > end {
			b, dropped = b[:before], dropped+1
		}
	}
	return strconv.AppendInt(append(b, " attrs_dropped="...), int64(dropped), 10)
}
