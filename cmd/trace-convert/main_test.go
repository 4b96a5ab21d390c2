package main

import (
	"bytes"
	"compress/gzip"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/spanstack/spanstack/internal/leaktest"
)

var update = flag.Bool("update", false, "rewrite the expected output in testdata/script")

func TestMain(m *testing.M) {
	testscript.Main(leaktest.Wrap(m), map[string]func(){"trace-convert": main})
}

func TestScripts(t *testing.T) {
	traces, err := filepath.Abs("../../tracefmt/chrome/testdata")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: *update,
		Setup: func(env *testscript.Env) error {
			env.Setenv("TRACES", traces)
			env.Setenv("GORACE", "atexit_sleep_ms=10") // else each run ends a second later with the race detector
			env.Setenv("GOTRACES", filepath.Join(filepath.Dir(filepath.Dir(traces)), "gotrace", "testdata"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exitcode":  exitCode,
			"onlyfiles": onlyFiles,
			"chop":      chop,
			"pack":      pack,
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// exitCode runs a program and checks its exit code: exitcode CODE PROGRAM [ARGS...].
func exitCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exitcode CODE PROGRAM [ARGS...]")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	if exit, ok := err.(interface{ ExitCode() int }); ok {
		got = strconv.Itoa(exit.ExitCode())
	} else if err != nil {
		ts.Fatalf("%s: %v", args[1], err)
	}
	if got != args[0] {
		ts.Fatalf("%s exited with %s, want %s", args[1], got, args[0])
	}
}

// onlyFiles checks that a directory has exactly the given files: onlyfiles DIR [NAME...].
func onlyFiles(ts *testscript.TestScript, neg bool, args []string) {
	entries, err := os.ReadDir(ts.MkAbs(args[0]))
	ts.Check(err)
	want := map[string]bool{}
	for _, name := range args[1:] {
		want[name] = true
	}
	for _, e := range entries {
		if !want[e.Name()] {
			ts.Fatalf("unexpected file %s in %s", e.Name(), args[0])
		}
		delete(want, e.Name())
	}
	for name := range want {
		ts.Fatalf("no file %s in %s", name, args[0])
	}
}

// chop takes the last line feed off a file: chop FILE.
func chop(ts *testscript.TestScript, neg bool, args []string) {
	text := ts.ReadFile(args[0])
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.TrimSuffix(text, "\n")), 0o600))
}

// pack writes a file as another one, packed with gzip: pack FROM TO.
func pack(ts *testscript.TestScript, neg bool, args []string) {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write([]byte(ts.ReadFile(args[0])))
	ts.Check(err)
	ts.Check(w.Close())
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), out.Bytes(), 0o600))
}
