package syslog_test

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A message is what a daemon finds in one of RFC 5424.
type message struct {
	facility, severity       int
	time                     time.Time
	host, app, procID, msgID string
	id                       string // of the structured data
	params                   []param
	text                     string
}

type param struct{ name, value string }

func (m *message) param(name string) (value string) {
	for _, p := range m.params {
		if p.name == name {
			value = p.value
		}
	}
	return value
}

// header is the grammar of RFC 5424, section 6, up to the structured data.
var header = regexp.MustCompile(`^<(0|[1-9][0-9]{0,2})>1 (-|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)) ([!-~]{1,255}) ([!-~]{1,48}) ([!-~]{1,128}) ([!-~]{1,32}) `)

// parse parses a message strictly, with one element of structured data, and undoes the escapes that package syslog
// adds.
func parse(s string) (m message, err error) {
	for _, c := range s {
		if c < ' ' || c == 0x7f || c == '\uFFFD' {
			return m, fmt.Errorf("%q is in it", c)
		}
	}
	h := header.FindStringSubmatch(s)
	if h == nil {
		return m, fmt.Errorf("no header: %q", s)
	}
	s = s[len(h[0]):]
	priority, _ := strconv.Atoi(h[1])
	m = message{facility: priority / 8, severity: priority % 8, host: h[3], app: h[4], procID: h[5], msgID: h[6]}
	if priority > 191 {
		return m, fmt.Errorf("priority %d", priority)
	}
	if h[2] != "-" {
		if m.time, err = time.Parse(time.RFC3339, h[2]); err != nil {
			return m, err
		}
	}
	s, ok := strings.CutPrefix(s, "[")
	if !ok {
		return m, fmt.Errorf("no structured data: %q", s)
	}
	if m.id, s, err = name(s, " ]"); err != nil {
		return m, err
	}
	for strings.HasPrefix(s, " ") {
		var p param
		if p, s, err = parseParam(s[1:]); err != nil {
			return m, err
		}
		m.params = append(m.params, p)
	}
	if s, ok = strings.CutPrefix(s, "] "); !ok {
		return m, fmt.Errorf("the structured data don't end: %q", s)
	}
	m.text, err = visible(s)
	return m, err
}

// name parses an SD-NAME, which one of the characters of end ends.
func name(s, end string) (n, rest string, err error) {
	i := strings.IndexAny(s, end)
	if i < 1 || i > 32 {
		return "", "", fmt.Errorf("no name: %q", s)
	}
	for _, c := range s[:i] {
		if c <= ' ' || c > '~' || strings.ContainsRune(`=]"`, c) {
			return "", "", fmt.Errorf("%q is in the name %q", c, s[:i])
		}
	}
	return s[:i], s[i:], nil
}

func parseParam(s string) (p param, rest string, err error) {
	if p.name, s, err = name(s, "="); err != nil {
		return p, "", err
	}
	s, ok := strings.CutPrefix(s, `="`)
	if !ok {
		return p, "", fmt.Errorf("no value: %q", s)
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			if p.value, err = visible(b.String()); err != nil || p.name != "attr" {
				return p, s[i+1:], err
			}
			p, err = keyed(b.String())
			return p, s[i+1:], err
		case c == ']':
			return p, "", fmt.Errorf("an unescaped ] in the value %q", s)
		case c == '\\' && i+1 < len(s) && strings.IndexByte(`"\]`, s[i+1]) >= 0:
			i++
			b.WriteByte(s[i])
		default:
			b.WriteByte(c)
		}
	}
	return p, "", fmt.Errorf("the value doesn't end: %q", s)
}

// keyed parses the value of a parameter "attr".
func keyed(s string) (p param, err error) {
	key, value, ok := strings.Cut(s, "=")
	if !ok {
		return p, fmt.Errorf("no key in attr: %q", s)
	}
	if p.name, err = visible(key); err == nil {
		p.value, err = visible(value)
	}
	return p, err
}

// visible undoes Go's escapes.
func visible(s string) (string, error) {
	return strconv.Unquote(`"` + strings.ReplaceAll(s, `"`, `\"`) + `"`)
}
