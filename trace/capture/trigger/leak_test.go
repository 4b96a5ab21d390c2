package trigger

import (
	"os"
	"testing"

	"github.com/spanstack/spanstack/internal/leaktest"
)

// TestMain lets the test binary be the program that is watched, too.
func TestMain(m *testing.M) {
	if mode := os.Getenv(programEnv); mode != "" {
		programs[mode](os.Getenv(programEnv + "_DIR"))
		return
	}
	os.Exit(leaktest.Wrap(m).Run())
}

const programEnv = "TRIGGER_TEST_PROGRAM"

// programs are what the test binary can be, by name. They get the directory for dumps.
var programs = map[string]func(dir string){}
