package stdouttrace

import (
	"encoding/hex"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
	"github.com/spanstack/spanstack/tracefmt/internal/spans"
)

// Reader reads printed spans. Its memory is bounded by the longest span, the number of resources and threads, and a
// cache of strings.
type Reader struct {
	in      jsontext.Input
	err     error
	emitter spans.Emitter
	text    jsontext.Decoder
	list    bool // in an array
	after   bool // a span of the array was read
	comma   bool // and a comma
	began   bool
	seen    bool // a span
	foreign bool // an object that is none
	value   []byte

	span       spans.Span
	attrs      []tracefmt.Attr // of the resource
	start, end time.Time
	isSpan     bool
	scope      spans.Scope
	lastScope  *spans.Scope
	process    tracefmt.TrackID
	last       []tracefmt.Attr // the resource of process
}

// NewReader returns a Reader of in.
func NewReader(in io.Reader) *Reader {
	return &Reader{in: jsontext.Input{In: in, Format: name, MaxValue: maxSpan}}
}

// Losses returns what had to be skipped so far.
func (r *Reader) Losses() []tracefmt.Loss { return r.emitter.Losses.List() }

// Next returns the next event.
func (r *Reader) Next() (*tracefmt.Event, error) {
	for {
		if e := r.emitter.Next(); e != nil {
			return e, nil
		}
		if r.err != nil {
			return nil, r.err
		}
		r.err = r.step()
	}
}

// step reads on by a span, or by what is around it.
func (r *Reader) step() error {
	if !r.began {
		r.began = true
		if _, err := r.in.SkipByteOrderMark(); err != nil {
			return err
		}
	}
	c, err := r.in.Peek()
	switch {
	case err == io.EOF && !r.list:
		if r.foreign && !r.seen {
			return r.in.Syntax(r.in.Pos, "no spans in it: no object has a SpanContext")
		}
		return io.EOF
	case err != nil:
		return r.in.Cut(err)
	case r.list && c == ']' && !r.comma:
		r.list = false
	case r.list && c == ',' && r.after:
		r.after, r.comma = false, true
	case r.list && r.after:
		return r.in.Syntax(r.in.Pos, "unexpected %q between two spans", c)
	case c == '[' && !r.list:
		r.list, r.after, r.comma = true, false, false
	case c == '{':
		r.after, r.comma = true, false
		return r.read()
	default:
		return r.in.Syntax(r.in.Pos, "unexpected %q: neither an object nor an array", c)
	}
	r.in.Pos++
	return nil
}

// read reads a span.
func (r *Reader) read() error {
	at := r.in.Offset()
	r.in.Event++
	if err := r.in.Try(r.parse); err != nil {
		return err
	}
	s := &r.span
	switch {
	case !r.isSpan:
		r.foreign = true
		r.emitter.Losses.AddAt("object that is no span", at)
		return nil
	case r.start.IsZero():
		r.emitter.Losses.AddAt("span without a time", at)
		r.seen = true
		return nil
	case !spans.InRange(r.start), !r.end.IsZero() && !spans.InRange(r.end):
		r.emitter.Losses.AddAt("span whose time is out of range", at)
		r.seen = true
		return nil
	}
	r.seen = true
	s.Start, s.Dur = r.start.UnixNano(), tracefmt.Open
	if !r.end.IsZero() {
		if s.Dur = r.end.UnixNano() - s.Start; s.Dur < 0 {
			r.emitter.Losses.AddAt("span that ends before it starts, made to end at once", at)
			s.Dur = 0
		}
	}
	r.emit()
	return nil
}

func (r *Reader) emit() {
	s := &r.span
	if r.scope != (spans.Scope{}) {
		if r.lastScope == nil || *r.lastScope != r.scope {
			r.lastScope = new(r.scope)
		}
		s.Scope = r.lastScope
	}
	if r.process == 0 || !slices.Equal(r.attrs, r.last) {
		r.last = append(r.last[:0], r.attrs...)
		var resource spans.Resource
		for _, a := range r.attrs {
			resource.Add(a.Key, a.Value)
		}
		r.process = r.emitter.Process(&resource)
	}
	s.Process = r.process
	r.emitter.Span(s)
}

