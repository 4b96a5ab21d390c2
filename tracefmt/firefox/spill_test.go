package firefox_test

import (
	"testing"

	"github.com/spanstack/spanstack/tracefmt/firefox"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
)

func TestSpill(t *testing.T) { fmttest.RunSpiller(t, firefox.Format) }
