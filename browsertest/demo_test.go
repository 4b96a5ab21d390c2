package browsertest

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/browsertest/catapult"
	"github.com/spanstack/spanstack/browsertest/catapult/catapulttest"
)

// TestDemoTrace opens the trace that "make demo" left, compares it with what
// the viewer shows, and leaves the picture beside it, named .png.
func TestDemoTrace(t *testing.T) {
	path := demoTrace()
	data := produced(t, path, "make demo")
	v := catapulttest.Start(t, catapult.Options{})
	file, report := load(t, v, data)
	assertSame(t, file, report)

	named, nested, arrows := 0, 0, 0
	for _, s := range report.Slices() {
		if s.Category == "task" && s.Title != "" && s.DurationMs > 0 && s.Thread.Name != "" {
			named++
		}
		if s.Category == "span" && s.Depth >= 2 {
			nested++
		}
	}
	for _, f := range report.Flows {
		from, to := spanOf(f.From), spanOf(f.To)
		if to.Category == "task" && arg(to, "spanstack.parent") != "" && within(from, arg(to, "spanstack.parent")) {
			arrows++
		}
	}
	if named == 0 {
		t.Error("no task has a visible bar and a named lane")
	}
	if nested == 0 {
		t.Error("no span is nested in another span of a task")
	}
	if arrows == 0 {
		t.Error("no arrow leads from a span to the task that it started")
	}
	t.Logf("%s: %d lanes, %d slices (%d named tasks, %d spans in spans), %d async slices, %d arrows (%d from span to child task)",
		path, len(report.Threads()), len(report.Slices()), named, nested, len(report.AsyncSlices()), len(report.Flows), arrows)

	picture := strings.TrimSuffix(path, filepath.Ext(path)) + ".png"
	screenshot(t, v, report, picture)
	t.Logf("picture: %s", picture)
}

// demoTrace returns the path of the trace that "make demo" leaves, or of the one that is asked for.
func demoTrace() string {
	return cmp.Or(os.Getenv("SPANSTACK_DEMO_TRACE"), filepath.Join("..", "demo", "trace.json"))
}

// produced returns a trace that the named command leaves. Without it the test
// is skipped, or fails if SPANSTACK_REQUIRE_DEMO is 1.
func produced(t *testing.T, path, by string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && os.Getenv("SPANSTACK_REQUIRE_DEMO") != "1" {
		t.Skipf("%v: run %s first; SPANSTACK_REQUIRE_DEMO=1 makes this a failure", err, by)
	}
	if err != nil {
		t.Fatalf("%v: run %s first", err, by)
	}
	return data
}
