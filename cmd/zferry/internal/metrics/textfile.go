package metrics

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// WriteTextfile writes what a run did to a file for node_exporter's textfile collector, whose name has to end with ".prom".
// It replaces the file as a whole. What the file says of earlier runs of the job is kept: when the last one succeeded, what
// was counted, and datasets that the report doesn't have; other jobs need files of their own. A file that can't be understood
// is replaced, too.
func WriteTextfile(path string, r Report) error {
	s, err := readTextfile(path, r.Job)
	if err != nil {
		return fmt.Errorf("write metrics: %w", err)
	}
	s.Add(r)
	registry := prometheus.NewRegistry()
	registry.MustRegister(NewCollector(func() View { return View{Now: r.Ended, Version: r.Version, State: s} }))
	if err := prometheus.WriteToTextfile(path, registry); err != nil {
		return fmt.Errorf("write metrics: %w", err)
	}
	return nil
}

// readTextfile returns what a file says of a job.
func readTextfile(path, job string) (*State, error) {
	s := &State{}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(f)
	if err != nil {
		return s, nil
	}
	for name, family := range families {
		for _, m := range family.Metric {
			if labels := labelsOf(m); labels["job"] == job {
				s.restore(name, labels, m)
			}
		}
	}
	return s, nil
}

func labelsOf(m *dto.Metric) map[string]string {
	labels := map[string]string{}
	for _, l := range m.Label {
		labels[l.GetName()] = l.GetValue()
	}
	return labels
}

// restore takes one value.
func (s *State) restore(name string, labels map[string]string, m *dto.Metric) {
	value := m.GetGauge().GetValue() + m.GetCounter().GetValue() + m.GetUntyped().GetValue()
	at, count := time.UnixMilli(int64(value*1e3)), uint64(max(value, 0))
	j := s.Job(labels["job"], at)
	p := &Progress{}
	if labels["dataset"] != "" {
		p = j.dataset(labels["target"], labels["dataset"])
	}
	switch name {
	case "zferry_job_last_success_timestamp_seconds":
		j.LastSuccess = at
	case "zferry_job_runs_total":
		j.Runs = count
	case "zferry_job_errors_total":
		if j.Errors == nil {
			j.Errors = map[string]uint64{}
		}
		j.Errors[labels["step"]] = count
	case "zferry_dataset_last_success_timestamp_seconds":
		p.LastSuccess = at
	case "zferry_dataset_newest_timestamp_seconds":
		p.Newest = at
	case "zferry_dataset_bytes_total":
		p.Bytes = count
	case "zferry_dataset_duration_seconds":
		p.Duration = time.Duration(value * float64(time.Second))
	case "zferry_dataset_errors_total":
		p.Errors = count
	}
}
