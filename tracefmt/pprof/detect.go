package pprof

import (
	"bytes"
	"encoding/binary"

	"google.golang.org/protobuf/encoding/protowire"
)

// Fields of the message Profile that detect looks into, see proto/profile.proto of github.com/google/pprof.
const (
	fieldSampleType  = 1
	fieldStringTable = 6
	fieldPeriodType  = 11
)

// profileTypes says of which wire type the fields of Profile are; comments (13) are packed or not.
var profileTypes = map[protowire.Number][]protowire.Type{
	1: {protowire.BytesType}, 2: {protowire.BytesType}, 3: {protowire.BytesType}, 4: {protowire.BytesType},
	5: {protowire.BytesType}, 6: {protowire.BytesType}, 7: {protowire.VarintType}, 8: {protowire.VarintType},
	9: {protowire.VarintType}, 10: {protowire.VarintType}, 11: {protowire.BytesType}, 12: {protowire.VarintType},
	13: {protowire.BytesType, protowire.VarintType}, 14: {protowire.VarintType}, 15: {protowire.VarintType},
}

// detect wants the fields of a Profile, and a sample type among them that is one: two numbers, which tells it from a
// packet of Perfetto's and from OTLP's resources. They begin with field 1 as well, a message with messages in it.
// gzip is unpacked before.
func detect(prefix []byte) int {
	if legacyHeader(prefix) {
		return 90
	}
	types := 0
	for rest := prefix; len(rest) > 0; {
		num, typ, n := protowire.ConsumeTag(rest)
		if n < 0 {
			break // cut off
		}
		if !allowed(num, typ) {
			return 0
		}
		m := protowire.ConsumeFieldValue(num, typ, rest[n:])
		if m < 0 {
			break
		}
		value := rest[n : n+m]
		rest = rest[n+m:]
		if num != fieldSampleType && num != fieldPeriodType {
			continue
		}
		body, _ := protowire.ConsumeBytes(value)
		if !isValueType(body) {
			return 0
		}
		types++
	}
	if types == 0 {
		return 0
	}
	return 85
}

func allowed(num protowire.Number, typ protowire.Type) bool {
	for _, t := range profileTypes[num] {
		if t == typ {
			return true
		}
	}
	return false
}

// isValueType reports whether a message is a ValueType: field 1, its type, and 2, its unit, both indexes of strings.
func isValueType(body []byte) bool {
	for len(body) > 0 {
		num, typ, n := protowire.ConsumeTag(body)
		if n < 0 || num > 2 || typ != protowire.VarintType {
			return false
		}
		m := protowire.ConsumeFieldValue(num, typ, body[n:])
		if m < 0 {
			return false
		}
		body = body[n+m:]
	}
	return true
}

// isProtobuf reports whether data is a Profile, or the beginning of one, and not in an older format.
func isProtobuf(data []byte) bool {
	num, typ, n := protowire.ConsumeTag(data)
	return (n < 0 || allowed(num, typ)) && !legacyHeader(data)
}

// legacyHeader knows pprof's older formats: texts by their first line, and binary CPU profiles by the words that they
// begin with, 0, 3, 0, the period in µs, 0, of 32 or 64 bits and of either byte order.
func legacyHeader(prefix []byte) bool {
	for _, head := range []string{"heap profile: ", "--- contention", "--- mutex", "--- heapz", "--- growthz", "--- threadz",
		"--- Thread", "goroutine profile: total", "threadcreate profile: total"} {
		if bytes.HasPrefix(prefix, []byte(head)) {
			return true
		}
	}
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		for _, size := range []int{4, 8} {
			word := func(i int) uint64 {
				if size == 4 {
					return uint64(order.Uint32(prefix[4*i:]))
				}
				return order.Uint64(prefix[8*i:])
			}
			if len(prefix) >= 5*size && word(0) == 0 && word(1) == 3 && word(2) == 0 && word(3) > 0 && word(4) == 0 {
				return true
			}
		}
	}
	return false
}
