package diff_test

import (
	"compress/gzip"
	"os"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/tracefmt/chrome"
	"github.com/spanstack/spanstack/tracefmt/diff"
	"github.com/spanstack/spanstack/tracefmt/summary"
	"github.com/spanstack/spanstack/tracefmt/timeline"
)

// TestRecorded compares two replications, the second one into a pool with a slow device: see testdata/README.md. All around zfs receive
// waits for it, and so does zfs send, for room in its pipe; but it is zfs receive that is slower.
func TestRecorded(t *testing.T) {
	d := diff.Compare(recorded(t, "throttled-before"), recorded(t, "throttled-after"), diff.Threshold{})
	grown := d.B.Total - d.A.Total
	first := d.Changes[0]
	if got := strings.Join(first.Path, ";"); got != "replicate;datasets;worker;dataset;step;zfs receive" || first.Self() < grown/2 {
		t.Errorf("of %s, the first change is %s in %s", summary.Duration(grown), summary.Duration(first.Self()), got)
	}
	waited := 0
	for _, c := range d.Changes {
		switch name := c.Path[len(c.Path)-1]; name {
		case "datasets", "worker", "dataset", "step":
			waited++
			if c.Total() < grown/2 || c.Self() > grown/20 {
				t.Errorf("%s takes %s more, and %s of that by itself", name, summary.Duration(c.Total()), summary.Duration(c.Self()))
			}
		}
	}
	if waited != 4 {
		t.Errorf("%d of what waits for it are told", waited)
	}
}

func recorded(t *testing.T, name string) *summary.Summary {
	t.Helper()
	f, err := os.Open("testdata/" + name + ".json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	text, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var whole timeline.Timeline
	if _, err := whole.Read(chrome.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	sum, losses := diff.Sum(whole.Events(), true)
	if len(losses) > 0 {
		t.Error(losses)
	}
	return sum
}
