package captureflag_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/spanstack/spanstack/internal/leaktest"
	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/capture"
	"github.com/spanstack/spanstack/trace/capture/captureflag"
	"github.com/spanstack/spanstack/trace/tracetest"
)

func TestMain(m *testing.M) { os.Exit(leaktest.Wrap(m).Run()) }

func parse(args ...string) (*captureflag.Flags, error) {
	var f captureflag.Flags
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	f.AddFlags(flags)
	return &f, flags.Parse(args)
}

func TestFlags(t *testing.T) {
	base := tracetest.Strict(t)
	path := filepath.Join(t.TempDir(), "trace.json")
	f, err := parse("--trace", path+",keep=2", "--debug-listen", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	r, err := f.Start(capture.Config{Recorder: trace.RecorderFromContext(base)})
	if err != nil {
		t.Fatal(err)
	}
	_, task := trace.WithTask(base, "task")
	resp, err := http.Get(r.Server.URL() + "active")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if !strings.Contains(string(body), "task") {
		t.Errorf("%s", body)
	}
	task.End()
	for range 2 {
		if err := r.Stop(); err != nil {
			t.Error(err)
		}
	}
	if b, err := os.ReadFile(strings.Replace(path, ".json", "-1.json", 1)); !json.Valid(b) {
		t.Errorf("%v: %s", err, b)
	}
}

func TestErrors(t *testing.T) {
	if _, err := parse("--trace", "a.json,keep=x"); err == nil || !strings.Contains(err.Error(), `"--trace" flag: trace file a.json: keep: "x": want a number of files, 1 or more`) {
		t.Error(err)
	}
	dir := t.TempDir()
	for _, c := range []struct{ trace, listen, want string }{
		{filepath.Join(dir, "none", "a.json"), "", "write trace: open "},
		{filepath.Join(dir, "a.json"), "6060", "debug listener 6060: "},
	} {
		f, err := parse("--trace", c.trace, "--debug-listen", c.listen)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Start(capture.Config{}); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// TestEnvironment: the variable counts if there is no flag.
func TestEnvironment(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(capture.EnvVar, filepath.Join(dir, "env.json"))
	for _, args := range [][]string{{"--trace", filepath.Join(dir, "flag.json")}, nil} {
		f, err := parse(args...)
		if err != nil {
			t.Fatal(err)
		}
		r, err := f.Start(capture.Config{})
		if err != nil {
			t.Fatal(err)
		}
		r.Stop()
		_, flagErr := os.Stat(filepath.Join(dir, "flag.json"))
		_, envErr := os.Stat(filepath.Join(dir, "env.json"))
		if flagErr != nil || (envErr == nil) != (args == nil) {
			t.Errorf("%q: %v, %v", args, flagErr, envErr)
		}
	}
}
