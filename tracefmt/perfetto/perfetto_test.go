package perfetto_test

import (
	"testing"

	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/perfetto"
)

func TestConformance(t *testing.T) { fmttest.Run(t, perfetto.Format) }
