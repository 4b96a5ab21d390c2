// Package catapulttest starts a catapult.Viewer for a test and checks that
// nothing of it is left when the test ends.
package catapulttest

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/spanstack/spanstack/browsertest/catapult"
)

// RequireBrowser is the environment variable that turns the skip of a test
// whose browser is missing into a failure, if set to 1.
const RequireBrowser = "SPANSTACK_REQUIRE_BROWSER"

// Start returns a viewer that is closed at the end of the test. It skips the
// test if Chromium or the viewer is not installed, unless RequireBrowser
// forbids that. The test fails if a process or a file of the browser outlives
// the viewer; for that, TMPDIR is the test's own.
func Start(t *testing.T, opt catapult.Options) *catapult.Viewer {
	t.Helper()
	tmp := TempDir(t)
	v, err := catapult.Start(t.Context(), opt)
	if missing, ok := errors.AsType[*catapult.MissingError](err); ok && os.Getenv(RequireBrowser) != "1" {
		t.Skipf("%v; set %s=1 to make this a failure", missing, RequireBrowser)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
		NoLeftovers(t, tmp)
	})
	return v
}

// TempDir makes TMPDIR a new folder for the duration of the test. Its path is
// short, as Chromium binds sockets in it.
func TempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ct")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	t.Setenv("TMPDIR", dir)
	return dir
}

// NoLeftovers fails the test if dir, the TMPDIR of a browser that was closed,
// holds a file, or if a process mentions dir in its command line.
func NoLeftovers(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Error(err)
	}
	for _, e := range entries {
		t.Errorf("chromium left %s", filepath.Join(dir, e.Name()))
	}
	if _, err := os.Stat("/proc/self/cmdline"); err != nil {
		t.Logf("no check for processes left behind: %v", err)
		return
	}
	for pid, cmdline := range processes(t) {
		if bytes.Contains(cmdline, []byte(dir)) {
			t.Errorf("chromium left process %s: %s", pid, bytes.ReplaceAll(cmdline, []byte{0}, []byte{' '}))
		}
	}
}

// processes returns the command lines of all processes by pid. One that ends
// meanwhile is left out.
func processes(t *testing.T) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	lines := make(map[string][]byte)
	for _, path := range paths {
		if line, err := os.ReadFile(path); err == nil {
			lines[filepath.Base(filepath.Dir(path))] = line
		}
	}
	return lines
}
