package platformtest

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spanstack/spanstack/platformtest/vm/machine"
)

// TestSteppedClock runs package clock's test in a machine, whose clock it steps.
func TestSteppedClock(t *testing.T) {
	t.Parallel()
	img := image(t, machine.DefaultLine)
	dir := t.TempDir()
	buildStatic(t, "test", "-c", "-o", filepath.Join(dir, "run"), "./clock")
	var out bytes.Buffer
	r, err := img.Run(t.Context(), machine.RunOptions{
		Payload: os.DirFS(dir), Command: []string{"./run", "-test.v", "-test.timeout=2m"}, Env: []string{"SPANSTACK_STEP_CLOCK=1"},
		Stdout: &out, Stderr: &out, Timeout: 3 * time.Minute,
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, out.Bytes())
	}
	if r.ExitCode != 0 || !strings.Contains(out.String(), "--- PASS: TestSteppedClock") {
		t.Errorf("exit status %d:\n%s", r.ExitCode, out.Bytes())
	}
}
