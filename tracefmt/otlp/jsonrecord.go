package otlp

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"math"
	"strconv"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
	"github.com/spanstack/spanstack/tracefmt/internal/spans"
)

// integer returns the number at b[i], written as a number or as a string; 0 for anything else. Negative ones are those
// of int64.
func integer(b []byte, i int) (n uint64, end int, err error) {
	text, end, err := jsontext.Raw(b, i)
	if err != nil {
		return 0, 0, err
	}
	if len(text) > 0 && len(text) <= 19 {
		for _, c := range text {
			if !jsontext.IsDigit(c) {
				return slowInteger(string(text)), end, nil
			}
			n = n*10 + uint64(c-'0')
		}
		return n, end, nil
	}
	return slowInteger(string(text)), end, nil
}

func slowInteger(text string) uint64 {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return uint64(n)
	}
	if n, err := strconv.ParseUint(text, 10, 64); err == nil {
		return n
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil && f >= 0 && f < 1<<63 { // 1.5447126603e18, say
		return uint64(f)
	}
	return 0
}

func count(b []byte, i int) (n uint32, end int, err error) {
	v, end, err := integer(b, i)
	if int64(v) < 0 {
		v = 0 // -1 has been seen
	}
	return uint32(min(v, math.MaxUint32)), end, err
}

// enum returns the number of an enum's value, which might be given by its name.
func enum(b []byte, i int, names map[string]uint64) (n uint64, end int, err error) {
	if i < len(b) && b[i] == '"' {
		text, end, err := jsontext.Raw(b, i)
		if err != nil {
			return 0, 0, err
		}
		if n, ok := names[string(text)]; ok {
			return n, end, nil
		}
	}
	return integer(b, i)
}

var (
	kinds = map[string]uint64{"SPAN_KIND_INTERNAL": 1, "SPAN_KIND_SERVER": 2, "SPAN_KIND_CLIENT": 3,
		"SPAN_KIND_PRODUCER": 4, "SPAN_KIND_CONSUMER": 5}
	codes      = map[string]uint64{"STATUS_CODE_OK": 1, "STATUS_CODE_ERROR": 2}
	severities = func() map[string]uint64 {
		m := make(map[string]uint64)
		for n := tracefmt.Severity(1); n <= 24; n++ {
			m["SEVERITY_NUMBER_"+n.String()] = uint64(n)
		}
		return m
	}()
)

// id returns the bytes of an ID: those of its hex digits, or of base64, in which protobuf's own JSON has them.
func (r *JSONReader) id(b []byte, i int, to []byte) (end int, err error) {
	clear(to)
	text, end, err := jsontext.Raw(b, i)
	if err != nil || len(text) == 0 || string(text) == "null" {
		return end, err
	}
	switch len(text) {
	case 2 * len(to):
		if len(to) == 8 {
			if id, ok := spans.ParseID(text); ok {
				binary.BigEndian.PutUint64(to, uint64(id))
				return end, nil
			}
		} else if id, ok := spans.ParseTraceID(text); ok {
			copy(to, id[:])
			return end, nil
		}
	case base64.StdEncoding.EncodedLen(len(to)):
		if got, err := base64.StdEncoding.AppendDecode(nil, text); err == nil && len(got) == len(to) {
			copy(to, got)
			return end, nil
		}
	}
	r.badIDs++
	return end, nil
}

func (r *JSONReader) spanID(b []byte, i int, id *spans.ID) (end int, err error) {
	var bytes [8]byte
	end, err = r.id(b, i, bytes[:])
	*id = spans.ID(binary.BigEndian.Uint64(bytes[:]))
	return end, err
}

// record reads a span or a log record.
func (r *JSONReader) record(isLog bool) error {
	start := r.in.Offset()
	a := &r.assembly
	var from, to uint64
	err := r.in.Try(func(b []byte, i int) (end int, err error) {
		r.badIDs = 0
		if isLog {
			from, to, end, err = r.logRecord(b, i)
		} else {
			from, to, end, err = r.span(b, i)
		}
		return end, err
	})
	if err != nil {
		return err
	}
	for range r.badIDs {
		a.Losses.AddAt("ID that isn't hexadecimal", start)
	}
	if isLog {
		a.emitLog(from, to, start)
	} else {
		a.emitSpan(from, to, start)
	}
	return nil
}

