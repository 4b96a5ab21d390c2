package replicate

import (
	"context"
	"errors"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/zfssend"
)

// Estimate asks how much each step of a plan will send, and fills Step.Estimate, several at a time. It takes a zfs process for
// each step, and long for large datasets. A step whose base arrives only by the step before can be estimated all the same.
// What zfs can't tell stays unknown; the error is the first one that is more than that.
func (r *Replicator) Estimate(ctx context.Context, plan *Plan) error {
	g, _ := trace.WithTaskGroup(ctx, "estimate")
	g.SetLimit(r.Options.workers())
	for _, d := range plan.Datasets {
		for i := range d.Steps {
			step := &d.Steps[i]
			step.Estimate.Bytes = -1
			g.Go("estimate", func(ctx context.Context) error {
				e, err := r.source().Estimate(ctx, d.Source+step.To(), r.Options.send(*step))
				if errors.Is(err, zfssend.NotFound) {
					return nil // it has gone meanwhile, which the step will tell
				}
				if err == nil {
					step.Estimate = e
				}
				return err
			})
		}
	}
	return g.Wait()
}
