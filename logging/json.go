package logging

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"math"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/spanstack/spanstack/trace"
)

// JSON lines are written by own code rather than by slog.JSONHandler, which leaves terminal controls (DEL, C1) and
// duplicate names as they are, cuts nothing, and can't put trace before the message.

func appendJSON(b []byte, l *Line) []byte {
	b = append(b, '{')
	if !l.Time.IsZero() {
		b = append(appendTime(append(b, `"time":"`...), l.Time), `",`...)
	}
	b = append(appendLevel(append(b, `"level":"`...), l.Level), '"')
	if l.Subsystem != "" {
		b = appendJSONString(append(b, `,"subsystem":`...), l.Subsystem)
	}
	if l.Stack != "" {
		b = append(append(append(b, `,"trace":"`...), l.Stack...), '"')
	}
	if l.Ref != (trace.Ref{}) {
		b = appendTraceID(append(b, `,"trace_id":"`...), l.Ref)
		b = append(appendSpanID(append(b, `","span_id":"`...), l.Ref), '"')
	}
	if l.Ended {
		b = append(b, `,"span_ended":true`...)
	}
	b = appendJSONString(append(b, `,"msg":`...), l.Message)
	w := jsonWriter{b: b}
	w.attrs(l.Attrs)
	if w.dropped > 0 {
		w.b = strconv.AppendInt(append(w.b, `,"`+droppedKey+`":`...), int64(w.dropped), 10)
	}
	return append(w.b, "}\n"...)
}

type jsonWriter struct {
	b       []byte
	dropped int
}

func (w *jsonWriter) attrs(attrs []slog.Attr) {
	for i := range attrs {
		w.attr(&attrs[i])
	}
}

func (w *jsonWriter) attr(a *slog.Attr) {
	v := a.Value.Resolve()
	switch v.Kind() {
	case slog.KindGroup:
		w.group(a.Key, v.Group())
		return
	case slog.KindAny:
		if a.Key == "" && v.Any() == nil {
			return // slog's rule: the zero Attr is ignored
		}
	}
	if len(w.b) >= MaxLine {
		w.dropped++
		return
	}
	w.key(a.Key)
	w.b = appendJSONValue(w.b, v)
}

// group writes a group, or nothing if none of its members is written.
func (w *jsonWriter) group(key string, members []slog.Attr) {
	members = unique(members)
	if key == "" {
		w.attrs(members)
		return
	}
	start := len(w.b)
	if start >= MaxLine {
		w.dropped++
		return
	}
	w.key(key)
	w.b = append(w.b, '{')
	empty := len(w.b)
	w.attrs(members)
	if len(w.b) == empty {
		w.b = w.b[:start]
		return
	}
	w.b = append(w.b, '}')
}

func (w *jsonWriter) key(key string) {
	if w.b[len(w.b)-1] != '{' {
		w.b = append(w.b, ',')
	}
	w.b = append(appendJSONString(w.b, key), ':')
}

func appendJSONValue(b []byte, v slog.Value) []byte {
	switch v.Kind() {
	case slog.KindString:
		return appendJSONString(b, v.String())
	case slog.KindInt64:
		return strconv.AppendInt(b, v.Int64(), 10)
	case slog.KindUint64:
		return strconv.AppendUint(b, v.Uint64(), 10)
	case slog.KindFloat64:
		return appendJSONFloat(b, v.Float64())
	case slog.KindBool:
		return strconv.AppendBool(b, v.Bool())
	case slog.KindDuration:
		return strconv.AppendInt(b, int64(v.Duration()), 10)
	case slog.KindTime:
		return append(v.Time().AppendFormat(append(b, '"'), time.RFC3339Nano), '"')
	}
	return appendJSONAny(b, v.Any())
}

func appendJSONFloat(b []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) { // JSON has no number for them
		return append(strconv.AppendFloat(append(b, '"'), f, 'g', -1, 64), '"')
	}
	return strconv.AppendFloat(b, f, 'g', -1, 64)
}

// jsonEncoder renders values of any type without HTML escapes.
type jsonEncoder struct {
	out bytes.Buffer
	enc *json.Encoder
}

var jsonEncoders = sync.Pool{New: func() any {
	e := new(jsonEncoder)
	e.enc = json.NewEncoder(&e.out)
	e.enc.SetEscapeHTML(false)
	return e
}}

func appendJSONAny(b []byte, v any) (out []byte) {
	start := len(b)
	defer func() {
		if p := recover(); p != nil {
			out = appendJSONString(b[:start], panicText(v, p))
		}
	}()
	if err, ok := v.(error); ok {
		if _, ok := v.(json.Marshaler); !ok {
			return appendJSONString(b, err.Error())
		}
	}
	e := jsonEncoders.Get().(*jsonEncoder)
	e.out.Reset()
	if err := e.enc.Encode(v); err != nil {
		return appendJSONString(b, "!ERROR: "+err.Error())
	}
	rendered := bytes.TrimSuffix(e.out.Bytes(), []byte("\n"))
	if len(rendered) > MaxValue {
		return appendJSONString(b, string(rendered)) // as much of it as fits, as text
	}
	b = appendJSONEscapes(b, rendered)
	jsonEncoders.Put(e)
	return b
}

// jsonPlain has the bytes that stand for themselves in a JSON string.
var jsonPlain = func() (ok [utf8.RuneSelf]bool) {
	for c := ' '; c <= '~'; c++ {
		ok[c] = c != '"' && c != '\\'
	}
	return ok
}()

// appendJSONString appends s as a JSON string. Invalid UTF-8, which JSON can't express, becomes U+FFFD byte by byte.
func appendJSONString(b []byte, s string) []byte {
	s = cut(s)
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if !jsonPlain[c] {
				b = append(b, s[start:i]...)
				b = appendJSONControl(b, c)
				start = i + 1
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if bad := r == utf8.RuneError && size == 1; bad || hidden(r) {
			b = append(b, s[start:i]...)
			b = appendJSONRune(b, r)
			start = i + size
		}
		i += size
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

func appendJSONControl(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\n':
		return append(b, `\n`...)
	case '\r':
		return append(b, `\r`...)
	case '\t':
		return append(b, `\t`...)
	}
	return appendJSONRune(b, rune(c))
}

func appendJSONRune(b []byte, r rune) []byte {
	return append(b, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}

// appendJSONEscapes appends JSON text that encoding/json made, and escapes what that leaves as it is. Such characters
// are in strings only.
func appendJSONEscapes(b, s []byte) []byte {
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf && c != 0x7f {
			b = append(b, c)
			i++
			continue
		}
		r, size := utf8.DecodeRune(s[i:])
		if bad := r == utf8.RuneError && size == 1; bad || hidden(r) {
			b = appendJSONRune(b, r)
		} else {
			b = append(b, s[i:i+size]...)
		}
		i += size
	}
	return b
}

// hidden reports whether a terminal or an editor would act on r instead of showing it: DEL and C1 controls, line and
// paragraph separators, and what changes the direction of text (Unicode Standard Annex 9).
func hidden(r rune) bool {
	switch {
	case r < 0x7f:
		return false
	case r <= 0x9f, r == 0x61c, r == 0x200e, r == 0x200f:
		return true
	}
	return r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}
