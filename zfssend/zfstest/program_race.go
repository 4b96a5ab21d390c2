//go:build race

package zfstest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// program returns the executable of stand-ins. With the race detector a test binary takes several times as long to start, and tests
// start thousands: so it is a small program without it, which is built once in the directory of all stand-ins. Without a go command
// it is the test binary.
func program(dir string) (string, error) {
	name := filepath.Join(dir, "standin")
	if _, err := os.Stat(name); err == nil {
		return name, nil
	}
	gocmd, err := exec.LookPath("go")
	if err != nil {
		return os.Executable()
	}
	part := fmt.Sprintf("%s.%d", name, os.Getpid())
	cmd := exec.Command(gocmd, "build", "-o", part, "github.com/spanstack/spanstack/zfssend/zfstest/standin")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%v: %w\n%s", cmd, err, out)
	}
	return name, os.Rename(part, name)
}