// parse parses the span at b[i].
func (r *Reader) parse(b []byte, i int) (end int, err error) {
	s := &r.span
	s.Reset()
	r.attrs, r.scope, r.isSpan = r.attrs[:0], spans.Scope{}, false
	r.start, r.end = time.Time{}, time.Time{}
	return jsontext.Members(b, i, func(key []byte, i int) (end int, err error) {
		switch string(key) {
		case "Name":
			s.Name, end, err = r.text.TextAt(b, i)
		case "SpanContext":
			r.isSpan = true
			var c spanContext
			c, end, err = r.spanContext(b, i)
			s.Trace, s.ID, s.State, s.Flags = c.trace, c.span, c.state, c.flags
		case "Parent":
			var c spanContext
			if c, end, err = r.spanContext(b, i); c.remote {
				s.Flags |= spans.FlagHasRemote | spans.FlagRemote
			}
			s.Parent = c.span
		case "SpanKind":
			var n uint32
			n, end, err = number(b, i)
			s.Kind = spans.Kind(min(n, 255))
		case "StartTime":
			r.start, end, err = jsontext.TimeAt(b, i)
		case "EndTime":
			r.end, end, err = jsontext.TimeAt(b, i)
		case "Attributes":
			s.Attrs, end, err = r.attributes(s.Attrs[:0], b, i)
		case "Events":
			end, err = jsontext.Elements(b, i, func(i int) (int, error) { return r.event(s.AddEvent(), b, i) })
		case "Links":
			end, err = jsontext.Elements(b, i, func(i int) (int, error) { return r.link(s.AddLink(), b, i) })
		case "Status":
			end, err = r.status(b, i)
		case "DroppedAttributes", "DroppedAttributeCount":
			s.DroppedAttrs, end, err = number(b, i)
		case "DroppedEvents", "DroppedMessageEventCount":
			s.DroppedEvents, end, err = number(b, i)
		case "DroppedLinks", "DroppedLinkCount":
			s.DroppedLinks, end, err = number(b, i)
		case "Resource":
			r.attrs, end, err = r.attributes(r.attrs[:0], b, i)
		case "InstrumentationScope", "InstrumentationLibrary":
			end, err = r.library(b, i)
		default:
			end, err = jsontext.ScanValue(b, i, 0)
		}
		return end, err
	})
}

type spanContext struct {
	trace  spans.TraceID
	span   spans.ID
	state  string
	flags  uint32
	remote bool
}

func (r *Reader) spanContext(b []byte, i int) (c spanContext, end int, err error) {
	end, err = jsontext.Members(b, i, func(key []byte, i int) (end int, err error) {
		var text []byte
		switch string(key) {
		case "TraceID":
			if text, end, err = jsontext.Raw(b, i); err == nil {
				c.trace, _ = spans.ParseTraceID(text)
			}
		case "SpanID":
			if text, end, err = jsontext.Raw(b, i); err == nil {
				c.span, _ = spans.ParseID(text)
			}
		case "TraceFlags":
			if text, end, err = jsontext.Raw(b, i); err == nil {
				if flags, err := hex.DecodeString(string(text)); err == nil && len(flags) == 1 {
					c.flags = uint32(flags[0])
				}
			}
		case "TraceState":
			c.state, end, err = r.text.TextAt(b, i)
		case "Remote":
			text, end, err = jsontext.Raw(b, i)
			c.remote = string(text) == "true"
		default:
			end, err = jsontext.ScanValue(b, i, 0)
		}
		return end, err
	})
	return c, end, err
}

func (r *Reader) event(e *spans.Event, b []byte, i int) (end int, err error) {
	return jsontext.Members(b, i, func(key []byte, i int) (end int, err error) {
		switch string(key) {
		case "Name":
			e.Name, end, err = r.text.TextAt(b, i)
		case "Time":
			var t time.Time
			if t, end, err = jsontext.TimeAt(b, i); spans.InRange(t) {
				e.Time = t.UnixNano()
			}
		case "Attributes":
			e.Attrs, end, err = r.attributes(e.Attrs[:0], b, i)
		case "DroppedAttributeCount":
			e.Dropped, end, err = number(b, i)
		default:
			end, err = jsontext.ScanValue(b, i, 0)
		}
		return end, err
	})
}

