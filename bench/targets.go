package main

import (
	"fmt"
	"math"
	"time"
)

// targets compares the results with what packages trace and logging are to reach.
func (r *report) targets() *table {
	t := newTable("what", "target", "measured", "met?")
	t.addTarget("recording, no attributes", "≤ 100 ns, 1 allocation", r.cost(spanstackRecording, 0, 100, 1))
	t.addTarget("recording, 4 attributes", "≤ 180 ns, ≤ 2 allocations", r.cost(spanstackRecording, 4, 180, 2))
	t.addTarget("IDs only, no attributes", "≤ 60 ns, 1 allocation", r.cost(spanstackIDs, 0, 60, 1))
	t.addTarget("off, no attributes", "≤ 3 ns, 0 allocations", r.cost(spanstackOff, 0, 3, 0))
	t.addTarget("recording against the OTel SDK with its batcher, in a small program", "≥ 10 × as fast", r.fasterAlone(otelBatcher, 10))
	t.addTarget("the same with 64 MiB of other things on the heap", "≥ 10 × as fast", r.faster(otelBatcher, 10))
	t.addTarget("the same by CPU time", "≥ 10 × as cheap", r.cheaper(otelBatcher, 10))
	t.addTarget("recording against an enabled runtime/trace region", "faster", r.faster(regionOn, 1))
	t.addTarget("OpenTelemetry's API on our core against its SDK with its batcher", "≥ 3 × as fast", r.apiFaster(3))
	for _, c := range []consumers{slowConsumer, alsoOneKilled} {
		t.addTarget("throughput under load, consumers: "+string(c), "≥ 0.90 of that without", r.throughput(c))
	}
	t.addTarget("losses are stated in the output", "all of them", r.stated())
	t.addTarget("a garbage collection beside a full flight recorder", "≤ 0.3 ms more", r.collection())
	t.addTarget("99th percentile of a piece of work while captures come and go", "≤ 1 ms more", r.delayed())
	t.addTarget("a log line with IDs against a bare slog.JSONHandler", "≤ 1.15 × its time", r.line(loggerIDs, 1.15))
	t.addTarget("the same, recorded, too", "≤ 1.15 × its time", r.line(loggerRecording, 1.15))
	t.addTarget("a span's first log line, with IDs", "≤ 1.5 × slog's time", r.firstLine(loggerIDs, 1.5))
	t.addTarget("the same, recorded, too", "≤ 1.5 × slog's time", r.firstLine(loggerRecording, 1.5))
	t.addTarget("a log line whose level is off", "≤ 15 ns, 0 allocations", r.disabled(15, 0))
	for _, o := range outlets[1:] { // nobody reads a file
		t.addTarget("throughput with a stopped reader: "+string(o), "≥ 0.95 of that before", r.unblocked(o))
	}
	t.addTarget("conversion of Chrome JSON to Perfetto", "≥ 400 MB/s a core", r.converted(400, chromeToPerfetto))
	t.addTarget("conversion of Perfetto to Chrome JSON", "≥ 400 MB/s a core", r.converted(400, perfettoToChrome))
	t.addTarget("conversion of OTLP to Perfetto, Chrome JSON and OTLP/JSON", "≥ 300 MB/s a core", r.converted(300, otlpToPerfetto, otlpToChrome, otlpToJSON))
	t.addTarget("memory of trace-convert for 1 GB in a pipe", "≤ 64 MiB", r.memory(64<<20))
	return t
}

// An outcome is what was measured for a target. The zero value means nothing was.
type outcome struct {
	measured string
	met      bool
}

func (t *table) addTarget(what, target string, o outcome) {
	met := "no"
	switch {
	case o.measured == "":
		o.measured, met = "not measured", ""
	case o.met:
		met = "yes"
	}
	t.add(what, target, o.measured, met)
}

