package suite

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/diff"
	"github.com/spanstack/spanstack/tracefmt/summary"
	"github.com/spanstack/spanstack/tracefmt/timeline"
)

// TestFerryThrottled replicates the same twice, the second time into a pool whose device takes its time for each request. The difference of
// the two traces has to begin with zfs receive: neither with what waited for it, nor with zfs send, which its full pipe held up. The traces
// stay, for a look, and for tests of what shows them.
func TestFerryThrottled(t *testing.T) {
	platform(t)
	program(t)
	v := newVoyage(t, "throttled", 24<<20)
	dir := cmp.Or(os.Getenv("SPANSTACK_OUT"), t.TempDir())
	before, after := filepath.Join(dir, "throttled-before.json"), filepath.Join(dir, "throttled-after.json")
	startFerry(t, "--trace", before, v.src, v.dst).wants(t, 0, "received full @1")
	v.dst += "-again"
	throttled(t, v.to, func() { startFerry(t, "--trace", after, v.src, v.dst).wants(t, 0, "received full @1") })
	wantEqual(t, t.Context(), v.src, v.dst)
	v.kept(t)

	d := diff.Compare(sumUp(t, before), sumUp(t, after), diff.Threshold{})
	var table strings.Builder
	if err := d.WriteText(&table, diff.Style{NameA: "before", NameB: "after"}); err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", &table)
	first := d.Changes[0]
	grown := d.B.Total - d.A.Total
	if path := strings.Join(first.Path, ";"); path != "replicate;datasets;worker;dataset;step;zfs receive" || first.Self() <= 0 || grown <= 0 {
		t.Errorf("the difference, of %s, begins with %s: %s", summary.Duration(grown), path, summary.Duration(first.Self()))
	}
}

// throttled does something while each request to the device of a pool takes 20 ms, one after the other.
func throttled(t *testing.T, p pool, do func()) {
	t.Helper()
	run(t, "zinject", "-d", filepath.Join(filepath.Dir(p.dir), "vdev"), "-D", "20:1", p.name)
	defer run(t, "zinject", "-c", "all")
	do()
}

// sumUp adds up a trace that zferry has written.
func sumUp(t *testing.T, path string) *summary.Summary {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var whole timeline.Timeline
	if _, err := whole.Read(tracefmt.Lookup("chrome").NewReader(f)); err != nil {
		t.Fatal(err)
	}
	sum, losses := diff.Sum(whole.Events(), true)
	if len(losses) > 0 {
		t.Errorf("%s: %v", path, losses)
	}
	return sum
}
