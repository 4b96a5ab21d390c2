package perfetto

import (
	"bytes"
	"math"
	"unicode/utf8"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
	"google.golang.org/protobuf/encoding/protowire"
)

// annotations adds the IDs and attributes of e to the TrackEvent.
func (w *Writer) annotations(e *tracefmt.Event) {
	if e.Kind != tracefmt.End && e.Kind != tracefmt.AsyncEnd {
		if e.ID != "" {
			w.ownText(argID, e.ID)
		}
		if e.Parent != "" {
			w.ownText(argParent, e.Parent)
		}
	}
	if e.Kind == tracefmt.Log && e.Severity != 0 {
		w.ownText(argLevel, e.Severity.String())
	}
	b := w.event
	for i := range e.Attrs {
		a := &e.Attrs[i]
		if mayBeReserved(e, a) && reserved(e, a) {
			w.losses.Add("attribute with a reserved name: " + a.Key)
			continue
		}
		name := w.annotationName(a.Key, i)
		if short, ok := appendShort(b, name, a.Value); ok {
			b = short
			continue
		}
		var start int
		b, start = openAnnotation(b, name)
		b = closeMessage(appendValue(b, a.Value), start)
	}
	w.event = b
}

// mayBeReserved says at one look that most attributes aren't.
func mayBeReserved(e *tracefmt.Event, a *tracefmt.Attr) bool {
	return e.Kind == tracefmt.Log || len(a.Key) > len(ownPrefix) && a.Key[0] == ownPrefix[0]
}

// reserved reports whether an attribute would be taken for something else when read.
func reserved(e *tracefmt.Event, a *tracefmt.Attr) bool {
	if a.Key == argLevel && e.Kind == tracefmt.Log {
		_, isLevel := tracefmt.ParseSeverity(a.Value.String())
		return e.Severity != 0 || isLevel
	}
	if len(a.Key) < len(ownPrefix) || a.Key[:len(ownPrefix)] != ownPrefix {
		return false
	}
	switch a.Key {
	case argID, argParent, argKey, argFlowStart, argFlowStep, argFlowEnd, argFlowNext:
		return true
	}
	return false
}

// annotationName returns the number of an annotation's name; 0 if it has none.
func (w *Writer) annotationName(name string, place int) uint64 {
	if name == "" {
		return 0
	}
	return w.intern(&w.names.annotations, internAnnotations, name, place)
}

func openAnnotation(b []byte, name uint64) (dst []byte, start int) {
	b, start = openMessage(b, eventAnnotations)
	if name != 0 {
		b = appendUint(b, annotationNameIID, name)
	}
	return b, start
}

// ownText adds one of our own annotations.
func (w *Writer) ownText(name, value string) {
	place := nearNames - 1
	if name == argParent {
		place--
	}
	id := w.annotationName(name, place)
	b, ok := appendShort(w.event, id, tracefmt.String(value))
	if !ok {
		var start int
		b, start = openAnnotation(b, id)
		b = closeMessage(appendText(b, annotationString, valid(value)), start)
	}
	w.event = b
}

// Tags of the fields of annotations, and of annotations in an event: all have one byte.
const (
	tagAnnotation = eventAnnotations<<3 | byte(protowire.BytesType)
	tagName       = annotationNameIID<<3 | byte(protowire.VarintType)
	tagInt        = annotationInt<<3 | byte(protowire.VarintType)
	tagString     = annotationString<<3 | byte(protowire.BytesType)
)

// appendShort adds a whole annotation, if it is of those that most are: the lengths and numbers in it have a byte each.
func appendShort(b []byte, name uint64, v tracefmt.Value) (dst []byte, ok bool) {
	const most = 1<<7 - 1
	if name == 0 || name > most {
		return b, false
	}
	if s, ok := v.Text(); ok {
		if len(s) > most-4 || !utf8.ValidString(s) {
			return b, false
		}
		return append(append(b, tagAnnotation, byte(len(s)+4), tagName, byte(name), tagString, byte(len(s))), s...), true
	}
	if n, ok := v.Int64(); ok {
		b = append(b, tagAnnotation, byte(protowire.SizeVarint(uint64(n))+3), tagName, byte(name), tagInt)
		return appendVarint(b, uint64(n)), true
	}
	return b, false
}

