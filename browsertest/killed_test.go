package browsertest

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/browsertest/catapult"
	"github.com/spanstack/spanstack/browsertest/catapult/catapulttest"
)

// TestKilledTrace opens the traces of zferrys that were killed while a zfs
// send was stuck, which "make platformtest" leaves: the viewer must import them
// without a warning, and draw what was stuck as not finished, with a length.
func TestKilledTrace(t *testing.T) {
	for _, variant := range []string{"stock", "taskq"} {
		t.Run(variant, func(t *testing.T) {
			path := filepath.Join("..", "demo", variant, "killed.json")
			data := produced(t, path, "make platformtest")
			v := catapulttest.Start(t, catapult.Options{})
			file, report := load(t, v, data)
			assertSame(t, file, report)
			var stuck []string
			for _, s := range report.Slices() {
				if !s.DidNotFinish {
					continue
				}
				if s.DurationMs <= 0 {
					t.Errorf("%q, which was open, is drawn without a length", s.Title)
				}
				stuck = append(stuck, s.Title)
			}
			if got := strings.Join(stuck, ", "); got != "replicate, datasets, worker, dataset, step, zfs send, zfs receive" {
				t.Errorf("not finished are %s", got)
			}
			screenshot(t, v, report, strings.TrimSuffix(path, ".json")+".png")
		})
	}
}
