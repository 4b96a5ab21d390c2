package parquet_test

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	pq "github.com/parquet-go/parquet-go"

	"github.com/spanstack/spanstack/tracefmt"
	_ "github.com/spanstack/spanstack/tracefmt/chrome"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/parquet"
	"github.com/spanstack/spanstack/tracefmt/timeline"
)

func TestConformance(t *testing.T) { fmttest.RunWriter(t, parquet.Format) }

func write(t testing.TB, events ...tracefmt.Event) []byte {
	var out bytes.Buffer
	w := parquet.NewWriter(&out)
	for i := range events {
		if err := w.Write(&events[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// timelineOf reads a trace that the tests of Chrome's format have.
func timelineOf(t *testing.T, file string) *timeline.Timeline {
	f, err := os.Open(filepath.Join("../chrome/testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := tracefmt.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var trace timeline.Timeline
	if _, err := trace.Read(r); err != nil {
		t.Fatal(err)
	}
	return &trace
}

// long calls write with the events of a long trace, two rows a round.
func long(rounds int, write func(*tracefmt.Event)) {
	write(&tracefmt.Event{Kind: tracefmt.Clock, Unix: 1753000000_000000000})
	write(&tracefmt.Event{Kind: tracefmt.Process, Track: 1, SourceID: tracefmt.Int64(4242), Name: "zferry"})
	write(&tracefmt.Event{Kind: tracefmt.Track, Track: 2, Process: 1, SourceID: tracefmt.Int64(1), Name: "worker"})
	for i := range rounds {
		when, id := int64(i)*1_000_000, fmt.Sprintf("id%d", i)
		e := tracefmt.Event{Kind: tracefmt.Complete, Track: 2, Time: when, Dur: int64(i%1000) * 10, Name: "send", ID: id,
			Attrs: []tracefmt.Attr{{Key: "dataset", Value: tracefmt.String(fmt.Sprint("tank/", i%10))}, {Key: "bytes", Value: tracefmt.Int64(int64(i))}}}
		if i%7 == 0 {
			e.Attrs = append(e.Attrs, tracefmt.Attr{Key: tracefmt.AttrError, Value: tracefmt.String("no space left")})
		}
		write(&e)
		write(&tracefmt.Event{Kind: tracefmt.Log, Track: 2, Time: when + 1, Severity: tracefmt.SeverityInfo, Parent: id,
			Name: fmt.Sprintf("a line that is like no other, because it has number %d in it", i)})
	}
}

// open opens a file with the library that has written it.
func open(t *testing.T, data []byte) *pq.File {
	f, err := pq.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestLong writes a trace of several row groups, and wants the memory to be that of one, however long the trace is.
func TestLong(t *testing.T) {
	const rounds = 80_000
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	var out bytes.Buffer
	w := parquet.NewWriter(&out)
	n, most, before := 0, uint64(0), heap()
	long(rounds, func(e *tracefmt.Event) {
		if err := w.Write(e); err != nil {
			t.Fatal(err)
		}
		if n++; n%20_000 == 0 {
			most = max(most, heap())
		}
	})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("at most %d MiB, with %d before", most>>20, before>>20)
	if most > before+32<<20 {
		t.Errorf("the writer holds up to %d MiB", (most-before)>>20)
	}
	f := open(t, out.Bytes())
	if n := f.NumRows(); n != 2*rounds {
		t.Errorf("%d rows", n)
	}
	for i, g := range f.RowGroups() {
		if n := g.NumRows(); n > 64<<10 || n < 60<<10 && i < len(f.RowGroups())-1 {
			t.Errorf("row group %d has %d rows", i, n)
		}
	}
	if clock, _ := f.Lookup("spanstack.clock"); clock != "unix" {
		t.Errorf("clock is %q", clock)
	}
}

// TestHugeRows wants a few huge rows to fill a row group, too.
func TestHugeRows(t *testing.T) {
	huge := strings.Repeat("huge ", 1<<20)
	var events []tracefmt.Event
	for i := range 9 {
		events = append(events, tracefmt.Event{Kind: tracefmt.Log, Time: int64(i), Name: huge})
	}
	if n := len(open(t, write(t, events...)).RowGroups()); n != 2 {
		t.Errorf("45 MB of text are in %d row groups", n)
	}
}

// TestValues reads rows back with the library's own reader.
func TestValues(t *testing.T) {
	type row struct {
		Kind       string            `parquet:"kind"`
		ID         *string           `parquet:"id,optional"`
		Name       string            `parquet:"name"`
		Start      *int64            `parquet:"start,optional,timestamp(nanosecond)"`
		StartNS    int64             `parquet:"start_ns"`
		Duration   *int64            `parquet:"duration_ns,optional"`
		Value      *float64          `parquet:"value,optional"`
		Attributes map[string]string `parquet:"attributes"`
	}
	data := write(t,
		tracefmt.Event{Kind: tracefmt.Complete, Time: -5, Dur: 0, Name: "a\xff", Attrs: []tracefmt.Attr{
			{Key: "n", Value: tracefmt.Int64(math.MaxInt64)}, {Key: "", Value: tracefmt.String("")}, {Key: "j", Value: tracefmt.RawJSON(`{"a":[1]}`)},
			{Key: "n", Value: tracefmt.Float64(2)}}},
		tracefmt.Event{Kind: tracefmt.Complete, Time: 7, Dur: tracefmt.Open, ID: "i"},
		tracefmt.Event{Kind: tracefmt.Counter, Time: 8, Name: "c", Attrs: []tracefmt.Attr{{Key: "v", Value: tracefmt.Int64(0)}}})
	rows, err := pq.Read[row](bytes.NewReader(data), int64(len(data)))
	if err != nil || len(rows) != 3 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	a, b, c := rows[0], rows[1], rows[2]
	if a.Kind != "slice" || a.ID != nil || a.Name != "a\ufffd" || a.Start != nil || a.StartNS != -5 || a.Duration == nil || *a.Duration != 0 || a.Value != nil {
		t.Errorf("first row: %+v", a)
	}
	if got := fmt.Sprint(a.Attributes); got != `map[: j:{"a":[1]} n:2.0]` {
		t.Errorf("attributes are %s", got)
	}
	if b.ID == nil || *b.ID != "i" || b.Duration != nil || len(b.Attributes) != 0 {
		t.Errorf("second row: %+v", b)
	}
	if c.Value == nil || *c.Value != 0 {
		t.Errorf("third row: %+v", c)
	}
}

func TestLosses(t *testing.T) {
	w := parquet.NewWriter(io.Discard)
	w.Write(&tracefmt.Event{Kind: tracefmt.Counter, Name: "c", Attrs: []tracefmt.Attr{{Key: "v", Value: tracefmt.Int64(1<<53 + 1)}}})
	if got := fmt.Sprint(w.Losses()); got != "[counter's value, rounded to 53 bits (1x)]" {
		t.Errorf("losses are %s", got)
	}
}

func BenchmarkWrite(b *testing.B) {
	var events []tracefmt.Event
	long(50_000, func(e *tracefmt.Event) { events = append(events, *e.Clone()) })
	size := len(write(b, events...))
	b.ReportAllocs()
	for b.Loop() {
		w := parquet.NewWriter(io.Discard)
		for i := range events {
			if err := w.Write(&events[i]); err != nil {
				b.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(events)), "ns/event")
	b.ReportMetric(float64(size)/float64(len(events)), "B/event")
}
