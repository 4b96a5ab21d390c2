package logconfig

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// String returns the text form of an outlet that [ParseOutlet] reads, such as "file:/var/log/zferry.log,keep=7".
func (o Outlet) String() string {
	kind, main := kindOf(o.To)
	if kind == "" {
		return "none"
	}
	fields, _ := outletFields(&o)
	b := kind
	if i := indexOf(fields, main); i >= 0 && !fields[i].value.IsZero() {
		b += ":" + escaper.Replace(text(fields[i].value))
	}
	for _, f := range fields {
		if f.name == main || f.value.IsZero() {
			continue
		}
		b += "," + f.name
		if f.value.Kind() != reflect.Bool {
			b += "=" + escaper.Replace(text(f.value))
		}
	}
	return b
}

var escaper = strings.NewReplacer(`\`, `\\`, `,`, `\,`)

func indexOf(fields []field, name string) int {
	return slices.IndexFunc(fields, func(f field) bool { return f.name == name })
}

// ParseOutlet reads the text form of an outlet: its type, what it leads to, and fields as in YAML.
//
//	stderr
//	stderr,format=logfmt,level=warn
//	file:/var/log/zferry.log,max_size=100MB,keep=7,compress
//	syslog:tls://logs.example.org:6514,facility=local3
//	journald,level=off\,zfs=debug
//
// What follows the colon is the path of a file, the address of a syslog daemon or the socket of the journal. A comma in
// a value is written \, and a backslash \\. A field that is true or false needs no value if it is true. Errors are
// joined [FieldError]s.
func ParseOutlet(s string) (Outlet, error) {
	parts, err := split(s)
	if err != nil {
		return Outlet{}, &FieldError{Err: err}
	}
	kind, rest, hasMain := strings.Cut(parts[0], ":")
	var o Outlet
	if o.To, err = newTarget(kind); err != nil {
		return Outlet{}, &FieldError{Err: err}
	}
	_, main := kindOf(o.To)
	fields, done := outletFields(&o)
	given := map[string]bool{}
	var wrong []*FieldError
	set := func(name, value string, hasValue bool) {
		if err := setField(fields, given, kind, name, value, hasValue); err != nil {
			wrong = append(wrong, &FieldError{Field: clean(name), Err: err})
		}
	}
	switch {
	case hasMain && main == "":
		wrong = append(wrong, &FieldError{Err: fmt.Errorf("%s is followed by a comma and fields, not by a colon", kind)})
	case hasMain:
		set(main, rest, true)
	}
	for _, part := range parts[1:] {
		name, value, hasValue := strings.Cut(part, "=")
		set(name, value, hasValue)
	}
	if wrong == nil {
		done()
		o.validate(func(field, format string, args ...any) {
			wrong = append(wrong, &FieldError{Field: field, Err: fmt.Errorf(format, args...)})
		})
	}
	if wrong != nil {
		return Outlet{}, joined(wrong)
	}
	return o, nil
}

func setField(fields []field, given map[string]bool, kind, name, value string, hasValue bool) error {
	i := indexOf(fields, name)
	if i < 0 {
		return fmt.Errorf(`%w; a comma in a value is written \,`, unknownField(fields, kind))
	}
	if given[name] {
		return errors.New("it is given twice")
	}
	given[name] = true
	if !hasValue {
		if fields[i].value.Kind() != reflect.Bool {
			return errors.New("it has no value")
		}
		value = "true"
	}
	return setText(fields[i].value, value)
}

// unknownField is the error for a name that none of the fields has.
func unknownField(fields []field, kind string) error {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	return fmt.Errorf("there is no such field: %s has %s", kind, list(names, "and"))
}

// split splits a text at its commas, and removes the backslashes before those that aren't meant.
func split(s string) (parts []string, err error) {
	var part strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == ',':
			parts = append(parts, part.String())
			part.Reset()
		case c != '\\':
			part.WriteByte(c)
		default:
			if i++; i == len(s) || s[i] != ',' && s[i] != '\\' {
				return nil, fmt.Errorf(`a backslash in %q is neither before a comma nor before a backslash: write \\`, s)
			}
			part.WriteByte(s[i])
		}
	}
	return append(parts, part.String()), nil
}
