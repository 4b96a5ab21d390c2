package main

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/spanstack/spanstack/internal/leaktest"
	"github.com/spanstack/spanstack/internal/manpage/manpagetest"
)

var update = flag.Bool("update", false, "rewrite the expected output in testdata/script")

func TestMain(m *testing.M) {
	testscript.Main(leaktest.Wrap(m), map[string]func(){"trace-view": main})
}

func TestManPages(t *testing.T) { manpagetest.Program(t, &manual, command(streams{})) }

func TestScripts(t *testing.T) {
	testdata, err := filepath.Abs("../../tracefmt")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: *update,
		Setup: func(env *testscript.Env) error {
			env.Setenv("TRACEFMT", testdata)
			env.Setenv("GORACE", "atexit_sleep_ms=10") // else each run ends a second later with the race detector
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exitcode": exitCode,
			"serve":    serve,
			"get":      get,
			"stop":     stop,
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

// A running program is one that serve has started.
type running struct {
	cmd    *exec.Cmd
	stderr bytes.Buffer
}

var programs = map[*testscript.TestScript]*running{}

// serve starts trace-view, and puts the address that it prints into $URL, and that of the server into $ROOT: serve [ARGS...].
func serve(ts *testscript.TestScript, _ bool, args []string) {
	exe, err := exec.LookPath("trace-view")
	ts.Check(err)
	r := &running{cmd: exec.Command(exe, args...)}
	r.cmd.Dir, r.cmd.Stderr = ts.MkAbs("."), &r.stderr
	r.cmd.Env = append(os.Environ(), "PATH="+ts.Getenv("PATH"), "BROWSED="+ts.MkAbs("browsed"))
	out, err := r.cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(r.cmd.Start())
	programs[ts] = r
	ts.Defer(func() {
		r.cmd.Process.Kill()
		r.cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	ts.Check(err)
	page := strings.TrimSpace(line)
	ts.Setenv("URL", page)
	ts.Setenv("ROOT", page[:strings.LastIndexByte(strings.TrimSuffix(page, "/"), '/')+1])
	go io.Copy(io.Discard, out)
}

// get asks for a page until it has a text: get [-host NAME] URL STATUS TEXT.
func get(ts *testscript.TestScript, neg bool, args []string) {
	host := ""
	if len(args) > 2 && args[0] == "-host" {
		host, args = args[1], args[2:]
	}
	if neg || len(args) != 3 {
		ts.Fatalf("usage: get [-host NAME] URL STATUS TEXT")
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	var status, body string
	for late := time.Now().Add(20 * time.Second); time.Now().Before(late); time.Sleep(20 * time.Millisecond) {
		r, err := http.NewRequestWithContext(context.Background(), "GET", args[0], nil)
		ts.Check(err)
		if host != "" {
			r.Host = host
		}
		resp, err := client.Do(r)
		ts.Check(err)
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		ts.Check(err)
		status, body = strconv.Itoa(resp.StatusCode), string(text)
		if status == args[1] && strings.Contains(body, args[2]) {
			return
		}
	}
	ts.Fatalf("%s: got %s %.1000s, want %s %s", args[0], status, body, args[1], args[2])
}

// stop interrupts the program, which has to end at once with 0, and puts what it said into the file stderr.
func stop(ts *testscript.TestScript, _ bool, _ []string) {
	r := programs[ts]
	ts.Check(r.cmd.Process.Signal(os.Interrupt))
	began := time.Now()
	if err := r.cmd.Wait(); err != nil {
		ts.Fatalf("interrupted, it ended with %v: %s", err, &r.stderr)
	}
	if took := time.Since(began); took > 5*time.Second {
		ts.Fatalf("it took %v to end", took)
	}
	ts.Check(os.WriteFile(ts.MkAbs("stderr"), r.stderr.Bytes(), 0o600))
}
