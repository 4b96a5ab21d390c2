// Package exampletest runs the examples as their users do.
package exampletest

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/spanstack/spanstack/tracefmt"
	_ "github.com/spanstack/spanstack/tracefmt/chrome" // what they write
)

// Build builds the program in a package and returns its path.
func Build(t *testing.T, pkg string) string {
	t.Helper()
	exe := filepath.Join(t.TempDir(), "program")
	if out, err := exec.Command("go", "build", "-o", exe, pkg).CombinedOutput(); err != nil {
		t.Fatalf("go build %s: %v\n%s", pkg, err, out)
	}
	return exe
}

// Load reads a trace. One whose end is missing, since its program still runs, is fine.
func Load(t *testing.T, path string) (events []*tracefmt.Event) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasSuffix(b, []byte("]\n")) {
		b = append(b, ']')
	}
	r := tracefmt.Lookup("chrome").NewReader(bytes.NewReader(b))
	for {
		e, err := r.Next()
		if err == io.EOF {
			return events
		}
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		events = append(events, e.Clone())
	}
}

// WaitFor waits until ok.
func WaitFor(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it didn't happen within 20 s")
		}
	}
}
