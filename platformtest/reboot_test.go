package platformtest

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spanstack/spanstack/platformtest/reboot"
	"github.com/spanstack/spanstack/platformtest/vm/machine"
)

// cutsVariable says how often TestReboots cuts the power, and turns it on.
const cutsVariable = "SPANSTACK_CUTS"

// TestReboots boots a machine with two disks again and again, whose power is cut while zferry replicates from one to the other: see package reboot.
func TestReboots(t *testing.T) {
	t.Parallel()
	if os.Getenv(cutsVariable) == "" {
		t.Skipf("%s isn't set: each boot takes a minute; make reboots does it, and TestFaultInjection cuts the power once", cutsVariable)
	}
	img := image(t, "")
	cuts, err := strconv.Atoi(os.Getenv(cutsVariable))
	if err != nil || cuts < 1 {
		t.Fatalf("%s: want a number", cutsVariable)
	}
	payload, dir := t.TempDir(), t.TempDir()
	buildStatic(t, "test", "-c", "-o", filepath.Join(payload, "run"), "./reboot")
	buildStatic(t, "build", "-o", filepath.Join(payload, "zferry"), "../cmd/zferry")
	boots := strconv.Itoa(cuts + 1)
	for boot := 1; boot <= cuts+1; boot++ {
		var out bytes.Buffer
		r, err := img.Run(t.Context(), machine.RunOptions{
			Payload: os.DirFS(payload), Command: []string{"./run", "-test.v", "-test.timeout=8m"},
			Env:    []string{"SPANSTACK_BOOT=" + strconv.Itoa(boot), "SPANSTACK_BOOTS=" + boots},
			Disks:  []machine.Disk{{File: filepath.Join(dir, "source"), Size: 512 << 20}, {File: filepath.Join(dir, "destination"), Size: 512 << 20}},
			Stdout: &out, Stderr: &out, Timeout: 10 * time.Minute,
			CutPower: func(line string) bool { return line == reboot.CutLine },
		})
		t.Logf("boot %d of %s:\n%s", boot, boots, out.Bytes())
		if _, wasCut := errors.AsType[*machine.PowerCutError](err); wasCut && boot <= cuts { // who finds a fault doesn't ask for it
			continue
		}
		if err != nil || r.ExitCode != 0 || boot <= cuts || !strings.Contains(out.String(), "--- PASS: TestBoot") {
			t.Fatalf("boot %d of %s: %v, %+v", boot, boots, err, r)
		}
	}
}
