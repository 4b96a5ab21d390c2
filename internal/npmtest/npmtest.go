// Package npmtest runs programs of npm as independent judges of what we write. They are installed once, into a cache
// outside of the source tree: spanstack/npm below the user's cache directory.
package npmtest

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Install returns a directory whose node_modules has what the package-lock.json in a folder lists, with the sums that
// are in there, without running what the packages would run at their installation. If there is no npm, or they can't be
// installed, the test is skipped; with SPANSTACK_REQUIRE_NPM set it fails.
func Install(t testing.TB, folder string) (dir string) {
	t.Helper()
	dir, err := install(folder)
	if err == nil {
		return dir
	}
	if os.Getenv("SPANSTACK_REQUIRE_NPM") != "" {
		t.Fatalf("packages of npm in %s: %v", folder, err)
	}
	t.Skipf("packages of npm in %s aren't there: %v", folder, err)
	return ""
}

var files = []string{"package.json", "package-lock.json"}

func install(folder string) (dir string, err error) {
	if _, err := exec.LookPath("node"); err != nil {
		return "", err
	}
	user, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	cache := filepath.Join(user, "spanstack", "npm")
	if err := os.MkdirAll(cache, 0o777); err != nil {
		return "", err
	}
	temp, err := os.MkdirTemp(cache, ".install-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(temp)
	sum := sha256.New()
	for _, name := range files {
		data, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			return "", err
		}
		sum.Write(data)
		if err := os.WriteFile(filepath.Join(temp, name), data, 0o666); err != nil {
			return "", err
		}
	}
	dir = filepath.Join(cache, "lock-"+hex.EncodeToString(sum.Sum(nil)[:8]))
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	cmd := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
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
