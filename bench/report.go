package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
)

const modulePath = "github.com/spanstack/spanstack/bench"

// A report holds the results.
type report struct {
	CPU, Platform, Go string
	Peers             []string // modules with their versions
	Command           string   // to get the same
	Rounds            int

	Rows []row
	Load loadReport
	GC   *gcResult // nil if not measured

	Stopped []stoppedResult

	Captures *capturesResult

	Conversions *conversionsResult
	Memory      []memoryRound
}

// A row is a line of a table: medians of samples, except for Min and Max.
type row struct {
	Group, What, Contender, Rival string

	Logger bool // which table it is in

	Ns, Min, Max, CPUNs, Bytes, Allocs, Lost float64
}

func newReport(rounds int) *report {
	r := &report{
		CPU: fmt.Sprintf("%s, GOMAXPROCS %d", cpuModel(), runtime.GOMAXPROCS(0)), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		Go: runtime.Version(), Rounds: rounds,
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			switch m.Path {
			case "go.opentelemetry.io/otel/sdk", "go.opentelemetry.io/collector/pdata", "go.uber.org/zap", "github.com/rs/zerolog":
				r.Peers = append(r.Peers, m.Path+" "+m.Version)
			}
		}
	}
	r.Peers = append(r.Peers, "runtime/trace, log/slog and encoding/json of "+r.Go)
	return r
}

// addRow adds what was measured for one benchmark.
func (r *report) addRow(b *benchmark, samples []sample) {
	of := func(f func(sample) float64) []float64 {
		var v []float64
		for _, s := range samples {
			v = append(v, f(s))
		}
		return v
	}
	ns := of(func(s sample) float64 { return s.ns })
	r.Rows = append(r.Rows, row{
		Group: b.group, What: b.what, Contender: b.contender.name, Rival: b.contender.rival, Logger: b.contender.logger,
		Ns: median(ns), Min: slices.Min(ns), Max: slices.Max(ns),
		CPUNs:  median(of(func(s sample) float64 { return s.cpuNs })),
		Bytes:  median(of(func(s sample) float64 { return s.bytes })),
		Allocs: median(of(func(s sample) float64 { return s.allocs })),
		Lost:   median(of(func(s sample) float64 { return s.lost })),
	})
}

// row returns the row of a contender in a group, or nil.
func (r *report) row(group, contender string) *row {
	for i := range r.Rows {
		if r.Rows[i].Group == group && r.Rows[i].Contender == contender {
			return &r.Rows[i]
		}
	}
	return nil
}

// loadReport has the results of programs under load, by consumers. Those with the same index ran one after another.
type loadReport map[consumers][]loadResult

// add adds the result of one run.
func (l *loadReport) add(c consumers, res loadResult) {
	if *l == nil {
		*l = loadReport{}
	}
	(*l)[c] = append((*l)[c], res)
}

// ratios returns the throughputs with consumers c as shares of those without, sorted.
func (l loadReport) ratios(c consumers) []float64 {
	var v []float64
	for i, res := range l[c] {
		v = append(v, res.Rate/l[noConsumer][i].Rate)
	}
	slices.Sort(v)
	return v
}

// loadSummary has medians of runs, and the sum of what is missing.
type loadSummary struct {
	rate, spans, lost float64
	heap, rss         int64
	missing           int64 // records that a consumer neither got nor was told of
}

func (l loadReport) summary(c consumers) (s loadSummary) {
	var rate, spans, lost []float64
	var heap, rss []int64
	for _, res := range l[c] {
		rate, spans, lost = append(rate, res.Rate), append(spans, float64(res.Spans)), append(lost, float64(res.Lost))
		heap, rss = append(heap, res.PeakHeap), append(rss, res.PeakRSS)
		s.missing += int64(res.Spans - res.Delivered - res.Lost)
	}
	s.rate, s.spans, s.lost, s.heap, s.rss = median(rate), median(spans), median(lost), median(heap), median(rss)
	return s
}

// median returns the middle of v, or the mean of the two there. It sorts v.
func median[T ~float64 | ~int64](v []T) T {
	slices.Sort(v)
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}
