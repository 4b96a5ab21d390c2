package browsertest

import (
	"path/filepath"
	"testing"

	"github.com/spanstack/spanstack/browsertest/catapult"
	"github.com/spanstack/spanstack/browsertest/catapult/catapulttest"
)

// TestRecordsTrace opens a trace with everything that a recorder can tell,
// which the tests of trace/capture leave: the viewer must show all of it, and
// warn of nothing.
func TestRecordsTrace(t *testing.T) {
	path := filepath.Join("..", "demo", "records.json")
	data := produced(t, path, "make race")
	v := catapulttest.Start(t, catapult.Options{})
	file, report := load(t, v, data)
	assertSame(t, file, report)
	links := 0
	for _, f := range report.Flows {
		if spanOf(f.From).Title == "server" && spanOf(f.To).Title == "detached" {
			links++
		}
	}
	if links != 1 {
		t.Errorf("%d arrows lead from the server to the task that was detached from it, want 1", links)
	}
	screenshot(t, v, report, filepath.Join("..", "demo", "records.png"))
}
