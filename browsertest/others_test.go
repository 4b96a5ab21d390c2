package browsertest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/spanstack/spanstack/browsertest/catapult/catapulttest"
)

// missing skips the test because something isn't installed, or fails it if the browser is required.
func missing(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv(catapulttest.RequireBrowser) == "1" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format+"; set "+catapulttest.RequireBrowser+"=1 to make this a failure", args...)
}

// traces are what the tests of other viewers convert: traces of Chromium and of Go programs, with async slices, overlaps,
// counters and flows.
var traces = []string{
	"chrome/testdata/sample.golden.json", "chrome/testdata/catapult/nestable_async.json", "chrome/testdata/catapult/flow_simple.json",
	"chrome/testdata/catapult/simple_trace.json", "chrome/testdata/speedscope/invalid-x-nesting.json",
	"chrome/testdata/speedscope/zero-duration-events.json", "chrome/testdata/fgtrace/fgtrace.json", "pprof/testdata/pprof/gobench.cpu",
}

// convert converts a trace of the list with trace-convert, which is built from the tree around this module.
func convert(t *testing.T, program, trace, format, to string) {
	t.Helper()
	cmd := exec.Command(program, "--to", format, "--output", to, filepath.Join("../tracefmt", trace))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
}

// build builds a program of the tree around this module, into a folder.
func build(t testing.TB, into, pkg string) string {
	t.Helper()
	program := filepath.Join(into, filepath.Base(pkg))
	cmd := exec.Command("go", "build", "-o", program, pkg)
	cmd.Dir = ".."
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
	return program
}
