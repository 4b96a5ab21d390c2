package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/examples/internal/exampletest"
	"github.com/spanstack/spanstack/trace/capture"
	"github.com/spanstack/spanstack/tracefmt"
)

func TestRun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "trace.json")
	cmd := exec.Command(exampletest.Build(t, "."))
	var stderr bytes.Buffer
	cmd.Env, cmd.Stderr = append(os.Environ(), capture.EnvVar+"="+path), &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	jobs, failed, workers, lines := 0, 0, map[tracefmt.TrackID]bool{}, 0
	var failedID string
	for _, e := range exampletest.Load(t, path) {
		switch {
		case e.Name == "job" && (e.Kind == tracefmt.Complete || e.Kind == tracefmt.Begin):
			jobs++
			workers[e.Track] = true
		case e.Kind == tracefmt.Log:
			lines++
		}
		if e.Kind != tracefmt.Log && e.Failed() {
			failed++
			failedID = e.ID
		}
	}
	if jobs != 12 || failed != 1 || len(workers) != 3 || lines != 14 {
		t.Errorf("%d jobs, %d of them failed, on %d tracks, %d lines of the log", jobs, failed, len(workers), lines)
	}
	if got := strings.Count(stderr.String(), failedID); failedID != "" && got != 2 {
		t.Errorf("%d lines of the log have the ID of the job that failed, want 2:\n%s", got, &stderr)
	}
}
