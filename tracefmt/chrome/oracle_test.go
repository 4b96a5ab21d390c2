package chrome_test

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	_ "github.com/spanstack/spanstack/tracefmt/chrome"
	"github.com/spanstack/spanstack/tracefmt/timeline"
)

// slice is a row of a slices.csv. Instants are slices of no duration there.
type slice struct {
	ts, dur int64
	depth   int
	cat     string
	name    string
}

func (s slice) String() string {
	return fmt.Sprintf("%d +%d depth %d cat %q name %q", s.ts, s.dur, s.depth, s.cat, s.name)
}

func compareSlices(a, b slice) int {
	return cmp.Or(cmp.Compare(a.ts, b.ts), cmp.Compare(a.dur, b.dur), cmp.Compare(a.depth, b.depth),
		cmp.Compare(a.name, b.name), cmp.Compare(a.cat, b.cat))
}

// atInstant stands for the depth of slices without duration, which isn't compared: Perfetto nests those that are at
// the same time in each other.
const atInstant = -1

// difference is where our slices are right to differ from Perfetto's.
type difference struct {
	reason      string
	theirs, our []slice
}

// Perfetto gives no slice to a complete event without "dur". Catapult and speedscope show it, and so do we: as a slice
// whose end isn't known.
const noDuration = "complete events without a duration are slices too"

// overX is about three slices with the same start and end. The one that is called "B/E over X" is first in the file.
var overX = difference{
	reason: "of slices with one start and end the first in the file is around the others; Perfetto has complete events first",
	theirs: []slice{{860_000, 10_000, 0, "PREF", "X"}, {860_000, 10_000, 1, "PREF", "B/E over X"}},
	our:    []slice{{860_000, 10_000, 0, "PREF", "B/E over X"}, {860_000, 10_000, 1, "PREF", "X"}},
}

var differences = map[string][]difference{
	"async_begin_end.json": {{
		reason: "the older async phases S, T, p and F are async slices too; Perfetto skips them",
		our: []slice{
			{0, tracefmt.Open, 0, "r", "S"}, {0, 0, atInstant, "r", "F"}, {0, 0, atInstant, "r", "S"},
			{0, 100_000, 0, "r", "F"}, {50_000, 850_000, 0, "r", "A"}, {100_000, 0, atInstant, "r", "F"},
			{100_000, 100_000, 0, "r", "F"}, {100_000, 200_000, 0, "r", "B"}, {200_000, 0, atInstant, "r", "F"},
			{200_000, 100_000, 0, "r", "F"}, {200_000, 200_000, 0, "r", "B"}, {240_000, 0, atInstant, "r", "B"},
			{250_000, 500_000, 0, "r", "A"}, {450_000, 0, atInstant, "r", "A"}, {475_000, 0, atInstant, "r", "A"},
			{500_000, 200_000, 0, "r", "E"}, {600_000, 200_000, 0, "r", "E"}, {725_000, tracefmt.Open, 0, "r", "D"},
		},
	}},
	"simple_trace.json":  {overX},
	"simple_trace_gz.gz": {overX},
	"bex-interaction.json": {{
		reason: "of slices with one start the longer is around the shorter, or the first in the file; Perfetto has complete events first, and cuts what doesn't fit",
		theirs: []slice{
			{0, 2000, 0, "", "B"}, {0, 2000, 1, "", "A"},
			{20_000, 1000, 0, "", "E"}, {20_000, 1000, 1, "", "F"}, {30_000, 1000, 0, "", "H"}, {30_000, 1000, 1, "", "G"},
		},
		our: []slice{
			{0, 2000, 0, "", "A"}, {0, 2000, 1, "", "B"},
			{20_000, 2000, 0, "", "F"}, {20_000, 1000, 1, "", "E"}, {30_000, 2000, 0, "", "G"}, {30_000, 1000, 1, "", "H"},
		},
	}},
	"end-non-top-of-stack.json": {{
		reason: "a slice inside of one that ends has ended too; to Perfetto it stays open",
		theirs: []slice{{1000, tracefmt.Open, 1, "", "B"}, {10_000, 1000, 2, "", "Z"}},
		our:    []slice{{1000, 9000, 1, "", "B"}, {10_000, 1000, 0, "", "Z"}},
	}},
	"zero-duration-events.json": {{
		reason: "a slice inside of one that ends has ended too; to Perfetto it stays open",
		theirs: []slice{{2000, tracefmt.Open, 1, "", "C"}},
		our:    []slice{{2000, 8000, 1, "", "C"}},
	}},
	"multiprocess.json": {{
		reason: "tid 0 and tid 1 of process 1 are two threads; Perfetto takes tid 0 for the main thread",
		theirs: []slice{{0, 1000, 1, "", "delta"}},
		our:    []slice{{0, 1000, 0, "", "delta"}},
	}},
	"simple-object.json":                 {{reason: noDuration, our: []slice{{7000, tracefmt.Open, 2, "", ""}}}},
	"simple-partial-trailing-comma.json": {{reason: noDuration, our: []slice{{7000, tracefmt.Open, 2, "", "epsilon"}}}},
	"simple-partial.json":                {{reason: noDuration, our: []slice{{7000, tracefmt.Open, 2, "", "epsilon"}}}},
	"simple.json":                        {{reason: noDuration, our: []slice{{7000, tracefmt.Open, 2, "", "epsilon"}}}},
}

