package metrics_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/spanstack/spanstack/cmd/zferry/internal/metrics"
)

var now = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// state has one of everything.
func state() *metrics.State {
	s := &metrics.State{}
	s.Add(metrics.Report{Job: "home", Ended: now, Datasets: []metrics.Dataset{
		{Target: "backup/home", Dataset: "tank/home", Newest: now.Add(-time.Minute), Bytes: 100, Duration: 1500 * time.Millisecond}}})
	s.Add(metrics.Report{Job: "home", Ended: now.Add(time.Hour), Err: errors.New("broken"), Failed: map[string]uint64{"replicate": 1},
		Datasets: []metrics.Dataset{{Target: "backup/home", Dataset: "tank/home", Bytes: 11, Duration: time.Second, Err: errors.New("broken")}}})
	return s
}

func view() metrics.View {
	return metrics.View{Now: now.Add(2 * time.Hour), Version: "v1", State: state(), Running: map[string]bool{"home": true},
		Lag: map[string]time.Duration{"home": time.Hour}, Overdue: map[string]time.Duration{"home": 24 * time.Hour}}
}

// TestNames holds the metrics to Prometheus's conventions.
func TestNames(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(metrics.NewCollector(view))
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if len(families) != 15 {
		t.Errorf("%d metrics, want 15: one of each", len(families))
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("%v: %v", err, problems)
	}
}

func TestValues(t *testing.T) {
	want := `
# HELP zferry_dataset_bytes_total Bytes that were received.
# TYPE zferry_dataset_bytes_total counter
zferry_dataset_bytes_total{dataset="tank/home",job="home",target="backup/home"} 111
# HELP zferry_dataset_lag_seconds Age of the newest snapshot that both sides have.
# TYPE zferry_dataset_lag_seconds gauge
zferry_dataset_lag_seconds{dataset="tank/home",job="home",target="backup/home"} 7260
# HELP zferry_job_errors_total Steps of the job that have failed, after all attempts.
# TYPE zferry_job_errors_total counter
zferry_job_errors_total{job="home",step="prune"} 0
zferry_job_errors_total{job="home",step="replicate"} 1
zferry_job_errors_total{job="home",step="snapshot"} 0
# HELP zferry_job_last_success_timestamp_seconds When the job's last run without an error ended.
# TYPE zferry_job_last_success_timestamp_seconds gauge
zferry_job_last_success_timestamp_seconds{job="home"} 1.7724528e+09
# HELP zferry_job_last_run_failed Whether the job's last run had an error.
# TYPE zferry_job_last_run_failed gauge
zferry_job_last_run_failed{job="home"} 1
`
	if err := testutil.CollectAndCompare(metrics.NewCollector(view), strings.NewReader(want), "zferry_dataset_bytes_total",
		"zferry_dataset_lag_seconds", "zferry_job_errors_total", "zferry_job_last_success_timestamp_seconds", "zferry_job_last_run_failed"); err != nil {
		t.Error(err)
	}
}

// TestLag is by the dataset that is most behind; one that never arrived counts from when the job is known.
func TestLag(t *testing.T) {
	s := &metrics.State{}
	j := s.Job("a", now)
	lag := func(want time.Duration, known bool) {
		t.Helper()
		if d, k := j.Lag("b", now.Add(time.Hour)); d != want || k != known {
			t.Errorf("%v, %v: want %v, %v", d, k, want, known)
		}
	}
	lag(time.Hour, false)
	add := func(err error, list ...metrics.Dataset) {
		r := metrics.Report{Job: "a", Ended: now, Err: err, Datasets: list}
		if err == nil {
			r.Whole = []string{"b"}
		}
		s.Add(r)
	}
	add(nil, metrics.Dataset{Target: "b", Dataset: "x", Newest: now}, metrics.Dataset{Target: "b", Dataset: "y", Newest: now.Add(-time.Hour)})
	lag(2*time.Hour, true)
	add(errors.New("y isn't reached"), metrics.Dataset{Target: "b", Dataset: "x", Newest: now.Add(time.Minute)})
	lag(2*time.Hour, true)
	add(nil, metrics.Dataset{Target: "b", Dataset: "x", Newest: now}) // y is gone
	lag(time.Hour, true)
}

// TestTextfile: a failed run keeps when the last one succeeded, and what was counted.
func TestTextfile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "zferry.prom")
	write := func(r metrics.Report) string {
		t.Helper()
		if err := metrics.WriteTextfile(path, r); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	d := metrics.Dataset{Target: "backup", Dataset: `tank/with "quotes"`, Newest: now, Bytes: 5, Duration: time.Second}
	write(metrics.Report{Job: "home", Ended: now, Datasets: []metrics.Dataset{d}})
	d.Err, d.Newest = errors.New("x"), time.Time{}
	text := write(metrics.Report{Version: "v7", Job: "home", Ended: now.Add(time.Hour), Err: d.Err, Failed: map[string]uint64{"replicate": 1}, Datasets: []metrics.Dataset{d}})
	for _, want := range []string{
		`zferry_job_last_success_timestamp_seconds{job="home"} 1.7724528e+09`,
		`zferry_job_last_run_timestamp_seconds{job="home"} 1.7724564e+09`,
		`zferry_job_runs_total{job="home"} 2`,
		`zferry_job_errors_total{job="home",step="replicate"} 1`,
		`zferry_dataset_bytes_total{dataset="tank/with \"quotes\"",job="home",target="backup"} 10`,
		`zferry_dataset_lag_seconds{dataset="tank/with \"quotes\"",job="home",target="backup"} 3600`,
		`zferry_build_info{goversion="go`, `version="v7"} 1`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %s in\n%s", want, text)
		}
	}
	if err := os.WriteFile(path, []byte("rubbish {\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if text := write(metrics.Report{Job: "home", Ended: now}); strings.Contains(text, "rubbish") || !strings.Contains(text, `runs_total{job="home"} 1`) {
		t.Errorf("a broken file stays:\n%s", text)
	}
	if err := metrics.WriteTextfile(filepath.Join(path, "no"), metrics.Report{}); err == nil || !strings.Contains(err.Error(), "write metrics") {
		t.Errorf("a file where no file can be: %v", err)
	}
}

func TestSave(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	if s, err := metrics.Load(path); err != nil || len(s.Jobs) != 0 {
		t.Errorf("without a file: %v, %v", s, err)
	}
	want := state()
	want.Jobs["home"].Slots = map[string]time.Time{"snapshot": now}
	if err := want.Save(path); err != nil {
		t.Fatal(err)
	}
	got, err := metrics.Load(path)
	if err != nil || got.Jobs["home"].Targets["backup/home"]["tank/home"].Bytes != 111 || !got.Jobs["home"].Slots["snapshot"].Equal(now) {
		t.Errorf("%+v, %v", got.Jobs["home"], err)
	}
	if err := os.WriteFile(path, []byte(`{"jobs":{"a":null,`), 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := metrics.Load(path); err == nil || s == nil {
		t.Errorf("a broken file: %v, %v", s, err)
	}
	if err := want.Save(filepath.Join(path, "x")); err == nil {
		t.Error("it is saved below a file")
	}
	if list, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); len(list) > 0 {
		t.Errorf("left over: %v", list)
	}
}
