package viewer

import (
	"unicode/utf8"

	"github.com/spanstack/spanstack/tracefmt"
)

const (
	maxValue = 64 << 10 // bytes of a value, where it is shown
	maxBrief = 1 << 10  // bytes of a name, where there are many of them
)

// cut returns a text, or its beginning if it is too long.
func cut(s string, limit int) (text string, isCut bool) {
	if len(s) <= limit {
		return s, false
	}
	for !utf8.RuneStart(s[limit]) && limit > 0 {
		limit--
	}
	return s[:limit], true
}

// brief returns a name, or its beginning.
func brief(s string) string {
	text, isCut := cut(s, maxBrief)
	if isCut {
		return text + "…"
	}
	return text
}

// attr is an attribute.
type attr struct {
	Key   string `json:"key"`
	Value string `json:"value"`
	Type  string `json:"type"`
	Cut   bool   `json:"cut,omitempty"`
}

var typeNames = map[tracefmt.ValueKind]string{
	tracefmt.BoolValue: "bool", tracefmt.Int64Value: "int", tracefmt.Uint64Value: "int", tracefmt.Float64Value: "float",
	tracefmt.StringValue: "string", tracefmt.RawValue: "json",
}

func attrsOf(list []tracefmt.Attr) []attr {
	attrs := make([]attr, 0, len(list))
	for _, a := range list {
		attrs = append(attrs, attrOf(a, maxValue))
	}
	return attrs
}

// attrOf returns an attribute, with its value cut to some bytes.
func attrOf(a tracefmt.Attr, limit int) attr {
	text, isCut := cut(a.Value.String(), limit)
	return attr{brief(a.Key), text, typeNames[a.Value.Kind()], isCut}
}
