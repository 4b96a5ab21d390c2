package metrics

import (
	"runtime"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// View is what a collector shows.
type View struct {
	Now     time.Time
	Version string
	State   *State
	Running map[string]bool          // jobs of a daemon that run, or don't
	Lag     map[string]time.Duration // alert.lag of jobs that have one
	Overdue map[string]time.Duration // likewise
}

// NewCollector returns a collector that calls view at each scrape.
func NewCollector(view func() View) prometheus.Collector { return collector{view} }

type collector struct{ view func() View }

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("zferry_"+name, help, labels, nil)
}

var (
	buildInfo   = desc("build_info", "The program: always 1.", "version", "goversion")
	lastRun     = desc("job_last_run_timestamp_seconds", "When the job's last run ended.", "job")
	lastSuccess = desc("job_last_success_timestamp_seconds", "When the job's last run without an error ended.", "job")
	lastFailed  = desc("job_last_run_failed", "Whether the job's last run had an error.", "job")
	running     = desc("job_running", "Whether the job runs.", "job")
	runs        = desc("job_runs_total", "Runs of the job that have ended.", "job")
	jobErrors   = desc("job_errors_total", "Steps of the job that have failed, after all attempts.", "job", "step")
	alertLag    = desc("job_alert_lag_seconds", "The lag above which somebody has to look.", "job")
	overdue     = desc("job_alert_overdue_seconds", "The time without a success after which somebody has to look.", "job")

	dsSuccess  = desc("dataset_last_success_timestamp_seconds", "When the dataset was last found up to date, or brought there.", "job", "target", "dataset")
	dsNewest   = desc("dataset_newest_timestamp_seconds", "Creation of the newest snapshot that both sides have.", "job", "target", "dataset")
	dsLag      = desc("dataset_lag_seconds", "Age of the newest snapshot that both sides have.", "job", "target", "dataset")
	dsBytes    = desc("dataset_bytes_total", "Bytes that were received.", "job", "target", "dataset")
	dsDuration = desc("dataset_duration_seconds", "How long the dataset's last replication took.", "job", "target", "dataset")
	dsErrors   = desc("dataset_errors_total", "Replications of the dataset that have failed.", "job", "target", "dataset")
)

var steps = []string{"snapshot", "replicate", "prune"}

// Describe implements prometheus.Collector.
func (collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{buildInfo, lastRun, lastSuccess, lastFailed, running, runs, jobErrors, alertLag, overdue,
		dsSuccess, dsNewest, dsLag, dsBytes, dsDuration, dsErrors} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	v := c.view()
	out := sink{ch}
	out.gauge(buildInfo, 1, v.Version, runtime.Version())
	for name, on := range v.Running {
		out.gauge(running, number(on), name)
	}
	for name, d := range v.Lag {
		out.gauge(alertLag, d.Seconds(), name)
	}
	for name, d := range v.Overdue {
		out.gauge(overdue, d.Seconds(), name)
	}
	for name, j := range v.State.Jobs {
		out.time(lastRun, j.LastRun, name)
		out.time(lastSuccess, j.LastSuccess, name)
		out.gauge(lastFailed, number(j.Failed), name)
		out.counter(runs, j.Runs, name)
		for _, step := range steps {
			out.counter(jobErrors, j.Errors[step], name, step)
		}
		for target, datasets := range j.Targets {
			for dataset, p := range datasets {
				out.dataset(p, v.Now, name, target, dataset)
			}
		}
	}
}

// sink makes metrics of values.
type sink struct{ ch chan<- prometheus.Metric }

func (s sink) dataset(p *Progress, now time.Time, labels ...string) {
	s.time(dsSuccess, p.LastSuccess, labels...)
	s.time(dsNewest, p.Newest, labels...)
	if !p.Newest.IsZero() {
		s.gauge(dsLag, max(0, now.Sub(p.Newest).Seconds()), labels...)
	}
	s.counter(dsBytes, p.Bytes, labels...)
	s.gauge(dsDuration, p.Duration.Seconds(), labels...)
	s.counter(dsErrors, p.Errors, labels...)
}

// time is a gauge, if there is such a moment.
func (s sink) time(d *prometheus.Desc, at time.Time, labels ...string) {
	if !at.IsZero() {
		s.gauge(d, float64(at.UnixMilli())/1e3, labels...)
	}
}

func (s sink) gauge(d *prometheus.Desc, value float64, labels ...string) {
	s.ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, valid(labels)...)
}

func (s sink) counter(d *prometheus.Desc, value uint64, labels ...string) {
	s.ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(value), valid(labels)...)
}

// valid returns labels that Prometheus takes.
func valid(labels []string) []string {
	for i, l := range labels {
		labels[i] = strings.ToValidUTF8(l, "\uFFFD")
	}
	return labels
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
