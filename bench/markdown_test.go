package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
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

// canned has results for all benchmarks of spans and of lines, in which recording takes ns, a line ten times as much, and
// others what is fixed.
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
		s, ok := costs[b.contender.name]
		if !ok {
			continue
		}
		s.cpuNs = s.ns * 1.5
		faster, slower := s, s
		faster.ns *= 0.9
		slower.ns *= 1.25
		r.addRow(&b, []sample{slower, s, faster})
	}
	for _, b := range lineBenchmarks() {
		s := sample{ns: 500, cpuNs: 510, bytes: 104, allocs: 6}
		switch {
		case strings.HasPrefix(b.group, "Off/"):
			s = sample{ns: ns / 4, cpuNs: ns / 4, allocs: (ns - 50) / 100}
		case b.group == noLineGroup:
			s.ns = 60
		case isOurs(b.contender.name):
			s.ns = 10 * ns
		case b.contender.name == zerologFile.name:
			s.lost = 0.916
		}
		r.addRow(&b, []sample{s})
	}
	for i := range 2 {
		lost := uint64(ns) / 100
		r.Load.add(noConsumer, loadResult{Spans: 3000, Rate: 10e6 + float64(i), PeakHeap: 40 << 20, PeakRSS: 60 << 20})
		r.Load.add(slowConsumer, loadResult{Spans: 2900, Rate: 5e8 / ns, PeakHeap: 41 << 20, PeakRSS: 61 << 20, Delivered: 900 - lost, Lost: 2000})
		r.Load.add(alsoOneKilled, loadResult{Spans: 2800, Rate: 4.9e8 / ns, PeakHeap: 42 << 20, PeakRSS: 62 << 20, Delivered: 900, Lost: 1900,
			Killed: i == 0})
	}
	for _, o := range outlets {
		res := stoppedResult{Outlet: o}
		for i := range 8 {
			n := uint64(11_000 + i)
			reading, stopped := window{250 * time.Millisecond, n, 0}, window{250 * time.Millisecond, n * 99 / 100, n * 99 / 100}
			if ns > 100 {
				reading.Lost, stopped.Lines, stopped.Lost = n/100, n*9/10, n*9/10
			}
			if o == toFile {
				stopped = window{}
			}
			res.Ours = append(res.Ours, stoppedRound{reading, stopped})
			if i < blockingRounds {
				res.Blocking = append(res.Blocking, stoppedRound{window{250 * time.Millisecond, n, 0}, window{250 * time.Millisecond, 0, 0}})
			}
		}
		if o == toJournal && ns > 100 {
			res = stoppedResult{Outlet: o, Missing: "only root can run systemd-journald"}
		}
		r.Stopped = append(r.Stopped, res)
	}
	r.Captures = &capturesResult{Opened: 250}
	for i := range 4 {
		q := quantiles{20 * time.Microsecond, time.Duration(40+i) * time.Microsecond, 90 * time.Microsecond, time.Millisecond, 1000}
		r.Captures.Without = append(r.Captures.Without, q)
		q.P99 += time.Duration(ns*ns) * 100 * time.Nanosecond
		r.Captures.With = append(r.Captures.With, q)
	}
	r.Conversions = &conversionsResult{Series: series{}, Node: "v20.1.2"}
	for i, w := range (&conversionBench{node: &nodeParser{}}).ways() {
		if w == nodeOfChrome && ns > 100 {
			r.Conversions.Node, r.Conversions.Missing = "", "there is no node"
			continue
		}
		for round := range 9 {
			time := time.Duration(500*ns) * time.Duration(1000+100*i+(round*(i+2))%9)
			r.Conversions.Series[w] = append(r.Conversions.Series[w], passage{Bytes: 25_000_000, Time: time, CPU: time * 5 / 4})
		}
	}
	for i := range int64(3) {
		r.Memory = append(r.Memory, memoryRound{passage{Bytes: 1e9, Time: 3 * time.Second, CPU: 2 * time.Second}, int64(ns)<<20 + i<<19})
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
	r.Load, r.GC, r.Stopped, r.Captures, r.Rows = nil, nil, nil, nil, r.Rows[2:5]
	r.Conversions, r.Memory = nil, nil
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
		"a group is missing": {spoil(deep2, otelBatcher.name, func(r *row) { r.Contender = "" }).faster(otelBatcher, 10), outcome{}},
		"lines":              {canned(50).line(loggerIDs, 1.15), outcome{"1.00–1.00 × slog's time", true}},
		"lines on two goroutines are slow": {spoil(lineGroup(2), loggerIDs.name, func(r *row) { r.Ns = 576 }).line(loggerIDs, 1.15),
			outcome{"1.00–1.15 × slog's time", false}},
		"slog is missing": {spoil(lineGroup(2), slogJSON.name, func(r *row) { r.Contender = "" }).line(loggerIDs, 1.15), outcome{}},
		"first line":      {canned(50).firstLine(loggerIDs, 1.5), outcome{"0.88 × slog's time", true}},
		"first line is slow": {spoil(firstLineGroup, loggerIDs.name, func(r *row) { r.Ns = 811 }).firstLine(loggerIDs, 1.5),
			outcome{"1.50 × slog's time", false}},
		"conversions":          {canned(50).converted(560, otlpToPerfetto, otlpToChrome, otlpToJSON), outcome{"570–664 MB/s", true}},
		"a conversion is slow": {canned(50).converted(600, otlpToPerfetto, otlpToChrome, otlpToJSON), outcome{"570–664 MB/s", false}},
		"a memory is unknown":  {(&report{Memory: []memoryRound{{}}}).memory(1), outcome{}},
		"disabled":             {canned(50).disabled(15, 0), outcome{"12 ns, 0", true}},
		"disabled with injected attributes": {spoil(offConstantGroup, "spanstack, With", func(r *row) { r.Ns = 16 }).disabled(15, 0),
			outcome{"16 ns, 0", false}},
	} {
		if c.got != c.want {
			t.Errorf("%s: %+v, want %+v", name, c.got, c.want)
		}
	}
}
