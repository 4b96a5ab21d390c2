// Package spantags is what formats have in common whose spans have tags and little else, such as Jaeger's and Zipkin's:
// tags that stand for what else a span of OpenTelemetry has, and for what the format has no types or digits for.
//
// Facts: OpenTelemetry specification v1.50, "Mapping to non-OTLP formats"; for status and errors its pages on Jaeger
// and Zipkin, too; w3c.tracestate is the tag of the OpenTelemetry collector's translators.
package spantags

import (
	"bytes"
	"math"
	"strconv"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/decimal"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
	"github.com/spanstack/spanstack/tracefmt/internal/spans"
)

// Tags that no attribute of a span becomes or comes from.
const (
	// KeyNS has what is to be added to times in µs, in ns: of a span "123 456" for its start and its duration, of an
	// event an integer.
	KeyNS = "spanstack.ns"
	// KeyOpen says that a span had no end.
	KeyOpen = "spanstack.open"
	// KeyTypes has the types of tags that the format has as strings, see [Types].
	KeyTypes = "spanstack.types"
	// KeyLinks has a span's links, or what the format has no place for of them, see [AppendLinks].
	KeyLinks = "spanstack.links"

	keyW3CState    = "w3c.tracestate"
	keyDescription = "otel.status_description"
)

// Style says in which way a format has errors.
type Style uint8

const (
	Jaeger Style = iota // the tag "error" is true, and the message in another one
	Zipkin              // the tag "error" is the message
)

// A Taker takes tags that stand for a span's fields out of its attributes. The zero value is ready for use.
type Taker struct {
	// NS are the nanoseconds to add to start and duration, Open says that there is no end, and Links is the JSON text
	// of KeyLinks, each from the last Take.
	NS    [2]int64
	HasNS bool
	Open  bool
	Links string

	scope spans.Scope
	types Types
}

// Take moves tags from s.Attrs into the fields of s and t. The scope it sets is valid until the next call.
func (t *Taker) Take(s *spans.Span, style Style) {
	t.NS, t.HasNS, t.Open, t.Links, t.scope = [2]int64{}, false, false, "", spans.Scope{}
	s.Attrs = t.types.Apply(s.Attrs)
	rest := s.Attrs[:0]
	for _, a := range s.Attrs {
		if !t.field(s, a) {
			rest = append(rest, a)
		}
	}
	s.Attrs = rest
	if t.scope != (spans.Scope{}) {
		s.Scope = &t.scope
	}
	takeError(s, style)
}

// field takes one tag, if it is one that stands for a field which isn't set.
func (t *Taker) field(s *spans.Span, a tracefmt.Attr) bool {
	switch {
	case len(a.Key) < len("otel."):
		return false
	case strings.HasPrefix(a.Key, "otel."), a.Key == spans.KeyKind, a.Key == keyW3CState:
	case strings.HasPrefix(a.Key, "spanstack."):
		return t.own(a)
	default:
		return false
	}
	if n, isInt := a.Value.Int64(); isInt {
		return count(s, a.Key, n)
	}
	text := a.Value.String()
	if a.Key == spans.KeyScopeAttrs && t.scope.Attrs == "" && strings.HasPrefix(text, "{") {
		object, ok := jsontext.AppendCompact(nil, text)
		t.scope.Attrs = string(object)
		return ok
	}
	return a.Value.Kind() == tracefmt.StringValue && text != "" && t.text(s, a.Key, text)
}

// text is field for tags that are strings.
func (t *Taker) text(s *spans.Span, key, text string) bool {
	switch key {
	case spans.KeyKind:
		k, ok := spans.ParseKind(text)
		if ok = ok && s.Kind == 0; ok {
			s.Kind = k
		}
		return ok
	case spans.KeyStatus:
		switch {
		case s.Status != 0:
			return false
		case strings.EqualFold(text, "ok"):
			s.Status = spans.StatusOK
		case strings.EqualFold(text, "error"):
			s.Status = spans.StatusError
		}
		return s.Status != 0
	case spans.KeyScope:
		return set(&t.scope.Name, text)
	case spans.KeyScopeVersion:
		return set(&t.scope.Version, text)
	case spans.KeyScopeSchema:
		return set(&t.scope.Schema, text)
	case spans.KeyState, keyW3CState:
		return set(&s.State, text)
	}
	return false
}