// appendValue adds the value of a DebugAnnotation.
func appendValue(b []byte, v tracefmt.Value) []byte {
	switch v.Kind() {
	case tracefmt.BoolValue:
		n := uint64(0)
		if yes, _ := v.Bool(); yes {
			n = 1
		}
		return appendUint(b, annotationBool, n)
	case tracefmt.Int64Value:
		n, _ := v.Int64()
		return appendUint(b, annotationInt, uint64(n))
	case tracefmt.Uint64Value:
		n, _ := v.Uint64()
		return appendUint(b, annotationUint, n)
	case tracefmt.Float64Value:
		f, _ := v.Float64()
		return appendDouble(b, annotationDouble, f)
	case tracefmt.StringValue:
		return appendText(b, annotationString, valid(v.String()))
	case tracefmt.RawValue:
		return appendRaw(b, v.String())
	}
	return b
}

// maxNesting is the depth up to which JSON becomes nested annotations. What is deeper is written as its text, which
// Perfetto parses itself.
const maxNesting = 32

// appendRaw adds a JSON value: an object or array as nested annotations, unless its text wouldn't come back from them.
func appendRaw(b []byte, text string) []byte {
	compact, ok := jsontext.AppendCompact(nil, text)
	if !ok {
		return appendText(b, annotationString, valid(text))
	}
	start := len(b)
	if nested, ok := appendJSON(b, compact, 0); ok {
		return nested
	}
	return appendText(b[:start], annotationJSON, string(compact))
}

// appendJSON adds a compact JSON value. It is not ok if there is no annotation which would be read as the same text.
func appendJSON(b, text []byte, depth int) (dst []byte, ok bool) {
	switch text[0] {
	case '{', '[':
		return appendMembers(b, text, depth+1)
	case '"':
		return appendText(b, annotationString, string(jsontext.AppendDecoded(nil, text[1:len(text)-1]))), true
	case 't', 'f':
		return appendValue(b, tracefmt.Bool(text[0] == 't')), true
	case 'n':
		return appendText(b, annotationJSON, "null"), true
	}
	v := jsontext.NumberValue(text)
	if again, _ := jsontext.AppendValue(nil, v); v.Kind() == tracefmt.RawValue || !bytes.Equal(again, text) {
		return appendText(b, annotationJSON, string(text)), true
	}
	return appendValue(b, v), true
}

func appendMembers(b, text []byte, depth int) (dst []byte, ok bool) {
	if len(text) == 2 || depth > maxNesting { // an empty one would be no value at all
		return b, false
	}
	isObject := text[0] == '{'
	for i := 1; i < len(text); i++ { // over the comma, or the end
		field := protowire.Number(annotationArray)
		if isObject {
			field = annotationDict
		}
		var start int
		b, start = openMessage(b, field)
		if isObject {
			from, to, value, err := jsontext.ScanKey(text, i)
			if err != nil {
				return b, false
			}
			b = appendText(b, annotationName, string(jsontext.AppendDecoded(nil, text[from:to])))
			i = value
		}
		end, err := jsontext.ScanValue(text, i, 0)
		if err != nil {
			return b, false
		}
		member := text[i:end]
		before := len(b)
		if b, ok = appendJSON(b, member, depth); !ok {
			b = appendText(b[:before], annotationJSON, string(member))
		}
		b = closeMessage(b, start)
		i = end
	}
	return b, true
}

// appendNested adds the JSON text of a value that stands in a nested annotation.
func appendNested(dst []byte, v tracefmt.Value) []byte {
	if f, ok := v.Float64(); ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
		return jsontext.AppendString(dst, v.String())
	}
	dst, _ = jsontext.AppendValue(dst, v)
	return dst
}
