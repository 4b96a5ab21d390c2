package replicate

import (
	"context"
	"errors"
	"slices"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/zfssend"
)

// Estimated returns how many bytes the steps of a plan will send, as far as they were estimated, and whether all were.
func (p *Plan) Estimated() (bytes int64, all bool) {
	all = true
	for _, d := range p.Datasets {
		for _, s := range d.Steps {
			if s.Estimate.Known() && s.Estimate.Streams != nil {
				bytes += s.Estimate.Bytes
			} else {
				all = false
			}
		}
	}
	return bytes, all
}

// Clone returns a copy of a plan that may be estimated while the plan is executed.
func (p *Plan) Clone() *Plan {
	c := *p
	c.Datasets = make([]*DatasetPlan, len(p.Datasets))
	for i, d := range p.Datasets {
		d := *d
		d.Steps = slices.Clone(d.Steps)
		c.Datasets[i] = &d
	}
	return &c
}

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