func set(field *string, text string) bool {
	if *field != "" {
		return false
	}
	*field = text
	return true
}

// count sets a field that is a number.
func count(s *spans.Span, key string, n int64) bool {
	var field *uint32
	switch key {
	case spans.KeyFlags:
		field = &s.Flags
	case spans.KeyDroppedAttrs:
		field = &s.DroppedAttrs
	case spans.KeyDroppedEvents:
		field = &s.DroppedEvents
	case spans.KeyDroppedLinks:
		field = &s.DroppedLinks
	default:
		return false
	}
	if n <= 0 || n > math.MaxUint32 || *field != 0 {
		return false
	}
	*field = uint32(n)
	return true
}

// own takes a tag of ours.
func (t *Taker) own(a tracefmt.Attr) bool {
	text := a.Value.String()
	switch a.Key {
	case KeyNS:
		start, dur, ok := strings.Cut(text, " ")
		from, err1 := strconv.ParseInt(start, 10, 64)
		long, err2 := strconv.ParseInt(dur, 10, 64)
		if ok && err1 == nil && err2 == nil && isRest(from) && isRest(long) {
			t.NS, t.HasNS = [2]int64{from, long}, true
			return true
		}
	case KeyOpen:
		t.Open = text == "true"
		return t.Open
	case KeyLinks:
		t.Links = text
		return true
	}
	return false
}

// takeError makes a status of what the tags say of an error.
func takeError(s *spans.Span, style Style) {
	at, description := -1, -1
	for i, a := range s.Attrs {
		switch {
		case a.Key == tracefmt.AttrError && at < 0:
			at = i
		case a.Key == keyDescription && description < 0 && a.Value.Kind() == tracefmt.StringValue:
			description = i
		}
	}
	if s.Status == spans.StatusOK || s.Status == spans.StatusUnset && at < 0 {
		return
	}
	if at >= 0 {
		v := s.Attrs[at].Value
		text, isText := v.String(), v.Kind() == tracefmt.StringValue
		if isText && text == "false" && s.Status == spans.StatusUnset {
			s.Attrs[at].Value = tracefmt.Bool(false)
			return
		}
		isError := v == tracefmt.Bool(true) || isText && (text != "" || style == Zipkin)
		if s.Status == spans.StatusUnset && !isError {
			return
		}
		s.Status = spans.StatusError
		if isError {
			if isText {
				s.Message = text
			}
			s.Attrs = append(s.Attrs[:at], s.Attrs[at+1:]...)
			if description > at {
				description--
			}
		}
	}
	if description >= 0 && s.Message == "" {
		s.Message = s.Attrs[description].Value.String()
		s.Attrs = append(s.Attrs[:description], s.Attrs[description+1:]...)
	}
}

// AppendTags appends a span's attributes and those that stand for its fields.
func AppendTags(attrs []tracefmt.Attr, s *spans.Span, style Style) []tracefmt.Attr {
	attrs = append(attrs, s.Attrs...)
	if kind := s.Kind.String(); kind != "" && style != Zipkin { // which has a field for it
		attrs = appendText(attrs, spans.KeyKind, kind)
	}
	if s.Scope != nil {
		attrs = appendText(attrs, spans.KeyScope, s.Scope.Name)
		attrs = appendText(attrs, spans.KeyScopeVersion, s.Scope.Version)
		attrs = appendText(attrs, spans.KeyScopeSchema, s.Scope.Schema)
		attrs = appendText(attrs, spans.KeyScopeAttrs, s.Scope.Attrs)
	}
	attrs = appendText(attrs, keyW3CState, s.State)
	if s.Flags&^spans.FlagSampled != 0 {
		attrs = appendCount(attrs, spans.KeyFlags, s.Flags)
	}
	switch s.Status {
	case spans.StatusOK:
		attrs = appendText(attrs, spans.KeyStatus, "OK")
	case spans.StatusError:
		v := tracefmt.Bool(true)
		if style == Zipkin {
			v = tracefmt.String(s.Message)
		}
		attrs = append(attrs, tracefmt.Attr{Key: tracefmt.AttrError, Value: v})
		attrs = appendText(attrs, spans.KeyStatus, "ERROR")
		if style == Jaeger {
			attrs = appendText(attrs, keyDescription, s.Message)
		}
	}
	attrs = appendCount(attrs, spans.KeyDroppedAttrs, s.DroppedAttrs)
	attrs = appendCount(attrs, spans.KeyDroppedEvents, s.DroppedEvents)
	return appendCount(attrs, spans.KeyDroppedLinks, s.DroppedLinks)
}

