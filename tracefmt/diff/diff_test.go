package diff_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/diff"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/pprof"
	"github.com/spanstack/spanstack/tracefmt/summary"
	"github.com/spanstack/spanstack/tracefmt/timeline"
	"pgregory.net/rapid"
)

func sum(events []tracefmt.Event) *summary.Summary {
	var t timeline.Timeline
	for i := range events {
		t.Add(&events[i])
	}
	s, _ := diff.Sum(t.Events(), false)
	return s
}

// slice returns a slice from start to end.
func slice(track tracefmt.TrackID, start, end int64, name, id, parent string) tracefmt.Event {
	return tracefmt.Event{Kind: tracefmt.Complete, Track: track, Time: start, Dur: end - start, Name: name, ID: id, Parent: parent}
}

// before and after are two runs: two processes became one, the process got another number, b got faster, c is gone and
// d is new.
func before() []tracefmt.Event {
	return []tracefmt.Event{
		{Kind: tracefmt.Process, Track: 1, SourceID: tracefmt.Int64(7), Name: "p"},
		{Kind: tracefmt.Process, Track: 2, SourceID: tracefmt.Int64(8), Name: "p"},
		slice(1, 0, 10_000, "a", "a1", ""), slice(1, 1000, 5000, "b", "b1", "a1"), slice(1, 6000, 6500, "c", "c1", "a1"),
		slice(2, 0, 20_000, "a", "a2", ""), slice(2, 1000, 9000, "b", "b2", "a2"),
	}
}

func after() []tracefmt.Event {
	return []tracefmt.Event{
		{Kind: tracefmt.Process, Track: 1, SourceID: tracefmt.Int64(70), Name: "q"},
		slice(1, 0, 10_000, "a", "a3", ""), slice(1, 1000, 3000, "b", "b3", "a3"), slice(1, 6000, 6700, "d", "d3", "a3"),
		slice(1, 30_000, 51_000, "a", "a4", ""), slice(1, 31_000, 33_000, "b", "b4", "a4"),
	}
}

func lines(d *diff.Diff) (list []string) {
	for _, c := range d.Changes {
		list = append(list, fmt.Sprintf("%s %+d %+d %+d", strings.Join(c.Path, ";"), c.Self(), c.Total(), c.Count()))
	}
	return list
}

func TestCompare(t *testing.T) {
	d := diff.Compare(sum(before()), sum(after()), diff.Threshold{})
	want := []string{"a +8800 +1000 +0", "a;b -8000 -8000 +0", "a;d +700 +700 +1", "a;c -500 -500 -1"}
	if got := lines(d); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if d.A != (diff.Totals{Slices: 5, Total: 30_000}) || d.B != (diff.Totals{Slices: 5, Total: 31_000}) {
		t.Errorf("totals %+v and %+v", d.A, d.B)
	}
	b := d.Changes[1]
	if b.A.Count != 2 || b.A.P50 != 4000 || b.A.P95 != 8000 || b.B.P95 != 2000 {
		t.Errorf("b: %+v and %+v", b.A, b.B)
	}
	for text, slower := range map[string]bool{"0%": true, "3%": true, "4%": false, "900ns": true, "1us": false, "3%,1us": false} {
		if max := threshold(t, text); d.Slower(max) != slower {
			t.Errorf("slower by more than %s: %v", text, d.Slower(max))
		}
	}
	for text, left := range map[string]int{"701ns": 2, "700ns": 3, "100%": 2, "50%": 4, "60%,1us": 1} {
		min := threshold(t, text)
		d := diff.Compare(sum(before()), sum(after()), min)
		if len(d.Changes) != left || len(d.Changes)+d.Small != 4 {
			t.Errorf("%d changes of %s, %d smaller ones", len(d.Changes), text, d.Small)
		}
	}
}

func threshold(t *testing.T, text string) diff.Threshold {
	t.Helper()
	min, err := diff.ParseThreshold(text)
	if err != nil {
		t.Fatal(err)
	}
	if min.String() == "" {
		t.Errorf("%q is written as nothing", text)
	}
	return min
}

