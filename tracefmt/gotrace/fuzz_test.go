package gotrace_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/gotrace"
)

// FuzzReader reads arbitrary bytes, with all that can be asked for. Whatever comes out is a stream that writers take.
func FuzzReader(f *testing.F) {
	files, err := filepath.Glob("testdata/traceutils/*/task.trace")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, name := range append(files, programTrace) {
		f.Add(file(f, name))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r := gotrace.NewReader(bytes.NewReader(data))
		r.States, r.Metrics = true, true
		events, err := fmttest.ReadAll(r)
		if err != nil {
			syntax, ok := errors.AsType[*tracefmt.SyntaxError](err)
			if !ok || syntax.Offset < 0 || syntax.Offset > int64(len(data)) {
				t.Fatalf("the error isn't a SyntaxError with an offset in the input: %v", err)
			}
		}
		declared := map[tracefmt.TrackID]bool{0: true}
		for _, e := range events {
			if e.Kind == tracefmt.Process || e.Kind == tracefmt.Track {
				declared[e.Track] = true
			}
			if !declared[e.Track] {
				t.Fatalf("a %v on track %d, which isn't declared", e.Kind, e.Track)
			}
		}
	})
}
