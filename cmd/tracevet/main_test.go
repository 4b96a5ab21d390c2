package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/spanstack/spanstack/internal/leaktest"
)

func TestMain(m *testing.M) { os.Exit(leaktest.Wrap(m).Run()) }

// TestScripts builds the program and runs it, by itself and from go vet, on modules that use this one.
func TestScripts(t *testing.T) {
	bin := t.TempDir()
	build := exec.Command("go", "build", "-o", filepath.Join(bin, "tracevet"), ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", build, err, out)
	}
	list := exec.Command("go", "list", "-m", "-f", "{{.Dir}}")
	root, err := list.Output()
	if err != nil {
		t.Fatalf("%v: %v", list, err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "module": module},
		Setup: func(env *testscript.Env) error {
			vars, err := exec.Command("go", "env", "GOCACHE", "GOMODCACHE", "GOROOT").Output()
			if err != nil {
				return fmt.Errorf("go env: %w", err)
			}
			values := strings.Split(string(vars), "\n")
			env.Setenv("GOCACHE", values[0])
			env.Setenv("GOMODCACHE", values[1])
			env.Setenv("GOPROXY", "off")
			env.Setenv("GOFLAGS", "")
			env.Setenv("GOWORK", "off")
			env.Setenv("ROOT", strings.TrimSpace(string(root)))
			env.Setenv("PATH", bin+string(os.PathListSeparator)+filepath.Join(values[2], "bin")+string(os.PathListSeparator)+env.Getenv("PATH"))
			env.Setenv("TRACEVET", filepath.Join(bin, "tracevet"))
			return nil
		},
	})
}

// module writes a go.mod for a module that uses this one.
func module(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: module")
	}
	text := "module example.com/m\n\ngo 1.26.0\n\nrequire github.com/spanstack/spanstack v0.0.0\n\n" +
		"replace github.com/spanstack/spanstack => " + strconv.Quote(ts.Getenv("ROOT")) + "\n"
	ts.Check(os.WriteFile(ts.MkAbs("go.mod"), []byte(text), 0o666))
}

// exits CODE PROGRAM [ARG...] runs a program and wants that exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARG...]")
	}
	code := 0
	if exit, ok := errors.AsType[*exec.ExitError](ts.Exec(args[1], args[2:]...)); ok {
		code = exit.ExitCode()
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}
