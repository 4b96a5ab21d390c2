package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/internal/leaktest"
)

func TestMain(m *testing.M) {
	beChild()
	os.Exit(leaktest.Wrap(m).Run())
}

// call runs the command line and returns its exit code and output.
func call(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(context.Background(), args, &out, &errs)
	return code, out.String(), errs.String()
}

const twoOfThem = `^Span/depth=1/attrs=0/goroutines=1/tracer=(spanstack-recording|otel-sdk-batcher)$`

func TestRunWritesTableAndRawResults(t *testing.T) {
	doc, raw := filepath.Join(t.TempDir(), "benchmarks.md"), filepath.Join(t.TempDir(), "raw.txt")
	code, stdout, stderr := call("--run", twoOfThem, "--count", "2", "--benchtime", "1ms", "--out", doc, "--raw", raw)
	if code != exitOK || stderr != "" {
		t.Fatalf("exit code %d, stderr %q", code, stderr)
	}
	text, err := os.ReadFile(doc)
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != stdout {
		t.Error("the file isn't what was printed")
	}
	for _, want := range []string{"span, depth 1, no attributes, 1 goroutine", "| spanstack, recording", "| OTel SDK, batcher",
		"not measured", "go.opentelemetry.io/otel/sdk v", "--count 2 --benchtime 1ms --run"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %q in\n%s", want, stdout)
		}
	}
	text, err = os.ReadFile(raw)
	if err != nil {
		t.Fatal(err)
	}
	checkRaw(t, string(text), 4)
}

// checkRaw checks that benchstat could read the text: https://go.googlesource.com/proposal/+/master/design/14313-benchmark-format.md
func checkRaw(t *testing.T, text string, want int) {
	t.Helper()
	results := 0
	name := regexp.MustCompile(`^BenchmarkSpan/depth=1/attrs=0/goroutines=1/tracer=[a-z-]+-\d+$`)
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if !strings.HasPrefix(line, "Benchmark") {
			continue // configuration
		}
		results++
		if !name.MatchString(f[0]) || len(f)%2 != 0 {
			t.Errorf("not a benchmark's result: %q", line)
			continue
		}
		if _, err := strconv.Atoi(f[1]); err != nil {
			t.Errorf("%q: %v", line, err)
		}
		for i := 2; i < len(f); i += 2 {
			if _, err := strconv.ParseFloat(f[i], 64); err != nil {
				t.Errorf("%q: %v", line, err)
			}
		}
		if f[3] != "ns/op" || f[5] != "B/op" || f[7] != "allocs/op" {
			t.Errorf("units in %q", line)
		}
	}
	if results != want || !strings.HasPrefix(text, "goos: ") {
		t.Errorf("%d results, want %d below a header, in\n%s", results, want, text)
	}
}

func TestPartOfTheTableReplacesNothing(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("docs", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir("bench", 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir("bench")
	code, stdout, _ := call("--run", twoOfThem, "--count", "1", "--benchtime", "1ms")
	if _, err := os.Stat("../docs/benchmarks.md"); code != exitOK || err == nil || !strings.Contains(stdout, "## Operations") {
		t.Errorf("exit code %d, and with --run the default --out was written: %v", code, err == nil)
	}
}

func TestWrongUsage(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--frobnicate"}, exitUsage, "frobnicate"},
		{[]string{"some", "thing"}, exitUsage, `unexpected argument "some"`},
		{[]string{"--count", "0"}, exitUsage, "at least one round"},
		{[]string{"--benchtime", "-1s"}, exitUsage, "positive"},
		{[]string{"--run", "("}, exitUsage, "--run: error parsing regexp"},
		{[]string{"--run", "no such thing"}, exitUsage, "--list"},
		{[]string{"--run", twoOfThem, "--out", "/nowhere/x.md"}, exitFailed, "write /nowhere/x.md: stat /nowhere: no such file"},
		{[]string{"--run", twoOfThem, "--raw", "/dev/null/x.txt"}, exitFailed, "not a directory"},
	} {
		code, stdout, stderr := call(c.args...)
		if code != c.code || stdout != "" || !strings.Contains(stderr, c.want) {
			t.Errorf("%q: exit code %d, want %d; stdout %q; stderr %q, want %q in it", c.args, code, c.code, stdout, stderr, c.want)
		}
	}
}

func TestHelpAndList(t *testing.T) {
	code, stdout, stderr := call("--help")
	if code != exitOK || stderr != "" || !strings.Contains(stdout, "Examples:") || !strings.Contains(stdout, "--benchtime") {
		t.Errorf("--help: exit code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	code, stdout, stderr = call("--list", "--run", "attrs=4/goroutines=2/tracer=spanstack-off|GC")
	want := "Span/depth=1/attrs=4/goroutines=2/tracer=spanstack-off\nSpan/depth=5/attrs=4/goroutines=2/tracer=spanstack-off\nGC\n"
	if code != exitOK || stdout != want || stderr != "" {
		t.Errorf("--list: exit code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	doc := filepath.Join(t.TempDir(), "benchmarks.md")
	for _, what := range []string{twoOfThem, "^Load$", "^GC$", "^Captures$", "^Stopped$", "^Conversions$", "^Memory$"} {
		var stdout, stderr bytes.Buffer
		code := run(ctx, []string{"--run", what, "--out", doc}, &stdout, &stderr)
		if code != exitInterrupted || stdout.Len() > 0 || stderr.String() != "bench: interrupted\n" {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", what, code, &stdout, &stderr)
		}
	}
	if _, err := os.Stat(doc); err == nil {
		t.Error("an interrupted run wrote a document")
	}
}
