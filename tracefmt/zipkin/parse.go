package zipkin

import (
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
	"github.com/spanstack/spanstack/tracefmt/internal/spantags"
)

// rawSpan is a span as it stands in the text. The strings are its own.
type rawSpan struct {
	trace, id, parent string
	name, kind        string
	start, dur        int64 // ns from 1970, ns
	hasStart, hasDur  bool
	debug, shared     bool
	local, remote     endpoint
	annotations       []annotation
	tags              []tracefmt.Attr
}

type endpoint struct {
	service, ipv4, ipv6 string
	port                int64
}

type annotation struct {
	time    int64 // ns from 1970
	hasTime bool
	value   string
}

// parser takes values out of a text in which all of a span is.
type parser struct {
	jsontext.Decoder
	b []byte
}

// span scans the object at b[i] and returns the index after it.
func (p *parser) span(s *rawSpan, b []byte, i int) (end int, err error) {
	p.b = b
	clear(s.tags)
	*s = rawSpan{annotations: s.annotations[:0], tags: s.tags[:0]}
	return jsontext.Members(b, i, func(key []byte, i int) (end int, err error) {
		switch string(key) {
		case "traceId":
			s.trace, end, err = p.TextAt(p.b, i)
		case "id":
			s.id, end, err = p.TextAt(p.b, i)
		case "parentId":
			s.parent, end, err = p.TextAt(p.b, i)
		case "name":
			s.name, end, err = p.TextAt(p.b, i)
		case "kind":
			s.kind, end, err = p.TextAt(p.b, i)
		case "timestamp":
			s.start, s.hasStart, end, err = spantags.MicrosAt(p.b, i)
		case "duration":
			s.dur, s.hasDur, end, err = spantags.MicrosAt(p.b, i)
		case "debug":
			s.debug, end, err = p.truth(i)
		case "shared":
			s.shared, end, err = p.truth(i)
		case "localEndpoint":
			s.local, end, err = p.endpoint(i)
		case "remoteEndpoint":
			s.remote, end, err = p.endpoint(i)
		case "annotations":
			end, err = p.annotations(s, i)
		case "tags":
			end, err = jsontext.Members(p.b, i, func(key []byte, i int) (int, error) {
				v, end, err := p.Value(b, i)
				if err == nil {
					s.tags = append(s.tags, tracefmt.Attr{Key: p.Text(key), Value: v})
				}
				return end, err
			})
		default:
			end, err = jsontext.ScanValue(b, i, 0)
		}
		return end, err
	})
}

func (p *parser) endpoint(i int) (e endpoint, end int, err error) {
	end, err = jsontext.Members(p.b, i, func(key []byte, i int) (end int, err error) {
		switch string(key) {
		case "serviceName":
			e.service, end, err = p.TextAt(p.b, i)
		case "ipv4":
			e.ipv4, end, err = p.TextAt(p.b, i)
		case "ipv6":
			e.ipv6, end, err = p.TextAt(p.b, i)
		case "port":
			var v tracefmt.Value
			if v, end, err = p.Value(p.b, i); err == nil {
				e.port, _ = v.Int64()
			}
		default:
			end, err = jsontext.ScanValue(p.b, i, 0)
		}
		return end, err
	})
	return e, end, err
}

func (p *parser) annotations(s *rawSpan, i int) (end int, err error) {
	return jsontext.Elements(p.b, i, func(i int) (int, error) {
		var a annotation
		end, err := jsontext.Members(p.b, i, func(key []byte, i int) (end int, err error) {
			switch string(key) {
			case "timestamp":
				a.time, a.hasTime, end, err = spantags.MicrosAt(p.b, i)
			case "value":
				a.value, end, err = p.TextAt(p.b, i)
			default:
				end, err = jsontext.ScanValue(p.b, i, 0)
			}
			return end, err
		})
		s.annotations = append(s.annotations, a)
		return end, err
	})
}

func (p *parser) truth(i int) (is bool, end int, err error) {
	v, end, err := p.Value(p.b, i)
	return strings.EqualFold(v.String(), "true"), end, err
}
