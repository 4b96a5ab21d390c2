package otlp

import (
	"encoding/base64"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
)

// valid returns s with replacement characters for what isn't UTF-8.
func valid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return strings.ToValidUTF8(s, "\ufffd")
}

// any returns an AnyValue. Of several values the last one counts, as for every oneof.
func (r *Reader) any(content []byte) tracefmt.Value {
	v := tracefmt.RawJSON("null")
	text := &r.assembly.text.Strings
	c := r.within(content)
	for c.next() {
		switch c.tag() {
		case anyString<<3 | tagBytes:
			v = tracefmt.String(text.Intern(c.data))
		case anyBool<<3 | tagVarint:
			v = tracefmt.Bool(c.v != 0)
		case anyInt<<3 | tagVarint:
			v = tracefmt.Int64(int64(c.v))
		case anyDouble<<3 | tagFixed64:
			v = tracefmt.Float64(math.Float64frombits(c.v))
		case anyArray<<3 | tagBytes, anyMap<<3 | tagBytes, anyBytes<<3 | tagBytes:
			r.assembly.value = r.appendField(r.assembly.value[:0], &c, 0)
			v = tracefmt.RawJSON(text.Intern(r.assembly.value))
		}
	}
	return v
}

// appendAny appends an AnyValue as JSON.
func (r *Reader) appendAny(b, content []byte, depth int) []byte {
	start := len(b)
	c := r.within(content)
	for c.next() {
		if c.num <= anyBytes {
			b = r.appendField(b[:start], &c, depth)
		}
	}
	if len(b) == start {
		b = append(b, "null"...)
	}
	return b
}

// appendField appends what a field of an AnyValue has as JSON; nothing if the field isn't known.
func (r *Reader) appendField(b []byte, c *cursor, depth int) []byte {
	if depth >= maxDepth {
		r.assembly.Losses.Add("value nested deeper than " + strconv.Itoa(maxDepth))
		return append(b, "null"...)
	}
	switch c.tag() {
	case anyString<<3 | tagBytes:
		return jsontext.AppendString(b, string(c.data))
	case anyBool<<3 | tagVarint:
		return strconv.AppendBool(b, c.v != 0)
	case anyInt<<3 | tagVarint:
		return strconv.AppendInt(b, int64(c.v), 10)
	case anyDouble<<3 | tagFixed64:
		return appendFloat(b, math.Float64frombits(c.v))
	case anyArray<<3 | tagBytes:
		return r.appendList(b, c.data, depth, '[', r.appendElement)
	case anyMap<<3 | tagBytes:
		return r.appendList(b, c.data, depth, '{', r.appendMember)
	case anyBytes<<3 | tagBytes:
		return appendByteValue(b, c.data)
	}
	return b
}

// appendByteValue appends bytes as JSON.
func appendByteValue(b, content []byte) []byte {
	b = append(b, `{"`+bytesMember+`":"`...)
	return append(base64.StdEncoding.AppendEncode(b, content), `"}`...)
}

// appendOne appends an element of a list, with a comma before it.
type appendOne func(b, content []byte, depth int) []byte

func (r *Reader) appendList(b, content []byte, depth int, opening byte, one appendOne) []byte {
	start := len(b)
	c := r.within(content)
	for c.next() {
		if c.tag() == anyValues<<3|tagBytes {
			b = one(b, c.data, depth+1)
		}
	}
	if len(b) == start {
		b = append(b, opening)
	}
	b[start] = opening
	return append(b, opening+2) // in ASCII, both for { and for [
}

// appendElement appends a comma and an element of an array.
func (r *Reader) appendElement(b, content []byte, depth int) []byte {
	return r.appendAny(append(b, ','), content, depth)
}

// appendMember appends a comma and a KeyValue as the member of an object.
func (r *Reader) appendMember(b, content []byte, depth int) []byte {
	var key, value []byte
	c := r.within(content)
	for c.next() {
		switch c.tag() {
		case attrKey<<3 | tagBytes:
			key = c.data
		case attrValue<<3 | tagBytes:
			value = c.data
		}
	}
	b = append(jsontext.AppendString(append(b, ','), string(key)), ':')
	return r.appendAny(b, value, depth)
}

func appendFloat(b []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(strconv.AppendFloat(append(b, `{"`+floatMember+`":"`...), f, 'g', -1, 64), `"}`...)
	}
	return jsontext.AppendFloat(b, f)
}
