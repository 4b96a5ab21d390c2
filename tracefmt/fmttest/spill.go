package fmttest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"testing"

	"pgregory.net/rapid"

	"github.com/spanstack/spanstack/tracefmt"
)

// RunSpiller checks a format's writer that is a [tracefmt.Spiller]: with little memory the same is written, by way of
// temporary files, of which none is left. A temporary file that fails is an error of Write, and of Close.
func RunSpiller(t *testing.T, f *tracefmt.Format) {
	t.Run("same output", func(t *testing.T) { sameSpilled(t, f) })
	t.Run("no temporary file", func(t *testing.T) { noSpill(t, f) })
}

func sameSpilled(t *testing.T, f *tracefmt.Format) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	rapid.Check(t, func(t *rapid.T) {
		events := Events(t)
		written := func(memory int64) (text string) {
			var out bytes.Buffer
			w := f.NewWriter(&out)
			w.(tracefmt.Spiller).SetMemory(memory)
			for i := range events {
				if err := w.Write(&events[i]); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			return fmt.Sprint(out.String(), tracefmt.LossesOf(w))
		}
		want := written(0)
		memory := rapid.SampledFrom([]int64{1, 10_000}).Draw(t, "memory")
		if got := written(memory); got != want {
			t.Fatalf("with %d bytes\n%s\nwant\n%s", memory, got, want)
		}
	})
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v (%v)", left, err)
	}
}

func noSpill(t *testing.T, f *tracefmt.Format) {
	t.Setenv("TMPDIR", t.TempDir()+"/none")
	w := f.NewWriter(new(bytes.Buffer))
	w.(tracefmt.Spiller).SetMemory(1)
	if err := w.Write(&tracefmt.Event{Kind: tracefmt.Begin}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Write: %v", err)
	}
	if err := w.Close(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Close: %v", err)
	}
}
