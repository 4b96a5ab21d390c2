package trace

import (
	"bytes"
	"encoding"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"time"
	"unicode/utf8"
)

// JSON is an attribute's value that is JSON text, such as a list: captures show it as what it is. So does a
// [json.RawMessage], but what is in a [Record] can be compared.
type JSON string

// MarshalJSON implements json.Marshaler.
func (j JSON) MarshalJSON() ([]byte, error) { return []byte(j), nil }

// attrList is what a record's attributes are rendered from: those that were rendered before, and others, both given at the
// start of a span and later.
type attrList struct {
	rendered, late []byte
	first, more    []slog.Attr
	count          int  // attributes in rendered and late
	dropped        int  // attributes that are in none of them
	plain          bool // leave out values that only user code can render
}

// append renders the attributes: a key, a type tag and a value each, groups flattened with dots in their keys. User
// code may run (LogValuer, Stringer, error, TextMarshaler), so no lock may be held.
//
// The buffer is passed and returned by value everywhere, which lets callers have it on their stack.
func (l attrList) append(b []byte) []byte {
	b = append(b, l.rendered...)
	count := attrCount{plain: l.plain, kept: l.count, dropped: l.dropped}
	for i := range l.first {
		b = appendAttr(b, &count, "", l.first[i])
	}
	b = append(b, l.late...)
	for i := range l.more {
		b = appendAttr(b, &count, "", l.more[i])
	}
	if count.dropped > 0 {
		b = append(appendString(b, "attrs.dropped"), tagInt)
		b = binary.AppendVarint(b, int64(count.dropped))
	}
	return b
}

// appendPlain renders attributes until the first one that needs user code, or that would be too much. It returns how many
// it rendered.
func appendPlain(b []byte, attrs []slog.Attr) ([]byte, int) {
	for i := range attrs {
		a := &attrs[i]
		kind := a.Value.Kind()
		if !isPlain(kind) || i >= maxPlain || len(b) > plainBytes {
			return b, i
		}
		b = appendValue(appendString(b, a.Key), kind, a.Value)
	}
	return b, len(attrs)
}

// isPlain reports whether values of a kind can be rendered without running code of users.
func isPlain(k slog.Kind) bool {
	return k != slog.KindAny && k != slog.KindLogValuer && k != slog.KindGroup
}

type attrCount struct {
	kept, dropped int
	plain         bool
}

// Tags of attribute values in the ring.
const (
	tagString byte = iota
	tagInt
	tagUint
	tagFloat
	tagBool
	tagDuration
	tagTime
	tagJSON
)

func appendAttr(b []byte, count *attrCount, prefix string, a slog.Attr) []byte {
	if !isPlain(a.Value.Kind()) {
		if count.plain {
			return b
		}
		if a.Value.Kind() == slog.KindLogValuer {
			a.Value = a.Value.Resolve()
		}
		switch a.Value.Kind() {
		case slog.KindGroup:
			if a.Key != "" {
				prefix += a.Key + "."
			}
			for _, m := range a.Value.Group() {
				b = appendAttr(b, count, prefix, m)
			}
			return b
		case slog.KindAny:
			if a.Key == "" && a.Value.Any() == nil {
				return b // slog's rule: the zero Attr is ignored
			}
		}
	}
	if count.kept >= maxAttrs || len(b) > maxBytes-2*maxString {
		count.dropped++
		return b
	}
	count.kept++
	key := a.Key
	if prefix != "" {
		key = prefix + key
	}
	return appendValue(appendString(b, key), a.Value.Kind(), a.Value)
}

