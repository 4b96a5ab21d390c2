package all_test

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	_ "github.com/spanstack/spanstack/tracefmt/all"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/timeline"
)

var update = flag.Bool("update", false, "rewrite docs/formats.md")

// maxInput is the size of the largest file that takes part.
const maxInput = 1 << 20

// counts are how many things of each sort a trace has.
type counts [numSorts]int

const (
	slice = iota
	async
	instant
	log
	counter
	flow
	numSorts
)

var sorts = [numSorts]struct {
	name string
	kind tracefmt.Kind // one of the sort, to ask whether it is kept
}{
	{"slices", tracefmt.Complete}, {"async slices", tracefmt.AsyncBegin}, {"instants", tracefmt.Instant},
	{"log lines", tracefmt.Log}, {"counters", tracefmt.Counter}, {"flows", tracefmt.FlowStart},
}

func (c *counts) add(e *tracefmt.Event) {
	switch e.Kind {
	case tracefmt.Complete, tracefmt.Begin:
		c[slice]++
	case tracefmt.AsyncBegin:
		c[async]++
	case tracefmt.Instant:
		c[instant]++
	case tracefmt.Log:
		c[log]++
	case tracefmt.Counter:
		c[counter]++
	case tracefmt.FlowStart, tracefmt.FlowStep, tracefmt.FlowEnd:
		c[flow]++
	}
}

// normal returns the normal form of a trace.
func normal(r tracefmt.Reader) (events []tracefmt.Event, err error) {
	var line timeline.Timeline
	if _, err = line.Read(r); err != nil {
		return nil, err
	}
	for e := range line.Events() {
		events = append(events, *e.Clone())
	}
	return events, nil
}

func countsOf(events []tracefmt.Event) (c counts) {
	for i := range events {
		c.add(&events[i])
	}
	return c
}

