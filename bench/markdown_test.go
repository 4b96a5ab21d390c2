package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestMarkdown(t *testing.T) {
	for name, r := range map[string]*report{"all-met.md": canned(50), "none-met.md": canned(500), "partly.md": cannedPart()} {
		got := r.markdown()
		path := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s differs (-update rewrites it); got\n%s", path, got)
		}
	}
}

// canned has results for all benchmarks of spans, in which recording takes ns and others what is fixed.
func canned(ns float64) *report {
	r := &report{CPU: "Some CPU, GOMAXPROCS 2", Platform: "linux/amd64", Go: "go1.26", Peers: []string{"sdk v1.2.3", "runtime/trace"},
		Command: "make bench", Rounds: 3}
	costs := map[string]sample{
		spanstackOff.name:       {ns: ns / 25, bytes: ns - 50, allocs: (ns - 50) / 100},
		spanstackIDs.name:       {ns: ns * 0.9, bytes: 96, allocs: 1},
		spanstackRecording.name: {ns: ns, bytes: 96, allocs: 1.004},
		spanstackPolled.name:    {ns: ns * 1.2, bytes: 200, allocs: 1.04, lost: 0.25},
		otelBatcher.name:        {ns: 1000, bytes: 944, allocs: 3},
		otelDefault.name:        {ns: 400, bytes: 944, allocs: 3, lost: 0.916},
		regionOn.name:           {ns: 123.4, bytes: 24, allocs: 1},
	}
	for _, b := range spanBenchmarks() {
		s, ok := costs[b.tracer.name]
		if !ok {
			continue
		}
		s.cpuNs = s.ns * 1.5
		faster, slower := s, s
		faster.ns *= 0.9
		slower.ns *= 1.25
		r.addRow(&b, []sample{slower, s, faster})
	}
	for i := range 2 {
		lost := uint64(ns) / 100
		r.Load.add(noConsumer, loadResult{Spans: 3000, Rate: 10e6 + float64(i), PeakHeap: 40 << 20, PeakRSS: 60 << 20})
		r.Load.add(slowConsumer, loadResult{Spans: 2900, Rate: 5e8 / ns, PeakHeap: 41 << 20, PeakRSS: 61 << 20, Delivered: 900 - lost, Lost: 2000})
		r.Load.add(alsoOneKilled, loadResult{Spans: 2800, Rate: 4.9e8 / ns, PeakHeap: 42 << 20, PeakRSS: 62 << 20, Delivered: 900, Lost: 1900,
			Killed: i == 0})
	}
	r.GC = &gcResult{}
	for i := range 10 {
		r.GC.Without = append(r.GC.Without, 2*time.Millisecond+time.Duration(i)*time.Microsecond)
		r.GC.With = append(r.GC.With, 2*time.Millisecond+time.Duration(ns)*4*time.Microsecond)
	}
	return r
}

// cannedPart is what --run leaves of it.
func cannedPart() *report {
	r := canned(50)
	r.Load, r.GC, r.Rows = nil, nil, r.Rows[2:5]
	r.Command = "cd bench && go run . --run …"
	return r
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		v    []float64
		want float64
	}{{[]float64{3}, 3}, {[]float64{4, 1}, 2.5}, {[]float64{9, 1, 2}, 2}, {[]float64{1, 100, 2, 4}, 3}} {
		if got := median(c.v); got != c.want {
			t.Errorf("median of %v: %v, want %v", c.v, got, c.want)
		}
	}
}

// TestTargets has one result spoil each target that all others meet.
func TestTargets(t *testing.T) {
	spoil := func(group, tracer string, change func(*row)) *report {
		r := canned(50)
		change(r.row(group, tracer))
		return r
	}
	shallow, deep2 := spanGroup(1, 0, 1), spanGroup(nestedDepth, 4, 2)
	for name, c := range map[string]struct {
		got, want outcome
	}{
		"all met": {canned(50).cost(spanstackRecording, 0, 100, 1), outcome{"50 ns, 1", true}},
		"one depth is slow": {spoil(shallow, spanstackRecording.name, func(r *row) { r.Ns = 101 }).cost(spanstackRecording, 0, 100, 1),
			outcome{"101 ns, 1", false}},
		"allocations": {spoil(shallow, spanstackRecording.name, func(r *row) { r.Ns, r.Allocs = 60, 1.06 }).cost(spanstackRecording, 0, 100, 1),
			outcome{"60 ns, 1.1", false}},
		"one group is slow": {spoil(deep2, otelBatcher.name, func(r *row) { r.Ns = 499 }).faster(otelBatcher, 10),
			outcome{"9.98–20.0 × as fast", false}},
		"a group is missing": {spoil(deep2, otelBatcher.name, func(r *row) { r.Tracer = "" }).faster(otelBatcher, 10), outcome{}},
	} {
		if c.got != c.want {
			t.Errorf("%s: %+v, want %+v", name, c.got, c.want)
		}
	}
}
