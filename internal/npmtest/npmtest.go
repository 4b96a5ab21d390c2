// Package npmtest runs programs of npm as independent judges of what we write. They are installed once, into a cache outside
// of the source tree, $SPANSTACK_NPM_CACHE or else spanstack/npm below the user's cache directory.
package npmtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Install returns a directory whose node_modules has a package, named with its exact version as in "duckdb@1.4.4", without
// running what it would run at its installation. If there is no npm, or it can't be installed, the test is skipped;
// with SPANSTACK_REQUIRE_NPM set it fails.
func Install(t testing.TB, spec string) (dir string) {
	t.Helper()
	dir, err := install(spec)
	if err == nil {
		return dir
	}
	if os.Getenv("SPANSTACK_REQUIRE_NPM") != "" {
		t.Fatalf("%s of npm: %v", spec, err)
	}
	t.Skipf("%s of npm isn't there: %v", spec, err)
	return ""
}

func install(spec string) (dir string, err error) {
	if _, err := exec.LookPath("node"); err != nil {
		return "", err
	}
	cache := os.Getenv("SPANSTACK_NPM_CACHE")
	if cache == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		cache = filepath.Join(user, "spanstack", "npm")
	}
	dir = filepath.Join(cache, strings.NewReplacer("/", "-", "@", "-").Replace(strings.TrimPrefix(spec, "@")))
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(cache, 0o777); err != nil {
		return "", err
	}
	temp, err := os.MkdirTemp(cache, "installing-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(temp)
	cmd := exec.Command("npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", temp, spec)
	cmd.Dir = temp
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", &failure{cmd, out, err}
	}
	if err := os.Rename(temp, dir); err != nil {
		if _, statErr := os.Stat(dir); statErr != nil { // else another test was faster
			return "", err
		}
	}
	return dir, nil
}

// failure is a command that failed, with what it said.
type failure struct {
	cmd *exec.Cmd
	out []byte
	err error
}

func (f *failure) Error() string { return f.cmd.String() + ": " + f.err.Error() + "\n" + string(f.out) }
func (f *failure) Unwrap() error { return f.err }

// Node runs an ES module, given as text, that can import what is installed in dir, and returns its output.
func Node(t testing.TB, dir, script string, args ...string) string {
	t.Helper()
	cmd := exec.Command("node", append([]string{"--input-type=module", "-e", script, "--"}, args...)...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(&failure{cmd, stderr(err), err})
	}
	return string(out)
}

func stderr(err error) []byte {
	if exit, ok := err.(*exec.ExitError); ok {
		return exit.Stderr
	}
	return nil
}
