package logconfig_test

import (
	"flag"
	"os"
	"testing"

	"github.com/spanstack/spanstack/internal/leaktest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestMain(m *testing.M) { os.Exit(leaktest.Wrap(m).Run()) }
