package chrome

import (
	"strconv"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
)

// rawEvent is an event as it stands in the text. Its byte slices point into the Reader's buffer.
type rawEvent struct {
	members   int // how many the object has
	phase     byte
	name, cat string
	ts, dur   []byte // without quotes; nil if absent
	pid, tid  tracefmt.Value
	id        string
	hasID     bool
	scope     byte
	bindNext  bool // there is no "bp":"e"
	bind      string
	flowIn    bool
	flowOut   bool
	args      []byte // the whole object; nil if absent or not an object
	attrs     []tracefmt.Attr
	beside    []tracefmt.Attr // from members that we don't know
}

// parse scans the object at the start of b and returns its length.
func (e *rawEvent) parse(b []byte, d *jsontext.Decoder) (n int, err error) {
	clear(e.attrs)
	clear(e.beside)
	*e = rawEvent{attrs: e.attrs[:0], beside: e.beside[:0], bindNext: true}
	p := parser{d, b}
	i := jsontext.SkipSpace(b, 1)
	if i < len(b) && b[i] == '}' {
		return i + 1, nil
	}
	for {
		from, to, value, err := jsontext.ScanKey(b, i)
		if err != nil {
			return 0, err
		}
		e.members++
		if i, err = e.member(&p, b[from:to], value); err != nil {
			return 0, err
		}
		i = jsontext.SkipSpace(b, i)
		if i >= len(b) {
			return 0, jsontext.ErrShort
		}
		switch b[i] {
		case '}':
			return i + 1, nil
		case ',':
			i = jsontext.SkipSpace(b, i+1)
		default:
			return 0, jsontext.Badf(i, "unexpected %q", b[i])
		}
	}
}

// member takes in the value at index i and returns the index after it.
func (e *rawEvent) member(p *parser, key []byte, i int) (end int, err error) {
	switch string(key) {
	case "name":
		e.name, end, err = p.text(i)
	case "cat":
		e.cat, end, err = p.text(i)
	case "ph":
		var s string
		if s, end, err = p.text(i); len(s) == 1 {
			e.phase = s[0]
		} else if s != "" {
			e.phase = '?'
		}
	case "ts":
		e.ts, end, err = p.number(i)
	case "dur":
		e.dur, end, err = p.number(i)
	case "pid":
		e.pid, end, err = p.ident(i)
	case "tid":
		e.tid, end, err = p.ident(i)
	case "id":
		e.id, end, err = p.text(i)
		e.hasID = true
	case "id2":
		e.id, end, err = p.id2(i)
		e.hasID = true
	case "s":
		var s string
		if s, end, err = p.text(i); s != "" {
			e.scope = s[0]
		}
	case "bp":
		var s string
		s, end, err = p.text(i)
		e.bindNext = s != "e"
	case "bind_id":
		e.bind, end, err = p.text(i)
	case "flow_in":
		e.flowIn, end, err = p.truth(i)
	case "flow_out":
		e.flowOut, end, err = p.truth(i)
	case "args":
		end, err = e.parseArgs(p, i)
	default:
		var v tracefmt.Value
		if v, end, err = p.Value(p.b, i); err == nil {
			e.beside = append(e.beside, tracefmt.Attr{Key: attrPrefix + p.Text(key), Value: v})
		}
	}
	return end, err
}

// parseArgs takes in the args at index i. Those that are no object become one attribute.
func (e *rawEvent) parseArgs(p *parser, i int) (end int, err error) {
	b := p.b
	if b[i] != '{' {
		v, end, err := p.Value(p.b, i)
		if err == nil && v.String() != "null" {
			e.attrs = append(e.attrs, tracefmt.Attr{Key: "args", Value: v})
		}
		return end, err
	}
	start := i
	if i = jsontext.SkipSpace(b, i+1); i < len(b) && b[i] == '}' {
		e.args = b[start : i+1]
		return i + 1, nil
	}
	for {
		from, to, value, err := jsontext.ScanKey(b, i)
		if err != nil {
			return 0, err
		}
		v, next, err := p.Value(b, value)
		if err != nil {
			return 0, err
		}
		e.attrs = append(e.attrs, tracefmt.Attr{Key: p.Text(b[from:to]), Value: v})
		if i = jsontext.SkipSpace(b, next); i >= len(b) {
			return 0, jsontext.ErrShort
		}
		switch b[i] {
		case '}':
			e.args = b[start : i+1]
			return i + 1, nil
		case ',':
			i = jsontext.SkipSpace(b, i+1)
		default:
			return 0, jsontext.Badf(i, "unexpected %q", b[i])
		}
	}
}

