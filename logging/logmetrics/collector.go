package logmetrics

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanstack/spanstack/logging"
)

// NewCollector returns a collector of what h counts. It costs nothing until it is scraped.
//
//	log_lines_total{subsystem, level}  lines by subsystem, and level: debug, info, warn or error; collapsed ones included
//	log_lines_lost_total{outlet}       lines that an outlet has lost, by its Options.Name
//
// Outlets of the same name are added up.
func NewCollector(h *logging.Handler) prometheus.Collector { return collector{h} }

type collector struct{ handler *logging.Handler }

var (
	lines = prometheus.NewDesc("log_lines_total", "Log lines that were written or lost, by subsystem and level.", []string{"subsystem", "level"}, nil)
	lost  = prometheus.NewDesc("log_lines_lost_total", "Log lines that an outlet has lost.", []string{"outlet"}, nil)
)

// Describe implements prometheus.Collector.
func (collector) Describe(ch chan<- *prometheus.Desc) {
	ch <- lines
	ch <- lost
}

// Collect implements prometheus.Collector.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	bySubsystem, byOutlet := sums{}, sums{}
	for _, n := range c.handler.Counts() {
		bySubsystem.add(n.Lines, n.Subsystem, strings.ToLower(n.Level.String()))
	}
	for _, l := range c.handler.Losses() {
		byOutlet.add(l.Lines, l.Outlet, "")
	}
	for labels, n := range bySubsystem {
		ch <- prometheus.MustNewConstMetric(lines, prometheus.CounterValue, float64(n), labels[:]...)
	}
	for labels, n := range byOutlet {
		ch <- prometheus.MustNewConstMetric(lost, prometheus.CounterValue, float64(n), labels[0])
	}
}

// sums are counts by labels. Of two metrics with the same labels, or of one that is no UTF-8, Prometheus refuses all of
// the program's metrics; and labels are whatever a program has for names.
type sums map[[2]string]uint64

func (s sums) add(n uint64, a, b string) { s[[2]string{strings.ToValidUTF8(a, "\uFFFD"), b}] += n }