// inputs returns the traces in the testdata of all formats, by the format that they are in.
func inputs(t *testing.T) map[*tracefmt.Format]map[string][]tracefmt.Event {
	t.Helper()
	all := map[*tracefmt.Format]map[string][]tracefmt.Event{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && d.Name() == "fuzz" {
			return fs.SkipDir
		}
		info, err := d.Info()
		if err != nil || !info.Mode().IsRegular() || info.Size() > maxInput || !strings.Contains(path, string(filepath.Separator)+"testdata"+string(filepath.Separator)) {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		in, err := tracefmt.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil // it is none, such as ORIGIN.md
		}
		events, err := normal(in)
		if err != nil || len(events) == 0 {
			return nil // it is broken on purpose: its format's own tests know about it
		}
		if all[in.Format] == nil {
			all[in.Format] = map[string][]tracefmt.Event{}
		}
		all[in.Format][path] = events
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range tracefmt.Formats() {
		if f.NewReader != nil && f.NewWriter != nil && all[f] == nil { // one that no file is in
			var out bytes.Buffer
			w := f.NewWriter(&out)
			for _, e := range fmttest.Sample() {
				if err := w.Write(&e); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			events, err := normal(f.NewReader(&out))
			if err != nil {
				t.Fatal(err)
			}
			all[f] = map[string][]tracefmt.Event{"sample": events}
		}
	}
	return all
}

// cell is what becomes of the traces of one format in another one.
type cell struct {
	in, out counts
	files   int
	read    bool // out is known
}

// TestMatrix converts a trace of every format into every other one, reads it back, and compares how many things of each
// sort there are. docs/formats.md shows the result.
func TestMatrix(t *testing.T) {
	var readers, writers []*tracefmt.Format
	for _, f := range tracefmt.Formats() {
		if f.NewReader != nil {
			readers = append(readers, f)
		}
		if f.NewWriter != nil {
			writers = append(writers, f)
		}
	}
	all := inputs(t)
	matrix := map[[2]*tracefmt.Format]*cell{}
	for _, from := range readers {
		if len(all[from]) == 0 {
			t.Errorf("there is no file to read in format %s", from.Name)
		}
		for _, to := range writers {
			c := &cell{read: to.NewReader != nil}
			matrix[[2]*tracefmt.Format{from, to}] = c
			for name, events := range all[from] {
				c.convert(t, name, events, to)
			}
		}
	}
	text := page(readers, writers, matrix)
	const path = "../../docs/formats.md"
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("docs/formats.md isn't what the formats are like: go test ./tracefmt/all -update")
	}
}

// convert writes a trace, reads it back, and counts.
func (c *cell) convert(t *testing.T, name string, events []tracefmt.Event, to *tracefmt.Format) {
	var out bytes.Buffer
	w := to.NewWriter(&out)
	for i := range events {
		if err := w.Write(&events[i]); err != nil {
			t.Errorf("%s as %s: write event %d: %v", name, to.Name, i, err)
			return
		}
	}
	if err := w.Close(); err != nil {
		t.Errorf("%s as %s: %v", name, to.Name, err)
		return
	}
	c.files++
	in := countsOf(events)
	c.in = c.in.plus(in)
	if !c.read {
		return
	}
	again, err := normal(to.NewReader(bytes.NewReader(out.Bytes())))
	if err != nil {
		t.Errorf("%s as %s, read back: %v", name, to.Name, err)
		return
	}
	got := countsOf(again)
	if back, err := tracefmt.NewReader(bytes.NewReader(out.Bytes())); len(again) > 0 && (err != nil || back.Format != to) {
		t.Errorf("%s as %s is taken for another format: %v", name, to.Name, err)
	}
	c.out = c.out.plus(got)
	stated := 0
	for _, loss := range tracefmt.LossesOf(w) {
		stated += int(loss.Count)
	}
	for i, s := range sorts {
		if missing := in[i] - got[i]; fmttest.Kept(s.kind, to.Keeps) && (missing < 0 || missing > stated) {
			t.Errorf("%s as %s: %d %s of %d, although the format keeps them; losses %v", name, to.Name, got[i], s.name, in[i], tracefmt.LossesOf(w))
		}
	}
}

func (c counts) plus(d counts) counts {
	for i := range c {
		c[i] += d[i]
	}
	return c
}

const head = `# Formats

What %s reads and writes. This page is made by the test that converts traces of every format into every
other one (` + "`go test ./tracefmt/all -update`" + `), from the files in the formats' testdata.

`

func page(readers, writers []*tracefmt.Format, matrix map[[2]*tracefmt.Format]*cell) string {
	var b strings.Builder
	fmt.Fprintf(&b, head, "trace-convert")
	b.WriteString("| format | | read | write | of a trace, the writer holds | a round trip keeps |\n|---|---|---|---|---|---|\n")
	for _, f := range tracefmt.Formats() {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n", f.Name, f.Description, yes(f.NewReader != nil), yes(f.NewWriter != nil), holds(f), keeps(f))
	}
	b.WriteString("\n## From each into each\n\nWhat is kept of what the files have: \"all\" is every slice, async slice, instant, log line, counter and flow, else it " +
		"is named\nwhat is left out, or how much of it is kept. \"sums\" is one number for each path of slices, \"·\" a format that can't be read " +
		"back.\ntrace-convert tells what it loses of a file.\n\n| from \\ to |")
	for _, to := range writers {
		fmt.Fprintf(&b, " %s |", to.Name)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(writers)) + "\n")
	for _, from := range readers {
		fmt.Fprintf(&b, "| **%s** |", from.Name)
		for _, to := range writers {
			text := "sums"
			if to.Keeps != 0 {
				text = matrix[[2]*tracefmt.Format{from, to}].String()
			}
			fmt.Fprintf(&b, " %s |", text)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func (c *cell) String() string {
	if !c.read {
		return "·"
	}
	var lost []string
	for i, s := range sorts {
		switch in, out := c.in[i], c.out[i]; {
		case in == 0 || out == in:
		case out == 0:
			lost = append(lost, "no "+s.name)
		case out < in:
			lost = append(lost, fmt.Sprintf("%d %% of %s", max(1, 100*out/in), s.name))
		}
	}
	if len(lost) == 0 {
		return "all"
	}
	return strings.Join(lost, ", ")
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return ""
}

func holds(f *tracefmt.Format) string {
	if f.NewWriter == nil {
		return ""
	}
	return map[tracefmt.Mode]string{tracefmt.Streaming: "what is open", tracefmt.Windowed: "a stretch of time",
		tracefmt.Summing: "sums, what is open", tracefmt.Whole: "all"}[f.Mode]
}

func keeps(f *tracefmt.Format) string {
	if f.NewReader == nil || f.NewWriter == nil {
		return ""
	}
	if f.Keeps == tracefmt.KeepsAll {
		return "all"
	}
	var list []string
	for _, k := range []struct {
		feature tracefmt.Feature
		name    string
	}{{tracefmt.KeepsTimes, "times"}, {tracefmt.KeepsOpen, "open slices"}, {tracefmt.KeepsTracks, "tracks"}, {tracefmt.KeepsAttrs, "attributes"},
		{tracefmt.KeepsIDs, "IDs and parents"}, {tracefmt.KeepsInstants, "instants"}, {tracefmt.KeepsLogs, "log lines"},
		{tracefmt.KeepsCounters, "counters"}, {tracefmt.KeepsFlows, "flows"}, {tracefmt.KeepsAsync, "async slices"}, {tracefmt.KeepsClock, "the wall clock"}} {
		if f.Keeps&k.feature != 0 {
			list = append(list, k.name)
		}
	}
	if len(list) == 0 {
		return "names and sums"
	}
	return strings.Join(slices.Compact(list), ", ")
}
