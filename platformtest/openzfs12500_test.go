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

// TestOpenZFS12500: the bug is there on a module with a taskq, and is what docs/openzfs-12500.md tells; the lines to type that
// it has show it, too.
func TestOpenZFS12500(t *testing.T) {
	img := image(t, machine.DefaultLine)
	dir := t.TempDir()
	buildStatic(t, "build", "-o", filepath.Join(dir, "openzfs12500"), "./openzfs12500")
	writeFile(t, filepath.Join(dir, "reproduction"), reproduction(t))
	const cases = "kill$|close$|kill-close|holder"
	script := "#!/bin/sh\nsh ./reproduction || exit\nexec ./openzfs12500 -check -wait 10s -case '" + cases + "'\n"
	writeFile(t, filepath.Join(dir, "run"), script)
	for _, name := range []string{"run", "openzfs12500"} {
		if err := os.Chmod(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	r, err := img.Run(t.Context(), machine.RunOptions{Variant: machine.TaskQ, Payload: os.DirFS(dir), Stdout: &out, Stderr: &out, Timeout: 5 * time.Minute})
	if err != nil {
		t.Fatalf("%v\n%s", err, out.Bytes())
	}
	if r.ExitCode != 0 {
		t.Fatalf("exit status %d:\n%s", r.ExitCode, out.Bytes())
	}
	for _, want := range []string{"State:\tD", "taskq_wait", "zfs send: 137"} {
		if before, _, ok := strings.Cut(out.String(), "CASE kill:"); !ok || !strings.Contains(before, want) {
			t.Errorf("the lines to type don't show %q:\n%s", want, before)
		}
	}
}

// reproduction returns the commands that the document has for its readers.
func reproduction(t *testing.T) string {
	text, err := os.ReadFile("../docs/openzfs-12500.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "<!-- reproduction -->\n```sh\n")
	commands, _, closed := strings.Cut(rest, "```")
	if !ok || !closed {
		t.Fatal("the document has no commands that reproduce the bug")
	}
	return commands
}
