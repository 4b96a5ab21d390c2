package logging

import (
	"log/slog"
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spanstack/spanstack/trace"
)

func appendLogfmt(b []byte, l *Line) []byte {
	if !l.Time.IsZero() {
		b = appendTime(append(b, "time="...), l.Time)
		b = append(b, ' ')
	}
	b = appendLevel(append(b, "level="...), l.Level)
	if l.Subsystem != "" {
		b = appendText(append(b, " subsystem="...), l.Subsystem)
	}
	if l.Stack != "" {
		b = append(append(b, " trace="...), l.Stack...)
	}
	b = appendOTelIDs(b, l.Ref)
	if l.Ended {
		b = append(b, " span_ended=true"...)
	}
	b = appendText(append(b, " msg="...), l.Message)
	w := pairs{b: b}
	w.attrs("", l.Attrs)
	return append(w.end(), '\n')
}

// appendOTelIDs appends trace_id and span_id as pairs, if there are any.
func appendOTelIDs(b []byte, ref trace.Ref) []byte {
	if ref == (trace.Ref{}) {
		return b
	}
	b = appendTraceID(append(b, " trace_id="...), ref)
	return appendSpanID(append(b, " span_id="...), ref)
}

// pairs appends attributes as " key=value", for logfmt and human format.
type pairs struct {
	b        []byte
	dropped  int
	keyColor string // escape sequences around keys, if any
	reset    string
}

func (w *pairs) attrs(prefix string, attrs []slog.Attr) {
	for i := range attrs {
		w.attr(prefix, &attrs[i])
	}
}

func (w *pairs) attr(prefix string, a *slog.Attr) {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			prefix = cut(prefix + a.Key + ".")
		}
		w.attrs(prefix, unique(v.Group()))
		return
	}
	if a.Key == "" && v.Kind() == slog.KindAny && v.Any() == nil {
		return // slog's rule: the zero Attr is ignored
	}
	if len(w.b) >= MaxLine {
		w.dropped++
		return
	}
	w.b = append(append(w.b, ' '), w.keyColor...)
	w.b = appendKey(appendKey(w.b, prefix), a.Key)
	if prefix == "" && a.Key == "" {
		w.b = append(w.b, '_') // logfmt has no empty keys
	}
	w.b = append(append(w.b, '='), w.reset...)
	w.b = appendValue(w.b, v)
}

func (w *pairs) end() []byte {
	if w.dropped > 0 {
		w.b = append(w.b, " "+droppedKey+"="...)
		w.b = strconv.AppendInt(w.b, int64(w.dropped), 10)
	}
	return w.b
}

func appendValue(b []byte, v slog.Value) []byte {
	switch v.Kind() {
	case slog.KindString:
		return appendText(b, v.String())
	case slog.KindInt64:
		return strconv.AppendInt(b, v.Int64(), 10)
	case slog.KindUint64:
		return strconv.AppendUint(b, v.Uint64(), 10)
	case slog.KindFloat64:
		return strconv.AppendFloat(b, v.Float64(), 'g', -1, 64)
	case slog.KindBool:
		return strconv.AppendBool(b, v.Bool())
	case slog.KindDuration:
		return append(b, v.Duration().String()...)
	case slog.KindTime:
		return v.Time().AppendFormat(b, time.RFC3339Nano)
	}
	return appendText(b, text(v.Any()))
}

// Ways to write a string.
type quoting uint8

const (
	bare    quoting = iota
	quoted          // between quotes, as it is
	escaped         // between quotes, with escapes
)

// plain has the bytes that need neither quotes nor escapes in logfmt.
var plain = func() (ok [utf8.RuneSelf]bool) {
	for c := '!'; c <= '~'; c++ {
		ok[c] = c != '"' && c != '='
	}
	return ok
}()

func quotingOf(s string) quoting {
	if s == "" {
		return quoted
	}
	q, backslash := bare, false
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if !plain[c] {
				if c != ' ' && c != '=' {
					return escaped
				}
				q = quoted
			}
			backslash = backslash || c == '\\'
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 || !unicode.IsPrint(r) {
			return escaped
		}
		i += size
	}
	if q == quoted && backslash {
		return escaped
	}
	return q
}

// appendText appends s, in quotes if it needs them. Everything that isn't printable is escaped.
func appendText(b []byte, s string) []byte {
	s = cut(s)
	switch quotingOf(s) {
	case bare:
		return append(b, s...)
	case quoted:
		return append(append(append(b, '"'), s...), '"')
	}
	return strconv.AppendQuote(b, s)
}

// appendKey appends a key. Keys can't be quoted in logfmt, so that what isn't allowed in them is escaped.
func appendKey(b []byte, s string) []byte {
	s = cut(s)
	special := false
	for i := 0; i < len(s) && !special; i++ {
		special = s[i] >= utf8.RuneSelf || !plain[s[i]] || s[i] == '\\'
	}
	if !special {
		return append(b, s...)
	}
	return appendEscaped(b, s, ` ="`)
}