func appendValue(b []byte, k slog.Kind, v slog.Value) []byte {
	switch k {
	case slog.KindString:
		return appendString(append(b, tagString), v.String())
	case slog.KindInt64:
		return binary.AppendVarint(append(b, tagInt), v.Int64())
	case slog.KindUint64:
		return binary.AppendUvarint(append(b, tagUint), v.Uint64())
	case slog.KindFloat64:
		return binary.LittleEndian.AppendUint64(append(b, tagFloat), math.Float64bits(v.Float64()))
	case slog.KindBool:
		t := byte(0)
		if v.Bool() {
			t = 1
		}
		return append(b, tagBool, t)
	case slog.KindDuration:
		return binary.AppendVarint(append(b, tagDuration), int64(v.Duration()))
	case slog.KindTime:
		// As text, since a time.Time has a zone and a range that nanoseconds in 64 bits haven't.
		return appendString(append(b, tagTime), v.Time().Format(time.RFC3339Nano))
	}
	switch raw := v.Any().(type) {
	case JSON:
		return appendJSON(b, string(raw))
	case json.RawMessage:
		return appendJSON(b, string(raw))
	}
	return appendString(append(b, tagString), anyText(v.Any()))
}

// appendJSON renders a value that is JSON text: in its shortest form, or, if it is too long or isn't valid, as a string.
func appendJSON(b []byte, raw string) []byte {
	var text bytes.Buffer
	if len(raw) > maxBytes || json.Compact(&text, []byte(raw)) != nil || text.Len() > maxString {
		return appendString(append(b, tagString), raw)
	}
	return appendString(append(b, tagJSON), text.String())
}

// anyText renders a value by the user's own methods where it has some. A panic in them is the user's bug, but must
// not become the end of a program whose only fault is to be traced.
func anyText(v any) (s string) {
	defer func() {
		if p := recover(); p != nil {
			s = fmt.Sprintf("!PANIC rendering %T: %v", v, p)
		}
	}()
	switch v := v.(type) {
	case error:
		return v.Error()
	case fmt.Stringer:
		return v.String()
	case encoding.TextMarshaler:
		b, err := v.MarshalText()
		if err != nil {
			return "!ERROR: " + err.Error()
		}
		return string(b)
	}
	return fmt.Sprintf("%+v", v)
}

func decodeAttrs(b []byte, intern func([]byte) string) []slog.Attr {
	var attrs []slog.Attr
	for len(b) > 0 {
		key, rest := cutString(b)
		tag := rest[0]
		b = rest[1:]
		a := slog.Attr{Key: intern(key)}
		var w int
		switch tag {
		case tagString, tagTime, tagJSON:
			var s []byte
			s, b = cutString(b)
			if a.Value = slog.StringValue(string(s)); tag == tagJSON {
				a.Value = slog.AnyValue(JSON(s))
			}
			if t, err := time.Parse(time.RFC3339Nano, string(s)); tag == tagTime && err == nil {
				a.Value = slog.TimeValue(t)
			}
		case tagInt, tagDuration:
			var n int64
			n, w = binary.Varint(b)
			if a.Value = slog.Int64Value(n); tag == tagDuration {
				a.Value = slog.DurationValue(time.Duration(n))
			}
		case tagUint:
			var n uint64
			n, w = binary.Uvarint(b)
			a.Value = slog.Uint64Value(n)
		case tagFloat:
			a.Value, w = slog.Float64Value(math.Float64frombits(binary.LittleEndian.Uint64(b))), 8
		case tagBool:
			a.Value, w = slog.BoolValue(b[0] == 1), 1
		default:
			panic("trace: unknown attribute tag " + strconv.Itoa(int(tag)))
		}
		b = b[w:]
		attrs = setAttr(attrs, a)
	}
	return attrs
}

// setAttr appends an attribute, or gives the one of its key its value.
func setAttr(attrs []slog.Attr, a slog.Attr) []slog.Attr {
	for i := range attrs {
		if attrs[i].Key == a.Key {
			attrs[i].Value = a.Value
			return attrs
		}
	}
	return append(attrs, a)
}

// cutText shortens s to maxString bytes on a rune's boundary and says how many bytes it left out.
func cutText(s string) string {
	if len(s) <= maxString {
		return s
	}
	n := maxString - len("…(+18446744073709551615)")
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…(+" + strconv.Itoa(len(s)-n) + ")"
}
