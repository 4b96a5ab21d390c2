package main

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/spanstack/spanstack/examples/internal/exampletest"
	"github.com/spanstack/spanstack/trace/capture"
	"github.com/spanstack/spanstack/trace/capture/trigger"
	"github.com/spanstack/spanstack/tracefmt"
)

// A buffer can be read while a program writes to it.
type buffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func TestRun(t *testing.T) {
	convert := exampletest.Build(t, "../../cmd/trace-convert")
	dir, file := t.TempDir(), filepath.Join(t.TempDir(), "trace.json")
	cmd := exec.Command(exampletest.Build(t, "."), "-dumps", dir, "-debug", "localhost:0")
	var stderr buffer
	cmd.Env, cmd.Stderr = append(os.Environ(), capture.EnvVar+"="+file), &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	exampletest.WaitFor(t, func() bool { return strings.Contains(stderr.String(), "trace dumped to "+dir) })
	dumps, _ := filepath.Glob(filepath.Join(dir, "*-slow-*.json"))
	if len(dumps) != 1 {
		t.Fatalf("dumps: %v\n%s", dumps, &stderr)
	}

	url := regexp.MustCompile(`http://\S+`).FindString(stderr.String())
	r, err := http.Post(url+"dump", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, _ := io.ReadAll(r.Body)
	r.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if r.StatusCode != http.StatusTooManyRequests || !strings.Contains(string(answer), dumps[0]) {
		t.Errorf("POST right after a dump: %s: %s", r.Status, answer)
	}
	active := get(t, url+"active")
	for _, want := range []string{`transfer +from=alice to=bob`, `hold account +account=alice`, `lock account +account=bob`, `lock account +account=alice`} {
		if !regexp.MustCompile(want).MatchString(active) {
			t.Errorf("active doesn't show %s:\n%s", want, active)
		}
	}
	exampletest.WaitFor(t, func() bool {
		page, err := http.Get(url + "ui/api/waits")
		if err != nil {
			t.Fatal(err)
		}
		defer http.DefaultClient.CloseIdleConnections()
		defer page.Body.Close()
		open, _ := io.ReadAll(page.Body)
		return strings.Count(string(open), `"name":"lock account"`) == 2
	})
	cmd.Process.Kill()
	cmd.Wait()

	for _, path := range []string{dumps[0], file} {
		var holds, wants []string
		marks := 0
		for _, e := range exampletest.Load(t, path) {
			switch {
			case e.Kind == tracefmt.Begin && e.Name == "hold account":
				holds = append(holds, e.Attr("account").String())
			case e.Kind == tracefmt.Begin && e.Name == "lock account":
				wants = append(wants, e.Attr("account").String())
			case e.Category == trigger.Category:
				marks++
			}
		}
		slices.Sort(holds)
		slices.Sort(wants)
		if !slices.Equal(holds, []string{"alice", "bob"}) || !slices.Equal(wants, []string{"alice", "bob"}) {
			t.Errorf("%s: held are %v, wanted %v", path, holds, wants)
		}
		if (marks > 0) != (path == dumps[0]) {
			t.Errorf("%s has %d marks", path, marks)
		}
		out, err := exec.Command(convert, "--summary", path).CombinedOutput()
		if err != nil || !regexp.MustCompile(` 2 +.*lock account\n`).Match(out) {
			t.Errorf("trace-convert --summary: %v\n%s", err, out)
		}
	}
}

// get does what curl does.
func get(t *testing.T, url string) string {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", url, r.Status, err)
	}
	return string(text)
}
