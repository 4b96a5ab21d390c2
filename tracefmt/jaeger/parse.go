package jaeger

import (
	"encoding/base64"
	"math"
	"strconv"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
	"github.com/spanstack/spanstack/tracefmt/internal/spantags"
)

// rawSpan is a span as it stands in the text. The strings are its own.
type rawSpan struct {
	members   int
	trace     string
	id        string
	parent    string // the deprecated way to say it
	name      string
	flags     int64
	refs      []rawRef
	start     int64 // ns from 1970
	dur       int64 // ns
	hasStart  bool
	hasDur    bool
	tags      []tracefmt.Attr
	logs      []rawLog
	fields    []tracefmt.Attr // of all logs
	processID string
	process   *rawProcess // of spans that have it inside
	warnings  string      // a JSON array; "" if there are none
}

type rawRef struct {
	kind, trace, span string
}

// rawLog is one of a span's logs. Its fields are fields[from:to] of the span.
type rawLog struct {
	time     int64 // ns from 1970
	hasTime  bool
	from, to int
}

type rawProcess struct {
	service string
	tags    []tracefmt.Attr
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
	clear(s.fields)
	*s = rawSpan{refs: s.refs[:0], tags: s.tags[:0], logs: s.logs[:0], fields: s.fields[:0]}
	return jsontext.Members(b, i, func(key []byte, i int) (end int, err error) {
		s.members++
		switch string(key) {
		case "traceID":
			s.trace, end, err = p.TextAt(p.b, i)
		case "spanID":
			s.id, end, err = p.TextAt(p.b, i)
		case "parentSpanID":
			s.parent, end, err = p.TextAt(p.b, i)
		case "operationName":
			s.name, end, err = p.TextAt(p.b, i)
		case "processID":
			s.processID, end, err = p.TextAt(p.b, i)
		case "startTime":
			s.start, s.hasStart, end, err = spantags.MicrosAt(p.b, i)
		case "duration":
			s.dur, s.hasDur, end, err = spantags.MicrosAt(p.b, i)
		case "flags":
			var v tracefmt.Value
			if v, end, err = p.Value(b, i); err == nil {
				s.flags, _ = v.Int64()
			}
		case "references":
			end, err = jsontext.Elements(p.b, i, func(i int) (int, error) { return p.reference(s, i) })
		case "tags":
			s.tags, end, err = p.keyValues(s.tags, i)
		case "logs":
			end, err = jsontext.Elements(p.b, i, func(i int) (int, error) { return p.log(s, i) })
		case "process":
			s.process = new(rawProcess)
			end, err = p.process(s.process, i)
		case "warnings":
			s.warnings, end, err = p.texts(i)
		default:
			end, err = jsontext.ScanValue(b, i, 0)
		}
		return end, err
	})
}

func (p *parser) reference(s *rawSpan, i int) (end int, err error) {
	var ref rawRef
	end, err = jsontext.Members(p.b, i, func(key []byte, i int) (end int, err error) {
		switch string(key) {
		case "refType":
			ref.kind, end, err = p.TextAt(p.b, i)
		case "traceID":
			ref.trace, end, err = p.TextAt(p.b, i)
		case "spanID":
			ref.span, end, err = p.TextAt(p.b, i)
		default:
			end, err = jsontext.ScanValue(p.b, i, 0)
		}
		return end, err
	})
	s.refs = append(s.refs, ref)
	return end, err
}

func (p *parser) log(s *rawSpan, i int) (end int, err error) {
	l := rawLog{from: len(s.fields)}
	end, err = jsontext.Members(p.b, i, func(key []byte, i int) (end int, err error) {
		switch string(key) {
		case "timestamp":
			l.time, l.hasTime, end, err = spantags.MicrosAt(p.b, i)
		case "fields":
			s.fields, end, err = p.keyValues(s.fields, i)
		default:
			end, err = jsontext.ScanValue(p.b, i, 0)
		}
		return end, err
	})
	l.to = len(s.fields)
	s.logs = append(s.logs, l)
	return end, err
}

func (p *parser) process(to *rawProcess, i int) (end int, err error) {
	return jsontext.Members(p.b, i, func(key []byte, i int) (end int, err error) {
		switch string(key) {
		case "serviceName":
			to.service, end, err = p.TextAt(p.b, i)
		case "tags":
			to.tags, end, err = p.keyValues(to.tags, i)
		default:
			end, err = jsontext.ScanValue(p.b, i, 0)
		}
		return end, err
	})
}

// keyValues appends the tags or fields of the list at index i.
func (p *parser) keyValues(attrs []tracefmt.Attr, i int) (_ []tracefmt.Attr, end int, err error) {
	end, err = jsontext.Elements(p.b, i, func(i int) (int, error) {
		var key, sort string
		var v tracefmt.Value
		end, err := jsontext.Members(p.b, i, func(name []byte, i int) (end int, err error) {
			switch string(name) {
			case "key":
				key, end, err = p.TextAt(p.b, i)
			case "type":
				sort, end, err = p.TextAt(p.b, i)
			case "value":
				v, end, err = p.Value(p.b, i)
			default:
				end, err = jsontext.ScanValue(p.b, i, 0)
			}
			return end, err
		})
		if err == nil && (key != "" || !v.IsZero()) {
			attrs = append(attrs, tracefmt.Attr{Key: key, Value: typed(sort, v)})
		}
		return end, err
	})
	return attrs, end, err
}

// typed returns a tag's value as the type that is told beside it, if it fits. Numbers that JavaScript can't hold are
// strings, and Jaeger's storage in Elasticsearch has strings only.
func typed(sort string, v tracefmt.Value) tracefmt.Value {
	text, isText := v.String(), v.Kind() == tracefmt.StringValue
	switch sort {
	case "bool":
		if isText && (text == "true" || text == "false") {
			return tracefmt.Bool(text == "true")
		}
	case "int64":
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && isText {
			return tracefmt.Int64(n)
		}
		if f, _ := v.Float64(); v.Kind() == tracefmt.Float64Value && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			return tracefmt.Int64(int64(f))
		}
	case "float64":
		if f, ok := v.Float64(); ok {
			return tracefmt.Float64(f)
		}
		if f, err := strconv.ParseFloat(text, 64); err == nil && isText {
			return tracefmt.Float64(f)
		}
	case "binary":
		if isText && isBase64(text) {
			return tracefmt.RawJSON(bytesBefore + text + bytesAfter)
		}
	case "":
		if v.IsZero() {
			return tracefmt.RawJSON("null")
		}
	}
	return v
}

// texts returns an array that isn't empty as JSON, and "" for everything else.
func (p *parser) texts(i int) (array string, end int, err error) {
	v, end, err := p.Value(p.b, i)
	if err != nil || p.b[i] != '[' || v.String() == "[]" {
		return "", end, err
	}
	return v.String(), end, nil
}

// isBase64 reports whether text is in the one form that package base64 writes.
func isBase64(text string) bool {
	b, err := base64.StdEncoding.DecodeString(text)
	return err == nil && base64.StdEncoding.EncodeToString(b) == text
}
