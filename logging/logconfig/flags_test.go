package logconfig_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/logging/logconfig"
)

func parseFlags(c *logconfig.Config, args ...string) error {
	flags := pflag.NewFlagSet("zferry", pflag.ContinueOnError)
	c.AddFlags(flags)
	return flags.Parse(args)
}

func TestFlags(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.yaml")
	if err := os.WriteFile(path, []byte("level: warn\nformat: json\noutlets:\n- type: syslog\n- type: stderr\n  level: error\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	defaults := logconfig.Config{Stack: logging.StackFull, Outlets: []logconfig.Outlet{{To: logconfig.Stdout{}}}}
	syslog, stderr := logconfig.Outlet{To: logconfig.Syslog{}}, logconfig.Outlet{To: logconfig.Stderr{}}
	quiet := logconfig.Outlet{To: logconfig.Stderr{}, Levels: &logging.Levels{Default: slog.LevelError}}
	file := func(path string) logconfig.Outlet { return logconfig.Outlet{To: logconfig.File{Path: path}} }
	for _, test := range []struct {
		args []string
		want logconfig.Config
	}{
		{nil, defaults},
		{[]string{"--log-level=warn,zfs=debug", "--log-format", "logfmt", "--log-file=/tmp/x", "--log-stack=short"}, logconfig.Config{
			Levels: logging.Levels{Default: slog.LevelWarn, Subsystems: map[string]slog.Level{"zfs": slog.LevelDebug}},
			Format: logging.FormatLogfmt, Stack: logging.StackShort, Outlets: []logconfig.Outlet{file("/tmp/x")},
		}},
		{[]string{"--log-file", "-"}, logconfig.Config{Stack: logging.StackFull, Outlets: []logconfig.Outlet{stderr}}},
		{[]string{"--log-file", `a,b\c=d`}, logconfig.Config{Stack: logging.StackFull, Outlets: []logconfig.Outlet{file(`a,b\c=d`)}}},
		{[]string{"--log", "stderr,level=error", "--log", `file:a\,b`, "--log-file", "c", "--log", "syslog"}, logconfig.Config{
			Stack: logging.StackFull, Outlets: []logconfig.Outlet{quiet, file("a,b"), file("c"), syslog},
		}},
		{[]string{"--log-config", path}, logconfig.Config{
			Levels: logging.Levels{Default: slog.LevelWarn}, Format: logging.FormatJSON, Stack: logging.StackFull, Outlets: []logconfig.Outlet{syslog, quiet},
		}},
		{[]string{"--log-config", path, "--log-level", "debug", "--log-format", "human", "--log", "stderr"}, logconfig.Config{
			Levels: logging.Levels{Default: slog.LevelDebug}, Stack: logging.StackFull, Outlets: []logconfig.Outlet{stderr},
		}},
	} {
		for range len(test.args) + 1 { // in any order
			c := defaults
			if err := parseFlags(&c, test.args...); err != nil || !reflect.DeepEqual(c, test.want) {
				t.Errorf("%q: %+v, %v\nwant %+v", test.args, c, err, test.want)
			}
			if slices.Contains(test.args, "syslog") || len(test.args) < 2 || strings.Contains(test.args[0], "=") {
				break
			}
			test.args = append(test.args[2:len(test.args):len(test.args)], test.args[:2]...)
		}
	}
}

func TestWrongFlags(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "log.yaml")
	if err := os.WriteFile(path, []byte("outlets:\n- type: stderr\n  size: 3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ args, want string }{
		{"--log-level=loud", `invalid argument "loud" for "--log-level" flag: unknown level "loud": want debug, info, warn, error or off`},
		{"--log-format=xml", `invalid argument "xml" for "--log-format" flag: unknown format "xml": want human, logfmt or json`},
		{"--log-stack=most", `invalid argument "most" for "--log-stack" flag: unknown stack style "most": want auto, full, short or off`},
		{"--log-file=", `invalid argument "" for "--log-file" flag: path: there is none`},
		{"--log=file:/x,max_size=10XB", `invalid argument "file:/x,max_size=10XB" for "--log" flag: max_size: "10XB" is no size: want a whole number with B, kB, MB, GB, KiB, MiB or GiB`},
		{"--log=stderr --log=stderr,level=debug", `invalid argument "stderr,level=debug" for "--log" flag: it is the same outlet as outlets[0] (stderr)`},
		{"--log=file:/x --log-file=/x", `invalid argument "/x" for "--log-file" flag: it is the same outlet as outlets[0] (/x)`},
		{"--log=syslog --log=syslog:udp://a", `invalid argument "syslog:udp://a" for "--log" flag: name: "syslog" is also the name of outlets[0] (syslog): give one of them another`},
		{"--log-config=" + path, `invalid argument "DIR/log.yaml" for "--log-config" flag: DIR/log.yaml:3:3: outlets[0].size: there is no such field: stderr has format, name, level, stack, collapse and queue_size`},
		{"--log-config=" + dir + "/x", `invalid argument "DIR/x" for "--log-config" flag: open DIR/x: no such file or directory`},
	} {
		err := parseFlags(new(logconfig.Config), strings.Fields(test.args)...)
		if err == nil || strings.ReplaceAll(err.Error(), dir, "DIR") != test.want {
			t.Errorf("%s: %v\nwant %s", test.args, err, test.want)
		}
	}
}

// TestCompletions: what is offered is taken.
func TestCompletions(t *testing.T) {
	for _, flag := range []string{"log", "log-level", "log-format", "log-stack"} {
		offered := logconfig.Completions(flag)
		if len(offered) < 3 {
			t.Errorf("--%s: %q", flag, offered)
		}
		for _, s := range offered {
			if strings.HasSuffix(s, ":") {
				s += "x"
			}
			if err := parseFlags(new(logconfig.Config), "--"+flag, s); err != nil {
				t.Error(err)
			}
		}
	}
	if logconfig.Completions("log-file") != nil {
		t.Error("something is offered for a file")
	}
}
