package platformtest

import (
	"os"
	"testing"

	"github.com/spanstack/spanstack/platformtest/twohosts"
	"github.com/spanstack/spanstack/platformtest/vm/machine"
)

// TestTwoHosts runs the tests of package twohosts in a machine with ssh, network namespaces and syncoid.
func TestTwoHosts(t *testing.T) {
	t.Parallel()
	img := image(t, "")
	opts := twohosts.Tools()
	opts.Progress = machine.NewProgress(os.Stderr)
	tools, err := img.Tools(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	buildStatic(t, "test", "-c", "-o", dir+"/run", "./twohosts")
	buildStatic(t, "build", "-o", dir+"/zferry", "../cmd/zferry")
	var flags []string
	if os.Getenv("SPANSTACK_INCREMENTS") == "" {
		const left = "^(TestZferryRebooted|TestDaemonStalled|TestZferryClock|TestReplication)$"
		t.Logf("left out here, and run by make twohosts: %s", left)
		flags = append(flags, "-test.skip="+left)
	}
	results, exitCode := runProgram(t, img, machine.RunOptions{Tools: tools, Payload: os.DirFS(dir), MemoryMiB: twohosts.MemoryMiB,
		Env: []string{"SPANSTACK_TWOHOSTS=1", "SPANSTACK_INCREMENTS=" + os.Getenv("SPANSTACK_INCREMENTS"), "SPANSTACK_DATASETS=" + os.Getenv("SPANSTACK_DATASETS")}}, flags...)
	report(t, results)
	if exitCode != 0 && !t.Failed() {
		t.Errorf("no test failed, but the program exited with %d", exitCode)
	}
}
