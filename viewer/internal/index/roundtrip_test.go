package index_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	_ "github.com/spanstack/spanstack/tracefmt/all"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/viewer/internal/gentrace"
	"github.com/spanstack/spanstack/viewer/internal/index"
	"pgregory.net/rapid"
)

// same checks that what a snapshot gives back is what went in.
func same(t testing.TB, what string, s *index.Snapshot, want fmttest.Content) {
	t.Helper()
	fmttest.Diff(t, what, content(t, s.Reader(index.Everything, nil)), want)
}

// TestRoundTrip loads all traces that the formats are tested with, and checks that nothing of them is lost.
func TestRoundTrip(t *testing.T) {
	formats := map[string]int{}
	err := filepath.WalkDir("../../../tracefmt", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.Contains(path, "/testdata/") {
			return err
		}
		if info, err := d.Info(); err != nil || !info.Mode().IsRegular() || info.Size() > 4<<20 {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		in, err := tracefmt.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil // it is no trace
		}
		list, err := fmttest.ReadAll(in)
		if err != nil || len(list) == 0 {
			return nil // it is broken on purpose
		}
		formats[in.Format.Name]++
		want := content(t, &events{list: list})
		same(t, path, load(t, list), want)
		same(t, path+", live", live(list, len(list)/7+1), want)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("files: %v", formats)
	for _, name := range []string{"chrome", "perfetto", "fxt", "otlpjson", "jaeger", "zipkin", "gotrace", "firefox"} {
		if formats[name] == 0 {
			t.Errorf("there is no trace of format %s", name)
		}
	}
}

func TestRoundTripSample(t *testing.T) {
	list := fmttest.Sample()
	want := content(t, &events{list: list})
	same(t, "sample", load(t, list), want)
	for step := 1; step < 5; step++ {
		same(t, fmt.Sprintf("live, by %d", step), live(list, step), want)
	}
}

// TestRoundTripAsync has async slices that take no time, or begin when another one of their key ends.
func TestRoundTripAsync(t *testing.T) {
	list := header()
	for _, p := range []struct {
		kind tracefmt.Kind
		at   int64
		name string
	}{
		{tracefmt.AsyncBegin, 0, "a"}, {tracefmt.AsyncBegin, 3, "b"}, {tracefmt.AsyncEnd, 3, "b"}, {tracefmt.AsyncEnd, 5, ""},
		{tracefmt.AsyncBegin, 5, "a"}, {tracefmt.AsyncInstant, 5, "i"}, {tracefmt.AsyncEnd, 5, "a"}, {tracefmt.AsyncEnd, 5, "stray"}, {tracefmt.AsyncBegin, 5, "c"},
	} {
		list = append(list, tracefmt.Event{Kind: p.kind, Track: 2, Time: p.at, Name: p.name, Category: "x", Key: "k",
			Attrs: attr("of", fmt.Sprint(p.name, p.kind))})
	}
	s := load(t, list)
	same(t, "async", s, content(t, &events{list: list}))
	again, err := fmttest.ReadAll(s.Reader(index.Everything, nil))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := whole(t, load(t, again)), whole(t, s); !slices.Equal(got, want) {
		t.Errorf("read back and loaded again: %q\nwant %q", got, want)
	}
}

func TestRoundTripRandom(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		list := fmttest.Events(r)
		want := content(t, &events{list: list})
		same(t, "random", load(t, list), want)
		same(t, "random, live", live(list, rapid.IntRange(1, 20).Draw(r, "step")), want)
	})
}

