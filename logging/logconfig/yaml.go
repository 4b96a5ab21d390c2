package logconfig

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"github.com/spanstack/spanstack/internal/yamlnode"
)

// maxFile bounds a file, in bytes.
const maxFile = 64 << 10

// Load reads a YAML file. Fields that it doesn't have stay as they are in c; outlets are replaced as a whole. If there
// is anything wrong, c isn't changed, and the errors are [FieldError]s that are joined, in the order of their lines.
// They are also those of Validate, of what the file has.
func (c *Config) Load(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1)) // it may be a device, or a pipe
	if err != nil {
		return err
	}
	return c.parse(path, data)
}

// parse reads a file's content.
func (c *Config) parse(file string, data []byte) error {
	body, err := parseDocument(data)
	if err == nil && body != nil {
		err = c.UnmarshalYAML(body)
	}
	if err == nil {
		return nil
	}
	list := fieldErrors(err)
	for _, e := range list {
		e.File = file
	}
	return joined(list)
}

// fieldErrors returns the errors that were joined.
func fieldErrors(err error) (list []*FieldError) {
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range several.Unwrap() {
			list = append(list, fieldErrors(err)...)
		}
		return list
	}
	if e, ok := err.(*FieldError); ok {
		return []*FieldError{e}
	}
	return []*FieldError{{Err: err}}
}

// parseDocument returns what the only document of a file has, nil if it has nothing.
func parseDocument(data []byte) (ast.Node, error) {
	if len(data) > maxFile {
		return nil, fmt.Errorf("it has more than %v", Size(maxFile))
	}
	body, err := yamlnode.Parse(data)
	if wrong, ok := errors.AsType[*yamlnode.Error](err); ok {
		return nil, &FieldError{Line: wrong.Line, Column: wrong.Column, Err: errors.New(clean(wrong.Err.Error()))}
	}
	return body, nil
}

// at returns an error with the position of a token.
func at(t *token.Token, field string, err error) *FieldError {
	e := &FieldError{Field: field, Err: err}
	if t != nil && t.Position != nil {
		e.Line, e.Column = t.Position.Line, t.Position.Column
	}
	return e
}

