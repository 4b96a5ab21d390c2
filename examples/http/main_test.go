package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/examples/internal/exampletest"
	"github.com/spanstack/spanstack/trace/capture"
)

// TestRun runs the program as its comment says, and looks for what it says is to be seen.
func TestRun(t *testing.T) {
	convert := exampletest.Build(t, "../../cmd/trace-convert")
	path := filepath.Join(t.TempDir(), "trace.json")
	cmd := exec.Command(exampletest.Build(t, "."), "-listen", "localhost:0", "-requests", "3")
	cmd.Env = append(os.Environ(), capture.EnvVar+"="+path)
	log, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	summary, err := exec.Command(convert, "--summary", path).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, summary)
	}
	at := 0
	for _, name := range []string{"customer", "─ ask", "─ HTTP GET", "─ GET /prices/{item}", "─ sell", "─ look up", "─ round"} {
		i := strings.Index(string(summary)[at:], name)
		if i < 0 {
			t.Fatalf("there is no %q below the one before:\n%s", name, summary)
		}
		at += i
	}

	// One ID finds what was done for one request.
	id := regexp.MustCompile(`shop +sold +item=apple .*/([a-z2-7]{13})/`).FindSubmatch(log)
	if id == nil {
		t.Fatalf("no line of the task:\n%s", log)
	}
	found, err := exec.Command(convert, "grep", string(id[1]), path).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, found)
	}
	for _, want := range []string{"sell", "look up", "round", "sold"} {
		if !strings.Contains(string(found), want) {
			t.Errorf("grep doesn't find %q:\n%s", want, found)
		}
	}
	if strings.Contains(string(found), "melon") || strings.Contains(string(found), "customer") {
		t.Errorf("grep finds more than one request:\n%s", found)
	}
}
