package index_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/viewer/internal/index"
)

// FuzzLoad reads anything that is taken for a trace, looks at all of it, and reads it back: whole and as it grows.
func FuzzLoad(f *testing.F) {
	for _, name := range []string{"chrome", "perfetto", "fxt", "jsonl", "otlp", "jaeger", "zipkin", "firefox"} {
		format := tracefmt.Lookup(name)
		var out bytes.Buffer
		w := format.NewWriter(&out)
		for _, e := range fmttest.Sample() {
			if err := w.Write(&e); err != nil {
				f.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			f.Fatal(err)
		}
		f.Add(out.Bytes(), uint8(3))
	}
	f.Add([]byte(`[{"ph":"E","ts":1},{"ph":"B","ts":9e18,"pid":1},{"ph":"X","ts":-9e18,"dur":9e18},{"ph":"e","id":1,"ts":0,"cat":"a"}]`), uint8(1))
	f.Fuzz(func(t *testing.T, data []byte, step uint8) {
		in, err := tracefmt.NewReader(bytes.NewReader(data))
		if err != nil {
			return
		}
		list, _ := fmttest.ReadAll(in) // an error ends the input
		if len(list) > 10_000 {
			return
		}
		loaded := load(t, list)
		for _, s := range []*index.Snapshot{loaded, live(list, int(step)%50+1)} {
			for worker := range 2 {
				lookAtAll(t, s, worker)
			}
			n := int64(0)
			for r := s.Reader(index.Everything, nil); ; {
				e, err := r.Next()
				if err != nil {
					break
				}
				if e.Kind == tracefmt.Complete || e.Kind == tracefmt.Begin || e.Kind == tracefmt.AsyncBegin {
					n++
				}
			}
			if c := s.Counts(); n != c.Slices {
				t.Fatalf("%d slices are read of %d", n, c.Slices)
			}
		}
	})
}

// lookAtAll is look for traces in which several slices may have the same ID.
func lookAtAll(t *testing.T, s *index.Snapshot, worker int) {
	var list []index.TileID
	for _, info := range s.Tracks() {
		list = append(list, index.TileID{Track: info.ID, Index: -1}, index.TileID{Track: info.ID})
		for pos := range min(info.Slices, 50) {
			p := index.Pos{Track: info.ID, Pos: uint32(pos)}
			d, _ := s.Details(p)
			if _, ok := s.Lookup(d.ID); !ok && d.ID != "" {
				t.Fatalf("slice %v has ID %q, which isn't found", p, d.ID)
			}
			if found, ok := s.Find(s.Key(p)); !ok || found != p {
				t.Fatalf("key %s of %v is found at %v", s.Key(p), p, found)
			}
			for range s.Ancestors(p) {
			}
			s.LastLog(p)
			if _, _, err := s.Children(context.Background(), p, 10); err != nil {
				t.Fatal(err)
			}
		}
	}
	for level := 0; level <= index.MaxLevel; level += 5 {
		b, err := s.AppendTiles(nil, level, list)
		if err != nil {
			t.Fatal(err)
		}
		decode(t, b)
	}
	for _, q := range []index.SearchQuery{{Text: "a"}, {Text: "é"}, {Text: "e=1"}, {Text: "[0-9]+", Regexp: true}} {
		q.Names, q.Attrs, q.IDs, q.Logs, q.Limit, q.Window = true, true, true, true, 10, index.Everything
		if _, err := s.Search(context.Background(), q); err != nil {
			t.Fatal(err)
		}
	}
	if worker == 1 {
		if _, err := s.Marks(context.Background(), index.MarkQuery{Window: index.Everything, Limit: 10, Text: "a"}); err != nil {
			t.Fatal(err)
		}
		if err := s.Walk(context.Background(), index.Everything, nil, func(*index.Visit) bool { return true }); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := s.Flows(context.Background(), index.FlowQuery{Window: index.Everything, Limit: 10}); err != nil {
		t.Fatal(err)
	}
	s.Open()
}
