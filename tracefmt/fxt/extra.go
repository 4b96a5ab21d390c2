package fxt

import (
	"encoding/binary"
	"errors"
	"math"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
)

// A record has at most 15 arguments and 32 KB, and one of a log line has no arguments at all. What it has no room for
// goes before it, into blobs called blobEvent, whose payloads are to be put together. They consist of fields: a letter,
// and what it says. Strings have their length before them (uvarint), values their kind. A field replaces all that the
// record itself says of it, and 'a' all attributes.
const (
	extraName     = 'n'
	extraCategory = 'c'
	extraID       = 'i'
	extraParent   = 'p'
	extraKey      = 'k'
	extraSeverity = 's' // one byte
	extraOrder    = 'o' // varint
	extraSource   = 'v' // a value
	extraAttr     = 'a' // a string and a value
)

// appendExtra adds the fields of e that aren't empty. Of a log line, the name is in the record if that has room for it.
func appendExtra(dst []byte, e *tracefmt.Event) []byte {
	text := func(letter byte, s string) {
		if s != "" {
			dst = appendText(append(dst, letter), s)
		}
	}
	if e.Kind != tracefmt.Log || len(e.Name) > maxText {
		text(extraName, e.Name)
	}
	text(extraCategory, e.Category)
	if e.Kind != tracefmt.End {
		text(extraID, e.ID)
		text(extraParent, e.Parent)
	}
	text(extraKey, e.Key)
	if e.Severity != 0 {
		dst = append(dst, extraSeverity, byte(e.Severity))
	}
	if e.Order != 0 {
		dst = binary.AppendVarint(append(dst, extraOrder), e.Order)
	}
	if !e.SourceID.IsZero() {
		dst = appendValue(append(dst, extraSource), e.SourceID)
	}
	for _, a := range e.Attrs {
		dst = appendText(append(dst, extraAttr), a.Key)
		dst = appendValue(dst, a.Value)
	}
	return dst
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

func appendValue(dst []byte, v tracefmt.Value) []byte {
	dst = append(dst, byte(v.Kind()))
	switch v.Kind() {
	case tracefmt.BoolValue:
		b, _ := v.Bool()
		if b {
			return append(dst, 1)
		}
		return append(dst, 0)
	case tracefmt.Int64Value:
		n, _ := v.Int64()
		return binary.LittleEndian.AppendUint64(dst, uint64(n))
	case tracefmt.Uint64Value:
		n, _ := v.Uint64()
		return binary.LittleEndian.AppendUint64(dst, n)
	case tracefmt.Float64Value:
		f, _ := v.Float64()
		return binary.LittleEndian.AppendUint64(dst, math.Float64bits(f))
	case tracefmt.StringValue, tracefmt.RawValue:
		return appendText(dst, v.String())
	}
	return dst
}

var errExtra = errors.New("malformed")

// extraFields reads what appendExtra wrote.
type extraFields struct {
	b   []byte
	err error
}

// fill puts the fields into e.
func (x *extraFields) fill(e *tracefmt.Event) error {
	hadAttrs := false
	for len(x.b) > 0 && x.err == nil {
		letter := x.b[0]
		x.b = x.b[1:]
		switch letter {
		case extraName:
			e.Name = x.text()
		case extraCategory:
			e.Category = x.text()
		case extraID:
			e.ID = x.text()
		case extraParent:
			e.Parent = x.text()
		case extraKey:
			e.Key = x.text()
		case extraSeverity:
			e.Severity = tracefmt.Severity(min(x.byte(), 24))
		case extraOrder:
			e.Order = x.varint()
		case extraSource:
			e.SourceID = x.value()
		case extraAttr:
			if !hadAttrs {
				e.Attrs, hadAttrs = e.Attrs[:0], true
			}
			e.Attrs = append(e.Attrs, tracefmt.Attr{Key: x.text(), Value: x.value()})
		default:
			x.err = errExtra
		}
	}
	return x.err
}

func (x *extraFields) byte() byte {
	if b := x.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (x *extraFields) bytes(n uint64) []byte {
	if x.err != nil || n > uint64(len(x.b)) {
		x.err = errExtra
		return nil
	}
	b := x.b[:n]
	x.b = x.b[n:]
	return b
}

func (x *extraFields) varint() int64 {
	v, n := binary.Varint(x.b)
	x.bytes(uint64(n)) // if it is negative, then far too much
	return v
}

func (x *extraFields) text() string {
	size, n := binary.Uvarint(x.b)
	if n <= 0 {
		x.err = errExtra
		return ""
	}
	x.b = x.b[n:]
	return strings.ToValidUTF8(string(x.bytes(size)), "\ufffd")
}

func (x *extraFields) word() uint64 {
	if b := x.bytes(wordSize); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (x *extraFields) value() tracefmt.Value {
	switch kind := tracefmt.ValueKind(x.byte()); kind {
	case tracefmt.NoValue:
		return tracefmt.RawJSON("null") // as all formats read it
	case tracefmt.BoolValue:
		return tracefmt.Bool(x.byte() != 0)
	case tracefmt.Int64Value:
		return tracefmt.Int64(int64(x.word()))
	case tracefmt.Uint64Value:
		return tracefmt.Uint64(x.word())
	case tracefmt.Float64Value:
		return tracefmt.Float64(math.Float64frombits(x.word()))
	case tracefmt.StringValue:
		return tracefmt.String(x.text())
	case tracefmt.RawValue:
		return rawJSON(x.text())
	}
	x.err = errExtra
	return tracefmt.Value{}
}

// rawJSON returns a JSON text that a file has, as what it claims to be if it is valid, and else as a string.
func rawJSON(text string) tracefmt.Value {
	compact, ok := jsontext.AppendCompact(nil, text)
	if !ok {
		return tracefmt.String(text)
	}
	if string(compact) != text {
		text = string(compact)
	}
	return tracefmt.RawJSON(text)
}
