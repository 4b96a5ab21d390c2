package viewer_test

import (
	"os"
	"testing"

	"github.com/spanstack/spanstack/internal/leaktest"
)

func TestMain(m *testing.M) { os.Exit(leaktest.Wrap(m).Run()) }
