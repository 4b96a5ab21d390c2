package perfetto_test

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/perfetto"
	"github.com/spanstack/spanstack/tracefmt/timeline"
)

// slice is a row of a slices.csv, without its depth. Instants are slices of no duration there.
type slice struct {
	ts, dur   int64
	cat, name string
}

func compareSlices(a, b slice) int {
	return cmp.Or(cmp.Compare(a.ts, b.ts), cmp.Compare(a.dur, b.dur), cmp.Compare(a.name, b.name), cmp.Compare(a.cat, b.cat))
}

// TestPerfettoOracle compares the slices of real files with those that trace_processor finds in them.
func TestPerfettoOracle(t *testing.T) {
	files, err := filepath.Glob("testdata/perfetto/*.pftrace")
	if err != nil || len(files) < 7 {
		t.Fatalf("%d files (%v)", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			want := readOracle(t, file+".slices.csv")
			slices.SortFunc(want, compareSlices)
			once := readFile(t, file)
			if got := slicesOf(t, once); !slices.Equal(got, want) {
				t.Errorf("got\n%v\nwant\n%v", got, want)
			}
			// What our Writer makes of it says the same.
			if got := slicesOf(t, convert(t, once)); !slices.Equal(got, want) {
				t.Errorf("written and read again\n%v\nwant\n%v", got, want)
			}
		})
	}
}

func readFile(t *testing.T, file string) []byte {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// convert reads a trace and writes it again.
func convert(t testing.TB, data []byte) []byte {
	var out bytes.Buffer
	w := perfetto.NewWriter(&out)
	if _, err := tracefmt.Copy(w, perfetto.NewReader(bytes.NewReader(data))); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func readOracle(t *testing.T, file string) (list []slice) {
	rows, err := csv.NewReader(bytes.NewReader(readFile(t, file))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows[1:] {
		s := slice{cat: strings.TrimSuffix(row[3], "[NULL]"), name: row[4]}
		s.ts, _ = strconv.ParseInt(row[0], 10, 64)
		s.dur, _ = strconv.ParseInt(row[1], 10, 64)
		list = append(list, s)
	}
	return list
}

// slicesOf returns the slices and instants of a trace, in a fixed order.
func slicesOf(t *testing.T, data []byte) (list []slice) {
	in, err := tracefmt.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if in.Format != perfetto.Format {
		t.Fatalf("taken for %s", in.Format.Name)
	}
	var tl timeline.Timeline
	if _, err := tl.Read(in); err != nil {
		t.Fatal(err)
	}
	async := make(map[string][]int) // indexes of open async slices
	for e := range tl.Events() {
		key := e.Category + " " + e.AsyncKey()
		switch e.Kind {
		case tracefmt.Complete:
			list = append(list, slice{e.Time, e.Dur, e.Category, e.Name})
		case tracefmt.Begin:
			list = append(list, slice{e.Time, tracefmt.Open, e.Category, e.Name})
		case tracefmt.Instant, tracefmt.Log, tracefmt.AsyncInstant:
			list = append(list, slice{e.Time, 0, e.Category, e.Name})
		case tracefmt.AsyncBegin:
			async[key] = append(async[key], len(list))
			list = append(list, slice{e.Time, tracefmt.Open, e.Category, e.Name})
		case tracefmt.AsyncEnd:
			if open := async[key]; len(open) > 0 {
				s := &list[open[len(open)-1]]
				s.dur = e.Time - s.ts
				async[key] = open[:len(open)-1]
			}
		}
	}
	slices.SortFunc(list, compareSlices)
	return list
}