// TestManyNames has more names, keys and values than the tables have room for.
func TestManyNames(t *testing.T) {
	for limit := range 12 {
		restore := index.SetLimits(limit, limit)
		list := fmttest.Sample()
		s := load(t, list)
		same(t, "sample", s, content(t, &events{list: list}))
		found, err := s.Search(context.Background(), index.SearchQuery{Text: "zfs list", Names: true, Window: index.Everything, Limit: 9})
		if err != nil || found.Total != 1 || found.Hits[0].Text != "zfs list" {
			t.Errorf("limit %d: found by name: %+v, %v", limit, found, err)
		}
		if v, _ := s.Slice(found.Hits[0].Pos); v.Name != "zfs list" || v.Category != tracefmt.CategorySpan {
			t.Errorf("limit %d: %+v", limit, v)
		}
		found, err = s.Search(context.Background(), index.SearchQuery{Text: "ratio=0.25", Attrs: true, Window: index.Everything, Limit: 9})
		if err != nil || found.Total != 1 {
			t.Errorf("limit %d: found by attribute: %+v, %v", limit, found, err)
		}
		rapid.Check(t, func(r *rapid.T) {
			list := fmttest.Events(r)
			same(t, "random", live(list, 7), content(t, &events{list: list}))
		})
		restore()
	}
}

// TestLarge has texts that are longer than a chunk of records.
func TestLarge(t *testing.T) {
	list := header()
	for i, n := range []int{10, 1 << 20, 3<<20 + 1, 5, 1<<20 - 30, 7} {
		long := strings.Repeat(string(rune('a'+i)), n)
		e := slice(int64(i)*10, 5, "name "+long)
		e.ID, e.Parent, e.Attrs = "id "+long, "parent "+long, attr("key "+long, "value "+long)
		list = append(list, e, tracefmt.Event{Kind: tracefmt.Log, Track: 2, Time: int64(i) * 10, Name: long, Parent: e.ID})
	}
	want := content(t, &events{list: list})
	for _, s := range []*index.Snapshot{load(t, list), live(list, 1)} {
		same(t, "large", s, want)
		for i := range 6 {
			p := index.Pos{Track: 2, Pos: uint32(i)}
			d, _ := s.Details(p)
			if found, ok := s.Lookup(d.ID); !ok || found != p {
				t.Errorf("slice %d is found at %v, %v", i, found, ok)
			}
			if owner, ok := s.MarkSlice(p); !ok || owner != p {
				t.Errorf("line %d is of %v, %v", i, owner, ok)
			}
		}
	}
}

// TestMemory checks what a slice takes: of one without an ID or attributes 24 bytes, and a share of rows and chunks.
func TestMemory(t *testing.T) {
	const n = 300_000
	for plain, most := range map[bool]float64{true: 40, false: 110} {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		s := generated(t, gentrace.Config{Spans: n, Tasks: 100, Plain: plain})
		s.Lookup("none") // the table of IDs is there
		runtime.GC()
		runtime.ReadMemStats(&after)
		each := float64(after.HeapAlloc-before.HeapAlloc) / float64(s.Counts().Slices)
		t.Logf("plain %v: %.1f bytes a slice", plain, each)
		if each > most || each < 24 {
			t.Errorf("plain %v: %.1f bytes a slice, want up to %v", plain, each, most)
		}
		runtime.KeepAlive(s)
	}
}

// TestReaderFails checks that what was read before an error is there.
func TestReaderFails(t *testing.T) {
	f := tracefmt.Lookup("perfetto")
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
	x, err := index.Load(context.Background(), f.NewReader(bytes.NewReader(out.Bytes()[:out.Len()-3])), nil)
	if err == nil || x.Snapshot().Counts().Slices == 0 {
		t.Errorf("error %v, %+v", err, x.Snapshot().Counts())
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := index.Load(ctx, &endless{}, nil); err != context.Canceled {
		t.Errorf("cancelled: %v", err)
	}
}

// endless is a trace without an end.
type endless struct{ e tracefmt.Event }

func (r *endless) Next() (*tracefmt.Event, error) {
	r.e = tracefmt.Event{Kind: tracefmt.Complete, Track: 1, Time: r.e.Time + 10, Dur: 5, Name: "x"}
	return &r.e, nil
}