// cost is the higher of the costs at depths 1 and 5, on one goroutine.
func (r *report) cost(of contender, attrs int, ns, allocs float64) (o outcome) {
	var highest *row
	for _, depth := range []int{1, nestedDepth} {
		row := r.row(spanGroup(depth, attrs, 1), of.name)
		if row == nil {
			return outcome{}
		}
		if highest == nil || row.Ns > highest.Ns {
			highest = row
		}
	}
	a := math.Round(highest.Allocs*10) / 10
	return outcome{fmt.Sprintf("%s ns, %g", nanoseconds(highest.Ns), a), highest.Ns <= ns && a <= allocs}
}

// faster is the lowest and the highest ratio of times in all groups of spans.
func (r *report) faster(than contender, want float64) outcome {
	return r.ratios(than, want, "fast", spanGroups(), func(row *row) float64 { return row.Ns })
}

// cheaper is faster by CPU time, that of other goroutines included.
func (r *report) cheaper(than contender, want float64) outcome {
	return r.ratios(than, want, "cheap", spanGroups(), func(row *row) float64 { return row.CPUNs })
}

// fasterAlone is faster in programs with nothing else on their heaps.
func (r *report) fasterAlone(than contender, want float64) outcome {
	return r.ratios(than, want, "fast", []string{aloneGroup(0), aloneGroup(4)}, func(row *row) float64 { return row.Ns })
}

// apiFaster is the lowest and the highest ratio of times of the SDK's spans and ours, by the same API.
func (r *report) apiFaster(want float64) outcome {
	lowest, highest := math.Inf(1), 0.0
	for _, attrs := range []int{0, 4} {
		ours, theirs := r.row(apiGroup(attrs), otelOnOurs.name), r.row(apiGroup(attrs), otelBatcher.name)
		if ours == nil || theirs == nil {
			return outcome{}
		}
		f := theirs.Ns / ours.Ns
		lowest, highest = min(lowest, f), max(highest, f)
	}
	return outcome{ratio(lowest) + "–" + ratio(highest) + " × as fast", lowest >= want}
}

func spanGroups() (groups []string) {
	for _, depth := range []int{1, nestedDepth} {
		for _, attrs := range []int{0, 4} {
			for _, goroutines := range []int{1, 2} {
				groups = append(groups, spanGroup(depth, attrs, goroutines))
			}
		}
	}
	return groups
}

func (r *report) ratios(than contender, want float64, as string, groups []string, of func(*row) float64) outcome {
	lowest, highest := math.Inf(1), 0.0
	for _, group := range groups {
		ours, theirs := r.row(group, spanstackRecording.name), r.row(group, than.name)
		if ours == nil || theirs == nil {
			return outcome{}
		}
		f := of(theirs) / of(ours)
		lowest, highest = min(lowest, f), max(highest, f)
	}
	return outcome{ratio(lowest) + "–" + ratio(highest) + " × as " + as, lowest >= want}
}

func (r *report) throughput(c consumers) outcome {
	if len(r.Load[c]) == 0 {
		return outcome{}
	}
	m := median(r.Load.ratios(c))
	return outcome{ratio(m), m >= 0.9}
}

func (r *report) stated() outcome {
	if r.Load == nil {
		return outcome{}
	}
	missing := r.Load.summary(slowConsumer).missing + r.Load.summary(alsoOneKilled).missing
	if missing != 0 {
		return outcome{fmt.Sprintf("%d records unaccounted for", missing), false}
	}
	return outcome{"all of them", true}
}

func (r *report) collection() outcome {
	if r.GC == nil {
		return outcome{}
	}
	more := median(milliseconds(r.GC.With)) - median(milliseconds(r.GC.Without))
	return outcome{fmt.Sprintf("%+.2f ms", more), more <= 0.3}
}

func milliseconds(times []time.Duration) []float64 {
	v := make([]float64, len(times))
	for i, t := range times {
		v[i] = float64(t.Nanoseconds()) / 1e6
	}
	return v
}
