package metrics_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spanstack/spanstack/cmd/zferry/internal/metrics"
)

func ExampleWriteTextfile() {
	dir, err := os.MkdirTemp("", "metrics")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "zferry.prom")
	for _, err := range []error{nil, errors.New("connection lost")} { // a run that succeeds, and one that fails
		if err := metrics.WriteTextfile(path, metrics.Report{Job: "home", Ended: time.Unix(1.8e9, 0), Err: err}); err != nil {
			fmt.Println(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		fmt.Println(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "zferry_job_last") {
			fmt.Print(line)
		}
	}
	// Output:
	// zferry_job_last_run_failed{job="home"} 1
	// zferry_job_last_run_timestamp_seconds{job="home"} 1.8e+09
	// zferry_job_last_success_timestamp_seconds{job="home"} 1.8e+09
}
