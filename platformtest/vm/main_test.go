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
