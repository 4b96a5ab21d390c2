package platformtest

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spanstack/spanstack/platformtest/vm/machine"
)

// suiteTimeout bounds a run of the whole suite. It takes a few minutes on a quiet machine of 2 cores.
const suiteTimeout = 60 * time.Minute

// longTimeout bounds one that was asked for at length.
const longTimeout = 4 * time.Hour

// closesVariable says how many streams the suite's TestRandomCloses closes, and turns TestCloses on.
const closesVariable = "SPANSTACK_CLOSES"

// roundsVariable says how many rounds the suite's TestFerryRounds takes, and turns TestRounds on; seedVariable, with which seed it begins.
const (
	roundsVariable = "SPANSTACK_ROUNDS"
	seedVariable   = "SPANSTACK_SEED"
)

// TestStock runs what depends on the module: streams, and their end. TestPlatforms runs all on both.
func TestStock(t *testing.T) {
	testSuite(t, machine.Stock, "-test.run=^Test(Module|Send|Receive|Direct|Abort|Random|Killed|Pipeline)")
}

// ofZferry are the tests of the command, and of what it is made of.
const ofZferry = "^Test(Ferry|Daemon|Accounted|SetDenied|ReplicateTree|ReplicateProcesses|ReplicateRollback|Snapshot|Prune)"

// ofContract is the suite that the model of ZFS passes, too.
const ofContract = "^TestZFS$"

// TestTaskQ, TestZferry and TestContract run everything, each a part of it, but for what takes long and changes with ZFS alone: whether the
// transcripts that other tests read are still what zfs says. TestPlatforms looks at that, on all lines.
func TestTaskQ(t *testing.T) {
	const left = "^TestTranscripts$"
	t.Logf("left out here, and run by make platformtest-all: %s", left)
	testSuite(t, machine.TaskQ, "-test.skip="+left+"|"+ofContract+"|"+ofZferry)
}

func TestZferry(t *testing.T)   { testSuite(t, machine.TaskQ, "-test.run="+ofZferry) }
func TestContract(t *testing.T) { testSuite(t, machine.TaskQ, "-test.run="+ofContract) }

// TestCloses closes as many streams as SPANSTACK_CLOSES says, at random moments, on a kernel where SIGKILL doesn't end a zfs send that
// is blocked on its pipe.
func TestCloses(t *testing.T) {
	if os.Getenv(closesVariable) == "" {
		t.Skipf("%s isn't set: a thousand closes take two minutes; TestStock and TestTaskQ do a hundred", closesVariable)
	}
	testSuite(t, machine.TaskQ, "-test.run=^(TestModule|TestRandomCloses)$")
}

// TestRounds takes as many of the suite's random rounds of zferry as SPANSTACK_ROUNDS says, each with a fault.
func TestRounds(t *testing.T) {
	if os.Getenv(roundsVariable) == "" {
		t.Skipf("%s isn't set: a round takes 10 seconds and more; TestZferry takes two", roundsVariable)
	}
	testSuite(t, machine.Stock, "-test.run=^(TestModule|TestFerryRounds)$")
}

// testSuite runs beside others: a machine keeps one processor busy.
func testSuite(t *testing.T, variant machine.Variant, flags ...string) {
	t.Parallel()
	img := image(t, "")
	dir := buildSuite(t)
	buildStatic(t, "build", "-o", filepath.Join(dir, "zferry"), "../cmd/zferry")
	results, exitCode := runSuite(t, img, variant, dir, flags...)
	report(t, results)
	if exitCode != 0 && !t.Failed() {
		t.Errorf("no test failed, but the suite exited with %d", exitCode)
	}
}

