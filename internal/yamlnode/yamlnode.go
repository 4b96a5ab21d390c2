// Package yamlnode reads YAML files that people write, as nodes that know their places. What the nodes mean is up to the caller:
// the YAML library's own decoder goes by YAML's types, for which 0640 is a number in decimal and "off" may be false, and it
// stops at the first error.
//
//	body, err := yamlnode.Parse(data)
//	…
//	text, err := yamlnode.Text(body)
package yamlnode

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// maxDepth bounds brackets and braces, and dashes in a line: the parser's time grows with the square of the depth, and worse.
const maxDepth = 32

// Error is what is wrong with a file as such.
type Error struct {
	Line, Column int // from 1; 0 if it has no place
	Err          error
}

// Error returns one line.
func (e *Error) Error() string {
	if e.Line == 0 {
		return e.Err.Error()
	}
	return fmt.Sprintf("%d:%d: %v", e.Line, e.Column, e.Err)
}

// Unwrap returns what is wrong, without the place.
func (e *Error) Unwrap() error { return e.Err }

// Parse returns the only document of a file, nil if it has nothing. The error is an *[Error].
func Parse(data []byte) (ast.Node, error) {
	if !utf8.Valid(data) {
		return nil, &Error{Err: errors.New("it isn't UTF-8")}
	}
	tokens := lexer.Tokenize(strings.TrimPrefix(string(data), "\ufeff"))
	if err := checkDepth(tokens); err != nil {
		return nil, err
	}
	f, err := parser.Parse(tokens, 0)
	if syntax, ok := err.(yaml.Error); ok {
		return nil, at(syntax.GetToken(), "%s", syntax.GetMessage())
	}
	if err != nil {
		return nil, &Error{Err: err}
	}
	var body ast.Node
	for _, doc := range f.Docs {
		switch {
		case doc.Body == nil || doc.Body.Type() == ast.DirectiveType || doc.Body.Type() == ast.CommentType:
		case body != nil:
			return nil, at(doc.Body.GetToken(), "it is a second document: want one")
		default:
			body = doc.Body
		}
	}
	return body, nil
}

func checkDepth(tokens token.Tokens) error {
	depth, line, dashes := 0, 0, 0
	for _, t := range tokens {
		switch t.Type {
		case token.SequenceEntryType:
			if t.Position.Line != line {
				line, dashes = t.Position.Line, 0
			}
			if dashes++; dashes > maxDepth {
				return at(t, "there are more than %d lists within each other", maxDepth)
			}
		case token.MappingStartType, token.SequenceStartType:
			if depth++; depth > maxDepth {
				return at(t, "there are more than %d brackets within each other", maxDepth)
			}
		case token.MappingEndType, token.SequenceEndType:
			depth--
		}
	}
	return nil
}

// at returns an error with the position of a token.
func at(t *token.Token, format string, args ...any) *Error {
	e := &Error{Err: fmt.Errorf(format, args...)}
	if t != nil && t.Position != nil {
		e.Line, e.Column = t.Position.Line, t.Position.Column
	}
	return e
}

// Text returns a single value as it is written, whatever YAML's type of it is.
func Text(node ast.Node) (string, error) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, nil
	case *ast.LiteralNode:
		return strings.TrimSuffix(n.Value.Value, "\n"), nil
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, nil
	}
	return "", fmt.Errorf("want a value, not %s", Describe(node))
}

// Describe says what a node is, for an error. Aliases would have to be followed, with a bound for those that follow others, and there
// is little in a configuration that has to be said twice.
func Describe(node ast.Node) string {
	switch node.Type() {
	case ast.NullType:
		return "nothing"
	case ast.MappingType, ast.MappingValueType:
		return "fields"
	case ast.SequenceType:
		return "a list"
	case ast.AliasType, ast.MergeKeyType:
		return "an alias: write it out"
	case ast.AnchorType:
		return "an anchor: leave it away"
	case ast.TagType:
		return "a tag"
	}
	return "a single value"
}