func TestParseThreshold(t *testing.T) {
	for text, want := range map[string]string{"10%": "10%", "0.5%": "0.5%", "1ms": "1ms", "100us,5%": "5%,100µs", "0%": "0%"} {
		if got := threshold(t, text).String(); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	for _, text := range []string{"", "10", "-1%", "-1ms", "x%", "NaN%", "+Inf%", "1ms,", "1 ms"} {
		if got, err := diff.ParseThreshold(text); err == nil {
			t.Errorf("%q is taken for %v", text, got)
		}
	}
}

func TestNormalize(t *testing.T) {
	for in, want := range map[string]string{
		"":                    "",
		"plain":               "plain",
		"request 17":          "request #",
		"GET /users/4/x/55":   "GET /users/#/x/#",
		"tank/db@2026-11-29":  "tank/db@#-#-#",
		"0x1F and 0xg":        "# and #xg",
		"commit 4f2a9c1":      "commit #",
		"deadbeef e2e sda1":   "deadbeef e#e sda#",
		"deadbeef0":           "#",
		"xdeadbeef0":          "xdeadbeef#",
		"1.5s":                "#.#s",
		"é12":                 "é#",
		"job_0123456789abcde": "job_#",
		"id 123e4567-e89b-12d3-a456-426614174000!": "id #!",
		"123e4567-e89b-12d3-a456-4266141740001":    "#-e#b-#d#-a#-#",
	} {
		if got := diff.Normalize(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// TestNormalizeTwice checks that nothing is left to normalize, and that texts without digits stay.
func TestNormalizeTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.OneOf(rapid.String(), rapid.StringMatching(`[0-9a-fA-Fx/_ .-]{0,50}`)).Draw(t, "name")
		once := diff.Normalize(name)
		if strings.ContainsAny(once, "0123456789") || diff.Normalize(once) != once {
			t.Fatalf("%q became %q", name, once)
		}
		if !strings.ContainsAny(name, "0123456789") && once != name {
			t.Fatalf("%q became %q", name, once)
		}
	})
}

// TestProperties has what holds for any two traces.
func TestProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, y := fmttest.Events(t), fmttest.Events(t)
		if same := diff.Compare(sum(x), sum(x), diff.Threshold{}); len(same.Changes) > 0 || same.A != same.B {
			t.Fatalf("a trace differs from itself: %v", lines(same))
		}
		there, back := diff.Compare(sum(x), sum(y), diff.Threshold{}), diff.Compare(sum(y), sum(x), diff.Threshold{})
		if there.A != back.B || there.B != back.A || there.Same != back.Same || len(there.Changes) != len(back.Changes) {
			t.Fatalf("%v, and backwards %v", lines(there), lines(back))
		}
		count := there.A.Slices
		for i, c := range there.Changes {
			count += c.Count()
			b := back.Changes[i]
			if !slices.Equal(c.Path, b.Path) || c.Self() != -b.Self() || c.Total() != -b.Total() {
				t.Fatalf("%v, and backwards %v", lines(there), lines(back))
			}
		}
		if count != there.B.Slices {
			t.Fatalf("changes lead from %d slices to %d, want %d", there.A.Slices, count, there.B.Slices)
		}
	})
}

func TestJSON(t *testing.T) {
	var out bytes.Buffer
	if err := diff.Compare(sum(before()), sum(after()), diff.Threshold{}).WriteJSON(&out); err != nil {
		t.Fatal(err)
	}
	var got struct {
		A, B  map[string]int64
		Same  *int
		Paths []struct {
			Path   []string
			Status string
			Change int64 `json:"self_change_ns"`
			A, B   map[string]int64
		}
	}
	var all map[string]any
	if err := json.Unmarshal(out.Bytes(), &all); err != nil || len(all) != 5 {
		t.Fatalf("%v: %v", all, err)
	}
	text := out.Bytes()
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	last := got.Paths[3]
	if got.A["total_ns"] != 30_000 || got.B["slices"] != 5 || got.Same == nil || len(got.Paths) != 4 ||
		last.Status != "gone" || last.Change != -500 || last.A["p95_ns"] != 500 || last.B != nil || got.Paths[2].Status != "new" {
		t.Errorf("got %s", text)
	}
}

func TestColour(t *testing.T) {
	var out strings.Builder
	if err := diff.Compare(sum(before()), sum(after()), diff.Threshold{}).WriteText(&out, diff.Style{Colour: true}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"\x1b[31m+8.80µs\x1b[0m", "\x1b[32m-8.00µs\x1b[0m"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%q", want, out.String())
		}
	}
}

// TestGoTool has go tool pprof show a difference, and the difference of two profiles: both must be the same.
func TestGoTool(t *testing.T) {
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err) // who runs tests has it
	}
	dir := t.TempDir()
	file := func(name string, write func(*os.File) error) string {
		f, err := os.Create(filepath.Join(dir, name))
		if err == nil {
			err = write(f)
		}
		if err == nil {
			err = f.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		return f.Name()
	}
	single := func(events []tracefmt.Event) func(*os.File) error {
		return func(f *os.File) error {
			p, _ := pprof.Profile(sum(events))
			return p.Write(f)
		}
	}
	a, b := file("a.pb.gz", single(before())), file("b.pb.gz", single(after()))
	both := file("diff.pb.gz", func(f *os.File) error {
		_, err := diff.Compare(sum(before()), sum(after()), diff.Threshold{}).WriteProfile(f)
		return err
	})
	top := func(args ...string) string {
		cmd := exec.Command(goTool, append([]string{"tool", "pprof", "-symbolize=none", "-top"}, args...)...)
		cmd.Env = append(os.Environ(), "PPROF_TMPDIR="+dir)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %v", cmd, err)
		}
		return string(out)
	}
	for _, index := range []string{"self", "wall", "spans"} {
		got, want := top("-sample_index="+index, both), top("-sample_index="+index, "-diff_base="+a, b)
		if got != want {
			t.Errorf("%s: the difference shows\n%s\ntwo profiles\n%s", index, got, want)
		}
		if index == "self" && !regexp.MustCompile(`(?m)^\s*8800ns\s+29.33%\s.* a$`).MatchString(got) {
			t.Errorf("a isn't slower in\n%s", got)
		}
	}
}