// parser turns JSON values into Go ones.
type parser struct {
	*jsontext.Decoder
	b []byte
}

// text returns a string, or another value's text: a number as an id is common. Objects and null have none.
func (p *parser) text(i int) (s string, end int, err error) {
	if p.b[i] == '"' {
		end, isPlain, err := jsontext.ScanString(p.b, i)
		if err != nil {
			return "", 0, err
		}
		if text := p.b[i+1 : end-1]; isPlain {
			s = p.Strings.Intern(text)
		} else {
			s = p.Decode(text)
		}
		return s, end, nil
	}
	v, end, err := p.Value(p.b, i)
	if v.Kind() == tracefmt.RawValue {
		if c := p.b[i]; c == '-' || jsontext.IsDigit(c) {
			return v.String(), end, err
		}
		return "", end, err
	}
	if v.Kind() == tracefmt.Float64Value {
		return string(p.b[i:end]), end, err
	}
	return v.String(), end, err
}

// number returns the text of a number, which may stand in quotes; an empty one for anything else.
func (p *parser) number(i int) (text []byte, end int, err error) {
	end, err = jsontext.ScanValue(p.b, i, 0)
	if err != nil {
		return nil, 0, err
	}
	switch c := p.b[i]; {
	case c == '"':
		return p.b[i+1 : end-1], end, nil
	case c == '-' || jsontext.IsDigit(c):
		return p.b[i:end], end, nil
	case c == 'n':
		return nil, end, nil
	}
	return []byte{}, end, nil
}

// ident returns a pid or tid. One in quotes is the same as one without, as it is in JavaScript.
func (p *parser) ident(i int) (v tracefmt.Value, end int, err error) {
	if c := p.b[i]; jsontext.IsDigit(c) {
		n := int64(0)
		for end = i; end < len(p.b) && jsontext.IsDigit(p.b[end]) && end < i+18; end++ {
			n = n*10 + int64(p.b[end]-'0')
		}
		if end < len(p.b) && (p.b[end] == ',' || p.b[end] == '}') {
			return tracefmt.Int64(n), end, nil
		}
	}
	s, end, err := p.text(i)
	if err != nil || s == "" {
		return tracefmt.Value{}, end, err
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && strconv.FormatInt(n, 10) == s {
		return tracefmt.Int64(n), end, nil
	}
	return tracefmt.String(s), end, nil
}

// truth returns what JavaScript takes a value for.
func (p *parser) truth(i int) (is bool, end int, err error) {
	v, end, err := p.Value(p.b, i)
	switch v.Kind() {
	case tracefmt.BoolValue:
		is, _ = v.Bool()
	case tracefmt.StringValue:
		is = v.String() != ""
	case tracefmt.RawValue:
		is = v.String() != "null"
	default:
		f, _ := v.Float64()
		is = f != 0
	}
	return is, end, err
}

// id2 returns the id in an object such as {"local":"0x1"}, in the form "local:0x1".
func (p *parser) id2(i int) (id string, end int, err error) {
	end, err = jsontext.ScanValue(p.b, i, 0)
	if err != nil || p.b[i] != '{' {
		return "", end, err
	}
	for i = jsontext.SkipSpace(p.b, i+1); p.b[i] == '"'; i = jsontext.SkipSpace(p.b, i) {
		from, to, value, err := jsontext.ScanKey(p.b, i)
		if err != nil {
			return "", 0, err
		}
		text, next, err := p.text(value)
		if err != nil {
			return "", 0, err
		}
		if key := string(p.b[from:to]); key == "local" || key == "global" {
			id = key + ":" + text
		}
		if i = jsontext.SkipSpace(p.b, next); p.b[i] == ',' {
			i = jsontext.SkipSpace(p.b, i+1)
		}
	}
	return id, end, nil
}
