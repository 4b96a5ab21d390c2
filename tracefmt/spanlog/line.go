package spanlog

import (
	"bytes"
	"strconv"
	"unicode/utf8"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
)

// line is a log line, as parsed.
type line struct {
	timed     bool
	unix      int64 // ns since 1970, if timed
	levelled  bool
	severity  tracefmt.Severity
	told      bool // there is a message
	message   string
	subsystem string // the text of its attribute, for the track's name
	stack     string // of its attribute; "" if that isn't an ID stack
	attrs     []tracefmt.Attr

	decoder jsontext.Decoder
	index   map[string]int // of attrs, once there are many
	text    []byte         // room for a number
}

// manyAttrs is the number of attributes above which equal names aren't looked for one by one.
const manyAttrs = 32

// parse takes in a line, and reports whether it is a log line. What it can't be without is a level, or a time, beside a
// message; logs without times exist.
func (l *line) parse(text []byte) bool {
	clear(l.attrs)
	l.timed, l.levelled, l.told, l.severity = false, false, false, 0
	l.message, l.subsystem, l.stack = "", "", ""
	l.attrs = l.attrs[:0]
	if l.index != nil {
		clear(l.index)
	}
	if text[0] == '{' {
		return l.parseJSON(text) && l.isLog()
	}
	return l.parseLogfmt(text) && l.isLog()
}

func (l *line) isLog() bool {
	return l.timed && (l.levelled || l.told) || l.levelled && l.told
}

func (l *line) parseJSON(b []byte) bool {
	i := jsontext.SkipSpace(b, 1)
	for {
		from, to, at, err := jsontext.ScanKey(b, i)
		if err != nil {
			return false
		}
		key := b[from:to]
		if string(key) == keyTime && b[at] == '"' && !l.timed {
			end, _, err := jsontext.ScanString(b, at)
			if err != nil {
				return false
			}
			if l.unix, l.timed = parseTime(b[at+1 : end-1]); !l.timed {
				return false
			}
			i = end
		} else {
			v, end, err := l.decoder.Value(b, at)
			if err != nil {
				return false
			}
			l.field(key, jsonKey, v)
			i = end
		}
		if i = jsontext.SkipSpace(b, i); i >= len(b) {
			return false
		}
		switch b[i] {
		case '}':
			return jsontext.SkipSpace(b, i+1) == len(b)
		case ',':
			i = jsontext.SkipSpace(b, i+1)
		default:
			return false
		}
	}
}

// parseLogfmt takes in pairs of a key and a value with "=" between them, separated by spaces. A value in quotes is as in
// Go; keys have the same escapes, without quotes.
func (l *line) parseLogfmt(b []byte) bool {
	for i := 0; ; {
		for i < len(b) && b[i] == ' ' {
			i++
		}
		if i == len(b) {
			return i > 0
		}
		start := i
		for i < len(b) && b[i] > ' ' && b[i] != '=' && b[i] != '"' {
			i++
		}
		if i == start || i == len(b) || b[i] != '=' {
			return false
		}
		key := b[start:i]
		i++
		start = i
		if i < len(b) && b[i] == '"' {
			end, isPlain, err := jsontext.ScanString(b, i) // the same bytes end both sorts of strings
			if err != nil || end < len(b) && b[end] != ' ' {
				return false
			}
			text := b[start+1 : end-1]
			i = end
			if string(key) == keyTime && !l.timed {
				if l.unix, l.timed = parseTime(text); !l.timed {
					return false
				}
				continue
			}
			if isPlain || bytes.IndexByte(text, '\\') < 0 {
				l.field(key, logfmtKey, tracefmt.String(l.decoder.Strings.Intern(text)))
				continue
			}
			s, err := strconv.Unquote(string(b[start:end]))
			if err != nil {
				return false
			}
			l.field(key, logfmtKey, tracefmt.String(s))
			continue
		}
		for i < len(b) && b[i] > ' ' && b[i] != '"' {
			i++
		}
		if i < len(b) && b[i] != ' ' {
			return false
		}
		text := b[start:i]
		if string(key) == keyTime && !l.timed {
			if l.unix, l.timed = parseTime(text); !l.timed {
				return false
			}
			continue
		}
		if isText(key) {
			l.field(key, logfmtKey, tracefmt.String(l.decoder.Strings.Intern(text)))
			continue
		}
		l.field(key, logfmtKey, l.bare(text))
	}
}

// isText reports whether a field is text, whatever it looks like.
func isText(key []byte) bool {
	switch string(key) {
	case keyLevel, keyMessage, keySubsystem, keyStack:
		return true
	}
	return false
}

