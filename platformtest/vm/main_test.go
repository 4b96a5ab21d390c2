package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/spanstack/spanstack/internal/leaktest"
	"github.com/spanstack/spanstack/platformtest/vm/machine"
)

func TestMain(m *testing.M) {
	testscript.Main(leaktest.Wrap(m), map[string]func(){"vm": main})
}

func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", RequireExplicitExec: true, RequireUniqueNames: true})
}

func TestExitCodes(t *testing.T) {
	empty := t.TempDir()
	for args, want := range map[string]int{
		"":                              0,
		"deps":                          0,
		"nonsense":                      exitUsage,
		"deps too many":                 exitUsage,
		"run":                           exitUsage,
		"run --timeout soon x":          exitUsage,
		"run --variant nls x":           exitUsage,
		"run /gone":                     exitMachine,
		"run --line 0.6 x":              exitUsage,
		"run --disk d,0 x":              exitUsage,
		"path --cache " + empty:         exitFailure,
		"build --cache " + empty + ":x": exitFailure,
	} {
		var stdout, stderr bytes.Buffer
		if got := run(t.Context(), strings.Fields(args), &stdout, &stderr); got != want {
			t.Errorf("vm %s: exit code %d, want %d\n%s", args, got, want, stderr.String())
		} else if lines := strings.Count(stderr.String(), "\n"); want != 0 && lines != 1 {
			t.Errorf("vm %s: %d lines of error:\n%s", args, lines, stderr.String())
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stderr bytes.Buffer
	if got := run(ctx, []string{"build", "--cache", empty}, io.Discard, &stderr); got != exitInterrupted {
		t.Errorf("interrupted: exit code %d, want %d\n%s", got, exitInterrupted, stderr.String())
	}
}

func TestParseDisk(t *testing.T) {
	for text, want := range map[string]machine.Disk{
		"a":          {File: "a"},
		"a,512":      {File: "a", Size: 512},
		"a,3K":       {File: "a", Size: 3 << 10},
		"a,64M":      {File: "a", Size: 64 << 20},
		"a,2G":       {File: "a", Size: 2 << 30},
		"a,1T":       {File: "a", Size: 1 << 40},
		"a,b":        {File: "a,b"},
		"a,b,1G":     {File: "a,b", Size: 1 << 30},
		"a,1X":       {File: "a,1X"},
		"/tmp/x y,8": {File: "/tmp/x y", Size: 8},
	} {
		if got, err := parseDisk(text); got != want || err != nil {
			t.Errorf("%q: got %+v, %v; want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "a,0", "a,0M", "a,8388608T", "a,99999999999999999999"} {
		if got, err := parseDisk(text); err == nil {
			t.Errorf("%q: got %+v, want an error", text, got)
		}
	}
}

// TestRun runs the command with the real machine.
func TestRun(t *testing.T) {
	if testing.Short() {
		t.Skip("boots a virtual machine; -short is set")
	}
	_, err := machine.Build(t.Context(), machine.BuildOptions{Progress: machine.NewProgress(os.Stderr)})
	switch {
	case errors.Is(err, machine.ErrUnavailable) && os.Getenv("SPANSTACK_REQUIRE_VM") != "1":
		t.Skipf("%v\n(SPANSTACK_REQUIRE_VM=1 makes this a failure)", err)
	case err != nil:
		t.Fatal(err)
	}
	dir := t.TempDir()
	program, tree := filepath.Join(dir, "program"), filepath.Join(dir, "tree")
	if err := os.Mkdir(tree, 0o755); err != nil {
		t.Fatal(err)
	}
	text := "#!/bin/sh\necho out $* $FOO\necho err >&2\necho x >/out/result\nexit $1\n"
	for _, file := range []string{program, filepath.Join(tree, "run")} {
		if err := os.WriteFile(file, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	out, console := filepath.Join(dir, "out"), filepath.Join(dir, "console")
	for name, c := range map[string]struct {
		args           []string
		code           int
		stdout, stderr string // stderr contains it
	}{
		"program": {[]string{program, "--", "3", "--x"}, 3, "out 3 --x\n", "err\n"},
		"directory": {[]string{"--variant", "taskq", "-e", "FOO=bar", "--out", out, "--console", console, "--timing", tree, "--", "0"},
			0, "out 0 bar\n", "payload started after"},
		"disk and power cut": {[]string{"--disk", filepath.Join(dir, "disk") + ",64M", "--cut-power", "out 0", program, "--", "0"},
			123, "out 0\n", `power cut after`},
		"time-out": {[]string{"--timeout", "1ms", program}, 124, "", "stopped after 1ms while booting"},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			code := run(context.Background(), append([]string{"run"}, c.args...), &stdout, &stderr)
			if code != c.code || stdout.String() != c.stdout || !strings.Contains(stderr.String(), c.stderr) {
				t.Errorf("exit code %d, stdout %q, stderr %q; want %d, %q, %q", code, stdout.String(), stderr.String(),
					c.code, c.stdout, c.stderr)
			}
		})
	}
	if data, err := os.ReadFile(filepath.Join(out, "result")); string(data) != "x\n" {
		t.Errorf("result is %q, %v", data, err)
	}
	if data, err := os.ReadFile(console); !strings.Contains(string(data), "reboot: Restarting system") {
		t.Errorf("console is %q, %v", data, err)
	}
}
