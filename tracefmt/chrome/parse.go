package chrome

import (
	"strconv"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/decimal"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
)

// rawEvent is an event as it stands in the text. Its byte slices point into the Reader's buffer.
type rawEvent struct {
	members   int // how many the object has
	phase     byte
	scope     byte
	bindNext  bool // there is no "bp":"e"
	flowIn    bool
	flowOut   bool
	hasOwn    bool // one of attrs has a key of ours
	name, cat string
	ts, dur   micros
	pid, tid  tracefmt.Value
	id        string
	bind      string
	args      []byte // the whole object; nil if absent or not an object
	attrs     []tracefmt.Attr
	beside    []tracefmt.Attr // from members that we don't know
}

// micros is a time or duration that stands in microseconds.
type micros struct {
	ns    int64
	given bool
	ok    bool // it is a number, and fits
}

// parse scans the object at the start of b and returns its length.
func (e *rawEvent) parse(b []byte, p *parser) (n int, err error) {
	clear(e.attrs)
	clear(e.beside)
	*e = rawEvent{attrs: e.attrs[:0], beside: e.beside[:0], bindNext: true}
	p.b = b
	i, args := 1, 0
	for at := p.shape.begin(); ; {
		if at, err = p.shape.follow(at, b, i); err != nil {
			return 0, err
		}
		i += len(at.text)
		switch at.what {
		case endOfEvent:
			return i, nil
		case openArgs:
			args = i - 1
			e.members++
			continue
		case closeArgs:
			e.args = b[args:i]
			continue
		}
		if i < len(b) && jsontext.IsSpace(b[i]) {
			i = jsontext.SkipSpace(b, i)
		}
		if i >= len(b) {
			return 0, jsontext.ErrShort
		}
		if at.what == arg {
			var v tracefmt.Value
			if v, i, err = p.value(at, i); err != nil {
				return 0, err
			}
			e.attrs = append(e.attrs, tracefmt.Attr{Key: at.key, Value: v})
			e.hasOwn = e.hasOwn || at.isOwn
			continue
		}
		e.members++
		if i, err = e.member(p, at, i); err != nil {
			return 0, err
		}
	}
}

// member takes in the value at index i and returns the index after it.
func (e *rawEvent) member(p *parser, at *node, i int) (end int, err error) {
	switch at.what {
	case memberName:
		e.name, end, err = p.text(at, i)
	case memberCategory:
		e.cat, end, err = p.text(at, i)
	case memberPhase:
		var s string
		if s, end, err = p.text(at, i); len(s) == 1 {
			e.phase = s[0]
		} else if s != "" {
			e.phase = '?'
		}
	case memberTime:
		e.ts, end, err = p.micros(i)
	case memberDuration:
		e.dur, end, err = p.micros(i)
	case memberPID:
		e.pid, end, err = p.ident(at, i)
	case memberTID:
		e.tid, end, err = p.ident(at, i)
	case memberID:
		e.id, end, err = p.text(at, i)
	case memberID2:
		e.id, end, err = p.id2(at, i)
	case memberScope:
		var s string
		if s, end, err = p.text(at, i); s != "" {
			e.scope = s[0]
		}
	case memberBindingPoint:
		var s string
		s, end, err = p.text(at, i)
		e.bindNext = s != "e"
	case memberBindID:
		e.bind, end, err = p.text(at, i)
	case memberFlowIn:
		e.flowIn, end, err = p.truth(i)
	case memberFlowOut:
		e.flowOut, end, err = p.truth(i)
	case memberArgs: // they are no object
		var v tracefmt.Value
		if v, end, err = p.Value(p.b, i); err == nil && v.String() != "null" {
			e.attrs = append(e.attrs, tracefmt.Attr{Key: "args", Value: v})
		}
	default:
		var v tracefmt.Value
		if v, end, err = p.value(at, i); err == nil {
			e.beside = append(e.beside, tracefmt.Attr{Key: at.key, Value: v})
		}
	}
	return end, err
}

// parser turns JSON values into Go ones.
type parser struct {
	jsontext.Decoder
	shape shape
	b     []byte
}

// text returns a string, or another value's text: a number as an id is common. Objects and null have none.
func (p *parser) text(at *node, i int) (s string, end int, err error) {
	if p.b[i] == '"' {
		return p.str(at, i)
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

// str returns the string at index i. It is often the one that was there before.
func (p *parser) str(at *node, i int) (s string, end int, err error) {
	rest := p.b[i+1:]
	if n := len(at.last); n > 0 && n < len(rest) && rest[n] == '"' && string(rest[:n]) == at.last {
		return at.last, i + n + 2, nil
	}
	end, isPlain, err := jsontext.ScanString(p.b, i)
	if err != nil {
		return "", 0, err
	}
	text := p.b[i+1 : end-1]
	if !isPlain {
		return p.Decode(text), end, nil
	}
	s = p.Strings.Intern(text)
	if len(s) <= maxText {
		at.last = s
	}
	return s, end, nil
}

// value returns the value at index i.
func (p *parser) value(at *node, i int) (v tracefmt.Value, end int, err error) {
	if p.b[i] != '"' {
		return p.Value(p.b, i)
	}
	s, end, err := p.str(at, i)
	return tracefmt.String(s), end, err
}

// micros returns a number of microseconds, which may stand in quotes.
func (p *parser) micros(i int) (m micros, end int, err error) {
	if ns, n, ok := decimal.Prefix(p.b[i:], 3); ok {
		return micros{ns, true, true}, i + n, nil
	}
	if end, err = jsontext.ScanValue(p.b, i, 0); err != nil {
		return m, 0, err
	}
	text := p.b[i:end]
	switch c := text[0]; {
	case c == '"':
		text = text[1 : len(text)-1]
	case c == 'n':
		return m, end, nil
	}
	ns, ok := decimal.Scale(text, 3)
	return micros{ns, true, ok}, end, nil
}

// ident returns a pid or tid. One in quotes is the same as one without, as it is in JavaScript.
func (p *parser) ident(at *node, i int) (v tracefmt.Value, end int, err error) {
	if c := p.b[i]; jsontext.IsDigit(c) {
		n := int64(0)
		for end = i; end < len(p.b) && jsontext.IsDigit(p.b[end]) && end < i+18; end++ {
			n = n*10 + int64(p.b[end]-'0')
		}
		if end < len(p.b) && (p.b[end] == ',' || p.b[end] == '}') { // else it may be another kind of number
			return tracefmt.Int64(n), end, nil
		}
	}
	s, end, err := p.text(at, i)
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
func (p *parser) id2(at *node, i int) (id string, end int, err error) {
	end, err = jsontext.ScanValue(p.b, i, 0)
	if err != nil || p.b[i] != '{' {
		return "", end, err
	}
	for i = jsontext.SkipSpace(p.b, i+1); p.b[i] == '"'; i = jsontext.SkipSpace(p.b, i) {
		from, to, value, err := jsontext.ScanKey(p.b, i)
		if err != nil {
			return "", 0, err
		}
		text, next, err := p.text(at, value)
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