func (r *JSONReader) span(b []byte, i int) (from, to uint64, end int, err error) {
	s := &r.assembly.span
	s.Reset()
	end, err = jsontext.Members(b, i, func(key []byte, i int) (end int, err error) {
		switch string(key) {
		case "traceId", "trace_id":
			end, err = r.id(b, i, s.Trace[:])
		case "spanId", "span_id":
			end, err = r.spanID(b, i, &s.ID)
		case "traceState", "trace_state":
			s.State, end, err = r.assembly.text.TextAt(b, i)
		case "parentSpanId", "parent_span_id":
			end, err = r.spanID(b, i, &s.Parent)
		case "flags":
			s.Flags, end, err = count(b, i)
		case "name":
			s.Name, end, err = r.assembly.text.TextAt(b, i)
		case "kind":
			var n uint64
			n, end, err = enum(b, i, kinds)
			s.Kind = kind(n)
		case "startTimeUnixNano", "start_time_unix_nano":
			from, end, err = integer(b, i)
		case "endTimeUnixNano", "end_time_unix_nano":
			to, end, err = integer(b, i)
		case "attributes":
			s.Attrs, end, err = r.attrs(s.Attrs[:0], b, i)
		case "droppedAttributesCount", "dropped_attributes_count":
			s.DroppedAttrs, end, err = count(b, i)
		case "events":
			end, err = jsontext.Elements(b, i, func(i int) (int, error) { return r.event(s.AddEvent(), b, i) })
		case "droppedEventsCount", "dropped_events_count":
			s.DroppedEvents, end, err = count(b, i)
		case "links":
			end, err = jsontext.Elements(b, i, func(i int) (int, error) { return r.link(s.AddLink(), b, i) })
		case "droppedLinksCount", "dropped_links_count":
			s.DroppedLinks, end, err = count(b, i)
		case "status":
			end, err = r.status(s, b, i)
		default:
			end, err = jsontext.ScanValue(b, i, 0)
		}
		return end, err
	})
	return from, to, end, err
}

func (r *JSONReader) event(e *spans.Event, b []byte, i int) (end int, err error) {
	return jsontext.Members(b, i, func(key []byte, i int) (end int, err error) {
		switch string(key) {
		case "timeUnixNano", "time_unix_nano":
			var n uint64
			n, end, err = integer(b, i)
			e.Time = int64(n & (1<<63 - 1))
		case "name":
			e.Name, end, err = r.assembly.text.TextAt(b, i)
		case "attributes":
			e.Attrs, end, err = r.attrs(e.Attrs[:0], b, i)
		case "droppedAttributesCount", "dropped_attributes_count":
			e.Dropped, end, err = count(b, i)
		default:
			end, err = jsontext.ScanValue(b, i, 0)
		}
		return end, err
	})
}

func (r *JSONReader) link(l *spans.Link, b []byte, i int) (end int, err error) {
	return jsontext.Members(b, i, func(key []byte, i int) (end int, err error) {
		switch string(key) {
		case "traceId", "trace_id":
			end, err = r.id(b, i, l.Trace[:])
		case "spanId", "span_id":
			end, err = r.spanID(b, i, &l.ID)
		case "traceState", "trace_state":
			l.State, end, err = r.assembly.text.TextAt(b, i)
		case "attributes":
			l.Attrs, end, err = r.attrs(l.Attrs[:0], b, i)
		case "droppedAttributesCount", "dropped_attributes_count":
			l.Dropped, end, err = count(b, i)
		case "flags":
			l.Flags, end, err = count(b, i)
		default:
			end, err = jsontext.ScanValue(b, i, 0)
		}
		return end, err
	})
}

