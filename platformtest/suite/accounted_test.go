package suite

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/spanstack/spanstack/tracefmt"
	_ "github.com/spanstack/spanstack/tracefmt/chrome"
	"github.com/spanstack/spanstack/tracefmt/timeline"
)

// mostUnaccounted is the share of a replication's time that its trace may leave unexplained.
const mostUnaccounted = 0.02

// slice is a task or span of a trace.
type slice struct {
	name, id, parent string
	begin, end       int64
}

// unaccounted returns how much of a slice's time none of the others covers that are chosen.
func unaccounted(of slice, all []slice, chosen func(slice) bool) (ns int64) {
	var inside []slice
	for _, s := range all {
		if s.id != of.id && chosen(s) {
			inside = append(inside, s)
		}
	}
	slices.SortFunc(inside, func(a, b slice) int { return cmp.Compare(a.begin, b.begin) })
	at := of.begin
	for _, s := range inside {
		if s.begin > at {
			ns += min(s.begin, of.end) - at
		}
		if at = max(at, min(s.end, of.end)); at == of.end {
			return ns
		}
	}
	return ns + of.end - at
}

func TestUnaccounted(t *testing.T) {
	root := slice{"root", "r", "", 100, 200}
	for _, c := range []struct {
		inside []slice
		want   int64
	}{
		{nil, 100},
		{[]slice{{"a", "a", "r", 100, 200}}, 0},
		{[]slice{{"b", "b", "r", 150, 160}, {"a", "a", "r", 110, 155}}, 50},
		{[]slice{{"a", "a", "r", 110, 180}, {"b", "b", "r", 120, 130}}, 30}, // one in another
		{[]slice{{"a", "a", "r", 190, 300}, {"b", "b", "r", 50, 110}}, 80},  // beyond both ends
		{[]slice{{"a", "a", "x", 100, 200}}, 100},                           // not chosen
		{[]slice{{"a", "a", "r", 250, 300}}, 100},
	} {
		got := unaccounted(root, append(c.inside, root), func(s slice) bool { return s.parent == "r" })
		if got != c.want {
			t.Errorf("%v: got %d, want %d", c.inside, got, c.want)
		}
	}
}

// readSlices returns all slices of a trace, which have to have ended.
func readSlices(t *testing.T, path string) (all []slice) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var whole timeline.Timeline
	if _, err := whole.Read(tracefmt.Lookup("chrome").NewReader(bytes.NewReader(text))); err != nil {
		t.Fatal(err)
	}
	for e := range whole.Events() {
		switch e.Kind {
		case tracefmt.Complete:
			all = append(all, slice{e.Name, e.ID, e.Parent, e.Time, e.Time + e.Dur})
		case tracefmt.Begin:
			t.Errorf("%s: %s didn't end", path, e.Name)
		}
	}
	return all
}

// TestAccounted: the trace of a replication says where its time goes, with nothing to do, with one large stream, and with many
// small ones. The direct children of its root task have to cover that task's time, all but 2 %. How much of it is outside of
// all zfs processes is told, but not judged: it is what zferry itself takes.
func TestAccounted(t *testing.T) {
	platform(t)
	zferry := os.Getenv("SPANSTACK_ZFERRY")
	if zferry == "" {
		t.Skip("SPANSTACK_ZFERRY is not set: it names the program zferry")
	}
	p, to := source(), destination().name+"/accounted"
	p.create(t, "accounted")
	for i := range 12 {
		p.create(t, fmt.Sprintf("accounted/d%02d", i))
	}
	p.write(t, "accounted", "file", 64<<20)
	dir := cmp.Or(os.Getenv("SPANSTACK_OUT"), t.TempDir()) // whoever runs the suite may want to see the files
	for i, what := range []string{"full", "small", "idle"} {
		if what != "idle" {
			for n := range 12 {
				p.write(t, fmt.Sprintf("accounted/d%02d", n), what, 16<<10)
			}
			run(t, "zfs", "snapshot", "-r", fmt.Sprintf("%s/accounted@%d", p.name, i))
		}
		path := filepath.Join(dir, "accounted-"+what+".json")
		start := time.Now()
		out, err := exec.Command(zferry, "replicate", "-r", "--trace", path, p.name+"/accounted", to).CombinedOutput()
		wall := time.Since(start)
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		checkAccounted(t, what, wall, readSlices(t, path))
	}
}

func checkAccounted(t *testing.T, what string, wall time.Duration, all []slice) {
	t.Helper()
	i := slices.IndexFunc(all, func(s slice) bool { return s.parent == "" && s.name == "replicate" })
	if i < 0 {
		t.Fatalf("%s: no root task in %v", what, all)
	}
	root, parents := all[i], map[string]bool{}
	for _, s := range all {
		parents[s.parent] = true
	}
	whole := time.Duration(root.end - root.begin)
	lost := time.Duration(unaccounted(root, all, func(s slice) bool { return s.parent == root.id }))
	own := time.Duration(unaccounted(root, all, func(s slice) bool { return !parents[s.id] }))
	t.Logf("%s: the process %v, its task %v; outside of the task's children %v (%.2f %%), outside of all innermost spans %v (%.2f %%)",
		what, wall, whole, lost, 100*lost.Seconds()/whole.Seconds(), own, 100*own.Seconds()/whole.Seconds())
	if float64(lost) > mostUnaccounted*float64(whole) {
		t.Errorf("%s: of %v, %v are in no child of the root task, more than %.0f %%", what, whole, lost, 100*mostUnaccounted)
	}
}
