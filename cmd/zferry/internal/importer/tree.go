package importer

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/spanstack/spanstack/internal/yamlnode"
)

// A tree is a YAML value that knows what of it was looked at. Its methods do nothing on nil.
type tree struct {
	line   int
	text   string // of a single value
	list   []*tree
	keys   []string
	fields map[string]*tree
	used   bool
}

// parseTree reads YAML. Anchors and aliases are followed.
func parseTree(data []byte) (*tree, error) {
	body, err := yamlnode.Parse(data)
	if err != nil {
		return nil, err
	}
	return newTree(body, map[string]ast.Node{}, 0), nil
}

// maxDepth bounds trees, and aliases that name what they are in.
const maxDepth = 50

func newTree(node ast.Node, anchors map[string]ast.Node, depth int) *tree {
	t := &tree{fields: map[string]*tree{}}
	if node == nil || depth > maxDepth {
		return t
	}
	t.line = node.GetToken().Position.Line
	switch n := node.(type) {
	case *ast.MappingNode:
		for _, e := range n.Values {
			t.entry(e, anchors, depth)
		}
	case *ast.MappingValueNode:
		t.entry(n, anchors, depth)
	case *ast.SequenceNode:
		for _, v := range n.Values {
			t.list = append(t.list, newTree(v, anchors, depth+1))
		}
	case *ast.AnchorNode:
		anchors[n.Name.GetToken().Value] = n.Value
		return newTree(n.Value, anchors, depth+1)
	case *ast.AliasNode:
		return newTree(anchors[n.Value.GetToken().Value], anchors, depth+1)
	case *ast.StringNode:
		t.text = n.Value
	case *ast.LiteralNode:
		t.text = strings.TrimSpace(n.Value.Value)
	case *ast.NullNode:
	default:
		t.text = n.GetToken().Value
	}
	return t
}

func (t *tree) entry(e *ast.MappingValueNode, anchors map[string]ast.Node, depth int) {
	if e.Key.Type() == ast.MergeKeyType {
		merged := newTree(e.Value, anchors, depth+1)
		for _, k := range merged.keys {
			t.put(k, merged.fields[k])
		}
		return
	}
	key := e.Key.GetToken().Value
	value := newTree(e.Value, anchors, depth+1)
	value.line = e.Key.GetToken().Position.Line
	t.put(key, value)
}

func (t *tree) put(key string, value *tree) {
	if t.fields[key] == nil {
		t.keys = append(t.keys, key)
	}
	t.fields[key] = value
}

// get returns a field, nil if there is none, and notes that it was looked at.
func (t *tree) get(path ...string) *tree {
	for _, name := range path {
		if t == nil {
			return nil
		}
		if t = t.fields[name]; t != nil {
			t.used = true
		}
	}
	return t
}

// str returns the text of a field.
func (t *tree) str(path ...string) string {
	if t = t.get(path...); t == nil {
		return ""
	}
	return t.text
}

// items returns those of a list, which are looked at.
func (t *tree) items() []*tree {
	if t == nil {
		return nil
	}
	for _, item := range t.list {
		item.used = true
	}
	return t.list
}

// at returns the line, 0 of nil.
func (t *tree) at() int {
	if t == nil {
		return 0
	}
	return t.line
}

// unused calls f for each field that wasn't looked at, with its path.
func (t *tree) unused(path string, f func(line int, path, value string)) {
	for _, k := range t.keys {
		v := t.fields[k]
		name := strings.TrimPrefix(path+"."+k, ".")
		if !v.used {
			f(v.line, name, v.brief())
			continue
		}
		v.unused(name, f)
	}
	for n, item := range t.list {
		name := fmt.Sprintf("%s[%d]", path, n)
		if !item.used {
			f(item.line, name, item.brief())
			continue
		}
		item.unused(name, f)
	}
}

// brief is the value, if it is a short one.
func (t *tree) brief() string {
	if t.text == "" || len(t.text) > 60 {
		return ""
	}
	return ": " + t.text
}
