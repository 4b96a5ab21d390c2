package daemon

import (
	"context"
	"fmt"
	"time"

	"github.com/spanstack/spanstack/cmd/zferry/internal/config"
	"github.com/spanstack/spanstack/cmd/zferry/internal/metrics"
)

// Parts of jobs.
const (
	partSnapshot  = "snapshot"
	partReplicate = "replicate"
	partPrune     = "prune"
)

// Steps are what jobs are made of. One that is nil can't be configured.
type Steps struct {
	Snapshotter
	Replicator
	Pruner
	// Begin, if not nil, returns the steps of one run of a job, which share what lasts for a run, such as connections. end ends
	// that. ctx is the run's, whose task is open until end has returned. It may be called concurrently. The steps above aren't used then.
	Begin func(ctx context.Context) (run Steps, end func())
	// Check says what of a job can't be done. It may be nil.
	Check func(j *config.Job) error
	// Permanent reports whether it is of no use to try again after an error. It may be nil.
	Permanent func(err error) bool
}

// Snapshotter takes a job's snapshots, of the time now. It returns how many it took.
type Snapshotter interface {
	Snapshot(ctx context.Context, j *config.Job, now time.Time, tell Tell) (taken int, err error)
}

// Replicator replicates a job's datasets to one of its targets. It returns what became of each, also with an error. Without
// one, that is all of them.
type Replicator interface {
	Replicate(ctx context.Context, j *config.Job, t *config.Target, tell Tell) ([]metrics.Dataset, error)
}

// Pruner destroys snapshots of a job: those of its source, if t is nil, else those of a target. It returns how many.
type Pruner interface {
	Prune(ctx context.Context, j *config.Job, t *config.Target, keep *config.Keep, tell Tell) (destroyed int, err error)
}

// Tell is called by steps as they get on. It doesn't block.
type Tell func(Progress)

// Progress says how far a step is.
type Progress struct {
	Dataset     string
	Bytes       int64 // that have been moved
	Done, Total int   // steps, such as streams; a Total of 0 isn't known
}

// StepError says which step of a job has failed.
type StepError struct {
	Step   string // "snapshot", "replicate" or "prune"
	Target string // of a replication, and of pruning there; else ""
	Err    error
}

// Error implements error.
func (e *StepError) Error() string {
	if e.Target == "" {
		return fmt.Sprintf("%s: %v", e.Step, e.Err)
	}
	return fmt.Sprintf("%s %s: %v", e.Step, e.Target, e.Err)
}

// Unwrap returns the cause.
func (e *StepError) Unwrap() error { return e.Err }

// begin returns the steps of a run.
func (s *Steps) begin(ctx context.Context) (run Steps, end func()) {
	if s.Begin == nil {
		return *s, func() {}
	}
	return s.Begin(ctx)
}

// check finds jobs that these steps can't do.
func (s *Steps) check(c *config.Config) error {
	run, end := s.begin(context.Background())
	defer end()
	for i := range c.Jobs {
		j := &c.Jobs[i]
		missing := func(part string) error {
			return fmt.Errorf("job %q: this program has no way to %s", j.Name, part)
		}
		switch {
		case j.Snapshot != nil && run.Snapshotter == nil:
			return missing("take snapshots")
		case j.Replicate != nil && run.Replicator == nil:
			return missing("replicate")
		case j.Prune != nil && run.Pruner == nil:
			return missing("prune")
		}
		if s.Check != nil {
			if err := s.Check(j); err != nil {
				return fmt.Errorf("job %q: %w", j.Name, err)
			}
		}
	}
	return nil
}
