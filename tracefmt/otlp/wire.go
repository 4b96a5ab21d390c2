package otlp

import (
	"encoding/binary"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// cursor goes through the fields of a message. A malformed one ends it, and sets bad.
type cursor struct {
	rest []byte
	bad  *bool

	num  protowire.Number
	typ  protowire.Type
	v    uint64 // the value of a varint or fixed field
	data []byte // the content of a message, string or bytes field
}

// next goes to the next field, and reports whether there is one. Groups are skipped.
func (c *cursor) next() bool {
	for len(c.rest) > 0 {
		var n int
		if tag := c.rest[0]; tag < 1<<7 && tag >= 1<<3 {
			c.num, c.typ, n = protowire.Number(tag>>3), protowire.Type(tag&7), 1
		} else if c.num, c.typ, n = protowire.ConsumeTag(c.rest); n < 0 {
			return c.fail()
		}
		rest := c.rest[n:]
		switch c.typ {
		case protowire.BytesType:
			if len(rest) > 0 && int(rest[0]) < min(len(rest), 1<<7) {
				n = 1 + int(rest[0])
				c.data = rest[1:n:n]
			} else {
				c.data, n = protowire.ConsumeBytes(rest)
			}
		case protowire.VarintType:
			c.data = nil
			if len(rest) > 0 && rest[0] < 1<<7 {
				c.v, n = uint64(rest[0]), 1
			} else {
				c.v, n = protowire.ConsumeVarint(rest)
			}
		case protowire.Fixed64Type:
			c.data, n = nil, -1
			if len(rest) >= 8 {
				c.v, n = binary.LittleEndian.Uint64(rest), 8
			}
		case protowire.Fixed32Type:
			c.data, n = nil, -1
			if len(rest) >= 4 {
				c.v, n = uint64(binary.LittleEndian.Uint32(rest)), 4
			}
		default:
			if n = protowire.ConsumeFieldValue(c.num, c.typ, rest); n >= 0 {
				c.rest = rest[n:]
				continue
			}
		}
		if n < 0 {
			return c.fail()
		}
		c.rest = rest[n:]
		return true
	}
	return false
}

func (c *cursor) fail() bool {
	c.rest = nil
	*c.bad = true
	return false
}

// uint32 returns a count, clipped.
func (c *cursor) uint32() uint32 { return uint32(min(c.v, math.MaxUint32)) }

// openMessage adds the head of a nested message, with room for a length of one byte, and returns where its content
// begins.
func openMessage(b []byte, num protowire.Number) (dst []byte, start int) {
	b = append(appendTag(b, num, protowire.BytesType), 0)
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
	protowire.AppendVarint(b[:start-1], uint64(n))
	return b
}

// appendTag adds the tag of a field with a number below 2048, which all of ours have.
func appendTag(b []byte, num protowire.Number, typ protowire.Type) []byte {
	tag := uint(num)<<3 | uint(typ)
	if tag < 1<<7 {
		return append(b, byte(tag))
	}
	return append(b, byte(tag)|1<<7, byte(tag>>7))
}

func appendUint(b []byte, num protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(appendTag(b, num, protowire.VarintType), v)
}

// appendCount is appendUint for a field whose zero isn't written.
func appendCount(b []byte, num protowire.Number, v uint32) []byte {
	if v == 0 {
		return b
	}
	return appendUint(b, num, uint64(v))
}

func appendFixed64(b []byte, num protowire.Number, v uint64) []byte {
	return protowire.AppendFixed64(appendTag(b, num, protowire.Fixed64Type), v)
}

// appendFlags adds flags of 32 bits, if there are any.
func appendFlags(b []byte, num protowire.Number, v uint32) []byte {
	if v == 0 {
		return b
	}
	return protowire.AppendFixed32(appendTag(b, num, protowire.Fixed32Type), v)
}

// appendText adds a string that isn't empty.
func appendText(b []byte, num protowire.Number, s string) []byte {
	if s == "" {
		return b
	}
	return appendString(b, num, s)
}

// appendString adds a string. What isn't UTF-8, which strings of protobuf have to be, is replaced.
func appendString(b []byte, num protowire.Number, s string) []byte {
	s = valid(s)
	return append(protowire.AppendVarint(appendTag(b, num, protowire.BytesType), uint64(len(s))), s...)
}

func appendBytes(b []byte, num protowire.Number, content []byte) []byte {
	return append(protowire.AppendVarint(appendTag(b, num, protowire.BytesType), uint64(len(content))), content...)
}
