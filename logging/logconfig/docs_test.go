package logconfig_test

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/logging/logconfig"
)

// TestDocs: docs/logging.md has a file with all fields of all types, and it is right; so is its shell line.
func TestDocs(t *testing.T) {
	doc, err := os.ReadFile("../../docs/logging.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(doc), "```yaml\n")
	text, _, _ = strings.Cut(text, "```\n")
	var c logconfig.Config
	if err := load(t, &c, "log.yaml", text); err != "" {
		t.Fatal(err)
	}
	seen := map[reflect.Type]map[string]bool{}
	see := func(v any) {
		value := reflect.ValueOf(v)
		if seen[value.Type()] == nil {
			seen[value.Type()] = map[string]bool{}
		}
		for i := range value.NumField() {
			if !value.Field(i).IsZero() {
				seen[value.Type()][value.Type().Field(i).Name] = true
			}
		}
	}
	see(c)
	for _, o := range c.Outlets {
		see(o)
		see(o.To)
	}
	mentioned := map[string]bool{"Format": true, "Stack": true, "Collapse": true, "SIGHUP": true} // with their zero values
	for _, v := range []any{logconfig.Config{}, logconfig.Outlet{}, logconfig.Stderr{}, logconfig.Stdout{}, logconfig.File{}, logconfig.Syslog{}, logconfig.Journald{}, logconfig.OTLP{}} {
		for f := range reflect.TypeOf(v).Fields() {
			tag := f.Tag.Get("yaml")
			if tag != "" && !regexp.MustCompile(`(?m)^\s+`+tag+`: |^`+tag+`: `).MatchString(text) || !seen[reflect.TypeOf(v)][f.Name] && !mentioned[f.Name] {
				t.Errorf("%T.%s isn't in docs/logging.md", v, f.Name)
			}
		}
	}

	flags := regexp.MustCompile(`--log '?(\S+?)'?(?: |$)`).FindAllStringSubmatch(section(t, string(doc), "## Several outlets"), -1)
	if len(flags) != 4 {
		t.Errorf("%d outlets on the shell line: %q", len(flags), flags)
	}
	for _, m := range flags {
		if _, err := logconfig.ParseOutlet(m[1]); err != nil {
			t.Errorf("%s: %v", m[1], err)
		}
	}
}

// section returns the first block of shell lines behind a heading.
func section(t *testing.T, doc, heading string) string {
	t.Helper()
	_, text, ok := strings.Cut(doc, heading)
	_, text, ok2 := strings.Cut(text, "```sh\n")
	text, _, ok3 := strings.Cut(text, "```\n")
	if !ok || !ok2 || !ok3 {
		t.Fatalf("there is no block behind %s", heading)
	}
	return text
}