// bare returns the value of a bare word: what it says, if that is written in no other way.
func (l *line) bare(text []byte) tracefmt.Value {
	if len(text) == 0 {
		return tracefmt.String("")
	}
	switch c := text[0]; {
	case c == 't' && string(text) == "true":
		return tracefmt.Bool(true)
	case c == 'f' && string(text) == "false":
		return tracefmt.Bool(false)
	case c == '-' || jsontext.IsDigit(c):
		if v := l.number(text); !v.IsZero() {
			return v
		}
	}
	return tracefmt.String(l.decoder.Strings.Intern(text))
}

// number returns the number in text, or no value if that is no number or not how Go writes it.
func (l *line) number(text []byte) tracefmt.Value {
	const longest = 32 // no number that Go writes is as long
	if len(text) > longest {
		return tracefmt.Value{}
	}
	l.text = append(append(l.text[:0], text...), ' ') // so that the number has an end
	if end, err := jsontext.ScanNumber(l.text, 0); err != nil || end != len(text) {
		return tracefmt.Value{}
	}
	v := jsontext.NumberValue(text)
	switch v.Kind() {
	case tracefmt.Int64Value, tracefmt.Uint64Value:
		return v // leading zeros are no number, and "-0" no integer
	case tracefmt.Float64Value:
		f, _ := v.Float64()
		if l.text = strconv.AppendFloat(l.text[:0], f, 'g', -1, 64); string(l.text) == string(text) {
			return v
		}
	}
	return tracefmt.Value{}
}

// keyText returns the text of a key as it stands in the line.
type keyText func(l *line, key []byte) string

func jsonKey(l *line, key []byte) string { return l.decoder.Text(key) }

func logfmtKey(l *line, key []byte) string {
	if bytes.IndexByte(key, '\\') >= 0 {
		if s, err := strconv.Unquote(`"` + string(key) + `"`); err == nil {
			return s
		}
	}
	return l.decoder.Strings.Intern(key)
}

// field takes in a field of the line other than the first time.
func (l *line) field(key []byte, text keyText, v tracefmt.Value) {
	switch string(key) {
	case keyTime:
		l.attr(secondary+keyTime, v)
		return
	case keyLevel:
		if l.levelled {
			l.attr(secondary+keyLevel, v)
			return
		}
		l.levelled = true
		if s, ok := parseLevel([]byte(v.String())); ok {
			l.severity = s
		} else {
			l.attr(keyLevel, v)
		}
		return
	case keyMessage:
		if l.told {
			l.attr(secondary+keyMessage, v)
			return
		}
		l.told, l.message = true, v.String()
		return
	case keySubsystem:
		if l.find(keySubsystem) >= 0 {
			l.attr(secondary+keySubsystem, v)
			return
		}
		l.subsystem = v.String()
	case keyStack:
		if l.find(keyStack) >= 0 {
			l.attr(secondary+keyStack, v)
			return
		}
		s := v.String()
		if s == noStack {
			return
		}
		if v.Kind() == tracefmt.StringValue && tracefmt.Stack(s).Valid() {
			l.stack = s
		}
	case keyEnded:
		if l.find(keyEnded) >= 0 {
			l.attr(secondary+keyEnded, v)
			return
		}
	}
	l.attr(text(l, key), v)
}

// attr adds an attribute, in the place of one of that name if there is one.
func (l *line) attr(key string, v tracefmt.Value) {
	if i := l.find(key); i >= 0 {
		l.attrs[i].Value = v
		return
	}
	l.attrs = append(l.attrs, tracefmt.Attr{Key: key, Value: v})
	if len(l.attrs) > manyAttrs {
		l.index[key] = len(l.attrs) - 1
	}
}

// find returns the index of the attribute with a name, or -1.
func (l *line) find(key string) int {
	if len(l.attrs) < manyAttrs {
		for i := range l.attrs {
			if l.attrs[i].Key == key {
				return i
			}
		}
		return -1
	}
	if len(l.index) == 0 {
		if l.index == nil {
			l.index = make(map[string]int)
		}
		for i := range l.attrs {
			l.index[l.attrs[i].Key] = i
		}
	}
	if i, ok := l.index[key]; ok {
		return i
	}
	return -1
}

// trim takes off a line what is none of it: white space at its ends, a byte order mark, and the zeros that a file system
// leaves in front of the first line after a loss of power.
func trim(b []byte) []byte {
	if len(b) > 0 && b[0] == 0 {
		b = bytes.TrimLeft(b, "\x00")
	}
	b = bytes.TrimPrefix(b, []byte("\ufeff"))
	if n := len(b); n > 0 && (b[0] <= ' ' || b[n-1] <= ' ') {
		b = bytes.Trim(b, " \t\r")
	}
	return b
}

// short cuts a text to n bytes, on a rune's boundary, and marks that.
func short(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
