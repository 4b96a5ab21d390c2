package otlp_test

import (
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/internal/spans/spanstest"
	"github.com/spanstack/spanstack/tracefmt/otlp"
)

var formats = []*tracefmt.Format{otlp.Format, otlp.FormatJSON, otlp.FormatJSONLines}

func TestConformance(t *testing.T) {
	for _, f := range formats {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			fmttest.Run(t, f)
		})
	}
}

func TestRoundTrip(t *testing.T) {
	for _, f := range formats {
		t.Run(f.Name, func(t *testing.T) { spanstest.RoundTrip(t, f) })
	}
}