func TestPerfettoOracle(t *testing.T) {
	files, err := filepath.Glob("testdata/*/*.slices.csv")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d oracle files (%v)", len(files), err)
	}
	for _, oracle := range files {
		file := strings.TrimSuffix(oracle, ".slices.csv")
		t.Run(filepath.Base(file), func(t *testing.T) {
			want := readOracle(t, oracle)
			for _, d := range differences[filepath.Base(file)] {
				for _, s := range d.theirs {
					i := slices.Index(want, s)
					if i < 0 {
						t.Fatalf("the known difference %q isn't in the oracle: %v", d.reason, s)
					}
					want = slices.Delete(want, i, i+1)
				}
				want = append(want, d.our...)
			}
			slices.SortFunc(want, compareSlices)
			got := slicesOf(t, file)
			for i := range max(len(got), len(want)) {
				switch {
				case i >= len(got):
					t.Fatalf("missing: %v (%d slices, want %d)", want[i], len(got), len(want))
				case i >= len(want):
					t.Fatalf("too many: %v (%d slices, want %d)", got[i], len(got), len(want))
				case got[i] != want[i]:
					t.Fatalf("slice %d is\n  %v\nwant\n  %v", i, got[i], want[i])
				}
			}
		})
	}
}

func readOracle(t *testing.T, file string) (list []slice) {
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows[1:] {
		var s slice
		s.ts, _ = strconv.ParseInt(row[0], 10, 64)
		s.dur, _ = strconv.ParseInt(row[1], 10, 64)
		s.depth, _ = strconv.Atoi(row[2])
		if s.dur == 0 {
			s.depth = atInstant
		}
		s.cat, s.name = strings.TrimSuffix(row[3], "[NULL]"), row[4]
		list = append(list, s)
	}
	return list
}

// slicesOf returns the slices and instants of a file, with the depth that nesting gives them.
func slicesOf(t *testing.T, file string) (list []slice) {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var tl timeline.Timeline
	in, err := tracefmt.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tl.Read(in); err != nil && filepath.Base(file) != "google_cloud_trace.json" {
		t.Fatal(err)
	}
	stacks := make(map[string][]int64) // ends of the slices that are open, by row
	push := func(row string, e *tracefmt.Event, dur int64) {
		stack := stacks[row]
		end := int64(1<<63 - 1)
		if dur >= 0 {
			end = e.Time + dur
		}
		for len(stack) > 0 && (stack[len(stack)-1] <= e.Time || stack[len(stack)-1] < end && dur >= 0) {
			stack = stack[:len(stack)-1] // over, or overlapped
		}
		s := slice{e.Time, dur, len(stack), e.Category, e.Name}
		if dur == 0 {
			s.depth = atInstant
		}
		list = append(list, s)
		if dur >= 0 || e.Kind == tracefmt.Begin {
			stack = append(stack, end)
		}
		stacks[row] = stack
	}
	async := make(map[string][]int) // indexes of open async slices
	for e := range tl.Events() {
		row := fmt.Sprint(e.Track)
		key := e.Category + " " + e.AsyncKey()
		switch e.Kind {
		case tracefmt.Complete, tracefmt.Begin:
			dur := e.Dur
			if e.Kind == tracefmt.Begin {
				dur = tracefmt.Open
			}
			push(row, e, dur)
		case tracefmt.Instant, tracefmt.Log, tracefmt.AsyncInstant:
			list = append(list, slice{e.Time, 0, atInstant, e.Category, e.Name})
		case tracefmt.AsyncBegin:
			async[key] = append(async[key], len(list))
			list = append(list, slice{e.Time, -1, len(async[key]) - 1, e.Category, e.Name})
		case tracefmt.AsyncEnd:
			for i, open := range slices.Backward(async[key]) {
				if list[open].name == e.Name {
					list[open].dur = e.Time - list[open].ts
					async[key] = async[key][:i]
					break
				}
			}
		}
	}
	slices.SortFunc(list, compareSlices)
	return list
}
