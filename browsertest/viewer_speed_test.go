package browsertest

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

var (
	spans   = flag.Int("spans", 10_000_000, "how many spans the trace of BenchmarkViewer/File has")
	rate    = flag.Int("rate", 20_000, "how many spans a second the process of BenchmarkViewer/Live makes")
	seconds = flag.Int("seconds", 60, "for how many seconds BenchmarkViewer/Live follows it")
)

// speedSetup is what viewer/web/e2e/speed.mjs and live-speed.mjs get to know, by $SPANSTACK_E2E.
type speedSetup struct {
	View     string `json:"view"` // programs
	Steady   string `json:"steady"`
	File     string `json:"file"`
	Spans    int    `json:"spans"` // a second
	Seconds  int    `json:"seconds"`
	Own      bool   `json:"own"`                // page of the process
	Out      string `json:"out"`                // folder for pictures
	Patience int    `json:"patience,omitempty"` // ms
}

// BenchmarkViewer measures the viewer in Chromium: each run is one figure of each kind. Run it on a quiet machine, by "make
// bench-viewer".
//
//   - File has trace-view show a generated trace of a thousand tasks, and moves through it at random: how long it takes until all of it
//     is seen, how long answers and frames take then, and how much memory the server needs at most.
//   - Live follows a process that makes spans all the time, on its own page and by trace-view: how much of a processor that takes
//     there, and how smoothly the page shows it. Then it makes more than can be handed on, and what is lost has to be told.
func BenchmarkViewer(b *testing.B) {
	node := newNode(b)
	// Lines of configuration, as in the output of all benchmarks.
	fmt.Printf("go: %s\nchromium: %s\nspans: %d\nrate: %d\nseconds: %d\n", runtime.Version(), version(b, "chromium", "--version"), *spans, *rate, *seconds)
	b.Run("File", func(b *testing.B) {
		dir := b.TempDir()
		setup := speedSetup{View: build(b, dir, "./cmd/trace-view"), File: filepath.Join(dir, "generated.pftrace"), Out: artifacts(b), Patience: 120_000}
		writeTo(b, setup.File, build(b, dir, "./viewer/internal/gentrace/gentrace"), "-spans", fmt.Sprint(*spans))
		measure(b, node, "e2e/speed.mjs", setup)
	})
	for _, by := range []string{"trace-view", "own-page"} {
		b.Run("Live/"+by, func(b *testing.B) {
			dir := b.TempDir()
			measure(b, node, "e2e/live-speed.mjs", speedSetup{View: build(b, dir, "./cmd/trace-view"), Steady: build(b, dir, "./viewer/internal/steady"),
				Spans: *rate, Seconds: *seconds, Own: by == "own-page", Out: artifacts(b)})
		})
	}
}

// measure has a script measure, and reports its figures.
func measure(b *testing.B, node *node, script string, setup speedSetup) {
	env, err := json.Marshal(setup)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		cmd := node.command(b, script)
		cmd.Env = append(os.Environ(), "SPANSTACK_E2E="+string(env))
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			b.Fatalf("%v: %v\n%s", cmd, err, out)
		}
		var result struct {
			Facts   string
			Figures [][2]any
		}
		if err := json.Unmarshal(out, &result); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
		b.Log(result.Facts)
		for _, f := range result.Figures {
			value, ok := f[1].(float64)
			if !ok {
				b.Fatalf("%s: %v is no number", f[0], f[1])
			}
			b.ReportMetric(value, f[0].(string))
			b.Logf("%-15s %8.1f", f[0], value)
		}
	}
	b.ReportMetric(0, "ns/op") // which would be all of it, and no figure
}

// version returns what a program says that it is.
func version(b *testing.B, name string, args ...string) string {
	b.Helper()
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		b.Fatalf("%s: %v", name, err)
	}
	return strings.TrimSpace(string(out))
}

// artifacts is where pictures go.
func artifacts(b *testing.B) string {
	dir := os.Getenv("SPANSTACK_ARTIFACTS")
	if dir == "" {
		return b.TempDir()
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.Fatal(err)
	}
	return dir
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