// UnmarshalYAML implements [yaml.NodeUnmarshaler], also for a Config that is a field of another struct, whose path is
// then part of the errors. It does what Load does with a file.
func (c *Config) UnmarshalYAML(node ast.Node) error {
	d := decoder{root: strings.TrimPrefix(strings.TrimPrefix(node.GetPath(), "$"), "."), at: map[string]*token.Token{}}
	read := *c
	d.config(node, &read)
	d.unread = d.wrong
	for _, problem := range read.problems() {
		d.invalid(problem)
	}
	if len(d.wrong) == 0 {
		*c = read
		return nil
	}
	slices.SortStableFunc(d.wrong, func(a, b *FieldError) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return joined(d.wrong)
}

// A decoder takes a configuration from the nodes of a document.
type decoder struct {
	root   string                  // the path of the configuration in the document
	at     map[string]*token.Token // where fields are, by path
	wrong  []*FieldError
	unread []*FieldError // those of wrong that are about what can't be read
}

func (d *decoder) path(field string) string {
	if d.root == "" || field == "" || field[0] == '[' {
		return d.root + field
	}
	return d.root + "." + field
}

func (d *decoder) fail(t *token.Token, field, format string, args ...any) {
	d.wrong = append(d.wrong, at(t, d.path(field), fmt.Errorf(format, args...)))
}

// invalid adds what validation has found, unless it is a consequence of what can't be read.
func (d *decoder) invalid(e *FieldError) {
	outlet, _, _ := strings.Cut(e.Field, ".")
	for _, w := range d.unread {
		if w.Field == d.path(e.Field) || w.Field == d.path(outlet) || strings.HasPrefix(w.Field, d.path(outlet)+".") {
			return
		}
	}
	t := d.at[e.Field]
	if t == nil {
		t = d.at[outlet]
	}
	d.wrong = append(d.wrong, at(t, d.path(e.Field), e.Err))
}

func (d *decoder) config(node ast.Node, c *Config) {
	entries, ok := d.mapping(node, "")
	if !ok {
		return
	}
	known := fields(reflect.ValueOf(c).Elem())
	for _, e := range entries {
		name := keyText(e.Key)
		if name == "outlets" {
			d.outlets(e.Value, c)
			continue
		}
		i := indexOf(known, name)
		if i < 0 {
			d.fail(e.Key.GetToken(), name, "%w", unknownField(append(slices.Clip(known), field{name: "outlets"}), "a log"))
			continue
		}
		d.scalar(e, name, known[i])
	}
}

func (d *decoder) outlets(node ast.Node, c *Config) {
	c.Outlets = nil
	node = unwrap(node)
	if node.Type() == ast.NullType {
		return
	}
	sequence, ok := node.(*ast.SequenceNode)
	if !ok {
		d.fail(node.GetToken(), "outlets", "want a list of outlets, not %s", yamlnode.Describe(node))
		return
	}
	for i, value := range sequence.Values {
		c.Outlets = append(c.Outlets, d.outlet(value, outletPath(i)))
	}
}

func (d *decoder) outlet(node ast.Node, path string) (o Outlet) {
	entries, ok := d.mapping(node, path)
	if !ok {
		return o
	}
	i := slices.IndexFunc(entries, func(e *ast.MappingValueNode) bool { return keyText(e.Key) == "type" })
	if i < 0 {
		d.fail(d.at[path], path+".type", "it has none: want %s", kindNames())
		return o
	}
	kind, err := yamlnode.Text(unwrap(entries[i].Value))
	if err == nil {
		o.To, err = newTarget(kind)
	}
	if err != nil {
		d.fail(entries[i].Key.GetToken(), path+".type", "%w", err)
		return o
	}
	known, done := outletFields(&o)
	defer done()
	for _, e := range entries {
		name := keyText(e.Key)
		if name == "type" {
			continue
		}
		i := indexOf(known, name)
		if i < 0 {
			d.fail(e.Key.GetToken(), path+"."+name, "%w", unknownField(known, kind))
			continue
		}
		d.scalar(e, path+"."+name, known[i])
	}
	return o
}

// mapping returns the entries of a mapping. Nothing at all is an empty one.
func (d *decoder) mapping(node ast.Node, path string) ([]*ast.MappingValueNode, bool) {
	node = unwrap(node)
	d.at[path] = node.GetToken()
	var entries []*ast.MappingValueNode
	switch n := node.(type) {
	case *ast.NullNode:
	case *ast.MappingNode:
		entries = n.Values
	case *ast.MappingValueNode:
		entries = []*ast.MappingValueNode{n}
	default:
		d.fail(node.GetToken(), path, "want fields and their values, not %s", yamlnode.Describe(node))
		return nil, false
	}
	for _, e := range entries {
		if e == entries[0] {
			d.at[path] = e.Key.GetToken()
		}
		if e.Key.Type() == ast.MergeKeyType {
			d.fail(e.Key.GetToken(), path, "want fields and their values, not %s", yamlnode.Describe(e.Key))
			return nil, false
		}
	}
	return entries, true
}

func (d *decoder) scalar(e *ast.MappingValueNode, path string, f field) {
	d.at[path] = e.Key.GetToken()
	text, err := yamlnode.Text(unwrap(e.Value))
	if err == nil {
		err = setText(f.value, text)
	}
	if err != nil {
		d.fail(e.Key.GetToken(), path, "%w", err)
	}
}

// unwrap returns what an anchor names.
func unwrap(node ast.Node) ast.Node {
	for {
		anchor, ok := node.(*ast.AnchorNode)
		if !ok || anchor.Value == nil {
			return node
		}
		node = anchor.Value
	}
}

// keyText returns the name of a field.
func keyText(key ast.MapKeyNode) string {
	if s, ok := key.(*ast.StringNode); ok {
		return clean(s.Value)
	}
	return clean(key.String())
}

// MarshalYAML implements [yaml.InterfaceMarshaler]. Fields that have their zero value aren't written.
func (c Config) MarshalYAML() (any, error) {
	out := appendYAML(nil, fields(reflect.ValueOf(c)))
	var outlets []yaml.MapSlice
	for _, o := range c.Outlets {
		kind, _ := kindOf(o.To)
		if kind == "" {
			return nil, errors.New("an outlet has no type")
		}
		list, _ := outletFields(&o)
		outlets = append(outlets, appendYAML(yaml.MapSlice{{Key: "type", Value: kind}}, list))
	}
	if outlets != nil {
		out = append(out, yaml.MapItem{Key: "outlets", Value: outlets})
	}
	return out, nil
}

func appendYAML(to yaml.MapSlice, list []field) yaml.MapSlice {
	for _, f := range list {
		if f.value.IsZero() {
			continue
		}
		item := yaml.MapItem{Key: f.name, Value: f.value.Interface()}
		switch item.Value.(type) {
		case bool, int:
		default:
			if s := text(f.value); plain.MatchString(s) && !strings.EqualFold(s, "null") {
				item.Value = s
			} else {
				item.Value = quoted(s)
			}
		}
		to = append(to, item)
	}
	return to
}

// plain are texts that need no quotes, whatever is around them.
var plain = regexp.MustCompile(`^[A-Za-z0-9/]([A-Za-z0-9_./@:+=-]*[A-Za-z0-9_/])?$`)

// A quoted is a text in quotes. The library leaves them away where it shouldn't, as of "? a".
type quoted string

// MarshalYAML implements [yaml.BytesMarshaler].
func (q quoted) MarshalYAML() ([]byte, error) { return []byte(strconv.Quote(string(q))), nil }