func appendText(attrs []tracefmt.Attr, key, text string) []tracefmt.Attr {
	if text == "" {
		return attrs
	}
	return append(attrs, tracefmt.Attr{Key: key, Value: tracefmt.String(text)})
}

func appendCount(attrs []tracefmt.Attr, key string, n uint32) []tracefmt.Attr {
	if n == 0 {
		return attrs
	}
	return append(attrs, tracefmt.Attr{Key: key, Value: tracefmt.Int64(int64(n))})
}

// AppendNS appends the text of KeyNS: what is missing from a start and a duration.
func AppendNS(dst []byte, start, dur int64) []byte {
	dst = append(strconv.AppendInt(dst, start, 10), ' ')
	return strconv.AppendInt(dst, dur, 10)
}

// NaN and infinities are no JSON; this is how package otelbridge has them in it, too.
const (
	floatBefore = `{"otel.float":"`
	floatAfter  = `"}`
)

// AppendObject appends attributes as a JSON object, from which ParseObject makes the same again.
func AppendObject(dst []byte, attrs []tracefmt.Attr) []byte {
	dst = append(dst, '{')
	for i, a := range attrs {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(jsontext.AppendString(dst, a.Key), ':')
		if f, _ := a.Value.Float64(); a.Value.Kind() == tracefmt.Float64Value && (math.IsNaN(f) || math.IsInf(f, 0)) {
			dst = append(append(append(dst, floatBefore...), a.Value.String()...), floatAfter...)
			continue
		}
		dst, _ = jsontext.AppendValue(dst, a.Value)
	}
	return append(dst, '}')
}

// ParseObject appends the members of the JSON object at b[i] to attrs.
func ParseObject(d *jsontext.Decoder, attrs []tracefmt.Attr, b []byte, i int) (_ []tracefmt.Attr, end int, err error) {
	end, err = jsontext.Members(b, i, func(key []byte, i int) (int, error) {
		v, end, err := d.Value(b, i)
		if err != nil {
			return 0, err
		}
		if v.Kind() == tracefmt.RawValue {
			v = float(v)
		}
		attrs = append(attrs, tracefmt.Attr{Key: d.Text(key), Value: v})
		return end, nil
	})
	return attrs, end, err
}

// float returns the number that a JSON value stands for, if it does.
func float(v tracefmt.Value) tracefmt.Value {
	if text, ok := strings.CutPrefix(v.String(), floatBefore); ok {
		if f, err := strconv.ParseFloat(strings.TrimSuffix(text, floatAfter), 64); err == nil {
			return tracefmt.Float64(f)
		}
	}
	return v
}

// Whole returns text with a byte behind it, as the functions of package jsontext want it to know where a number ends.
func Whole(text string) []byte { return append([]byte(text), ' ') }

// isWhole reports whether nothing but white space is in b from index i on.
func isWhole(b []byte, i int) bool { return len(bytes.TrimSpace(b[i:])) == 0 }

// Micros splits a time, or a duration of at least least µs, into µs and what is missing from them, in ns.
func Micros(ns, least int64) (us, rest int64) {
	us = ns / 1000
	if ns%1000 < 0 {
		us--
	}
	us = max(us, least)
	return us, ns - us*1000
}

// Plus is the reverse of Micros: it adds a number of KeyNS to a time that is a number of µs, in ns. A number that Micros
// doesn't make, or that doesn't fit, is left out.
func Plus(ns, rest int64) int64 {
	if !isRest(rest) || ns > math.MaxInt64-1000 {
		return ns
	}
	return ns + rest
}

func isRest(ns int64) bool { return -1000 <= ns && ns < 1000 }

// MicrosAt returns the number of microseconds at b[i], which may be in quotes, as nanoseconds.
func MicrosAt(b []byte, i int) (ns int64, ok bool, end int, err error) {
	text, end, err := jsontext.Raw(b, i)
	if err != nil {
		return 0, false, 0, err
	}
	ns, ok = decimal.Scale(text, 3)
	return ns, ok, end, nil
}
