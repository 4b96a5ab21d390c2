package spantags

import (
	"strconv"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
)

// Types are the types of values that stand in a list of tags as strings. In KeyTypes it is a JSON object with the
// keys of each type that occurs, such as {"int":["http.status_code"],"bool":["cached"]}. The zero value is ready for
// use.
//
// Keys tell more than places would: an object has no order that servers must keep. Of several tags with the same key,
// each whose text fits gets the type.
type Types struct {
	keys    [numTypes][]string
	decoder jsontext.Decoder
}

const (
	typeInt = iota
	typeUint
	typeFloat
	typeBool
	typeJSON
	typeNone
	numTypes
)

var typeNames = [numTypes]string{"int", "uint", "float", "bool", "json", "none"}

var typeOf = [...]int{tracefmt.NoValue: typeNone, tracefmt.BoolValue: typeBool, tracefmt.Int64Value: typeInt,
	tracefmt.Uint64Value: typeUint, tracefmt.Float64Value: typeFloat, tracefmt.RawValue: typeJSON}

// Reset forgets all keys.
func (t *Types) Reset() {
	for i := range t.keys {
		clear(t.keys[i])
		t.keys[i] = t.keys[i][:0]
	}
}

// Add adds the type of an attribute whose value is written as a string. Of a string there is nothing to say.
func (t *Types) Add(a tracefmt.Attr) {
	if kind := a.Value.Kind(); kind != tracefmt.StringValue {
		i := typeOf[kind]
		t.keys[i] = append(t.keys[i], a.Key)
	}
}

// Text returns the value of KeyTypes; "" if it isn't needed.
func (t *Types) Text() string {
	var b []byte
	for i, keys := range t.keys {
		for j, key := range keys {
			switch {
			case j > 0:
				b = append(b, ',')
			case b == nil:
				b = append(append(append(b, `{"`...), typeNames[i]...), `":[`...)
			default:
				b = append(append(append(b, `,"`...), typeNames[i]...), `":[`...)
			}
			b = jsontext.AppendString(b, key)
		}
		if len(keys) > 0 {
			b = append(b, ']')
		}
	}
	if b == nil {
		return ""
	}
	return string(append(b, '}'))
}

// Apply gives values their types, if there is a tag that says them, and takes that out.
func (t *Types) Apply(attrs []tracefmt.Attr) []tracefmt.Attr {
	for i, a := range attrs {
		if a.Key == KeyTypes && a.Value.Kind() == tracefmt.StringValue {
			if !t.parse(a.Value.String()) {
				return attrs
			}
			attrs = append(attrs[:i], attrs[i+1:]...)
			t.apply(attrs)
			return attrs
		}
	}
	return attrs
}

func (t *Types) parse(text string) bool {
	t.Reset()
	b := Whole(text)
	if b[0] != '{' {
		return false
	}
	end, err := jsontext.Members(b, 0, func(name []byte, i int) (int, error) {
		for kind := range typeNames {
			if typeNames[kind] == string(name) {
				return jsontext.Elements(b, i, func(i int) (int, error) {
					v, end, err := t.decoder.Value(b, i)
					t.keys[kind] = append(t.keys[kind], v.String())
					return end, err
				})
			}
		}
		return jsontext.ScanValue(b, i, 0)
	})
	return err == nil && isWhole(b, end)
}

func (t *Types) apply(attrs []tracefmt.Attr) {
	n := 0
	for _, keys := range t.keys {
		n += len(keys)
	}
	const few = 1 << 10
	if n*len(attrs) > few {
		kinds := make(map[string]int, n)
		for kind, keys := range t.keys {
			for _, key := range keys {
				kinds[key] = kind
			}
		}
		for i := range attrs {
			if kind, ok := kinds[attrs[i].Key]; ok {
				attrs[i].Value = as(kind, attrs[i].Value)
			}
		}
		return
	}
	for kind, keys := range t.keys {
		for _, key := range keys {
			for i := range attrs {
				if attrs[i].Key == key {
					attrs[i].Value = as(kind, attrs[i].Value)
				}
			}
		}
	}
}

// as returns a string's value as one of a type, if it can be one.
func as(kind int, v tracefmt.Value) tracefmt.Value {
	if v.Kind() != tracefmt.StringValue {
		return v
	}
	text := v.String()
	switch kind {
	case typeInt:
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return tracefmt.Int64(n)
		}
	case typeUint:
		if n, err := strconv.ParseUint(text, 10, 64); err == nil {
			return tracefmt.Uint64(n)
		}
	case typeFloat:
		if f, err := strconv.ParseFloat(text, 64); err == nil {
			return tracefmt.Float64(f)
		}
	case typeBool:
		if text == "true" || text == "false" {
			return tracefmt.Bool(text == "true")
		}
	case typeJSON:
		if raw, ok := jsontext.AppendCompact(nil, text); ok {
			return tracefmt.RawJSON(string(raw))
		}
	case typeNone:
		if text == "" {
			return tracefmt.Value{}
		}
	}
	return v
}
