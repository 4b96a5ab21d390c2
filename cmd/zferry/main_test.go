package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/spanstack/spanstack/internal/leaktest"
	"github.com/spanstack/spanstack/zfssend/zfstest"
)

func TestMain(m *testing.M) {
	zfstest.StandIn()
	testscript.Main(leaktest.Wrap(zfstest.Wrap(m)), map[string]func(){"zferry": func() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }})
}

// TestScripts covers what needs no ZFS. Replications are tested in package platformtest, on a real one.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", RequireExplicitExec: true, Setup: streams,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits}})
}

// streams gives each script real streams and a token, those of package zstream's tests.
func streams(env *testscript.Env) error {
	for _, name := range []string{"full", "incremental", "replication", "resumed", "saved"} {
		data, err := recordedStream(name)
		if err != nil {
			return err
		}
		for file, content := range map[string][]byte{name: data, name + "-cut": data[:len(data)-100], name + "-damaged": damaged(data)} {
			if err := os.WriteFile(filepath.Join(env.WorkDir, file+".zsend"), content, 0o644); err != nil {
				return err
			}
		}
	}
	token, err := os.ReadFile(zstreamTestdata + "openzfs-2.1.11/tokens/raw.token")
	if err != nil {
		return err
	}
	env.Setenv("ZFERRY_LOCK_DIR", filepath.Join(env.WorkDir, "locks"))
	env.Setenv("GORACE", "atexit_sleep_ms=10") // else each run ends a second later with the race detector
	env.Setenv("TOKEN", strings.TrimSpace(string(token)))
	return os.WriteFile(filepath.Join(env.WorkDir, "token"), token, 0o644)
}

// recordedStream returns a stream that a real zfs sent.
func recordedStream(name string) ([]byte, error) {
	f, err := os.Open(zstreamTestdata + "openzfs-2.1.11/" + name + ".zsend.gz")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// damaged flips a bit in the middle.
func damaged(data []byte) []byte {
	data = bytes.Clone(data)
	data[len(data)/2] ^= 1
	return data
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

func TestByteCount(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 33680368: "32.1 MiB", 1 << 60: "1.0 EiB"} {
		if got := byteCount(n); got != want {
			t.Errorf("byteCount(%d) = %q, want %q", n, got, want)
		}
	}
}
