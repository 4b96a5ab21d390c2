package chrome_test

import (
	"testing"

	"github.com/spanstack/spanstack/tracefmt/chrome"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
)

func TestConformance(t *testing.T) { fmttest.Run(t, chrome.Format) }
