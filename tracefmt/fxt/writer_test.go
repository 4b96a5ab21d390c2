package fxt_test

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/fxt"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestWriterGolden compares what is written of the sample with a dump of it, word by word.
func TestWriterGolden(t *testing.T) {
	var dump strings.Builder
	data := write(t, fmttest.Sample()...)
	for i := 0; i < len(data); i += 8 {
		fmt.Fprintf(&dump, "%05x  %x  %q\n", i, data[i:i+8], data[i:i+8])
	}
	const golden = "testdata/sample.golden.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(dump.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if dump.String() != string(want) {
		t.Errorf("got\n%s", dump.String())
	}
}

// same checks that events come back, and returns what was written and what was lost.
func same(t *testing.T, events ...tracefmt.Event) (data []byte, losses string) {
	t.Helper()
	var out bytes.Buffer
	w := fxt.NewWriter(&out)
	for i := range events {
		if err := w.Write(&events[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	content := func(events []tracefmt.Event) fmttest.Content { return fmttest.ContentOf(events, tracefmt.KeepsAll) }
	fmttest.Diff(t, "read back", content(read(t, out.Bytes())), content(events))
	return out.Bytes(), fmt.Sprint(w.Losses())
}

var head = []tracefmt.Event{
	{Kind: tracefmt.Process, Track: 1, SourceID: tracefmt.Int64(7), Name: "p"},
	{Kind: tracefmt.Track, Track: 2, Process: 1, SourceID: tracefmt.Int64(8), Name: "main"},
}

// row is a slice as a viewer has it.
type row struct{ start, end int64 }

// nesting follows the duration records of a trace as viewers do, where an end closes the innermost open slice of its
// thread. It checks that the slices of each thread nest, and returns them, by threads.
func nesting(t *testing.T, data []byte) map[uint64][]*row {
	t.Helper()
	rows, open := map[uint64][]*row{}, map[uint64][]*row{}
	for data = data[3*8:]; len(data) > 0; {
		header := leWord(data, 0)
		size := int(header >> 4 & 0xfff)
		if thread := header >> 24 & 0xff; header&15 == 4 {
			switch header >> 16 & 15 {
			case 2:
				s := &row{int64(leWord(data, 1)), math.MaxInt64}
				rows[thread], open[thread] = append(rows[thread], s), append(open[thread], s)
			case 3:
				last := len(open[thread]) - 1
				open[thread][last].end = int64(leWord(data, 1))
				open[thread] = open[thread][:last]
			case 4:
				rows[thread] = append(rows[thread], &row{int64(leWord(data, 1)), int64(leWord(data, size-1))})
			}
		}
		data = data[size*8:]
	}
	for thread, list := range rows {
		for _, a := range list {
			for _, b := range list {
				if a.start < b.start && b.start < a.end && a.end < b.end {
					t.Errorf("%v and %v overlap on thread %d", *a, *b, thread)
				}
			}
		}
	}
	return rows
}

func leWord(data []byte, i int) (v uint64) {
	for j := range 8 {
		v |= uint64(data[i*8+j]) << (8 * j)
	}
	return v
}

// TestOverlap checks that slices which don't nest get threads of their own, and come back on their track.
func TestOverlap(t *testing.T) {
	slice := func(when, dur int64, name string) tracefmt.Event {
		return tracefmt.Event{Kind: tracefmt.Complete, Track: 2, Time: when, Dur: dur, Name: name}
	}
	data, _ := same(t, append(head[:2:2], slice(0, 10_000, "a"), slice(5_000, 10_000, "b"), slice(6_000, 1_000, "in both"),
		slice(7_000, 20_000, "c"), slice(1_000, tracefmt.Open, "open"),
		tracefmt.Event{Kind: tracefmt.Begin, Track: 2, Time: 30_000, Name: "d"},
		slice(31_000, tracefmt.Open, "open, too"), slice(29_000, 1_500, "around the begin of d"),
		tracefmt.Event{Kind: tracefmt.End, Track: 2, Time: 32_000})...)
	rows := nesting(t, data)
	if len(rows) != 4 {
		t.Errorf("slices on %d threads", len(rows))
	}
	for _, list := range rows {
		for _, s := range list {
			if (s.end == 32_000) != (s.start == 30_000) {
				t.Errorf("the end of d closes what began at %d", s.start)
			}
		}
	}
	for _, name := range []string{"main (overlap 1)", "main (overlap 2)", "main (overlap 3)"} {
		if !bytes.Contains(data, []byte(name)) {
			t.Errorf("there is no thread %q", name)
		}
	}
}

// TestArrows checks that there is an arrow to a slice that isn't on its parent's thread, which isn't read back.
func TestArrows(t *testing.T) {
	span := func(when, dur int64, id, parent string) tracefmt.Event {
		return tracefmt.Event{Kind: tracefmt.Complete, Track: 2, Time: when, Dur: dur, Name: "span", ID: id, Parent: parent}
	}
	data, _ := same(t, append(head[:2:2], span(0, 10, "a", ""), span(1, 5, "b", "a"), span(2, 6, "c", "a"))...)
	var flows []string
	for rest := data; len(rest) > 0; rest = rest[leWord(rest, 0)>>4&0xfff*8:] {
		if h := leWord(rest, 0); h&15 == 4 && h>>16&15 >= 8 {
			flows = append(flows, fmt.Sprintf("type %d on %d at %d", h>>16&15, h>>24&0xff, leWord(rest, 1)))
		}
	}
	const want = "[type 8 on 1 at 0 type 10 on 2 at 2]" // from the last moment when the parent is the innermost slice
	if got := fmt.Sprint(flows); got != want {
		t.Errorf("arrows are %s, want %s", got, want)
	}
}

// TestThreads checks that more threads than the table holds push out old ones.
func TestThreads(t *testing.T) {
	events := head[:1:1]
	const threads, rounds = 300, 5
	for i := range threads {
		events = append(events, tracefmt.Event{Kind: tracefmt.Track, Track: tracefmt.TrackID(2 + i), Process: 1,
			SourceID: tracefmt.Int64(int64(1000 + i)), Name: "t" + strconv.Itoa(i)})
	}
	for i := range threads * rounds {
		events = append(events, tracefmt.Event{Kind: tracefmt.Instant, Track: tracefmt.TrackID(2 + i%threads), Time: int64(i),
			Name: "name " + strconv.Itoa(i), Category: "c" + strconv.Itoa(i%7),
			Attrs: []tracefmt.Attr{{Key: "k" + strconv.Itoa(i/300), Value: tracefmt.Int64(1)}}})
	}
	if _, losses := same(t, events...); losses != "[]" {
		t.Error(losses)
	}
}

// TestStrings checks that more strings than the table holds push out old ones, and that a string which a record needs
// isn't pushed out by another one of the same record.
func TestStrings(t *testing.T) {
	events := head[:2:2] // "p" gets index 1, "process" 2, "main" 3
	for i := range 32767 - 3 {
		events = append(events, tracefmt.Event{Kind: tracefmt.Instant, Track: 2, Time: int64(i), Name: strconv.Itoa(i)})
	}
	events = append(events, tracefmt.Event{Kind: tracefmt.Instant, Track: 2, Name: "new name", Category: "new category",
		Attrs: []tracefmt.Attr{{Key: "p", Value: tracefmt.Int64(1)}}})
	for i := range 1000 {
		events = append(events, tracefmt.Event{Kind: tracefmt.Instant, Track: 2, Time: int64(i), Name: strconv.Itoa(i / 2),
			Category: strconv.Itoa(-i)})
	}
	back := read(t, write(t, events...))
	if len(back) != len(events) {
		t.Fatalf("%d events come back, want %d", len(back), len(events))
	}
	for i, e := range events {
		if b := back[i]; b.Name != e.Name || b.Category != e.Category || !slices.Equal(b.Attrs, e.Attrs) {
			t.Fatalf("event %d comes back as %v, want %v", i, b, e)
		}
	}
}

// TestLarge checks what doesn't fit into one record: it comes back, and the record shows some of it.
func TestLarge(t *testing.T) {
	var attrs []tracefmt.Attr
	for i := range 40 {
		attrs = append(attrs, tracefmt.Attr{Key: "k" + strconv.Itoa(i), Value: tracefmt.Int64(int64(i))})
	}
	long := strings.Repeat("é", 25<<10)
	whole := func(key string, v tracefmt.Value) []tracefmt.Attr { return []tracefmt.Attr{{Key: key, Value: v}} }
	events := []tracefmt.Event{
		{Kind: tracefmt.Process, Track: 1, SourceID: tracefmt.String(long), Name: long, Attrs: attrs},
		{Kind: tracefmt.Track, Track: 2, Process: 1, SourceID: tracefmt.RawJSON("[1]"),
			Attrs: whole("process", tracefmt.Int64(3))},
		{Kind: tracefmt.Begin, Time: 1, Name: "b", ID: "i", Parent: "p", Attrs: attrs},
		{Kind: tracefmt.Complete, Time: 2, Dur: 3, Name: long, Category: long, ID: long, Attrs: attrs},
		{Kind: tracefmt.Complete, Time: 2, Dur: tracefmt.Open, Name: "open", Attrs: attrs[:15]},
		{Kind: tracefmt.Counter, Time: 2, Name: "c", Key: "0", Attrs: attrs},
		{Kind: tracefmt.FlowEnd, Time: 2, Name: "c", Key: "k", BindNext: true, Attrs: attrs},
		{Kind: tracefmt.Log, Time: 2, Name: long, Severity: 9, Attrs: attrs[:1]},
		{Kind: tracefmt.Log, Time: 2, Name: "no blob"},
		{Kind: tracefmt.Instant, Time: 2, Name: "ours", Attrs: whole("spanstack.id", tracefmt.String("x"))},
		{Kind: tracefmt.Instant, Time: 2, Name: "31 KiB", Attrs: whole("k", tracefmt.String(long[:31<<10]))},
		{Kind: tracefmt.Instant, Time: 2, Name: "31 and 3 KiB", Attrs: append(
			whole("k", tracefmt.String(long[:31<<10])), whole("l", tracefmt.String(long[:3<<10]))...)},
		{Kind: tracefmt.End, Time: 5, Attrs: attrs},
	}
	for i := range events[2:] {
		events[2+i].Track = 2
	}
	_, losses := same(t, events...)
	if losses != "[]" {
		t.Error(losses)
	}
}

func TestWriterLosses(t *testing.T) {
	w := fxt.NewWriter(io.Discard)
	for _, e := range append(head[:2:2],
		tracefmt.Event{Kind: tracefmt.Complete, Track: 2, Time: 1 << 62, Dur: 1 << 62},
		tracefmt.Event{Kind: tracefmt.Instant, Track: 2, Time: -1},
		tracefmt.Event{Kind: tracefmt.Begin, Track: 2, Time: 10}, tracefmt.Event{Kind: tracefmt.End, Track: 2, Time: 5},
		tracefmt.Event{Kind: tracefmt.AsyncBegin, Track: 2, Time: 10, Name: "n"},
		tracefmt.Event{Kind: tracefmt.AsyncBegin, Track: 2, Time: 10, Key: "k"},
		tracefmt.Event{Kind: tracefmt.AsyncEnd, Track: 2, Time: 5, Key: "k"},
		tracefmt.Event{Kind: tracefmt.Counter, Track: 2, Name: "c",
			Attrs: []tracefmt.Attr{{Key: "s", Value: tracefmt.String("x")}}},
		tracefmt.Event{Kind: tracefmt.Instant, Track: 2, Attrs: []tracefmt.Attr{{Key: "j", Value: tracefmt.RawJSON("{")}}},
		tracefmt.Event{Kind: tracefmt.Instant, Track: 9},
		tracefmt.Event{Kind: tracefmt.Track, Track: 9, Process: 1, Name: "late"},
		tracefmt.Event{Kind: tracefmt.Process, Track: 1, SourceID: tracefmt.Int64(9)},
		tracefmt.Event{Kind: 200},
	) {
		if err := w.Write(&e); err != nil {
			t.Fatal(err)
		}
	}
	want := "[async end before its begin, moved to it (1x) async event without an id (1x) " +
		"attribute that isn't valid JSON, written as a string (1x) counter without a value (1x) " +
		"counter's value that isn't a number (1x) end before its begin, moved to it (1x) " +
		"event before time 0, which viewers don't show (1x) event of unknown kind (1x) " +
		"process or track whose number changed (1x) time out of range (1x) " +
		"track that was declared after its first event (1x)]"
	if got := fmt.Sprint(w.Losses()); got != want {
		t.Errorf("losses\n%s\nwant\n%s", got, want)
	}
}

// TestNoAllocations checks that writing an event with attributes takes no memory, and so does reading it.
func TestNoAllocations(t *testing.T) {
	w := fxt.NewWriter(io.Discard)
	for i := range head {
		w.Write(&head[i])
	}
	e := tracefmt.Event{Kind: tracefmt.Complete, Track: 2, Dur: 5, Name: "n", Category: "c", ID: "0123456789abc",
		Attrs: []tracefmt.Attr{{Key: "a", Value: tracefmt.String("text")}, {Key: "b", Value: tracefmt.Int64(1)}}}
	var data []byte
	if n := testing.AllocsPerRun(5000, func() {
		e.Time += 10
		if err := w.Write(&e); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations an event written", n)
	}
	events := head[:2:2]
	for range 6000 {
		e.Time += 10
		events = append(events, e)
	}
	data = write(t, events...)
	r := fxt.NewReader(bytes.NewReader(data))
	for range 10 {
		r.Next()
	}
	if n := testing.AllocsPerRun(5000, func() {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations an event read", n)
	}
}
