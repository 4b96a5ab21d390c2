package browsertest

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

var spans = flag.Int("spans", 10_000_000, "how many spans the trace of BenchmarkViewer has")

// BenchmarkViewer has trace-view show a generated trace of a thousand tasks, and moves through it at random: how long it takes
// until all of it is seen, how long answers and frames take then, and how much memory the server needs at most. Each run is one
// figure of each: run it on a quiet machine, by "make bench-viewer".
func BenchmarkViewer(b *testing.B) {
	node := newNode(b)
	dir := b.TempDir()
	setup := struct {
		View     string `json:"view"`
		File     string `json:"file"`
		Out      string `json:"out"`
		Patience int    `json:"patience"` // ms
	}{filepath.Join(dir, "trace-view"), filepath.Join(dir, "generated.pftrace"), dir, 120_000}
	command(b, "..", "go", "build", "-o", setup.View, "./cmd/trace-view")
	gentrace := filepath.Join(dir, "gentrace")
	command(b, "..", "go", "build", "-o", gentrace, "./viewer/internal/gentrace/gentrace")
	writeTo(b, setup.File, gentrace, "-spans", fmt.Sprint(*spans))
	env, err := json.Marshal(setup)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		cmd := node.command(b, "e2e/speed.mjs")
		cmd.Env = append(os.Environ(), "SPANSTACK_E2E="+string(env))
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			b.Fatalf("%v: %v\n%s", cmd, err, out)
		}
		var result struct {
			Slices                      string
			Requests, Cancelled, Frames int
			Figures                     [][2]any
		}
		if err := json.Unmarshal(out, &result); err != nil {
			b.Fatal(err)
		}
		b.Logf("%s, %d requests for tiles (%d cancelled), %d frames", result.Slices, result.Requests, result.Cancelled, result.Frames)
		for _, f := range result.Figures {
			b.ReportMetric(f[1].(float64), f[0].(string))
			b.Logf("%-14s %8.1f", f[0], f[1])
		}
	}
	b.ReportMetric(0, "ns/op") // which would be all of it, and no figure
}

// writeTo runs a program that writes a file to its standard output.
func writeTo(b *testing.B, path, name string, args ...string) {
	b.Helper()
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = f, os.Stderr
	if err := errors.Join(cmd.Run(), f.Close()); err != nil {
		b.Fatalf("%v: %v", cmd, err)
	}
}

func command(t testing.TB, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
}