func (r *JSONReader) status(s *spans.Span, b []byte, i int) (end int, err error) {
	return jsontext.Members(b, i, func(key []byte, i int) (end int, err error) {
		switch string(key) {
		case "message":
			s.Message, end, err = r.assembly.text.TextAt(b, i)
		case "code":
			var n uint64
			n, end, err = enum(b, i, codes)
			s.Status = status(n)
		default:
			end, err = jsontext.ScanValue(b, i, 0)
		}
		return end, err
	})
}

func (r *JSONReader) logRecord(b []byte, i int) (at, observed uint64, end int, err error) {
	l := &r.assembly.log
	l.Reset()
	end, err = jsontext.Members(b, i, func(key []byte, i int) (end int, err error) {
		switch string(key) {
		case "timeUnixNano", "time_unix_nano":
			at, end, err = integer(b, i)
		case "observedTimeUnixNano", "observed_time_unix_nano":
			observed, end, err = integer(b, i)
		case "severityNumber", "severity_number":
			var n uint64
			n, end, err = enum(b, i, severities)
			l.Severity = severity(n)
		case "severityText", "severity_text":
			l.SeverityText, end, err = r.assembly.text.TextAt(b, i)
		case "body":
			var v tracefmt.Value
			v, end, err = r.any(b, i)
			r.assembly.setBody(v)
		case "attributes":
			l.Attrs, end, err = r.attrs(l.Attrs[:0], b, i)
		case "droppedAttributesCount", "dropped_attributes_count":
			l.Dropped, end, err = count(b, i)
		case "flags":
			l.Flags, end, err = count(b, i)
		case "traceId", "trace_id":
			end, err = r.id(b, i, l.Trace[:])
		case "spanId", "span_id":
			end, err = r.spanID(b, i, &l.Span)
		case "eventName", "event_name":
			l.EventName, end, err = r.assembly.text.TextAt(b, i)
		default:
			end, err = jsontext.ScanValue(b, i, 0)
		}
		return end, err
	})
	return at, observed, end, err
}

// resource reads a resource.
func (r *JSONReader) resource() error {
	a := &r.assembly
	var text []byte
	isKnown := false
	var attrs []tracefmt.Attr
	err := r.in.Try(func(b []byte, i int) (int, error) {
		end, err := jsontext.ScanValue(b, i, 0)
		if err != nil {
			return 0, err
		}
		text = b[i:end]
		if isKnown = a.knowsResource(text); isKnown {
			return end, nil
		}
		return jsontext.Members(b, i, func(key []byte, i int) (end int, err error) {
			if string(key) == "attributes" {
				attrs, end, err = r.attrs(attrs[:0], b, i)
				return end, err
			}
			return jsontext.ScanValue(b, i, 0)
		})
	})
	if err != nil || isKnown {
		return err
	}
	a.resource.Reset()
	for _, attr := range attrs {
		a.resource.Add(attr.Key, attr.Value)
	}
	a.setResource(text)
	return nil
}

// scope reads a scope, which is at a byte of the input.
func (r *JSONReader) scope(b []byte, i int, start int64) (end int, err error) {
	a := &r.assembly
	var s spans.Scope
	end, err = jsontext.Members(b, i, func(key []byte, i int) (end int, err error) {
		switch string(key) {
		case "name":
			s.Name, end, err = r.assembly.text.TextAt(b, i)
		case "version":
			s.Version, end, err = r.assembly.text.TextAt(b, i)
		case "attributes":
			json := a.value[:0]
			json, end, err = r.appendMembers(json, b, i, 0)
			if a.value = json; err == nil && len(json) > len("{}") {
				s.Attrs = a.text.Strings.Intern(json)
			}
		default:
			end, err = jsontext.ScanValue(b, i, 0)
		}
		return end, err
	})
	if err == nil {
		a.findScope(s, start)
	}
	return end, err
}