func (r *Reader) link(l *spans.Link, b []byte, i int) (end int, err error) {
	return jsontext.Members(b, i, func(key []byte, i int) (end int, err error) {
		switch string(key) {
		case "SpanContext":
			var c spanContext
			c, end, err = r.spanContext(b, i)
			l.Trace, l.ID, l.State, l.Flags = c.trace, c.span, c.state, c.flags
		case "Attributes":
			l.Attrs, end, err = r.attributes(l.Attrs[:0], b, i)
		case "DroppedAttributeCount":
			l.Dropped, end, err = number(b, i)
		default:
			end, err = jsontext.ScanValue(b, i, 0)
		}
		return end, err
	})
}

func (r *Reader) status(b []byte, i int) (end int, err error) {
	s := &r.span
	return jsontext.Members(b, i, func(key []byte, i int) (end int, err error) {
		switch string(key) {
		case "Code":
			var code []byte
			if code, end, err = jsontext.Raw(b, i); err == nil {
				switch string(code) { // numbers are those of package codes: an error comes before OK
				case "Error", "1":
					s.Status = spans.StatusError
				case "Ok", "2":
					s.Status = spans.StatusOK
				}
			}
		case "Description":
			s.Message, end, err = r.text.TextAt(b, i)
		default:
			end, err = jsontext.ScanValue(b, i, 0)
		}
		return end, err
	})
}

// library parses a scope. It is there twice, under its old name, too, which might be empty.
func (r *Reader) library(b []byte, i int) (end int, err error) {
	var s spans.Scope
	end, err = jsontext.Members(b, i, func(key []byte, i int) (end int, err error) {
		switch string(key) {
		case "Name":
			s.Name, end, err = r.text.TextAt(b, i)
		case "Version":
			s.Version, end, err = r.text.TextAt(b, i)
		case "SchemaURL":
			s.Schema, end, err = r.text.TextAt(b, i)
		case "Attributes":
			var json []byte
			json, end, err = r.appendMembers(r.value[:0], b, i, 0)
			if r.value = json; len(json) > len("{}") {
				s.Attrs = r.text.Strings.Intern(json)
			}
		default:
			end, err = jsontext.ScanValue(b, i, 0)
		}
		return end, err
	})
	if s != (spans.Scope{}) {
		r.scope = s
	}
	return end, err
}

// number returns a count; 0 for what is none.
func number(b []byte, i int) (n uint32, end int, err error) {
	text, end, err := jsontext.Raw(b, i)
	if err != nil {
		return 0, 0, err
	}
	v, _ := strconv.ParseUint(string(text), 10, 32)
	return uint32(v), end, nil
}

