package diff

import (
	"fmt"
	"io"

	"github.com/google/pprof/profile"
	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/pprof"
)

// baseLabel marks the samples of what is compared with: pprof's own -diff_base has it (Profile.SetLabel in
// internal/driver/fetch.go of github.com/google/pprof), and takes percentages of their sum (Sample.DiffBaseSample).
const baseLabel = "pprof::base"

// WriteProfile writes the difference as one profile, packed with gzip, and returns what had to be left out. It has all
// paths, whatever the threshold. "go tool pprof diff.pb.gz" shows what it would of profiles of the two traces with
//
//	go tool pprof -diff_base a.pb.gz b.pb.gz
//
// The samples of b are as package pprof has them, with its self times; those of a are negative, with the label pprof::base=true. Unlike with
// -diff_base, names may have been normalized.
func (d *Diff) WriteProfile(w io.Writer) ([]tracefmt.Loss, error) {
	a, lossesA := pprof.Profile(d.a)
	b, lossesB := pprof.Profile(d.b)
	a.SetLabel(baseLabel, []string{"true"})
	a.Scale(-1)
	a.PeriodType, b.PeriodType = &profile.ValueType{}, &profile.ValueType{} // which Merge wants to compare
	p, err := profile.Merge([]*profile.Profile{b, a})
	if err == nil {
		err = p.Write(w)
	}
	if err != nil {
		return nil, fmt.Errorf("write profile: %w", err)
	}
	return append(lossesA, lossesB...), nil
}
