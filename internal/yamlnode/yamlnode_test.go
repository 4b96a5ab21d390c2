package yamlnode_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/internal/yamlnode"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]string{ // the text of the document, or the error
		"plain":                      "plain",
		"\ufeff'a: b'":               "a: b",
		"0640":                       "0640",
		"off":                        "off",
		"1e3":                        "1e3",
		".inf":                       ".inf",
		"|\n  two\n  lines\n":        "two\nlines",
		"# nothing\n---\nx\n":        "x",
		"a: 1":                       "want a value, not fields",
		"{a: 1, b: 2}":               "want a value, not fields",
		"- 1":                        "want a value, not a list",
		"null":                       "want a value, not nothing",
		"&a x":                       "want a value, not an anchor: leave it away",
		"!!str x":                    "want a value, not a tag",
		"a\n---\nb\n":                "3:1: it is a second document: want one",
		"a: [":                       "1:4: sequence end token ']' not found",
		"\xff":                       "it isn't UTF-8",
		strings.Repeat("[", 60_000):  "1:33: there are more than 32 brackets within each other",
		strings.Repeat("- ", 60_000): "1:65: there are more than 32 lists within each other",
	} {
		node, err := yamlnode.Parse([]byte(text))
		got := ""
		if err == nil {
			got, err = yamlnode.Text(node)
		} else if _, ok := errors.AsType[*yamlnode.Error](err); !ok {
			t.Errorf("%.20q: the error is a %T", text, err)
		}
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%.20q: got %q, want %q", text, got, want)
		}
	}
	for _, empty := range []string{"", "# only that\n", "---\n"} {
		if node, err := yamlnode.Parse([]byte(empty)); node != nil && node.Type().String() != "Null" || err != nil {
			t.Errorf("%q: %v, %v", empty, node, err)
		}
	}
}
