package logconfig

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// All forms of a configuration go by the same table: the fields of the structs that have a yaml tag, in their order.
// Each has a name and a text, which is the same in YAML and in a flag. A field that is added to a struct is in all
// forms at once, provided that its type is one that setText knows: a string, a bool, an int, a time.Duration, what
// implements encoding.TextMarshaler and TextUnmarshaler, or a pointer to one of them.

// A field is one of a struct.
type field struct {
	name  string
	value reflect.Value
}

// fields returns those of a struct.
func fields(v reflect.Value) (list []field) {
	for i := range v.NumField() {
		if name := v.Type().Field(i).Tag.Get("yaml"); name != "" {
			list = append(list, field{name, v.Field(i)})
		}
	}
	return list
}

// outletFields returns the fields of an outlet, which can be set: those of its target, and those that all have. done
// gives the outlet the target's that were set.
func outletFields(o *Outlet) (list []field, done func()) {
	to := reflect.New(reflect.TypeOf(o.To)).Elem()
	to.Set(reflect.ValueOf(o.To))
	list = append(fields(to), fields(reflect.ValueOf(o).Elem())...)
	return list, func() { o.To = to.Interface().(Target) }
}

// text returns the text form of a field.
func text(v reflect.Value) string {
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	switch x := v.Interface().(type) {
	case time.Duration:
		return durationText(x)
	case encoding.TextMarshaler:
		b, err := x.MarshalText()
		if err != nil {
			panic(err) // none of ours fails
		}
		return string(b)
	}
	return fmt.Sprint(v.Interface())
}

// setText sets a field by its text form.
func setText(v reflect.Value, text string) error {
	if v.Kind() == reflect.Pointer {
		to := reflect.New(v.Type().Elem())
		if err := setText(to.Elem(), text); err != nil {
			return err
		}
		v.Set(to)
		return nil
	}
	if !printable(text) {
		return fmt.Errorf("%q has characters that can't be printed", text)
	}
	switch x := v.Addr().Interface().(type) {
	case *time.Duration:
		d, err := parseDuration(text)
		if err == nil {
			*x = d
		}
		return err
	case encoding.TextUnmarshaler:
		return x.UnmarshalText([]byte(text))
	case *string:
		*x = text
	case *bool:
		if text != "true" && text != "false" {
			return fmt.Errorf("%q is neither true nor false", text)
		}
		*x = text == "true"
	case *int:
		n, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			return fmt.Errorf("%q is no whole number", text)
		}
		*x = int(n)
	default:
		panic("logconfig: no text form for " + v.Type().String())
	}
	return nil
}

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// clean returns a text of unknown origin for an error.
func clean(s string) string {
	if printable(s) {
		return s
	}
	q := strconv.Quote(s)
	return q[1 : len(q)-1]
}

// checkText reports a value that has no text form, since it was set by a program: what can be written is valid.
func checkText(v reflect.Value) error {
	if v.IsZero() {
		return nil
	}
	t := text(v)
	again := reflect.New(v.Type()).Elem()
	if err := setText(again, t); err != nil {
		return err
	}
	if !reflect.DeepEqual(again.Interface(), v.Interface()) && text(again) != t {
		return fmt.Errorf("%q can't be written", t)
	}
	return nil
}

// A FieldError says what is wrong with a field.
type FieldError struct {
	File         string // "" if it isn't known
	Line, Column int    // in the file, from 1; 0 if there is none
	Field        string // its path, as in "outlets[1].max_size"; "" for the file or the text as a whole
	Err          error
}

// Error implements error: "log.yaml:7:5: outlets[1].max_size: …".
func (e *FieldError) Error() string {
	var b strings.Builder
	if e.File != "" {
		b.WriteString(e.File + ":")
	}
	if e.Line > 0 {
		fmt.Fprintf(&b, "%d:%d:", e.Line, e.Column)
	}
	if b.Len() > 0 {
		b.WriteByte(' ')
	}
	if e.Field != "" {
		b.WriteString(e.Field + ": ")
	}
	return b.String() + e.Err.Error()
}

// Unwrap returns the cause.
func (e *FieldError) Unwrap() error { return e.Err }

// joined returns several errors as one.
func joined(list []*FieldError) error {
	errs := make([]error, len(list))
	for i, e := range list {
		errs[i] = e
	}
	return errors.Join(errs...)
}
