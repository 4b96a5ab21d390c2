package otlp

import (
	"encoding/base64"
	"math"
	"strconv"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
	"google.golang.org/protobuf/encoding/protowire"
)

// appendValue adds a value as an AnyValue in a field. What OTLP has no form for becomes a string; lost says what.
func appendValue(b []byte, num protowire.Number, v tracefmt.Value) (out []byte, lost string) {
	b, start := openMessage(b, num)
	switch v.Kind() {
	case tracefmt.BoolValue:
		b = append(b, anyBool<<3|byte(tagVarint), 0)
		if isTrue, _ := v.Bool(); isTrue {
			b[len(b)-1] = 1
		}
	case tracefmt.Int64Value:
		n, _ := v.Int64()
		b = appendUint(b, anyInt, uint64(n))
	case tracefmt.Float64Value:
		f, _ := v.Float64()
		b = appendFixed64(b, anyDouble, math.Float64bits(f))
	case tracefmt.RawValue:
		text, ok := compact(v.String())
		if !ok {
			lost = lostJSON
			b = appendString(b, anyString, v.String())
			break
		}
		b, _ = appendRaw(b, text, 0)
	case tracefmt.NoValue:
	case tracefmt.Uint64Value:
		lost = lostUint
		fallthrough
	default:
		b = appendString(b, anyString, v.String())
	}
	return closeMessage(b, start), lost
}

// What is counted where a value becomes a string.
const (
	lostJSON = "attribute that isn't valid JSON, written as a string"
	lostUint = "number above the largest int64, written as a string"
)

// compact returns a JSON text in its compact form, with a space behind it, if it is valid and not nested too deeply.
func compact(text string) (b []byte, ok bool) {
	b, ok = jsontext.AppendCompact(make([]byte, 0, len(text)+1), text)
	depth, deepest := 0, 0
	for i := 0; ok && i < len(b); i++ {
		switch b[i] {
		case '"':
			end, _, _ := jsontext.ScanString(b, i)
			i = end - 1
		case '{', '[':
			depth++
			deepest = max(deepest, depth)
		case '}', ']':
			depth--
		}
	}
	return append(b, ' '), ok && deepest < maxDepth
}

// appendRaw adds the content of an AnyValue for the compact JSON value that begins at text[i], and returns where that
// ends.
func appendRaw(b, text []byte, i int) (out []byte, end int) {
	switch c := text[i]; {
	case c == '"':
		end, _, _ = jsontext.ScanString(text, i)
		return appendBytes(b, anyString, jsontext.AppendDecoded(nil, text[i+1:end-1])), end
	case c == '[':
		return appendRawList(b, text, i)
	case c == '{':
		if f, end, ok := specialFloat(text, i); ok {
			return appendFixed64(b, anyDouble, math.Float64bits(f)), end
		}
		if content, end, ok := specialBytes(text, i); ok {
			return appendBytes(b, anyBytes, content), end
		}
		return appendRawMap(b, text, i)
	case c == 't':
		return appendUint(b, anyBool, 1), i + len("true")
	case c == 'f':
		return appendUint(b, anyBool, 0), i + len("false")
	case c == 'n':
		return b, i + len("null")
	}
	end, _ = jsontext.ScanNumber(text, i)
	switch v := jsontext.NumberValue(text[i:end]); v.Kind() {
	case tracefmt.Int64Value:
		n, _ := v.Int64()
		return appendUint(b, anyInt, uint64(n)), end
	case tracefmt.Float64Value:
		f, _ := v.Float64()
		return appendFixed64(b, anyDouble, math.Float64bits(f)), end
	}
	return appendBytes(b, anyString, text[i:end]), end // too large for any number
}

func appendRawList(b, text []byte, i int) (out []byte, end int) {
	b, list := openMessage(b, anyArray)
	for i++; text[i] != ']'; {
		var element int
		b, element = openMessage(b, anyValues)
		b, i = appendRaw(b, text, i)
		b = closeMessage(b, element)
		if text[i] == ',' {
			i++
		}
	}
	return closeMessage(b, list), i + 1
}

func appendRawMap(b, text []byte, i int) (out []byte, end int) {
	b, list := openMessage(b, anyMap)
	b, i = appendRawMembers(b, anyValues, text, i)
	return closeMessage(b, list), i
}

// appendRawMembers adds the members of the object that begins at text[i] as KeyValues.
func appendRawMembers(b []byte, num protowire.Number, text []byte, i int) (out []byte, end int) {
	for i++; text[i] != '}'; {
		var member, value int
		from, to, at, _ := jsontext.ScanKey(text, i)
		b, member = openMessage(b, num)
		b = appendBytes(b, attrKey, jsontext.AppendDecoded(nil, text[from:to]))
		b, value = openMessage(b, attrValue)
		b, i = appendRaw(b, text, at)
		b = closeMessage(closeMessage(b, value), member)
		if text[i] == ',' {
			i++
		}
	}
	return b, i + 1
}

// onlyMember returns the text of the only member of the object at text[i], if that has the name and is a string.
func onlyMember(text []byte, i int, name string) (value []byte, end int, ok bool) {
	from, to, at, err := jsontext.ScanKey(text, i+1)
	if err != nil || string(text[from:to]) != name || text[at] != '"' {
		return nil, 0, false
	}
	end, plain, _ := jsontext.ScanString(text, at)
	if !plain || text[end] != '}' {
		return nil, 0, false
	}
	return text[at+1 : end-1], end + 1, true
}

func specialFloat(text []byte, i int) (f float64, end int, ok bool) {
	value, end, ok := onlyMember(text, i, floatMember)
	if !ok {
		return 0, 0, false
	}
	f, err := strconv.ParseFloat(string(value), 64)
	return f, end, err == nil && (math.IsNaN(f) || math.IsInf(f, 0))
}

func specialBytes(text []byte, i int) (content []byte, end int, ok bool) {
	value, end, ok := onlyMember(text, i, bytesMember)
	if !ok {
		return nil, 0, false
	}
	content, err := base64.StdEncoding.DecodeString(string(value))
	return content, end, err == nil && base64.StdEncoding.EncodeToString(content) == string(value)
}
