package platformtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestFaultInjection injects more than half of the faults, other ones each time, and cuts the power once: see package faults. "make faults" does it at
// length.
func TestFaultInjection(t *testing.T) {
	runFaults(t, "--injections", "25", "--power-cuts", "1")
}

// TestPowerCutInLastStep: the last step begins with dropping a snapshot at the source that the one before has replicated. After
// the reboot all steps are done again, and that one can't be.
func TestPowerCutInLastStep(t *testing.T) {
	runFaults(t, "--injections", "0", "--power-cuts", "1", "--seed", "21") // a test of package faults makes sure of the seed
}

// runFaults runs the program in a machine and wants it to find nothing.
func runFaults(t *testing.T, args ...string) {
	image(t, "")
	dir := t.TempDir()
	program := filepath.Join(dir, "faults")
	buildStatic(t, "build", "-o", program, "./faults")
	out := filepath.Join(dir, "report")
	if artifacts := os.Getenv("SPANSTACK_ARTIFACTS"); artifacts != "" {
		out = filepath.Join(artifacts, "faults", t.Name())
	}
	cmd := exec.CommandContext(t.Context(), program, append(args, "--variant", "taskq", "--out", out)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // so that it writes its report
	text, err := cmd.CombinedOutput()
	t.Logf("%s", text)
	if err != nil {
		report, _ := os.ReadFile(filepath.Join(out, "report.md"))
		t.Errorf("%v\n%s", err, report)
	}
}
