package accounted

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
)

func TestOf(t *testing.T) {
	root := Slice{"root", "r", "", 100, 200}
	for _, c := range []struct {
		name      string
		inside    []Slice
		lost, own int64
		gap       Gap
	}{
		{"nothing", nil, 100, 100, Gap{100, ""}},
		{"all", []Slice{{"a", "a", "r", 100, 200}}, 0, 0, Gap{}},
		{"two that overlap", []Slice{{"b", "b", "r", 150, 160}, {"a", "a", "r", 110, 155}}, 50, 50, Gap{40, "b"}},
		{"one in another", []Slice{{"a", "a", "r", 110, 180}, {"b", "b", "r", 120, 130}}, 30, 30, Gap{20, "a"}},
		{"beyond both ends", []Slice{{"a", "a", "r", 190, 300}, {"b", "b", "r", 50, 110}}, 80, 80, Gap{80, "b"}},
		{"one inside of the child", []Slice{{"c", "c", "a", 120, 150}, {"a", "a", "r", 110, 180}}, 30, 70, Gap{20, "a"}},
		{"not of it", []Slice{{"a", "a", "x", 100, 200}}, 100, 100, Gap{100, ""}},
		{"after it", []Slice{{"a", "a", "r", 250, 300}}, 100, 100, Gap{100, ""}},
		{"a worker without work", []Slice{{"worker", "w", "a", 110, 180}, {"a", "a", "r", 110, 180}}, 30, 100, Gap{20, "a"}},
		{"a worker", []Slice{{"b", "b", "w", 120, 180}, {"worker", "w", "a", 110, 180}, {"a", "a", "r", 110, 180}}, 30, 40, Gap{20, "a"}},
		{"the trace of another host", []Slice{{"remote trace", "t", "r", 100, 200}, {"a", "a", "r", 100, 150}}, 50, 50, Gap{50, "a"}},
		{"another host's work", near([]Slice{{"zfs receive", "z", "g", 120, 140}, {"agent receive", "g", "a", 120, 150}, {"remote receive", "a", "r", 110, 160}}), 50, 50, Gap{40, "remote receive"}},
	} {
		got := Of(append(c.inside, root), "root")
		if len(got) != 1 || int64(got[0].Lost) != c.lost || int64(got[0].Own) != c.own || got[0].Unexplained() != float64(c.lost)/100 || got[0].Idle() != float64(c.own)/100 || got[0].Gap != c.gap {
			t.Errorf("%s: got %v, want %d and %d, and %v", c.name, got, c.lost, c.own, c.gap)
		}
	}
	two := Of([]Slice{{"root", "y", "", 50, 60}, {"root", "x", "", 10, 30}, {"a", "a", "x", 10, 20}, {"other", "o", "", 0, 1}, {"root", "z", "o", 0, 1}}, "root")
	if len(two) != 2 || two[0].Lost != 10 || two[1].Lost != 10 || !slices.Equal(two[0].Inner, []string{"a"}) || !strings.Contains(two[0].String(), `10ns (50.00 %; at most 10ns at a time, after "a")`) {
		t.Errorf("got %v", two)
	}
}

func TestRead(t *testing.T) {
	write := func(events ...tracefmt.Event) string {
		var out bytes.Buffer
		w := tracefmt.Lookup("chrome").NewWriter(&out)
		for _, e := range events {
			e.Track = 2
			if err := w.Write(&e); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "trace.json")
		if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	path := write(
		tracefmt.Event{Kind: tracefmt.AsyncBegin, Time: 400, Name: "start", ID: "s"}, tracefmt.Event{Kind: tracefmt.AsyncEnd, Time: 900, Name: "start", Key: "s"},
		tracefmt.Event{Kind: tracefmt.Complete, Time: 1000, Dur: 500, Name: "agent list", ID: "a", Parent: "r"},
		tracefmt.Event{Kind: tracefmt.Complete, Time: 2000, Dur: 500, Name: "zfs list", ID: "z", Parent: "r"},
		tracefmt.Event{Kind: tracefmt.Complete, Time: 1000, Dur: 3000, Name: "root", ID: "r"},
		tracefmt.Event{Kind: tracefmt.Begin, Time: 1500, Name: "agent trace", ID: "t", Parent: "r"})
	all, err := Read(path)
	if err != nil || len(all) != 3 || all[0] != (Slice{"start", "s", "", 400, 900}) {
		t.Fatalf("got %v, %v", all, err)
	}
	if got := Of(all, "root"); len(got) != 1 || got[0].Lost != 2500 {
		t.Errorf("got %v", got)
	}
	for _, kind := range []tracefmt.Kind{tracefmt.Begin, tracefmt.AsyncBegin} {
		if _, err := Read(write(tracefmt.Event{Kind: kind, Time: 1000, Name: "hangs", ID: "h"})); err == nil || !strings.Contains(err.Error(), "hangs didn't end") {
			t.Errorf("%v: got %v", kind, err)
		}
	}
	if _, err := Read("nowhere.json"); err == nil {
		t.Error("no error")
	}
}
