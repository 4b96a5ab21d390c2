package speedscope_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/spanstack/spanstack/internal/npmtest"
	"github.com/spanstack/spanstack/viewer/speedscope"
)

// TestUnchanged: the files are those of the package that package-lock.json names with its sum, and its licence is among them.
func TestUnchanged(t *testing.T) {
	installed := filepath.Join(npmtest.Install(t, "."), "node_modules", "speedscope")
	want := map[string]string{"LICENSE": filepath.Join(installed, "LICENSE")}
	entries, err := os.ReadDir(filepath.Join(installed, "dist", "release"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		want[e.Name()] = filepath.Join(installed, "dist", "release", e.Name())
	}
	for name, path := range want {
		theirs, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if ours, err := fs.ReadFile(speedscope.Files, name); err != nil || !bytes.Equal(ours, theirs) {
			t.Errorf("%s isn't as it was released: %v", name, err)
		}
	}
	if ours, _ := fs.ReadDir(speedscope.Files, "."); len(ours) != len(want) {
		t.Errorf("there are %d files, want %d", len(ours), len(want))
	}
}
