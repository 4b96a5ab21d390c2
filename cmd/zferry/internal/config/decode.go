package config

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"github.com/spanstack/spanstack/internal/yamlnode"
	"github.com/spanstack/spanstack/logging/logconfig"
	"github.com/spanstack/spanstack/trace/capture"
)

// maxFile bounds a file, in bytes.
const maxFile = 1 << 20

// parse returns a file's only document; nil if it is empty or broken, which is noted.
func (f *file) parse(data []byte) ast.Node {
	body, err := yamlnode.Parse(data)
	if wrong, ok := errors.AsType[*yamlnode.Error](err); ok {
		f.errs = append(f.errs, &Error{File: f.name, Line: wrong.Line, Column: wrong.Column, Err: wrong.Err})
		return nil
	}
	return body
}

// decode sets v to what a node says, and notes what is wrong.
func (f *file) decode(node ast.Node, path string, v reflect.Value) {
	if f.at[path] == nil {
		f.at[path] = node.GetToken()
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	switch x := v.Addr().Interface().(type) {
	case *Log:
		f.log(node, path, x)
		return
	case *Trace:
		f.text(node, path, func(text string) (err error) {
			x.text = text
			x.FileConfig, err = capture.ParseFile(text)
			return err
		})
		return
	case encoding.TextUnmarshaler:
		f.text(node, path, func(text string) error { return x.UnmarshalText([]byte(text)) })
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		f.mapping(node, path, v)
	case reflect.Slice:
		f.list(node, path, v)
	default:
		f.text(node, path, func(text string) error { return setText(v, text) })
	}
}

func setText(v reflect.Value, text string) error {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		if text != "true" && text != "false" {
			return fmt.Errorf("%q is neither true nor false", text)
		}
		v.SetBool(text == "true")
	case reflect.Int:
		n, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			return fmt.Errorf("%q is no whole number", text)
		}
		v.SetInt(int64(n))
	default:
		panic("config: no text form for " + v.Type().String())
	}
	return nil
}

// text sets a value by its text, whatever YAML takes it for.
func (f *file) text(node ast.Node, path string, set func(string) error) {
	text, err := yamlnode.Text(node)
	if err == nil && strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		err = fmt.Errorf("%q has characters that can't be printed", text)
	}
	if err == nil {
		err = set(text)
	}
	if err != nil {
		f.fail(path, "", "%w", err)
	}
}

// list reads a list. A single value is one of one.
func (f *file) list(node ast.Node, path string, v reflect.Value) {
	values := []ast.Node{node}
	switch n := node.(type) {
	case *ast.NullNode:
		values = nil
	case *ast.SequenceNode:
		values = n.Values
	default:
		if v.Type().Elem().Kind() == reflect.Struct && node.Type() != ast.StringType {
			f.fail(path, `put "- " before each`, "want a list, not %s", yamlnode.Describe(node))
			return
		}
	}
	v.Set(reflect.MakeSlice(v.Type(), len(values), len(values)))
	for i, value := range values {
		f.decode(value, fmt.Sprintf("%s[%d]", path, i), v.Index(i))
	}
}

// entries returns those of a mapping.
func (f *file) entries(node ast.Node, path string) []*ast.MappingValueNode {
	switch n := node.(type) {
	case *ast.NullNode:
		return nil
	case *ast.MappingNode:
		return n.Values
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}
	}
	f.fail(path, "", "want fields and their values, not %s", yamlnode.Describe(node))
	return nil
}

func (f *file) mapping(node ast.Node, path string, v reflect.Value) {
	known := fields(v)
	var names []string
	for _, k := range known {
		names = append(names, k.name)
	}
	for i, e := range f.entries(node, path) {
		name := e.Key.GetToken().Value
		at := join2(path, name)
		if t := f.at[path]; i == 0 && (t == nil || t.Type != token.StringType) && path != "" {
			f.at[path] = e.Key.GetToken()
		}
		f.at[at] = e.Key.GetToken()
		field := index(known, name)
		if field < 0 {
			f.fail(at, suggest(name, names), "there is no such field")
			continue
		}
		f.decode(e.Value, at, known[field].value)
	}
}

// join2 returns the path of a field below another one.
func join2(path, name string) string {
	if path == "" || name == "" {
		return path + name
	}
	return path + "." + name
}

// field is one of a struct with a tag.
type field struct {
	name  string
	value reflect.Value
}

func index(list []field, name string) int {
	for i, f := range list {
		if f.name == name {
			return i
		}
	}
	return -1
}

func fields(v reflect.Value) (list []field) {
	for i := range v.NumField() {
		switch tag := v.Type().Field(i).Tag.Get("yaml"); tag {
		case "":
		case ",inline":
			list = append(list, fields(v.Field(i))...)
		default:
			list = append(list, field{tag, v.Field(i)})
		}
	}
	return list
}

// log reads the configuration of the log, whose errors come with their places.
func (f *file) log(node ast.Node, path string, l *Log) {
	err := l.UnmarshalYAML(node)
	for _, e := range fieldErrors(err) {
		f.errs = append(f.errs, &Error{File: f.name, Line: e.Line, Column: e.Column, Field: e.Field, Err: e.Err})
	}
}

func fieldErrors(err error) (list []*logconfig.FieldError) {
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range several.Unwrap() {
			list = append(list, fieldErrors(err)...)
		}
		return list
	}
	if e, ok := errors.AsType[*logconfig.FieldError](err); ok {
		return []*logconfig.FieldError{e}
	}
	if err != nil {
		list = append(list, &logconfig.FieldError{Err: err})
	}
	return list
}
