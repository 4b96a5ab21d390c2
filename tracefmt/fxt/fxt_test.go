package fxt_test

import (
	"testing"

	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/fxt"
)

func TestConformance(t *testing.T) { fmttest.Run(t, fxt.Format) }
