package otlp_test

import (
	"os"
	"testing"

	"github.com/spanstack/spanstack/internal/leaktest"
	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/internal/spans/spanstest"
	"github.com/spanstack/spanstack/tracefmt/otlp"
)

func TestMain(m *testing.M) { os.Exit(leaktest.Wrap(m).Run()) }

var formats = []*tracefmt.Format{otlp.Format, otlp.FormatJSON, otlp.FormatJSONLines}

func TestConformance(t *testing.T) {
	for _, f := range formats {
		t.Run(f.Name, func(t *testing.T) { fmttest.Run(t, f) })
	}
}

func TestRoundTrip(t *testing.T) {
	for _, f := range formats {
		t.Run(f.Name, func(t *testing.T) { spanstest.RoundTrip(t, f) })
	}
}
