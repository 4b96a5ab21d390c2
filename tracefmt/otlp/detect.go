package otlp

import (
	"bytes"
	"encoding/binary"

	"google.golang.org/protobuf/encoding/protowire"
)

// spanShape has the fields that only spans have; shapes of the messages around it follow. In this order of fields and
// types no other message begins that a file of traces begins with.
var (
	valueShape = &nested{map[protowire.Number]field{
		anyString: {typ: protowire.BytesType, proof: 1}, anyBool: {typ: protowire.VarintType, proof: 1},
		anyInt: {typ: protowire.VarintType, proof: 1}, anyDouble: {typ: protowire.Fixed64Type, proof: 1},
		anyArray: {typ: protowire.BytesType}, anyMap: {typ: protowire.BytesType}, anyBytes: {typ: protowire.BytesType},
	}}
	attrShape = &nested{map[protowire.Number]field{
		attrKey: {typ: protowire.BytesType}, attrValue: {typ: protowire.BytesType, is: valueShape},
	}}
	resourceShape = &nested{map[protowire.Number]field{
		resourceAttrs: {typ: protowire.BytesType, is: attrShape},
		2:             {typ: protowire.VarintType}, 3: {typ: protowire.BytesType}, // dropped attributes, entities
	}}
	libraryShape = &nested{map[protowire.Number]field{
		scopeName: {typ: protowire.BytesType}, scopeVersion: {typ: protowire.BytesType},
		scopeAttrs: {typ: protowire.BytesType, is: attrShape}, 4: {typ: protowire.VarintType},
	}}
	spanShape = &nested{map[protowire.Number]field{
		spanTrace: {typ: protowire.BytesType, proof: 2, size: 16}, spanID: {typ: protowire.BytesType, proof: 2, size: 8},
		spanState: {typ: protowire.BytesType}, spanParent: {typ: protowire.BytesType}, spanName: {typ: protowire.BytesType},
		spanKind: {typ: protowire.VarintType}, spanStart: {typ: protowire.Fixed64Type, proof: 1},
		spanEnd: {typ: protowire.Fixed64Type, proof: 1}, spanAttrs: {typ: protowire.BytesType, is: attrShape},
	}}
	logShape = &nested{map[protowire.Number]field{
		logTime: {typ: protowire.Fixed64Type, proof: 2}, logSeverity: {typ: protowire.VarintType},
		logSeverityText: {typ: protowire.BytesType}, logBody: {typ: protowire.BytesType, is: valueShape},
		logAttrs: {typ: protowire.BytesType, is: attrShape}, logObserved: {typ: protowire.Fixed64Type, proof: 2},
	}}
)

func dataShape(record *nested) *nested {
	scopes := &nested{map[protowire.Number]field{
		scopeScope: {typ: protowire.BytesType, is: libraryShape}, scopeRecords: {typ: protowire.BytesType, is: record},
		scopeSchema: {typ: protowire.BytesType},
	}}
	resources := &nested{map[protowire.Number]field{
		resourceResource: {typ: protowire.BytesType, is: resourceShape},
		resourceScopes:   {typ: protowire.BytesType, is: scopes},
		resourceSchema:   {typ: protowire.BytesType},
	}}
	return &nested{map[protowire.Number]field{dataResources: {typ: protowire.BytesType, is: resources}}}
}

var dataShapes = []*nested{dataShape(spanShape), dataShape(logShape)}

// detect walks through the messages at the beginning. They have to have the fields of spans, or of log records.
func detect(prefix []byte) int {
	if isFramed(prefix) {
		prefix = prefix[frameHead:]
	}
	if len(prefix) < 2 || prefix[0] != dataResources<<3|byte(protowire.BytesType) {
		return 0
	}
	best := 0
	for _, shape := range dataShapes {
		if proof, ok := shape.check(prefix, false); ok {
			best = max(best, proof)
		}
	}
	switch {
	case best >= 3:
		return 92
	case best > 0:
		return 60
	}
	return 0
}

// check reports whether a message, which may be cut off, has the shape, and how much speaks for it. Unknown fields of
// high numbers are let through, since messages grow.
func (m *nested) check(b []byte, whole bool) (proof int, ok bool) {
	const known = 16
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return proof, !whole && len(b) < 3
		}
		f, isKnown := m.fields[num]
		if isKnown && f.typ != typ || !isKnown && num > known && num != 1000 {
			return 0, false
		}
		b = b[n:]
		if typ != protowire.BytesType {
			if n = protowire.ConsumeFieldValue(num, typ, b); n < 0 {
				return proof, !whole && len(b) < 10
			}
			proof += f.proof
			b = b[n:]
			continue
		}
		size, n := protowire.ConsumeVarint(b)
		if n < 0 {
			return proof, !whole && len(b) < 10
		}
		if f.size > 0 && size != uint64(f.size) && size > 0 {
			return 0, false
		}
		b = b[n:]
		inside := uint64(len(b)) >= size
		if !inside && whole {
			return 0, false
		}
		content := b
		if inside {
			content = b[:size]
		}
		if f.is != nil {
			p, ok := f.is.check(content, inside)
			if !ok {
				return 0, false
			}
			proof += p
		} else if inside && size > 0 {
			proof += f.proof
		}
		if !inside {
			return proof, true
		}
		b = b[size:]
	}
	return proof, true
}

// frameHead is the length of what the collector's file exporter writes before each message: its length, big-endian.
const frameHead = 4

// isFramed reports whether the input has frames. A message without a frame begins with 0x0a, which would make a frame
// of 160 MiB.
func isFramed(prefix []byte) bool {
	if len(prefix) < frameHead || prefix[0] == dataResources<<3|byte(protowire.BytesType) {
		return false
	}
	size := binary.BigEndian.Uint32(prefix)
	return size == 0 || len(prefix) == frameHead || prefix[frameHead] == dataResources<<3|byte(protowire.BytesType)
}

var jsonKeys = [][]byte{
	[]byte(`"resourceSpans"`), []byte(`"resource_spans"`), []byte(`"resourceLogs"`), []byte(`"resource_logs"`),
}

// detectJSON looks for the key that every object of OTLP has.
func detectJSON(prefix []byte) int {
	text := bytes.TrimLeft(prefix, " \t\r\n\ufeff")
	if len(text) == 0 || text[0] != '{' && text[0] != '[' {
		return 0
	}
	for _, key := range jsonKeys {
		switch i := bytes.Index(text, key); {
		case i < 0:
		case len(bytes.Trim(text[:i], " \t\r\n[{")) == 0:
			return 96
		default:
			return 70
		}
	}
	return 0
}

// detectJSONLines is detectJSON for an object on one line.
func detectJSONLines(prefix []byte) int {
	score := detectJSON(prefix)
	text := bytes.TrimLeft(prefix, " \t\r\n\ufeff")
	if score == 0 || text[0] != '{' {
		return 0
	}
	line, rest, cut := bytes.Cut(text, []byte("\n"))
	rest = bytes.TrimSpace(rest)
	if !cut || bytes.HasSuffix(bytes.TrimSpace(line), []byte("}")) && (len(rest) == 0 || rest[0] == '{') {
		return score + 1
	}
	return score - 1
}
