package viewer_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/tracefmt/diff"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/summary"
	"github.com/spanstack/spanstack/tracefmt/timeline"
)

const throttled = "../tracefmt/diff/testdata/throttled-"

// TestDiffOfReplications: of two replications, the second one into a pool with a slow device, what got slower comes first, and a
// click leads to it in both.
func TestDiffOfReplications(t *testing.T) {
	_, c := view(t, throttled+"before.json.gz", throttled+"after.json.gz")
	var doc struct {
		Changes []struct {
			Path               []string
			Change             string
			A, B               struct{ Self, Total int64 }
			LongestA, LongestB string
		}
	}
	c.get(&doc, "diff", "a", 0, "b", 1)
	first := doc.Changes[0]
	if path := strings.Join(first.Path, " > "); path != "replicate > datasets > worker > dataset > step > zfs receive" || first.Change != "slower" || first.B.Self <= first.A.Self {
		t.Errorf("the first change is %q, in %s: %+v", first.Change, path, first)
	}
	for trace, key := range []string{first.LongestA, first.LongestB} {
		var slice struct{ Name string }
		c.get(&slice, "slice", "trace", trace, "key", key)
		if slice.Name != "zfs receive" {
			t.Errorf("in trace %d, %s is %q", trace, key, slice.Name)
		}
	}
}

// TestDiffAgrees: the page has the numbers that trace-convert diff has.
func TestDiffAgrees(t *testing.T) {
	later := fmttest.Sample()
	for i := range later {
		if later[i].Name == "zfs list" {
			later[i].Dur *= 2
		}
	}
	for name, files := range map[string][2]string{
		"sample":    {write(t, "perfetto", fmttest.Sample()), write(t, "perfetto", later)},
		"throttled": {throttled + "before.json.gz", throttled + "after.json.gz"},
	} {
		_, c := view(t, files[0], files[1])
		var doc struct {
			Changes []struct {
				Path []string
				A, B *struct{ Count, Self, Total int64 }
			}
		}
		c.get(&doc, "diff", "a", 0, "b", 1)
		var got, want []string
		for _, c := range doc.Changes {
			got = append(got, fmt.Sprintln(c.Path, c.A, c.B))
		}
		for _, c := range diff.Compare(sumUp(t, files[0]), sumUp(t, files[1]), diff.Threshold{}).Changes {
			var sides [2]*struct{ Count, Self, Total int64 }
			for i, n := range []*diff.Numbers{c.A, c.B} {
				if n != nil {
					sides[i] = &struct{ Count, Self, Total int64 }{n.Count, n.Self, n.Total}
				}
			}
			want = append(want, fmt.Sprintln(c.Path, sides[0], sides[1]))
		}
		if strings.Join(got, "") != strings.Join(want, "") || len(got) == 0 {
			t.Errorf("%s: the page has\n%swant\n%s", name, strings.Join(got, ""), strings.Join(want, ""))
		}
	}
}

// sumUp adds up a file as trace-convert diff does.
func sumUp(t *testing.T, path string) *summary.Summary {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var whole timeline.Timeline
	for _, e := range eventsOf(t, f) {
		whole.Add(e)
	}
	sum, _ := diff.Sum(whole.Events(), true)
	return sum
}
