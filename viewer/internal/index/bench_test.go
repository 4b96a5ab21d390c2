package index_test

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/perfetto"
	"github.com/spanstack/spanstack/viewer/internal/gentrace"
	"github.com/spanstack/spanstack/viewer/internal/index"
)

var spans = flag.Int("spans", 10_000_000, "spans of the traces that benchmarks load")

// traceFile writes a trace in 1,000 tasks.
func traceFile(b *testing.B, plain bool) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "trace.pftrace")
	file, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	out := bufio.NewWriterSize(file, 1<<20)
	w := perfetto.NewWriter(out)
	if _, err := tracefmt.Copy(w, gentrace.NewReader(gentrace.Config{Spans: *spans, Tasks: 1000, Plain: plain})); err != nil {
		b.Fatal(err)
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	if err := out.Flush(); err != nil {
		b.Fatal(err)
	}
	if err := file.Close(); err != nil {
		b.Fatal(err)
	}
	return path
}

// rss returns a value of the process's memory, such as VmHWM, the most that it had, in MB; 0 where there is no /proc.
func rss(what string) float64 {
	text, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := strings.Cut(string(text), what+":")
	var kb float64
	_, _ = fmt.Sscan(rest, &kb)
	return kb / 1024
}

// BenchmarkLoad reads a .pftrace from the file system and indexes it. MB is what is in use at the end, peak-MB the most
// that the process had.
func BenchmarkLoad(b *testing.B) {
	for _, plain := range []bool{true, false} {
		b.Run(map[bool]string{true: "plain", false: "ids"}[plain], func(b *testing.B) {
			path := traceFile(b, plain)
			defer debug.SetGCPercent(debug.SetGCPercent(50))
			debug.FreeOSMemory()
			_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // the peak from here on
			var x *index.Index
			for b.Loop() {
				x = nil
				file, err := os.Open(path)
				if err != nil {
					b.Fatal(err)
				}
				in, err := tracefmt.NewReader(bufio.NewReaderSize(file, 1<<20))
				if err != nil {
					b.Fatal(err)
				}
				if x, err = index.Load(context.Background(), in, nil); err != nil {
					b.Fatal(err)
				}
				_ = file.Close()
			}
			n := x.Snapshot().Counts().Slices
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/slice")
			b.ReportMetric(rss("VmHWM"), "peak-MB")
			start := time.Now()
			x.Snapshot().Lookup("none")
			b.ReportMetric(time.Since(start).Seconds(), "s-until-IDs")
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			b.ReportMetric(float64(m.HeapAlloc)/1e6, "MB")
			runtime.KeepAlive(x)
		})
	}
}

// BenchmarkTiles answers the requests of a screen: 40 tracks, 8 tiles each, at all zooms and places.
func BenchmarkTiles(b *testing.B) {
	for _, tasks := range []int{1000, 40} {
		s := generated(b, gentrace.Config{Spans: *spans, Tasks: tasks, Plain: true})
		var tracks []uint32
		for _, info := range s.Tracks() {
			if info.Slices > 0 && len(tracks) < 40 {
				tracks = append(tracks, info.ID)
			}
		}
		for level := 0; level <= 32; level += 4 {
			b.Run(fmt.Sprintf("tasks=%d/level=%d", tasks, level), func(b *testing.B) {
				var slowest time.Duration
				var buf []byte
				at, last := int64(0), s.End()>>(level+9)
				for b.Loop() {
					var list []index.TileID
					first := int64(0)
					if last > 8 {
						first = at % (last - 8)
					}
					at += max(last/7, 1)
					for _, id := range tracks {
						for i := range int64(8) {
							list = append(list, index.TileID{Track: id, Index: first + i})
						}
					}
					start := time.Now()
					var err error
					if buf, err = s.AppendTiles(buf[:0], level, list); err != nil {
						b.Fatal(err)
					}
					slowest = max(slowest, time.Since(start))
				}
				b.ReportMetric(slowest.Seconds()*1000, "ms-slowest")
				b.ReportMetric(float64(len(buf))/1e6, "MB/answer")
			})
		}
	}
}

// BenchmarkSearch looks for what only an attribute has.
func BenchmarkSearch(b *testing.B) {
	s := generated(b, gentrace.Config{Spans: *spans, Tasks: 1000})
	for b.Loop() {
		r, err := s.Search(context.Background(), index.SearchQuery{Text: "busy", Names: true, Attrs: true, Logs: true, Window: index.Everything, Limit: 100})
		if err != nil || r.Total == 0 {
			b.Fatal(r, err)
		}
	}
}

// BenchmarkLive is what 20,000 spans a second cost: a quarter of a second of them, and a snapshot.
func BenchmarkLive(b *testing.B) {
	const spans, tasks = 5000, 100
	x := index.New(index.Config{MaxSlices: 1_000_000})
	r := gentrace.NewReader(gentrace.Config{Spans: 1 << 40, Tasks: tasks})
	add := func() {
		for range spans {
			e, err := r.Next()
			if err != nil {
				b.Fatal(err)
			}
			x.Add(e)
		}
	}
	for x.Snapshot().Counts().Slices < 700_000 {
		add()
		x.Publish()
	}
	var slowest time.Duration
	for b.Loop() {
		add()
		start := time.Now()
		x.Publish()
		slowest = max(slowest, time.Since(start))
	}
	b.ReportMetric(slowest.Seconds()*1000, "ms-slowest")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/spans, "ns/span")
}

// BenchmarkOrphans is what a snapshot costs of a live trace whose tracks were started elsewhere, so that their parents never come.
func BenchmarkOrphans(b *testing.B) {
	const tracks = 50_000
	x := index.New(index.Config{MaxSlices: 1_000_000})
	i := int64(0)
	add := func(n int64) {
		for range n {
			i++
			x.Add(&tracefmt.Event{Kind: tracefmt.Complete, Track: tracefmt.TrackID(i%tracks + 1), Time: i, Dur: 1, Name: "a", ID: fmt.Sprintf("%016x", i), Parent: fmt.Sprintf("f%015x", i)})
		}
		x.Publish()
	}
	add(tracks)
	for b.Loop() {
		add(100)
	}
}