// attributes adds the attributes of the array at b[i].
func (r *Reader) attributes(attrs []tracefmt.Attr, b []byte, i int) (out []tracefmt.Attr, end int, err error) {
	end, err = jsontext.Elements(b, i, func(i int) (int, error) {
		a := tracefmt.Attr{Value: tracefmt.RawJSON("null")}
		end, err := jsontext.Members(b, i, func(key []byte, i int) (end int, err error) {
			switch string(key) {
			case "Key":
				a.Key, end, err = r.text.TextAt(b, i)
			case "Value":
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

// typed finds the type and the place of the value of the object at b[i]. The type stands first.
func typed(b []byte, i int, one func(typ string, i int) (end int, err error)) (end int, err error) {
	typ, value := "", -1
	end, err = jsontext.Members(b, i, func(key []byte, i int) (end int, err error) {
		switch string(key) {
		case "Type":
			var text []byte
			text, end, err = jsontext.Raw(b, i)
			typ = string(text)
			return end, err
		case "Value":
			value = i
		}
		return jsontext.ScanValue(b, i, 0)
	})
	if err != nil || value < 0 {
		return end, err
	}
	_, err = one(typ, value)
	return end, err
}

// any returns the attribute's value at b[i], an object of its type and its value.
func (r *Reader) any(b []byte, i int) (v tracefmt.Value, end int, err error) {
	if i < len(b) && b[i] != '{' {
		return r.text.Value(b, i)
	}
	v = tracefmt.RawJSON("null")
	end, err = typed(b, i, func(typ string, i int) (end int, err error) {
		switch typ {
		case "BOOL", "INT64", "STRING":
			v, end, err = r.text.Value(b, i)
		case "FLOAT64":
			v, end, err = r.text.Value(b, i)
			if f, ok := v.Float64(); ok {
				v = tracefmt.Float64(f)
			}
		default:
			r.value, end, err = r.append(r.value[:0], typ, b, i, 0)
			v = tracefmt.RawJSON(r.text.Strings.Intern(r.value))
		}
		return end, err
	})
	return v, end, err
}

// append appends the value at b[i], which has the given type, as JSON in which numbers with a point are floats.
func (r *Reader) append(to []byte, typ string, b []byte, i, depth int) (out []byte, end int, err error) {
	if depth > maxDepth {
		return to, 0, jsontext.Badf(i, "value nested deeper than %d", maxDepth)
	}
	element, isList := strings.CutSuffix(typ, "SLICE")
	switch {
	case typ == "BYTESLICE":
		text, end, err := jsontext.Raw(b, i)
		to = append(to, `{"`+bytesJSON+`":`...)
		return append(jsontext.AppendString(to, string(text)), '}'), end, err
	case typ == "MAP":
		return r.appendMembers(to, b, i, depth)
	case typ == "SLICE":
		return r.appendList(to, b, i, func(to []byte, i int) (out []byte, end int, err error) {
			out = to
			end, err = typed(b, i, func(typ string, i int) (end int, err error) {
				out, end, err = r.append(out, typ, b, i, depth+1)
				return end, err
			})
			if len(out) == len(to) {
				out = append(out, "null"...)
			}
			return out, end, err
		})
	case isList:
		return r.appendList(to, b, i, func(to []byte, i int) (out []byte, end int, err error) {
			return r.append(to, element, b, i, depth+1)
		})
	}
	v, end, err := r.text.Value(b, i)
	if f, ok := v.Float64(); ok && typ == "FLOAT64" {
		v = tracefmt.Float64(f)
	}
	to, _ = jsontext.AppendValue(to, v)
	return to, end, err
}

// appendOne appends the element that begins at an index.
type appendOne func(to []byte, i int) (out []byte, end int, err error)

func (r *Reader) appendList(to, b []byte, i int, one appendOne) (out []byte, end int, err error) {
	to = append(to, '[')
	start := len(to)
	end, err = jsontext.Elements(b, i, func(i int) (end int, err error) {
		if len(to) > start {
			to = append(to, ',')
		}
		to, end, err = one(to, i)
		return end, err
	})
	return append(to, ']'), end, err
}

// appendMembers appends the attributes of the array at b[i] as a JSON object.
func (r *Reader) appendMembers(to, b []byte, i, depth int) (out []byte, end int, err error) {
	to = append(to, '{')
	start := len(to)
	end, err = jsontext.Elements(b, i, func(i int) (int, error) {
		key, value := "", -1
		end, err := jsontext.Members(b, i, func(k []byte, i int) (end int, err error) {
			switch string(k) {
			case "Key":
				key, end, err = r.text.TextAt(b, i)
				return end, err
			case "Value":
				value = i
			}
			return jsontext.ScanValue(b, i, 0)
		})
		if err != nil {
			return 0, err
		}
		if len(to) > start {
			to = append(to, ',')
		}
		to = append(jsontext.AppendString(to, key), ':')
		before := len(to)
		if value >= 0 {
			_, err = typed(b, value, func(typ string, i int) (end int, err error) {
				to, end, err = r.append(to, typ, b, i, depth+1)
				return end, err
			})
		}
		if len(to) == before {
			to = append(to, "null"...)
		}
		return end, err
	})
	return append(to, '}'), end, err
}
