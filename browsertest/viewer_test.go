package browsertest

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/spanstack/spanstack/internal/npmtest"
)

var (
	update = flag.Bool("update", false, "accept the pictures of the viewer that are new or have changed")
	only   = flag.String("viewer", "", "run the viewer's tests of these `FILES` alone, such as load,search")
)

// viewerSetup is what the tests in viewer/web/e2e get to know, by $SPANSTACK_E2E.
type viewerSetup struct {
	View     string `json:"view"` // programs
	Convert  string `json:"convert"`
	Hang     string `json:"hang"`
	Steady   string `json:"steady"`
	Tracefmt string `json:"tracefmt"` // folder of the formats, with their test data
	Modules  string `json:"modules"`  // node_modules
	Out      string `json:"out"`      // folder for pictures and traces
	Only     string `json:"only"`
}

// A verdict is what one of the tests in viewer/web/e2e came to, as report.mjs writes it.
type verdict struct {
	Name, Error string
	Skipped     any
	Ms          int
}

// TestViewer has Chromium show traces by trace-view. What is done there is in viewer/web/e2e, for the libraries that
// drive the browser and judge its page are of npm.
func TestViewer(t *testing.T) {
	node := newNode(t)
	setup := viewerSetup{Only: *only, Modules: node.modules, Out: t.TempDir()}
	bin := t.TempDir()
	for into, path := range map[*string]string{&setup.View: "./cmd/trace-view", &setup.Convert: "./cmd/trace-convert", &setup.Hang: "./examples/hang", &setup.Steady: "./viewer/internal/steady"} {
		*into = build(t, bin, path)
	}
	var err error
	if setup.Tracefmt, err = filepath.Abs("../tracefmt"); err != nil {
		t.Fatal(err)
	}
	keepFailures(t, setup.Out)
	seen := 0
	for v := range node.verdicts(t, "e2e/all.mjs", setup) {
		seen++
		t.Run(v.Name, func(t *testing.T) {
			t.Logf("%d ms", v.Ms)
			if v.Error != "" {
				t.Error(v.Error)
			}
			if v.Skipped != nil {
				t.Errorf("it was skipped: %v", v.Skipped)
			}
		})
	}
	if seen == 0 {
		t.Error("no test ran")
	}
	comparePictures(t, setup.Out)
}

// keepFailures moves the pictures of failures to where they can be looked at.
func keepFailures(t *testing.T, out string) {
	t.Cleanup(func() {
		failed, _ := filepath.Glob(filepath.Join(out, "failed *.png"))
		for _, path := range failed {
			if to := os.Getenv("SPANSTACK_ARTIFACTS"); to != "" {
				os.MkdirAll(to, 0o755)
				data, err := os.ReadFile(path)
				if err == nil {
					err = os.WriteFile(filepath.Join(to, filepath.Base(path)), data, 0o644)
				}
				t.Logf("picture of what failed: %s (%v)", filepath.Join(to, filepath.Base(path)), err)
			}
		}
	})
}

// A node runs scripts of viewer/web that import what its package-lock.json lists.
type node struct{ modules, root string }

// newNode skips the test if something isn't installed, unless it is required.
func newNode(t testing.TB) *node {
	t.Helper()
	for _, program := range []string{"chromium", "node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			missing(t, "%v", err)
		}
	}
	web, err := filepath.Abs("../viewer/web")
	if err != nil {
		t.Fatal(err)
	}
	// node looks for modules above a script's folder: these links make one that has both.
	n := &node{filepath.Join(npmtest.Install(t, web), "node_modules"), t.TempDir()}
	for name, to := range map[string]string{"node_modules": n.modules, "e2e": filepath.Join(web, "e2e"), "dev": filepath.Join(web, "dev")} {
		if err := os.Symlink(to, filepath.Join(n.root, name)); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// command is node on a script, with flags for node.
func (n *node) command(t testing.TB, script string, flags ...string) *exec.Cmd {
	flags = append(flags, "--preserve-symlinks", "--preserve-symlinks-main", filepath.Join(n.root, script))
	return exec.CommandContext(t.Context(), "node", flags...)
}

// verdicts runs a script of tests, and yields what each came to when it is known.
func (n *node) verdicts(t *testing.T, script string, setup viewerSetup) func(yield func(verdict) bool) {
	return func(yield func(verdict) bool) {
		env, err := json.Marshal(setup)
		if err != nil {
			t.Fatal(err)
		}
		cmd := n.command(t, script, "--test-reporter="+filepath.Join(n.root, "e2e", "report.mjs"))
		cmd.Env = append(os.Environ(), "SPANSTACK_E2E="+string(env))
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		failed, going := false, true
		for lines := bufio.NewReader(out); ; {
			line, err := lines.ReadBytes('\n')
			if errors.Is(err, io.EOF) {
				break
			}
			var v verdict
			if json.Unmarshal(line, &v) != nil {
				t.Logf("%s", line)
				continue
			}
			failed = failed || v.Error != ""
			if going {
				going = yield(v)
			}
		}
		if err := cmd.Wait(); err != nil && !failed {
			t.Errorf("node %s: %v", script, err)
		}
	}
}

// comparePictures compares the pictures that the tests took with those in testdata/viewer.
func comparePictures(t *testing.T, out string) {
	taken, err := filepath.Glob(filepath.Join(out, "golden", "*.png"))
	if err != nil {
		t.Fatal(err)
	}
	golden, _ := filepath.Glob("testdata/viewer/*.png")
	names := map[string]bool{}
	for _, path := range slices.Concat(taken, golden) {
		names[filepath.Base(path)] = true
	}
	if *only != "" && len(taken) == 0 {
		return
	}
	for name := range names {
		t.Run("picture "+name, func(t *testing.T) {
			comparePicture(t, filepath.Join(out, "golden", name), filepath.Join("testdata/viewer", name))
		})
	}
}
