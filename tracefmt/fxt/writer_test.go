package fxt_test

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
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
	fmttest.Diff(t, "read back", fmttest.ContentOf(read(t, out.Bytes()), tracefmt.KeepsAll), fmttest.ContentOf(events, tracefmt.KeepsAll))
	return out.Bytes(), fmt.Sprint(w.Losses())
}

var head = []tracefmt.Event{
	{Kind: tracefmt.Process, Track: 1, SourceID: tracefmt.Int64(7), Name: "p"},
	{Kind: tracefmt.Track, Track: 2, Process: 1, SourceID: tracefmt.Int64(8), Name: "main"},
}

// nesting checks that the slices of each thread nest, and returns how many threads have some.
func nesting(t *testing.T, data []byte) int {
	t.Helper()
	type slice struct{ start, end int64 }
	rows := map[string][]slice{}
	for data = data[3*8:]; len(data) > 0; {
		word := func(i int) uint64 { return leWord(data, i) }
		size := int(word(0) >> 4 & 0xfff)
		if word(0)&15 == 4 {
			kind, row := word(0)>>16&15, strconv.Itoa(int(word(0)>>24&0xff))
			switch kind {
			case 2:
				rows[row] = append(rows[row], slice{int64(word(1)), -1})
			case 4:
				rows[row] = append(rows[row], slice{int64(word(1)), int64(word(size - 1))})
			}
		}
		data = data[size*8:]
	}
	for row, list := range rows {
		for i, s := range list {
			for _, other := range list[:i] {
				if s.end >= 0 && other.end >= 0 && (s.start < other.start && other.start < s.end && s.end < other.end ||
					other.start < s.start && s.start < other.end && other.end < s.end) {
					t.Errorf("%v and %v overlap on thread %s", other, s, row)
				}
			}
		}
	}
	return len(rows)
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
		slice(31_000, tracefmt.Open, "open, too"),
		tracefmt.Event{Kind: tracefmt.End, Track: 2, Time: 32_000})...)
	if got := nesting(t, data); got != 3 {
		t.Error(got)
	}
	for _, name := range []string{"main (overlap 1)", "main (overlap 2)"} {
		if !bytes.Contains(data, []byte(name)) {
			t.Errorf("there is no thread %q", name)
		}
	}
}

// TestTables checks that more strings and threads than the tables hold push out old ones.
func TestTables(t *testing.T) {
	events := head[:1:1]
	const threads, rounds = 300, 120
	for i := range threads {
		events = append(events, tracefmt.Event{Kind: tracefmt.Track, Track: tracefmt.TrackID(2 + i), Process: 1,
			SourceID: tracefmt.Int64(int64(1000 + i)), Name: "t" + strconv.Itoa(i)})
	}
	for i := range threads * rounds { // more names than 32767, and some again and again
		events = append(events, tracefmt.Event{Kind: tracefmt.Instant, Track: tracefmt.TrackID(2 + i%threads), Time: int64(i),
			Name: "name " + strconv.Itoa(i), Category: "c" + strconv.Itoa(i%7),
			Attrs: []tracefmt.Attr{{Key: "k" + strconv.Itoa(i/300), Value: tracefmt.Int64(1)}}})
	}
	if _, losses := same(t, events...); losses != "[]" {
		t.Error(losses)
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
	_, losses := same(t,
		tracefmt.Event{Kind: tracefmt.Process, Track: 1, SourceID: tracefmt.String(long), Name: long, Attrs: attrs},
		tracefmt.Event{Kind: tracefmt.Track, Track: 2, Process: 1, SourceID: tracefmt.RawJSON("[1]"), Attrs: whole("process", tracefmt.Int64(3))},
		tracefmt.Event{Kind: tracefmt.Begin, Track: 2, Time: 1, Name: "b", ID: "i", Parent: "p", Attrs: attrs},
		tracefmt.Event{Kind: tracefmt.Complete, Track: 2, Time: 2, Dur: 3, Name: long, Category: long, ID: long, Attrs: attrs},
		tracefmt.Event{Kind: tracefmt.Complete, Track: 2, Time: 2, Dur: tracefmt.Open, Name: "open", Attrs: attrs[:15]},
		tracefmt.Event{Kind: tracefmt.Counter, Track: 2, Time: 2, Name: "c", Key: "0", Attrs: attrs},
		tracefmt.Event{Kind: tracefmt.FlowEnd, Track: 2, Time: 2, Name: "c", Key: "k", BindNext: true, Attrs: attrs},
		tracefmt.Event{Kind: tracefmt.Log, Track: 2, Time: 2, Name: long, Severity: 9, Attrs: attrs[:1]},
		tracefmt.Event{Kind: tracefmt.Log, Track: 2, Time: 2, Name: "no blob"},
		tracefmt.Event{Kind: tracefmt.Instant, Track: 2, Time: 2, Name: "ours", Attrs: whole("spanstack.id", tracefmt.String("x"))},
		tracefmt.Event{Kind: tracefmt.Instant, Track: 2, Time: 2, Name: "31 KiB", Attrs: whole("k", tracefmt.String(long[:31<<10]))},
		tracefmt.Event{Kind: tracefmt.Instant, Track: 2, Time: 2, Name: "2 x 31 KiB", Attrs: append(whole("k", tracefmt.String(long[:31<<10])), whole("l", tracefmt.String(long[:31<<10]))...)},
		tracefmt.Event{Kind: tracefmt.End, Track: 2, Time: 5, Attrs: attrs},
	)
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
		tracefmt.Event{Kind: tracefmt.AsyncBegin, Track: 2, Time: 10, Key: "k"}, tracefmt.Event{Kind: tracefmt.AsyncEnd, Track: 2, Time: 5, Key: "k"},
		tracefmt.Event{Kind: tracefmt.Counter, Track: 2, Name: "c", Attrs: []tracefmt.Attr{{Key: "s", Value: tracefmt.String("x")}}},
		tracefmt.Event{Kind: tracefmt.Instant, Track: 2, Attrs: []tracefmt.Attr{{Key: "j", Value: tracefmt.RawJSON("{")}}},
		tracefmt.Event{Kind: tracefmt.Instant, Track: 9}, tracefmt.Event{Kind: tracefmt.Track, Track: 9, Process: 1, Name: "late"},
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
