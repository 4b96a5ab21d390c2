package spantags

import (
	"math"
	"strconv"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
	"github.com/spanstack/spanstack/tracefmt/internal/spans"
)

// AppendLinks appends links as a JSON array of objects with the members "trace", "span", "state", "flags", "dropped"
// and "attrs", as far as they aren't empty; the first two only if withIDs.
func AppendLinks(dst []byte, links []spans.Link, withIDs bool) []byte {
	dst = append(dst, '[')
	for i := range links {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendLink(dst, &links[i], withIDs)
	}
	return append(dst, ']')
}

func appendLink(dst []byte, l *spans.Link, withIDs bool) []byte {
	dst = append(dst, '{')
	first := true
	member := func(name string) {
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(append(append(dst, '"'), name...), '"', ':')
	}
	if withIDs {
		member("trace")
		dst = append(l.Trace.Append(append(dst, '"')), '"')
		member("span")
		dst = append(l.ID.Append(append(dst, '"')), '"')
	}
	if l.State != "" {
		member("state")
		dst = jsontext.AppendString(dst, l.State)
	}
	if l.Flags != 0 {
		member("flags")
		dst = strconv.AppendUint(dst, uint64(l.Flags), 10)
	}
	if l.Dropped != 0 {
		member("dropped")
		dst = strconv.AppendUint(dst, uint64(l.Dropped), 10)
	}
	if len(l.Attrs) > 0 {
		member("attrs")
		dst = AppendObject(dst, l.Attrs)
	}
	return append(dst, '}')
}

// ParseLinks appends to s.Links what AppendLinks wrote, and reports whether it could. If not, there may be some.
func ParseLinks(d *jsontext.Decoder, s *spans.Span, text string) bool {
	b := Whole(text)
	if b[0] != '[' {
		return false
	}
	end, err := jsontext.Elements(b, 0, func(i int) (int, error) {
		l := s.AddLink()
		return jsontext.Members(b, i, func(key []byte, i int) (end int, err error) {
			if string(key) == "attrs" {
				l.Attrs, end, err = ParseObject(d, l.Attrs, b, i)
				return end, err
			}
			v, end, err := d.Value(b, i)
			switch string(key) {
			case "trace":
				l.Trace, _ = spans.ParseTraceID(v.String())
			case "span":
				l.ID, _ = spans.ParseID(v.String())
			case "state":
				l.State = v.String()
			case "flags":
				l.Flags = number(v)
			case "dropped":
				l.Dropped = number(v)
			}
			return end, err
		})
	})
	return err == nil && isWhole(b, end)
}

func number(v tracefmt.Value) uint32 {
	n, ok := v.Int64()
	if !ok || n < 0 || n > math.MaxUint32 {
		return 0
	}
	return uint32(n)
}
