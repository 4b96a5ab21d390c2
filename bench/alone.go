package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// aloneBenchmarks are spans in a small program: with next to nothing on its heap, what a tracer allocates decides how
// often garbage is collected. So each tracer has a process of its own, in which no other one's memory matters.
func aloneBenchmarks() (all []benchmark) {
	for _, attrs := range []int{0, 4} {
		g := group{name: aloneGroup(attrs), what: fmt.Sprintf("span in a small program, %s", count(attrs, "attribute")), records: 1}
		g.add(spanstackLoops.shape(1, attrs), spanstackIDs, spanstackRecording)
		g.add(otelLoops.shape(1, attrs), otelNever, otelBatcher)
		g.add(regionLoops.shape(1, attrs), regionOn)
		for _, b := range g.benchmarks {
			b.alone = true
			all = append(all, b)
		}
	}
	return all
}

// apiBenchmarks are spans by OpenTelemetry's API, of its SDK and of a provider on our core. With a bridge, a process is
// another one: all spans are looked for twice. So each provider has a process of its own.
func apiBenchmarks() (all []benchmark) {
	for _, attrs := range []int{0, 4} {
		g := group{name: apiGroup(attrs), what: fmt.Sprintf("span by OpenTelemetry's API, %s", count(attrs, "attribute")), records: 1}
		g.add(otelLoops.shape(1, attrs), otelOnOurs, otelBatcher.against(otelOnOurs), otelNever.against(otelOnOurs))
		for _, b := range g.benchmarks {
			b.alone = true
			all = append(all, b)
		}
	}
	return all
}

func apiGroup(attrs int) string { return fmt.Sprintf("API/attrs=%d", attrs) }

// against makes another contender the rival.
func (c contender) against(rival contender) contender {
	c.rival = rival.name
	return c
}

func aloneGroup(attrs int) string { return fmt.Sprintf("Alone/attrs=%d", attrs) }

// aloneJob measures one benchmark.
type aloneJob struct {
	Benchmark string
	Benchtime time.Duration
}

// aloneResult is a sample.
type aloneResult struct {
	N                              int
	Ns, CPUNs, Bytes, Allocs, Lost float64
}

func (j *aloneJob) run() (aloneResult, error) {
	for _, b := range slices.Concat(aloneBenchmarks(), apiBenchmarks()) {
		if b.name() == j.Benchmark {
			m := &meter{benchtime: j.Benchtime}
			s, err := m.sampleHere(&b)
			return aloneResult{s.n, s.ns, s.cpuNs, s.bytes, s.allocs, s.lost}, err
		}
	}
	return aloneResult{}, fmt.Errorf("benchmark %s: there is none", j.Benchmark)
}

// sampleAlone measures b in a process of its own.
func (m *meter) sampleAlone(ctx context.Context, b *benchmark) (sample, error) {
	var res aloneResult
	err := doInChild(ctx, job{Alone: &aloneJob{Benchmark: b.name(), Benchtime: m.benchtime}}, &res)
	return sample{res.N, res.Ns, res.CPUNs, res.Bytes, res.Allocs, res.Lost}, err
}
