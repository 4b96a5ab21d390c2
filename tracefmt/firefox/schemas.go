package firefox

import (
	"slices"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
)

// schemas says which fields the markers of each type have, so that they are shown.
type schemas struct {
	types    []*schemaOf
	counters int
}

type schemaOf struct {
	name   string
	fields numbered
	kinds  []tracefmt.ValueKind
}

// counter returns the type of a counter's markers. Those past a limit share one.
func (s *schemas) counter(name string) string {
	kind := typeCounter + name
	if s.find(kind) == nil {
		if s.counters >= maxCounters {
			return typeCounter
		}
		s.counters++
	}
	return kind
}

func (s *schemas) find(name string) *schemaOf {
	i := slices.IndexFunc(s.types, func(t *schemaOf) bool { return t.name == name })
	if i < 0 {
		return nil
	}
	return s.types[i]
}

// field tells of a field that a marker has. What is beyond the limit isn't shown.
func (s *schemas) field(kind, key string, value tracefmt.ValueKind) {
	t := s.find(kind)
	if t == nil {
		t = &schemaOf{name: kind}
		s.types = append(s.types, t)
	}
	if _, known := t.fields.index[key]; !known && len(t.fields.list) < maxFields {
		t.fields.number(key)
		t.kinds = append(t.kinds, value)
	}
}

// append adds the schemas. Types without fields have them, too: a marker is shown only if its type has one.
func (s *schemas) append(dst []byte) []byte {
	for _, name := range []string{typeSlice, typeInstant, typeLog, typeAsync, typeFlow, typeClock} {
		if s.find(name) == nil {
			s.types = append(s.types, &schemaOf{name: name})
		}
	}
	for i, t := range s.types {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = t.append(append(dst, '\n'))
	}
	return dst
}

func (t *schemaOf) append(dst []byte) []byte {
	dst = jsontext.AppendString(append(dst, `{"name":`...), t.name)
	dst = append(dst, `,"display":["marker-chart","marker-table","timeline-overview"],"tooltipLabel":"{marker.name}",`...)
	dst = append(dst, `"tableLabel":"{marker.name}","chartLabel":"{marker.name}"`...)
	if t.name == typeSlice {
		dst = append(dst, `,"isStackBased":true`...)
	}
	dst = append(dst, `,"fields":[`...)
	comma := ""
	add := func(key, label, format string) {
		dst = append(append(dst, comma...), `{"key":`...)
		dst = append(jsontext.AppendString(dst, key), `,"label":`...)
		dst = append(jsontext.AppendString(dst, label), `,"format":"`...)
		dst = append(append(dst, format...), `"}`...)
		comma = ","
	}
	if t.name == typeFlow {
		add(fieldFlow, "flow", "flow-id")
		add(fieldFlowEnd, "end of flow", "terminating-flow-id")
	}
	for i, key := range t.fields.list {
		label := strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(key, typePrefix), prefixJSON), prefixAttr)
		// Strings show all sorts of values; numbers get separators where a field has nothing else, as in counters.
		format := "string"
		if strings.HasPrefix(t.name, typeCounter) && isNumber(t.kinds[i]) {
			format = "decimal"
		}
		add(key, label, format)
	}
	dst = append(dst, ']')
	return append(t.graphs(dst), '}')
}

// graphs gives a counter a track with its series as lines.
func (t *schemaOf) graphs(dst []byte) []byte {
	if !strings.HasPrefix(t.name, typeCounter) {
		return dst
	}
	comma := `,"graphs":[`
	for i, key := range t.fields.list {
		if isNumber(t.kinds[i]) {
			dst = jsontext.AppendString(append(append(dst, comma...), `{"key":`...), key)
			dst = append(dst, `,"type":"line"}`...)
			comma = ","
		}
	}
	if comma == "," {
		dst = append(dst, ']')
	}
	return dst
}

func isNumber(k tracefmt.ValueKind) bool {
	return k == tracefmt.Int64Value || k == tracefmt.Uint64Value || k == tracefmt.Float64Value
}
