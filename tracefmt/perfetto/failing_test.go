package perfetto_test

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/perfetto"
)

// TestInputFails: an input that fails between two packets, as a connection does that breaks, is an error of the reader's, after
// what was whole.
func TestInputFails(t *testing.T) {
	var out bytes.Buffer
	w := perfetto.NewWriter(&out)
	if err := w.Write(&tracefmt.Event{Kind: tracefmt.Complete, Track: 1, Dur: 1, Name: "whole"}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("the connection broke")
	r := perfetto.NewReader(io.MultiReader(&out, iotest.ErrReader(broken)))
	slices := 0
	for {
		e, err := r.Next()
		if err != nil {
			if !errors.Is(err, broken) {
				t.Errorf("the error is %v", err)
			}
			break
		}
		if e.Kind == tracefmt.Complete {
			slices++
		}
	}
	if slices != 1 {
		t.Errorf("%d slices came before", slices)
	}
}
