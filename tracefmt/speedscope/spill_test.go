package speedscope_test

import (
	"testing"

	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/speedscope"
)

func TestSpill(t *testing.T) { fmttest.RunSpiller(t, speedscope.Format) }