// peekScope looks for a schema that comes behind the spans of the ScopeSpans at the next byte, and for the scope, if
// all of it is in memory.
func (r *JSONReader) peekScope() {
	if len(r.in.Buf)-r.in.Pos >= peekSize && !r.findSchema() || !r.in.Whole(peekSize) || !r.findSchema() {
		return
	}
	var url string
	jsontext.Members(r.in.Buf, r.in.Pos, func(key []byte, i int) (end int, err error) {
		switch string(key) {
		case "scope", "instrumentationLibrary":
			return r.scope(r.in.Buf, i, 0)
		case "schemaUrl", "schema_url":
			url, end, err = r.assembly.text.TextAt(r.in.Buf, i)
			return end, err
		}
		return jsontext.ScanValue(r.in.Buf, i, 0)
	})
	r.assembly.setScopeSchema(url, 0)
}

var schemaKey = []byte(`"schemaUrl"`)

// findSchema reports whether the key of a schema is in the buffer. Each byte is searched once.
func (r *JSONReader) findSchema() bool {
	if r.schema < r.in.Base+int64(r.in.Pos) {
		r.schema = r.in.Offset()
	}
	from := int(r.schema - r.in.Base)
	if i := bytes.Index(r.in.Buf[from:], schemaKey); i >= 0 {
		r.schema += int64(i) // it stays there until it is behind us
		return true
	}
	r.schema = max(r.schema, r.in.Base+int64(len(r.in.Buf)-len(schemaKey)))
	return false
}

// attrs adds the KeyValues of the array at b[i].
func (r *JSONReader) attrs(attrs []tracefmt.Attr, b []byte, i int) (out []tracefmt.Attr, end int, err error) {
	end, err = jsontext.Elements(b, i, func(i int) (int, error) {
		a := tracefmt.Attr{Value: tracefmt.RawJSON("null")}
		end, err := jsontext.Members(b, i, func(key []byte, i int) (end int, err error) {
			switch string(key) {
			case "key":
				a.Key, end, err = r.assembly.text.TextAt(b, i)
			case "value":
				a.Value, end, err = r.any(b, i)
			default:
				end, err = jsontext.ScanValue(b, i, 0)
			}
			return end, err
		})
		attrs = append(attrs, a)
		return end, err
	})
	return attrs, end, err
}

// any returns the AnyValue at b[i]. Of several values the last one counts.
func (r *JSONReader) any(b []byte, i int) (v tracefmt.Value, end int, err error) {
	if i < len(b) && b[i] != '{' { // seen where somebody took the attributes for plain JSON
		return r.assembly.text.Value(b, i)
	}
	v = tracefmt.RawJSON("null")
	end, err = jsontext.Members(b, i, func(key []byte, i int) (end int, err error) {
		switch string(key) {
		case "stringValue", "string_value":
			var text string
			text, end, err = r.assembly.text.TextAt(b, i)
			v = tracefmt.String(text)
		case "boolValue", "bool_value":
			var text []byte
			text, end, err = jsontext.Raw(b, i)
			v = tracefmt.Bool(string(text) == "true")
		case "intValue", "int_value":
			var n uint64
			n, end, err = integer(b, i)
			v = tracefmt.Int64(int64(n))
		case "doubleValue", "double_value":
			var f float64
			f, end, err = double(b, i)
			v = tracefmt.Float64(f)
		case "arrayValue", "array_value", "kvlistValue", "kvlist_value", "bytesValue", "bytes_value":
			json := r.assembly.value[:0]
			json, end, err = r.appendField(json, key, b, i, 0)
			r.assembly.value = json
			v = tracefmt.RawJSON(r.assembly.text.Strings.Intern(json))
		default:
			end, err = jsontext.ScanValue(b, i, 0)
		}
		return end, err
	})
	return v, end, err
}

// double returns the number at b[i], which may be written as a string, such as "NaN" or "Infinity".
func double(b []byte, i int) (f float64, end int, err error) {
	text, end, err := jsontext.Raw(b, i)
	if err != nil {
		return 0, 0, err
	}
	f, parseErr := strconv.ParseFloat(string(text), 64)
	if parseErr != nil && !math.IsInf(f, 0) {
		f = math.NaN()
	}
	return f, end, nil
}

