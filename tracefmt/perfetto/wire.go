package perfetto

import (
	"math"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// openMessage adds the head of a nested message, with room for a length of one byte, and returns where its content
// begins.
func openMessage(b []byte, field protowire.Number) (dst []byte, start int) {
	b = append(appendTag(b, field, protowire.BytesType), 0)
	return b, len(b)
}

// closeMessage sets the length of the message whose content began at start, and moves it if that takes more bytes.
func closeMessage(b []byte, start int) []byte {
	n := len(b) - start
	if n < 1<<7 {
		b[start-1] = byte(n)
		return b
	}
	more := protowire.SizeVarint(uint64(n)) - 1
	for range more {
		b = append(b, 0)
	}
	copy(b[start+more:], b[start:start+n])
	appendVarint(b[:start-1], uint64(n))
	return b
}

// appendTag adds the tag of a field with a number below 2048, which all of ours have.
func appendTag(b []byte, field protowire.Number, typ protowire.Type) []byte {
	tag := uint(field)<<3 | uint(typ)
	if tag < 1<<7 {
		return append(b, byte(tag))
	}
	return append(b, byte(tag)|1<<7, byte(tag>>7))
}

// appendVarint is protowire.AppendVarint for small numbers mostly.
func appendVarint(b []byte, v uint64) []byte {
	if v < 1<<7 {
		return append(b, byte(v))
	}
	return protowire.AppendVarint(b, v)
}

func appendUint(b []byte, field protowire.Number, v uint64) []byte {
	if field < 1<<4 && v < 1<<7 {
		return append(b, byte(field)<<3|byte(protowire.VarintType), byte(v))
	}
	return appendVarint(appendTag(b, field, protowire.VarintType), v)
}

func appendFixed(b []byte, field protowire.Number, v uint64) []byte {
	return protowire.AppendFixed64(appendTag(b, field, protowire.Fixed64Type), v)
}

func appendDouble(b []byte, field protowire.Number, v float64) []byte {
	return appendFixed(b, field, math.Float64bits(v))
}

func appendText(b []byte, field protowire.Number, s string) []byte {
	return append(appendVarint(appendTag(b, field, protowire.BytesType), uint64(len(s))), s...)
}

// valid returns s with replacement characters for what isn't UTF-8, as strings of protobuf have to be. It is faster than
// strings.ToValidUTF8 where nothing is wrong.
func valid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return strings.ToValidUTF8(s, "\ufffd")
}

func appendBytes(b []byte, field protowire.Number, content []byte) []byte {
	return append(appendVarint(appendTag(b, field, protowire.BytesType), uint64(len(content))), content...)
}

// cursor goes through the fields of a message. Those that are malformed end it, and set bad.
type cursor struct {
	b   []byte
	at  int // b[:at] is done with
	bad *bool

	num  protowire.Number
	typ  protowire.Type
	v    uint64 // the value of a varint or fixed field
	from int    // b[from:at] is the content of a message, string or packed field
}

// next goes to the next field, and reports whether there is one. Groups are skipped.
func (c *cursor) next() bool {
	b, i := c.b, c.at
	if i+1 < len(b) && b[i] < 1<<7 && b[i] >= 1<<3 { // the tag has one byte, as mostly
		c.num, c.typ = protowire.Number(b[i]>>3), protowire.Type(b[i]&7)
		first := b[i+1]
		switch {
		case c.typ == protowire.VarintType && first < 1<<7:
			c.v, c.at = uint64(first), i+2
			return true
		case c.typ == protowire.BytesType && first < 1<<7:
			if end := i + 2 + int(first); end <= len(b) {
				c.from, c.at = i+2, end
				return true
			}
		case c.typ == protowire.VarintType:
			v := uint64(first & 0x7f)
			for k, shift := i+2, 7; k < len(b) && shift < 63; k, shift = k+1, shift+7 {
				v |= uint64(b[k]&0x7f) << shift
				if b[k] < 1<<7 {
					c.v, c.at = v, k+1
					return true
				}
			}
		}
	}
	return i < len(b) && c.any()
}

// any is next for fields of all kinds.
func (c *cursor) any() bool {
	for rest := c.b[c.at:]; len(rest) > 0; rest = c.b[c.at:] {
		var n, m int
		c.num, c.typ, n = protowire.ConsumeTag(rest)
		if n < 0 {
			return c.fail()
		}
		rest = rest[n:]
		switch c.typ {
		case protowire.VarintType:
			c.v, m = protowire.ConsumeVarint(rest)
		case protowire.Fixed64Type:
			c.v, m = protowire.ConsumeFixed64(rest)
		case protowire.Fixed32Type:
			var v uint32
			v, m = protowire.ConsumeFixed32(rest)
			c.v = uint64(v)
		case protowire.BytesType:
			var content []byte
			content, m = protowire.ConsumeBytes(rest)
			c.from = c.at + n + m - len(content)
		default:
			if m = protowire.ConsumeFieldValue(c.num, c.typ, rest); m >= 0 {
				c.at += n + m
				continue
			}
		}
		if m < 0 {
			return c.fail()
		}
		c.at += n + m
		return true
	}
	return false
}

func (c *cursor) fail() bool {
	c.at = len(c.b)
	*c.bad = true
	return false
}

// content returns the current field's content if it is a message, string or packed field, and nil for one that has the
// wrong type.
func (c *cursor) content() []byte {
	if c.typ != protowire.BytesType {
		return nil
	}
	return c.b[c.from:c.at:c.at]
}

// within returns a cursor of the message in the current field.
func (c *cursor) within() cursor { return cursor{b: c.content(), bad: c.bad} }

// varint returns the current field's value if it is a varint, and 0 for a field that has the wrong type.
func (c *cursor) varint() uint64 {
	if c.typ != protowire.VarintType {
		return 0
	}
	return c.v
}

// double returns the current field's value as a number of 64 bits.
func (c *cursor) double() float64 { return math.Float64frombits(c.v) }

// numbers adds the values of a repeated field of numbers, which is packed or not.
func (c *cursor) numbers(list []uint64, packed protowire.Type) []uint64 {
	if c.typ != protowire.BytesType {
		return append(list, c.v)
	}
	for rest := c.content(); len(rest) > 0; {
		var v uint64
		var n int
		if packed == protowire.VarintType {
			v, n = protowire.ConsumeVarint(rest)
		} else {
			v, n = protowire.ConsumeFixed64(rest)
		}
		if n < 0 {
			*c.bad = true
			return list
		}
		list = append(list, v)
		rest = rest[n:]
	}
	return list
}
