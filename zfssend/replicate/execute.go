package replicate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/zfssend"
)

// Execute does what a plan says: the steps of a dataset one after the other, and several datasets at a time, each after the
// one above it. A dataset that fails stops none but those below it, if they need it. When Execute returns, all its zfs
// processes are gone, but for those that an error which Is zfssend.ErrAbandoned tells about. The error is that of the report.
func (r *Replicator) Execute(ctx context.Context, plan *Plan) (*Report, error) {
	start := time.Now()
	x := &execution{Replicator: r, report: newReport(plan), progress: newProgress(r.Progress, plan)}
	x.run(ctx)
	x.finish(ctx)
	x.report.Duration = time.Since(start)
	return x.report, x.report.Err()
}

// execution is one Execute.
type execution struct {
	*Replicator
	report   *Report
	progress *progress
	queue    queue
	streams  turns
	keeper   keeper
}

// run runs what there is to be done of all datasets. Its workers are tasks.
func (x *execution) run(ctx context.Context) {
	x.queue.fill(x.report.Datasets)
	workers := min(x.Options.inWork(x.destination()), x.queue.open)
	if workers == 0 {
		return
	}
	x.streams = make(turns, x.Options.workers())
	g, _ := trace.WithTaskGroup(ctx, "datasets", slog.Int("workers", workers))
	ended := make(chan struct{})
	if x.Progress != nil {
		g.Go("progress", func(context.Context) error { x.progress.tell(ended); return nil })
	}
	if x.keeps() {
		g.Go("keeper", func(ctx context.Context) error { x.keep(ctx, ended); return nil })
	}
	var all sync.WaitGroup
	all.Add(workers)
	for range workers {
		g.Go("worker", func(ctx context.Context) error {
			defer all.Done()
			for d := x.queue.next(); d != nil; d = x.queue.next() {
				x.dataset(ctx, d)
				x.queue.done(d)
			}
			return nil
		})
	}
	all.Wait()
	close(ended)
	g.Wait()
}

// dataset replicates one dataset, as a span, and tries again what may pass.
func (x *execution) dataset(ctx context.Context, d *DatasetResult) {
	start := time.Now()
	ctx, span := trace.WithSpan(ctx, "dataset", slog.String("source", d.Plan.Source), slog.String("destination", d.Plan.Destination))
	defer func() {
		d.Duration = time.Since(start) - d.waited
		span.SetAttrs(slog.Int64("bytes", d.Bytes), slog.Int("retries", d.Retries))
		span.EndErr(&d.Err)
	}()
	if above := x.queue.missing(d); above != nil {
		d.Err, d.Skipped = &AboveError{Dataset: d.Plan.Destination, Above: above.Plan.Destination}, true
		return
	}
	patience := newPatience(&x.Options)
	for d.Err = x.attempt(ctx, d); d.Err != nil && patience.wait(ctx, d.Plan, d.Err); {
		d.Retries++
		if err := x.again(ctx, d); err != nil {
			d.Err = err
			continue
		}
		patience.note(d.reach())
		d.Err = x.attempt(ctx, d)
	}
}

// again plans a dataset anew for a retry. Which datasets there are isn't planned anew: a filter, which is about paths below the
// root of all, has selected this one.
func (x *execution) again(ctx context.Context, d *DatasetResult) error {
	if d.Plan.Placeholder {
		return nil
	}
	one := Replicator{Source: x.Source, Destination: x.Destination, Options: x.Options}
	one.Options.Recursive = false
	one.Options.Filter = Filter{IncludeSnapshots: x.Options.Filter.IncludeSnapshots, ExcludeSnapshots: x.Options.Filter.ExcludeSnapshots}
	plan, err := one.Plan(ctx, d.Plan.Source, d.Plan.Destination)
	if err != nil {
		return err
	}
	next := plan.Datasets[0]
	if next.Conflict != nil {
		return next.Conflict
	}
	d.Plan = next
	return nil
}

// attempt does what a dataset's plan says.
func (x *execution) attempt(ctx context.Context, d *DatasetResult) error {
	if err := x.prepare(ctx, d.Plan); err != nil {
		return err
	}
	if d.Plan.Placeholder {
		x.queue.arrived(d)
		return nil
	}
	for i := range d.Plan.Steps {
		result, err := x.step(ctx, d.Plan, i)
		if errors.Is(err, zfssend.DestinationModified) && !d.Plan.glanced {
			result, err = x.modified(ctx, d.Plan, i, result, err)
		}
		d.add(result, err)
		if err != nil {
			return err
		}
		x.queue.arrived(d)
		x.came(d, d.Plan.Steps[i])
	}
	return nil
}

// modified does what can be done about a destination that was changed since its newest common snapshot: with Options.Rollback, it
// goes back to that, unless there are newer ones.
func (x *execution) modified(ctx context.Context, p *DatasetPlan, step int, failed Result, err error) (Result, error) {
	if step == 0 && len(p.Own) > 0 {
		return failed, &Conflict{Kind: Diverged, Source: p.Source, Destination: p.Destination, Common: p.common, Versions: p.Own}
	}
	if !x.Options.Rollback || p.common == "" {
		return failed, err
	}
	if err := x.destination().Rollback(ctx, p.Destination+p.commonAt(step)); err != nil {
		return failed, err
	}
	again, err := x.step(ctx, p, step)
	again.Waited += failed.Waited
	return again, err
}

// commonAt returns the destination's newest snapshot before a step.
func (p *DatasetPlan) commonAt(step int) string {
	if step == 0 {
		return p.common
	}
	return p.Steps[step-1].To()
}

// prepare does what comes before the steps.
func (x *execution) prepare(ctx context.Context, p *DatasetPlan) error {
	to := x.destination()
	if p.AbortReceive {
		if err := to.AbortReceive(ctx, p.Destination); err != nil && !errors.Is(err, zfssend.NotFound) {
			return err
		}
	}
	if p.Placeholder {
		err := to.Create(ctx, p.Destination, zfssend.CreateOptions{Set: map[string]string{"canmount": "off", PlaceholderProperty: "on"}})
		if err != nil && !errors.Is(err, zfssend.AlreadyExists) {
			return err
		}
	}
	if len(p.Destroy) > 0 {
		list := make([]string, len(p.Destroy))
		for i, name := range p.Destroy {
			list[i] = p.Destination + name
		}
		if err := to.DestroyWith(ctx, zfssend.DestroyOptions{}, list...); err != nil {
			return err
		}
	}
	if p.RollbackTo != "" {
		return to.Rollback(ctx, p.Destination+p.RollbackTo)
	}
	return nil
}

// AboveError says that a dataset wasn't replicated since the one above it isn't there.
type AboveError struct{ Dataset, Above string }

// Error implements error.
func (e *AboveError) Error() string {
	return fmt.Sprintf("%s was left out: %s, above it, could not be made", e.Dataset, e.Above)
}