// image returns the image of a line of ZFS, or skips the test if there can't be one here. "" is the default line.
func image(t *testing.T, line string) *machine.Image {
	t.Helper()
	unavailable := t.Skipf
	if os.Getenv("SPANSTACK_REQUIRE_VM") != "" {
		unavailable = t.Fatalf
	}
	if testing.Short() {
		unavailable("-short: tests in virtual machines take a minute each")
	}
	img, err := machine.Build(t.Context(), machine.BuildOptions{Line: line, Progress: machine.NewProgress(os.Stderr)})
	if errors.Is(err, machine.ErrUnavailable) {
		unavailable("%v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// buildSuite builds the suite as a static program and returns a directory that holds it as "run".
func buildSuite(t *testing.T, flags ...string) string {
	t.Helper()
	dir := t.TempDir()
	args := append([]string{"test", "-c", "-o", filepath.Join(dir, "run")}, flags...)
	buildStatic(t, append(args, "./suite")...)
	return dir
}

// buildStatic runs go so that what it builds needs no libraries.
func buildStatic(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
}

// overlay returns the name of a file for go build's -overlay that replaces a text in a source file.
func overlay(t *testing.T, name, old, replacement string) string {
	t.Helper()
	name, err := filepath.Abs(name)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(text), old) != 1 {
		t.Fatalf("%s doesn't have, exactly once:\n%s", name, old)
	}
	dir := t.TempDir()
	source, list := filepath.Join(dir, "source.go"), filepath.Join(dir, "overlay.json")
	writeFile(t, source, strings.Replace(string(text), old, replacement, 1))
	writeFile(t, list, marshal(t, map[string]any{"Replace": map[string]string{name: source}}))
	return list
}

// outDir is where the files stay that the suite leaves: below the directory that SPANSTACK_ARTIFACTS names, if it does.
func outDir(line string, variant machine.Variant) string {
	dir := os.Getenv("SPANSTACK_ARTIFACTS")
	if dir == "" {
		return ""
	}
	if line != machine.DefaultLine {
		dir = filepath.Join(dir, line)
	}
	return filepath.Join(dir, string(variant))
}

// suiteMemory is what the suite's machine has, in MiB: half of it can hold the files of pools, which are never smaller than what
// was ever written to them.
const suiteMemory = 4096

// runSuite runs the suite in a machine.
func runSuite(t *testing.T, img *machine.Image, variant machine.Variant, dir string, flags ...string) (results []result, exitCode int) {
	t.Helper()
	return runSuiteClosing(t, img, variant, dir, os.Getenv(closesVariable), flags...)
}

// runSuiteClosing runs the suite with so many random closes; "" leaves the number to the suite.
func runSuiteClosing(t *testing.T, img *machine.Image, variant machine.Variant, dir, closes string, flags ...string) (results []result, exitCode int) {
	t.Helper()
	return runProgram(t, img, machine.RunOptions{
		Variant: variant,
		Payload: os.DirFS(dir),
		Env: []string{"SPANSTACK_PLATFORM=1", "SPANSTACK_ZFS_MODULE=" + string(variant),
			"SPANSTACK_ZFERRY=/payload/zferry", "SPANSTACK_OUT=/out", closesVariable + "=" + closes,
			roundsVariable + "=" + os.Getenv(roundsVariable), seedVariable + "=" + os.Getenv(seedVariable)},
		OutDir:    outDir(img.Line, variant),
		MemoryMiB: suiteMemory,
	}, flags...)
}

// runProgram runs the payload's test program in a machine.
func runProgram(t *testing.T, img *machine.Image, opts machine.RunOptions, flags ...string) (results []result, exitCode int) {
	t.Helper()
	var out bytes.Buffer
	start := time.Now()
	limit := suiteTimeout
	if os.Getenv(roundsVariable) != "" {
		limit = longTimeout
	}
	opts.Command = append([]string{"./run", "-test.v=test2json", "-test.timeout=" + limit.String()}, flags...)
	both := io.MultiWriter(&out, &roundLines{to: os.Stderr})
	opts.Stdout, opts.Stderr, opts.Timeout = both, both, limit+time.Minute
	r, err := img.Run(t.Context(), opts)
	if errors.Is(err, machine.ErrUnavailable) && os.Getenv("SPANSTACK_REQUIRE_VM") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatalf("%v\nThe suite's output until then:\n%s", err, out.Bytes())
	}
	results = parseResults(out.String())
	t.Logf("%d tests in %v", len(results), time.Since(start).Round(100*time.Millisecond))
	if len(results) == 0 {
		t.Fatalf("the suite exited with %d and told nothing but:\n%s", r.ExitCode, out.Bytes())
	}
	return results, r.ExitCode
}
