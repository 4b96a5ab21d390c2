package logconfig_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"golang.org/x/tools/txtar"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/logging/logconfig"
)

// load loads a file of that content, and returns the error without the directory's name.
func load(t testing.TB, c *logconfig.Config, name, content string) string {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.Load(path); err != nil {
		return strings.ReplaceAll(err.Error(), dir+"/", "")
	}
	return ""
}

// TestWrongYAML has each way in which a file can be wrong, and what is said of it: files x.yaml and x.error.
func TestWrongYAML(t *testing.T) {
	const golden = "testdata/wrong.txtar"
	archive, err := txtar.ParseFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for _, f := range archive.Files {
		want[f.Name] = string(f.Data)
	}
	out := txtar.Archive{Comment: archive.Comment}
	for _, f := range archive.Files {
		name, ok := strings.CutSuffix(f.Name, ".yaml")
		if !ok {
			continue
		}
		before := logconfig.Config{Collapse: time.Hour, Outlets: []logconfig.Outlet{{To: logconfig.Stdout{}}}}
		c := before
		got := load(t, &c, f.Name, string(f.Data)) + "\n"
		if got == "\n" {
			t.Errorf("%s: no error, and %+v", name, c)
		}
		if !reflect.DeepEqual(c, before) {
			t.Errorf("%s: an error, but %+v", name, c)
		}
		if got != want[name+".error"] && !*update {
			t.Errorf("%s:\n%swant\n%s", name, got, want[name+".error"])
		}
		out.Files = append(out.Files, f, txtar.File{Name: name + ".error", Data: []byte(got)})
	}
	if *update {
		if err := os.WriteFile(golden, txtar.Format(&out), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestYAML(t *testing.T) {
	levels := func(s string) *logging.Levels {
		l, err := logging.ParseLevels(s)
		if err != nil {
			t.Fatal(err)
		}
		return &l
	}
	one := func(o logconfig.Outlet) logconfig.Config {
		return logconfig.Config{Outlets: []logconfig.Outlet{o}}
	}
	for _, test := range []struct {
		name, yaml string
		want       logconfig.Config
	}{
		{"nothing", "", logconfig.Config{}},
		{"a comment", "# level: debug\n", logconfig.Config{}},
		{"an empty document", "---\n...\n", logconfig.Config{}},
		{"null", "~\n", logconfig.Config{}},
		{"a version", "%YAML 1.2\n---\nformat: json\n", logconfig.Config{Format: logging.FormatJSON}},
		{"a byte order mark", "\ufeffformat: json\n", logconfig.Config{Format: logging.FormatJSON}},
		{"line feeds of DOS", "format: json\r\nstack: full\r\n", logconfig.Config{Format: logging.FormatJSON, Stack: logging.StackFull}},
		{"JSON", `{"level": "warn", "outlets": [{"type": "file", "path": "x", "keep": 7, "every": "24h"}]}`,
			logconfig.Config{Levels: *levels("warn"), Outlets: []logconfig.Outlet{{To: logconfig.File{Path: "x", Keep: 7, Every: 24 * time.Hour}}}}},
		{"words that are something else in YAML", "level: off\noutlets:\n- type: syslog\n  app: 007\n  host: null-1\n  id: 1@2.50\n",
			logconfig.Config{Levels: *levels("off"), Outlets: []logconfig.Outlet{{To: logconfig.Syslog{App: "007", Host: "null-1", ID: "1@2.50"}}}}},
		{"numbers as paths", "outlets: [{type: file, path: 1_000, mode: 0640}]", one(logconfig.Outlet{To: logconfig.File{Path: "1_000", Mode: 0o640}})},
		{"a mode in quotes", "outlets: [{type: file, path: x, mode: \"640\"}]", one(logconfig.Outlet{To: logconfig.File{Path: "x", Mode: 0o640}})},
		{"a mode of YAML 1.2", "outlets: [{type: file, path: x, mode: 0o640}]", one(logconfig.Outlet{To: logconfig.File{Path: "x", Mode: 0o640}})},
		{"block text", "outlets:\n- type: journald\n  level: >-\n    off,\n    zfs=debug\n", one(logconfig.Outlet{To: logconfig.Journald{}, Levels: levels("off,zfs=debug")})},
		{"an anchor", "level: &l warn\n", logconfig.Config{Levels: *levels("warn")}},
		{"the type last", "outlets: [{name: x, type: stdout}]", one(logconfig.Outlet{To: logconfig.Stdout{}, Name: "x"})},
		{"no outlets", "outlets:\n", logconfig.Config{}},
		{"explicit defaults", "outlets: [{type: stderr, level: info, stack: auto, collapse: 0s, format: human}]",
			one(logconfig.Outlet{To: logconfig.Stderr{Format: new(logging.FormatHuman)}, Levels: levels("info"), Stack: new(logging.StackAuto), Collapse: new(time.Duration(0))})},
	} {
		var c logconfig.Config
		if err := load(t, &c, "log.yaml", test.yaml); err != "" || !reflect.DeepEqual(c, test.want) {
			t.Errorf("%s: %+v, %s\nwant %+v", test.name, c, err, test.want)
		}
		var embedded struct {
			Log logconfig.Config `yaml:"log"`
		}
		if test.yaml == "" || strings.IndexAny(test.yaml, "{%~#-\ufeff") == 0 {
			continue // it can't be indented
		}
		indented := "log:\n  " + strings.ReplaceAll(strings.TrimSuffix(test.yaml, "\n"), "\n", "\n  ") + "\n"
		if err := yaml.Unmarshal([]byte(indented), &embedded); err != nil || !reflect.DeepEqual(embedded.Log, test.want) {
			t.Errorf("%s, embedded: %+v, %v\nwant %+v", test.name, embedded.Log, err, test.want)
		}
	}
}

// TestOverDefaults: what a file doesn't have stays as it is.
func TestOverDefaults(t *testing.T) {
	c := logconfig.Config{Format: logging.FormatJSON, Stack: logging.StackFull, Outlets: []logconfig.Outlet{{To: logconfig.Stdout{}}}}
	if err := load(t, &c, "log.yaml", "stack: off\n"); err != "" {
		t.Fatal(err)
	}
	if c.Format != logging.FormatJSON || c.Stack != logging.StackOff || len(c.Outlets) != 1 {
		t.Errorf("%+v", c)
	}
	if err := load(t, &c, "log.yaml", "outlets: []\n"); err != "" || len(c.Outlets) != 0 {
		t.Errorf("%+v, %s", c, err)
	}
}

func TestEmbedded(t *testing.T) {
	type daemon struct {
		Jobs []string          `yaml:"jobs"`
		Log  *logconfig.Config `yaml:"log"`
	}
	var d daemon
	err := yaml.UnmarshalWithOptions([]byte("jobs: [a]\nlog:\n  level: loud\n  outlets:\n  - type: stderr\n  - type: stderr\n"), &d, yaml.Strict())
	want := "3:3: log.level: unknown level \"loud\": want debug, info, warn, error or off\n6:5: log.outlets[1]: it is the same outlet as outlets[0] (stderr)"
	if err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
	d = daemon{Log: &logconfig.Config{Format: logging.FormatJSON}}
	if err := yaml.Unmarshal([]byte("log:\n"), &d); err != nil {
		t.Error(err)
	}
	if err := yaml.Unmarshal([]byte("jobs: [a]\n"), &d); err != nil || d.Log != nil && d.Log.Outlets != nil {
		t.Errorf("%+v, %v", d.Log, err)
	}
	var v struct {
		Log logconfig.Config `yaml:"log"`
	}
	if err := yaml.Unmarshal([]byte("a: &x {level: warn}\nlog: *x\n"), &v); err != nil || v.Log.Levels.String() != "warn" {
		t.Errorf("an alias of the whole: %+v, %v", v, err)
	}
	if err := yaml.Unmarshal([]byte("a: &x warn\nlog:\n  level: *x\n"), &v); err == nil || err.Error() != "3:3: log.level: want a value, not an alias: write it out" {
		t.Errorf("an alias: %v", err)
	}
}

// indented returns lists within each other, one a line.
func indented(depth int) string {
	var b strings.Builder
	for i := range depth {
		b.WriteString(strings.Repeat(" ", i) + "-\n")
	}
	return b.String()
}

// TestBombs: what is small in a file and large or slow in a program.
func TestBombs(t *testing.T) {
	aliases := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'j'; c++ {
		aliases += string(c) + ": &" + string(c) + " [" + strings.TrimSuffix(strings.Repeat("*"+string(c-1)+",", 9), ",") + "]\n"
	}
	for name, test := range map[string]struct{ content, want string }{
		"aliases":  {aliases + "outlets: *i\n", "outlets: want a list of outlets, not an alias: write it out"},
		"brackets": {strings.Repeat("[", 60_000), "log.yaml:1:33: there are more than 32 brackets within each other"},
		"braces":   {strings.Repeat("{a: ", 16_000), "log.yaml:1:129: there are more than 32 brackets within each other"},
		"dashes":   {strings.Repeat("- ", 32_000), "log.yaml:1:65: there are more than 32 lists within each other"},
		"large":    {strings.Repeat("#", 64<<10+1), "log.yaml: it has more than 64KiB"},
		"anchors":  {strings.Repeat("&a ", 20_000), "log.yaml:1:"},
		"tags":     {strings.Repeat("!a ", 20_000), "log.yaml:1:"},
		"keys":     {strings.Repeat("? ", 32_000), "log.yaml:1:"},
		"quotes":   {strings.Repeat(`"`, 65_000), "log.yaml:1:"},
		"lists":    {strings.Repeat("-\n", 32_000), "want fields and their values, not a list"},
		"indented": {indented(300), "want fields and their values, not a list"},
		"outlets":  {"outlets:\n" + strings.Repeat("- {type: stdout}\n", 3500), "outlets[3499]: it is the same outlet as outlets[0] (stdout)"},
	} {
		var c logconfig.Config
		if err := load(t, &c, "log.yaml", test.content); !strings.Contains(err, test.want) {
			t.Errorf("%s: %.200s\nwant %s", name, err, test.want)
		}
	}
}

func TestLoadErrors(t *testing.T) {
	var c logconfig.Config
	if err := c.Load("testdata/nothing.yaml"); err == nil || err.Error() != "open testdata/nothing.yaml: no such file or directory" {
		t.Error(err)
	}
	if err := c.Load("testdata"); err == nil {
		t.Error("a directory is read")
	}
}
