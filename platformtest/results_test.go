package platformtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// result is what became of a test in the machine.
type result struct {
	name    string
	verdict string // PASS, FAIL or SKIP; "" if it didn't end
	took    string // as in "1.23s"
	log     string // its output, and that of its subtests
}

// In the output of a test binary run with -test.v=test2json, a line of the framework begins with ^V, so that nothing
// that a test prints can be taken for one: see cmd/internal/test2json.
var (
	runLine     = regexp.MustCompile(`^\x16=== (?:RUN|NAME|CONT|PAUSE) +(\S*)`)
	verdictLine = regexp.MustCompile(`^\s*\x16--- (PASS|FAIL|SKIP): (\S+)(?: \(([\d.]+s)\))?`)
)

// roundLines passes on what the suite says of each round, as soon as that is over: all of them may take hours.
type roundLines struct {
	to   io.Writer
	rest []byte // of a line
}

var roundLine = regexp.MustCompile(`\.go:\d+: (round \d+: .*)$`)

func (r *roundLines) Write(p []byte) (int, error) {
	r.rest = append(r.rest, p...)
	for {
		line, rest, whole := bytes.Cut(r.rest, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		if m := roundLine.FindSubmatch(line); m != nil {
			fmt.Fprintf(r.to, "%s\n", m[1])
		}
		r.rest = rest
	}
}

// parseResults returns the results of the top-level tests, in order.
func parseResults(output string) []result {
	var results []result
	index := make(map[string]int)
	current := -1
	add := func(line string) {
		if current >= 0 {
			results[current].log += strings.ReplaceAll(line, "\x16", "")
		}
	}
	for line := range strings.Lines(output) {
		if m := runLine.FindStringSubmatch(line); m != nil {
			name, _, sub := strings.Cut(m[1], "/")
			i, known := index[name]
			if !known && name != "" {
				i = len(results)
				index[name] = i
				results = append(results, result{name: name})
			}
			if name != "" {
				current = i
			}
			if !sub {
				continue
			}
		} else if m := verdictLine.FindStringSubmatch(line); m != nil && !strings.Contains(m[2], "/") {
			if i, known := index[m[2]]; known {
				results[i].verdict, results[i].took = m[1], m[3]
				current = i // what follows with -test.v is this test's
			}
			continue
		}
		add(line)
	}
	return results
}

// report reports results as subtests of t, and leaves how long they took in a file below the directory that SPANSTACK_ARTIFACTS names, if it does.
func report(t *testing.T, results []result) {
	if dir := os.Getenv("SPANSTACK_ARTIFACTS"); dir != "" {
		var times strings.Builder
		for _, r := range results {
			fmt.Fprintf(&times, "%8s %s\n", r.took, r.name)
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Error(err)
		}
		writeFile(t, filepath.Join(dir, strings.ReplaceAll(t.Name(), "/", "_")+".times"), times.String())
	}
	for _, r := range results {
		t.Run(r.name, func(t *testing.T) {
			switch r.verdict {
			case "PASS":
				t.Logf("in %s\n%s", r.took, r.log)
			case "SKIP": // a machine has all that the tests need
				t.Error("it was skipped:\n" + r.log)
			case "FAIL":
				t.Error("\n" + r.log)
			default:
				t.Error("it did not end; its output:\n" + r.log)
			}
		})
	}
}

func TestParseResults(t *testing.T) {
	const output = "\x16=== RUN   TestA\n    a_test.go:1: hello\n\x16--- PASS: TestA (0.25s)\n" +
		"\x16=== RUN   TestB\n\x16=== RUN   TestB/sub\n    b_test.go:2: --- PASS: TestZ (0.00s)\n\x16=== NAME  TestB\n    b_test.go:3: bad\n" +
		"\x16--- FAIL: TestB (0.00s)\n    \x16--- FAIL: TestB/sub (0.00s)\n" +
		"\x16=== RUN   TestC\n    c_test.go:1: no ZFS\n\x16--- SKIP: TestC (0.00s)\n" +
		"\x16=== RUN   TestD\npanic: oh\n\ngoroutine 1 [running]:\n"
	want := []result{
		{"TestA", "PASS", "0.25s", "    a_test.go:1: hello\n"},
		{"TestB", "FAIL", "0.00s", "=== RUN   TestB/sub\n    b_test.go:2: --- PASS: TestZ (0.00s)\n    b_test.go:3: bad\n    --- FAIL: TestB/sub (0.00s)\n"},
		{"TestC", "SKIP", "0.00s", "    c_test.go:1: no ZFS\n"},
		{"TestD", "", "", "panic: oh\n\ngoroutine 1 [running]:\n"},
	}
	got := parseResults(output)
	if len(got) != len(want) {
		t.Fatalf("got %q", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got  %q\nwant %q", got[i], want[i])
		}
	}
}

func TestRoundLines(t *testing.T) {
	var got strings.Builder
	lines := roundLines{to: &got}
	const output = "\x16=== RUN   TestA\n    a_test.go:59: round 1: SIGKILL, -1; 4 datasets; 5s\n    a_test.go:9:   1.2s\nround 7: printed\n        a_test.go:59: round 2: a quota, 1; 5 datasets; 6s\n"
	for piece := range slices.Chunk([]byte(output), 7) {
		if n, err := lines.Write(piece); n != len(piece) || err != nil {
			t.Fatal(n, err)
		}
	}
	if want := "round 1: SIGKILL, -1; 4 datasets; 5s\nround 2: a quota, 1; 5 datasets; 6s\n"; got.String() != want {
		t.Errorf("got %q, want %q", got.String(), want)
	}
}

func writeFile(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func marshal(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestPlatformsText: the page has each case on each platform, what failed, and what didn't run.
func TestPlatformsText(t *testing.T) {
	const first = "\x16=== RUN   TestA\n\x16=== RUN   TestA/one_case\n\x16=== RUN   TestA/one_case/deep\n" +
		"\x16--- PASS: TestA/one_case/deep (0.00s)\n\x16--- PASS: TestA/one_case (0.00s)\n\x16--- PASS: TestA (0.00s)\n\x16=== RUN   TestRandomCloses\n    x_test.go:1: x: all    3 closes: median 1ms\n" +
		"\x16--- PASS: TestRandomCloses (0.00s)\n"
	const second = "\x16=== RUN   TestA\n\x16=== RUN   TestA/other\n\x16--- FAIL: TestA (0.00s)\n    \x16--- FAIL: TestA/other (0.00s)\n" +
		"\x16=== RUN   TestRandomCloses\npanic: oh\n"
	platforms := []*platform{
		{Line: "2.1", Variant: "taskq", ZFS: "2.1.11", Kernel: "6.1", results: parseResults(first)},
		{Line: "2.4", Variant: "stock", ZFS: "2.4.4", Kernel: "6.1", results: parseResults(second)},
	}
	text, err := platformsText(platforms)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| 2.1 taskq | 2.1.11 | 6.1 | 0s | 3 closes: median 1ms |\n", "## 4 cases\n", "| case | 2.1 taskq | 2.4 stock |\n",
		"| TestA | ok | **failed** |\n", "| &nbsp;&nbsp;one case | ok | didn't run |\n| &nbsp;&nbsp;other | didn't run | **failed** |\n| TestRandomCloses | ok | didn't run |\n",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the page lacks %q:\n%s", want, text)
		}
	}
}
