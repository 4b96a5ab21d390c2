package config

import (
	"encoding"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
)

// Marshal returns a configuration as YAML, without fields that have their zero value.
func Marshal(c *Config) ([]byte, error) {
	var b strings.Builder
	if err := write(&b, reflect.ValueOf(c).Elem(), "", ""); err != nil {
		return nil, err
	}
	return []byte(b.String()), nil
}

// Revision returns a text that is the same for jobs that are the same.
func (j *Job) Revision() string {
	var b strings.Builder
	if err := write(&b, reflect.ValueOf(j).Elem(), "", ""); err != nil {
		panic(err) // a job has no log
	}
	return b.String()
}

// write writes a struct's fields, of which the first is indented otherwise, as behind a dash.
func write(b *strings.Builder, v reflect.Value, first, indent string) error {
	begin := first
	for _, f := range fields(v) {
		if f.value.IsZero() || f.value.Kind() == reflect.Slice && f.value.Len() == 0 {
			continue
		}
		if err := writeField(b, f, begin, indent); err != nil {
			return err
		}
		begin = indent
	}
	if begin == first && first != indent {
		b.WriteString(first + "{}\n")
	}
	return nil
}

func writeField(b *strings.Builder, f field, begin, indent string) error {
	v := f.value
	if log, ok := v.Interface().(*Log); ok {
		text, err := yaml.Marshal(log.Config)
		b.WriteString(begin + f.name + ":\n")
		for line := range strings.Lines(string(text)) {
			b.WriteString(indent + "  " + line)
		}
		return err
	}
	if t, ok := v.Interface().(*Trace); ok {
		fmt.Fprintf(b, "%s%s: %s\n", begin, f.name, quoted(t.text))
		return nil
	}
	if text, ok := textOf(v); ok {
		fmt.Fprintf(b, "%s%s: %s\n", begin, f.name, text)
		return nil
	}
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	b.WriteString(begin + f.name + ":\n")
	if v.Kind() == reflect.Struct {
		return write(b, v, indent+"  ", indent+"  ")
	}
	for i := range v.Len() {
		if text, ok := textOf(v.Index(i)); ok {
			b.WriteString(indent + "  - " + text + "\n")
			continue
		}
		if err := write(b, v.Index(i), indent+"  - ", indent+"    "); err != nil {
			return err
		}
	}
	return nil
}

// textOf returns the text of a value that is neither a struct nor a list.
func textOf(v reflect.Value) (string, bool) {
	if m, ok := v.Interface().(encoding.TextMarshaler); ok {
		text, err := m.MarshalText()
		if err != nil {
			panic(err) // none of ours fails
		}
		return quoted(string(text)), true
	}
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.String:
		return quoted(v.String()), true
	case reflect.Bool, reflect.Int:
		return fmt.Sprint(v.Interface()), true
	}
	return "", false
}

// plain are texts that need no quotes.
var plain = regexp.MustCompile(`^[A-Za-z0-9/]([A-Za-z0-9_./@:+=%() |-]*[A-Za-z0-9_/)])?$`)

func quoted(s string) string {
	if plain.MatchString(s) && !strings.Contains(s, ": ") && !strings.Contains(s, " #") && !strings.EqualFold(s, "null") {
		return s
	}
	return strconv.Quote(s)
}