// appendAny appends the AnyValue at b[i] as JSON.
func (r *JSONReader) appendAny(to, b []byte, i, depth int) (out []byte, end int, err error) {
	start := len(to)
	end, err = jsontext.Members(b, i, func(key []byte, i int) (end int, err error) {
		to, end, err = r.appendField(to[:start], key, b, i, depth)
		return end, err
	})
	if len(to) == start {
		to = append(to, "null"...)
	}
	return to, end, err
}

// appendField appends the member of an AnyValue, whose value is at b[i], as JSON; nothing if it isn't known.
func (r *JSONReader) appendField(to, key, b []byte, i, depth int) (out []byte, end int, err error) {
	if depth >= maxDepth {
		return to, 0, jsontext.Badf(i, "value nested deeper than %d", maxDepth)
	}
	switch string(key) {
	case "stringValue", "string_value":
		var text string
		text, end, err = r.assembly.text.TextAt(b, i)
		return jsontext.AppendString(to, text), end, err
	case "boolValue", "bool_value":
		text, end, err := jsontext.Raw(b, i)
		return strconv.AppendBool(to, string(text) == "true"), end, err
	case "intValue", "int_value":
		n, end, err := integer(b, i)
		return strconv.AppendInt(to, int64(n), 10), end, err
	case "doubleValue", "double_value":
		f, end, err := double(b, i)
		return appendFloat(to, f), end, err
	case "arrayValue", "array_value":
		return r.appendList(to, b, i, depth)
	case "kvlistValue", "kvlist_value":
		start := len(to)
		end, err = jsontext.Members(b, i, func(key []byte, i int) (end int, err error) {
			if string(key) != "values" {
				return jsontext.ScanValue(b, i, 0)
			}
			to, end, err = r.appendMembers(to[:start], b, i, depth+1)
			return end, err
		})
		if len(to) == start {
			to = append(to, "{}"...)
		}
		return to, end, err
	case "bytesValue", "bytes_value":
		text, end, err := jsontext.Raw(b, i)
		return appendBase64(to, string(text)), end, err
	}
	end, err = jsontext.ScanValue(b, i, 0)
	return to, end, err
}

func (r *JSONReader) appendList(to, b []byte, i, depth int) (out []byte, end int, err error) {
	start := len(to)
	to = append(to, '[')
	end, err = jsontext.Members(b, i, func(key []byte, i int) (int, error) {
		if string(key) != "values" {
			return jsontext.ScanValue(b, i, 0)
		}
		return jsontext.Elements(b, i, func(i int) (end int, err error) {
			if len(to) > start+1 {
				to = append(to, ',')
			}
			to, end, err = r.appendAny(to, b, i, depth+1)
			return end, err
		})
	})
	return append(to, ']'), end, err
}

// appendMembers appends the KeyValues of the array at b[i] as a JSON object.
func (r *JSONReader) appendMembers(to, b []byte, i, depth int) (out []byte, end int, err error) {
	start := len(to)
	to = append(to, '{')
	end, err = jsontext.Elements(b, i, func(i int) (int, error) {
		name, value := "", -1
		end, err := jsontext.Members(b, i, func(key []byte, i int) (end int, err error) {
			switch string(key) {
			case "key":
				name, end, err = r.assembly.text.TextAt(b, i)
				return end, err
			case "value":
				value = i
			}
			return jsontext.ScanValue(b, i, 0)
		})
		if err != nil {
			return 0, err
		}
		if len(to) > start+1 {
			to = append(to, ',')
		}
		to = append(jsontext.AppendString(to, name), ':')
		if value < 0 {
			to = append(to, "null"...)
			return end, nil
		}
		to, _, err = r.appendAny(to, b, value, depth+1)
		return end, err
	})
	return append(to, '}'), end, err
}

// appendBase64 appends bytes that are given in base64, of either alphabet, with padding or without.
func appendBase64(to []byte, text string) []byte {
	text = strings.TrimRight(strings.NewReplacer("-", "+", "_", "/", `\/`, "/").Replace(text), "=")
	content, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return jsontext.AppendString(to, text)
	}
	return appendByteValue(to, content)
}
