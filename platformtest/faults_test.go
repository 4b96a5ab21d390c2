package platformtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestFaultInjection injects each fault about once, and cuts the power once: see package faults. "make faults" does it at
// length.
func TestFaultInjection(t *testing.T) {
	image(t, "")
	dir := t.TempDir()
	program := filepath.Join(dir, "faults")
	buildStatic(t, "build", "-o", program, "./faults")
	out := filepath.Join(dir, "report")
	if artifacts := os.Getenv("SPANSTACK_ARTIFACTS"); artifacts != "" {
		out = filepath.Join(artifacts, "faults")
	}
	cmd := exec.CommandContext(t.Context(), program, "--injections", "40", "--power-cuts", "1", "--variant", "taskq", "--out", out)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // so that it writes its report
	text, err := cmd.CombinedOutput()
	t.Logf("%s", text)
	if err != nil {
		report, _ := os.ReadFile(filepath.Join(out, "report.md"))
		t.Errorf("%v\n%s", err, report)
	}
}
