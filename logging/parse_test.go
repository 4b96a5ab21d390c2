package logging_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A pair is an attribute as parsed from a line.
type pair struct{ key, value string }

// parseLogfmt is a strict parser of one line without its line feed: pairs separated by one space, keys and bare values
// of printable characters but space, " and =, and quoted values as in Go.
func parseLogfmt(line string) ([]pair, error) {
	var pairs []pair
	for rest := line; ; {
		key, after, ok := strings.Cut(rest, "=")
		if !ok {
			return nil, fmt.Errorf("no = at %q", rest)
		}
		if err := checkBare(key); err != nil || key == "" {
			return nil, fmt.Errorf("key %q: %v", key, err)
		}
		key, err := strconv.Unquote(`"` + key + `"`)
		if err != nil {
			return nil, fmt.Errorf("key %q: %v", key, err)
		}
		p := pair{key: key}
		if strings.HasPrefix(after, `"`) {
			text, err := strconv.QuotedPrefix(after)
			if err != nil {
				return nil, fmt.Errorf("value at %q: %v", after, err)
			}
			if err := checkPrintable(text); err != nil {
				return nil, err
			}
			p.value, err = strconv.Unquote(text)
			if err != nil {
				return nil, err
			}
			after = after[len(text):]
		} else {
			end := strings.IndexByte(after, ' ')
			if end < 0 {
				end = len(after)
			}
			p.value, after = after[:end], after[end:]
			if err := checkBare(p.value); err != nil || p.value == "" {
				return nil, fmt.Errorf("bare value %q: %v", p.value, err)
			}
		}
		pairs = append(pairs, p)
		if after == "" {
			return pairs, nil
		}
		if rest, ok = strings.CutPrefix(after, " "); !ok {
			return nil, fmt.Errorf("no space at %q", after)
		}
	}
}

func checkBare(s string) error {
	if strings.ContainsAny(s, " =\"") {
		return fmt.Errorf("%q has a space, = or quote", s)
	}
	return checkPrintable(s)
}

func checkPrintable(s string) error {
	for i, r := range s {
		if _, size := utf8.DecodeRuneInString(s[i:]); !unicode.IsPrint(r) || r == utf8.RuneError && size == 1 {
			return fmt.Errorf("%q has %q, which is not printable", s, s[i:i+size])
		}
	}
	return nil
}

// parseJSON parses one line strictly: valid UTF-8, one object, no name twice in an object, nothing behind it.
func parseJSON(line []byte) (map[string]any, error) {
	if !utf8.Valid(line) {
		return nil, fmt.Errorf("invalid UTF-8 in %q", line)
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	v, err := parseJSONValue(d)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("text behind the object in %q", line)
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%q is not an object", line)
	}
	return m, nil
}

func parseJSONValue(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		m := map[string]any{}
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return nil, err
			}
			if _, ok := m[key.(string)]; ok {
				return nil, fmt.Errorf("name %q occurs twice", key)
			}
			if m[key.(string)], err = parseJSONValue(d); err != nil {
				return nil, err
			}
		}
		_, err = d.Token()
		return m, err
	case json.Delim('['):
		list := []any{}
		for d.More() {
			v, err := parseJSONValue(d)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err = d.Token()
		return list, err
	}
	return token, nil
}

// nest turns dotted keys into nested maps.
func nest(pairs []pair) map[string]any {
	out := map[string]any{}
	for _, p := range pairs {
		m, parts := out, strings.Split(p.key, ".")
		for _, group := range parts[:len(parts)-1] {
			inner, ok := m[group].(map[string]any)
			if !ok {
				inner = map[string]any{}
				m[group] = inner
			}
			m = inner
		}
		m[parts[len(parts)-1]] = p.value
	}
	return out
}
