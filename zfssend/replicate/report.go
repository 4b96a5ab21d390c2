package replicate

import (
	"errors"
	"fmt"
	"time"

	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/zstream"
)

// Report says what became of a plan.
type Report struct {
	Datasets []*DatasetResult // in the order of the plan
	Duration time.Duration
	Warnings []error // of what isn't the replication itself: cursors and holds
}

// DatasetResult is what became of one dataset.
type DatasetResult struct {
	Plan     *DatasetPlan // the last one, if it was planned anew for a retry
	Steps    []Result     // those that succeeded
	Bytes    int64
	Duration time.Duration // without its waiting for turns
	Retries  int
	Skipped  bool // nothing was tried, since the one above it isn't there
	Err      error

	present bool          // the destination exists
	waited  time.Duration // for turns
}

func newReport(plan *Plan) *Report {
	r := &Report{Datasets: make([]*DatasetResult, len(plan.Datasets))}
	for i, p := range plan.Datasets {
		r.Datasets[i] = &DatasetResult{Plan: p}
		if p.Conflict != nil {
			r.Datasets[i].Err = p.Conflict
		}
	}
	return r
}

// add adds what a step did.
func (d *DatasetResult) add(result Result, err error) {
	d.Bytes += result.Bytes
	d.waited += result.Waited
	if err == nil {
		d.Steps = append(d.Steps, result)
	}
}

// reach returns how far the dataset has come, by its newest plan.
func (d *DatasetResult) reach() reach {
	r := reach{steps: len(d.Steps)}
	if len(d.Plan.Steps) > 0 {
		if token, err := zstream.ParseToken(d.Plan.Steps[0].Token); err == nil {
			r.object, r.offset = token.Object, token.Offset
		}
	}
	return r
}

// Bytes returns what was received in all.
func (r *Report) Bytes() int64 {
	var n int64
	for _, d := range r.Datasets {
		n += d.Bytes
	}
	return n
}

// Failed returns the datasets that aren't up to date now.
func (r *Report) Failed() []*DatasetResult {
	var list []*DatasetResult
	for _, d := range r.Datasets {
		if d.Err != nil {
			list = append(list, d)
		}
	}
	return list
}

// Err returns nil if all datasets are up to date, the error of the only one there is, or an *IncompleteError.
func (r *Report) Err() error {
	failed := r.Failed()
	switch {
	case len(failed) == 0:
		return nil
	case len(r.Datasets) == 1:
		return failed[0].Err
	}
	return &IncompleteError{Total: len(r.Datasets), Failed: failed}
}

// IncompleteError says that some of several datasets were not replicated, or none. It unwraps to their errors.
type IncompleteError struct {
	Total  int
	Failed []*DatasetResult
}

// Error names the first of them.
func (e *IncompleteError) Error() string {
	return fmt.Sprintf("%d of %d datasets were not replicated; the first: %v", len(e.Failed), e.Total, e.Failed[0].Err)
}

// Unwrap implements errors.Is and errors.As.
func (e *IncompleteError) Unwrap() []error {
	errs := make([]error, len(e.Failed))
	for i, d := range e.Failed {
		errs[i] = d.Err
	}
	return errs
}

// Partly reports whether some of it was done: others are up to date.
func (e *IncompleteError) Partly() bool { return len(e.Failed) < e.Total }

// VerifyError says that a snapshot isn't there, although zfs receive has taken it.
type VerifyError struct {
	Snapshot  string // at the destination
	Got, Want uint64 // GUIDs; 0 is none
}

// Error implements error.
func (e *VerifyError) Error() string {
	if e.Got == 0 {
		return fmt.Sprintf("%s was received, but isn't there any more", e.Snapshot)
	}
	return fmt.Sprintf("%s was received, but is another snapshot now: its GUID is %d, not %d", e.Snapshot, e.Got, e.Want)
}

// Is reports that it is a NotFound, if nothing is there.
func (e *VerifyError) Is(target error) bool { return e.Got == 0 && errors.Is(zfssend.NotFound, target) }
