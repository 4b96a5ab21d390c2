package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/spanstack/spanstack/cmd/zferry/internal/config"
	"github.com/spanstack/spanstack/cmd/zferry/internal/metrics"
	"github.com/spanstack/spanstack/cmd/zferry/internal/schedule"
	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/trace"
)

const subsystem = "daemon"

// errNotPruned is the error of pruning after a failed replication.
var errNotPruned = errors.New("not done, since the replication has failed")

// work is a run of a job.
type work struct {
	d      *Daemon
	job    *config.Job
	steps  Steps
	run    schedule.Run
	report metrics.Report
	errs   []error
}

// run runs parts of a job, and notes what became of it.
func (d *Daemon) run(ctx context.Context, j *config.Job, r schedule.Run) {
	ctx = logging.With(ctx, slog.String("job", j.Name))
	ctx, task := trace.WithTask(ctx, "job", slog.String("job", j.Name), slog.Bool("manual", r.Manual), slog.Int("missed", r.Missed))
	if before := d.begun(j.Name, task.Ref(), r.Manual); before != (trace.Ref{}) {
		task.Link(before, slog.String("link", "previous run"))
	}
	var err error
	defer task.EndErr(&err)
	whole := ctx
	if j.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, time.Duration(j.Timeout), fmt.Errorf("it took longer than its timeout, %v", j.Timeout))
		defer cancel()
	}
	steps, end := d.options.Steps.begin(ctx)
	w := &work{d: d, job: j, steps: steps, run: r, report: metrics.Report{Job: j.Name, Failed: map[string]uint64{}}}
	parts := partsOf(j, r.Parts)
	w.announce(ctx, parts)
	for _, part := range parts {
		w.part(ctx, part)
	}
	end()
	err = errors.Join(w.errs...)
	w.tell(ctx, err, err != nil && whole.Err() != nil)
}

// announce logs that a job begins, as a span: whoever reads the log may be slow.
func (w *work) announce(ctx context.Context, parts []string) {
	ctx, span := trace.WithSpan(ctx, "announce")
	defer span.End()
	logging.GetLogger(ctx, subsystem).Info("job begins", "parts", parts, "manual", w.run.Manual, "missed", w.run.Missed)
}

// tell notes and logs what became of a job. That it was stopped is no failure.
func (w *work) tell(ctx context.Context, err error, stopped bool) {
	ctx, span := trace.WithSpan(ctx, "report")
	defer span.End()
	w.report.Err, w.report.Ended = err, w.d.now()
	w.d.ended(ctx, w.job, w.report, stopped)
	log := logging.GetLogger(ctx, subsystem)
	switch {
	case stopped:
		log.Warn("job was interrupted, and will begin again after a restart", "error", err)
	case err != nil:
		log.Error("job failed", "error", err)
	default:
		log.Info("job done")
	}
}

// partsOf returns the parts of a run, in order: those that are due, and those that follow them.
func partsOf(j *config.Job, due []string) []string {
	is := map[string]bool{}
	for _, part := range due {
		is[part] = true
	}
	if r := j.Replicate; r != nil && is[r.After] {
		is[partReplicate] = true
	}
	if p := j.Prune; p != nil && is[p.After] {
		is[partPrune] = true
	}
	parts := []string{partSnapshot, partReplicate, partPrune}
	return slices.DeleteFunc(parts, func(part string) bool { return !is[part] })
}

func (w *work) part(ctx context.Context, part string) {
	switch j := w.job; part {
	case partSnapshot:
		w.step(ctx, part, nil, "snapshots", func(ctx context.Context, tell Tell) (int, error) {
			return w.steps.Snapshot(ctx, j, w.d.now(), tell)
		})
	case partReplicate:
		for i := range j.Replicate.Targets {
			w.replicate(ctx, &j.Replicate.Targets[i])
		}
	case partPrune:
		if w.report.Failed[partReplicate] > 0 {
			w.fail(partPrune, nil, errNotPruned)
			return
		}
		if j.Prune.Source != nil {
			w.prune(ctx, nil, j.Prune.Source)
		}
		if j.Prune.Target == nil {
			return
		}
		for i := range j.Replicate.Targets {
			w.prune(ctx, &j.Replicate.Targets[i], j.Prune.Target)
		}
	}
}

func (w *work) prune(ctx context.Context, t *config.Target, keep *config.Keep) {
	w.step(ctx, partPrune, t, "snapshots", func(ctx context.Context, tell Tell) (int, error) {
		return w.steps.Prune(ctx, w.job, t, keep, tell)
	})
}

// replicate replicates to one target. What several attempts have done is added up.
func (w *work) replicate(ctx context.Context, t *config.Target) {
	done := map[string]metrics.Dataset{}
	var order []string
	err := w.step(ctx, partReplicate, t, "datasets", func(ctx context.Context, tell Tell) (int, error) {
		list, err := w.steps.Replicate(ctx, w.job, t, tell)
		for _, d := range list {
			before, again := done[d.Dataset]
			if !again {
				order = append(order, d.Dataset)
			}
			d.Target = t.To.String()
			d.Bytes += before.Bytes
			d.Duration += before.Duration
			if d.Newest.IsZero() {
				d.Newest = before.Newest
			}
			done[d.Dataset] = d
		}
		return len(list), err
	})
	for _, name := range order {
		w.report.Datasets = append(w.report.Datasets, done[name])
	}
	if err == nil {
		w.report.Whole = append(w.report.Whole, t.To.String())
	}
}

func nameOf(t *config.Target) string {
	if t == nil {
		return ""
	}
	return t.To.String()
}

func (w *work) fail(step string, t *config.Target, err error) {
	w.report.Failed[step]++
	w.errs = append(w.errs, &StepError{Step: step, Target: nameOf(t), Err: err})
}

// step does one step, and again if it fails.
func (w *work) step(ctx context.Context, step string, t *config.Target, what string, do func(context.Context, Tell) (int, error)) error {
	defer w.d.idle(w.job.Name)
	attempts := 1 + *w.job.Retry.Attempts
	for attempt := 1; ; attempt++ {
		err := w.attempt(ctx, step, t, attempt, what, do)
		if err == nil {
			return nil
		}
		if attempt == attempts || ctx.Err() != nil || w.d.permanent(err) {
			w.fail(step, t, err)
			return err
		}
		pause := backoff(&w.job.Retry, attempt)
		if paused := w.pause(ctx, step, t, attempt, pause, err); paused != nil {
			w.fail(step, t, err)
			return err
		}
	}
}

// attempt does a step once, as a span.
func (w *work) attempt(ctx context.Context, step string, t *config.Target, attempt int, what string, do func(context.Context, Tell) (int, error)) (err error) {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	ctx, span := trace.WithSpan(ctx, step, slog.String("target", nameOf(t)), slog.Int("attempt", attempt))
	defer span.EndErr(&err)
	n, err := do(ctx, w.d.begin(w.job.Name, step, nameOf(t), attempt))
	if err == nil {
		logging.GetLogger(ctx, subsystem).Info(step+" done", "target", nameOf(t), what, n)
	}
	return err
}

// pause waits before another attempt, while others may run.
func (w *work) pause(ctx context.Context, step string, t *config.Target, attempt int, d time.Duration, cause error) (err error) {
	ctx, span := trace.WithSpan(ctx, "pause", slog.Duration("pause", d))
	defer span.EndErr(&err)
	logging.GetLogger(ctx, subsystem).Warn(step+" failed, and will be tried again", "target", nameOf(t), "attempt", attempt,
		"of", 1+*w.job.Retry.Attempts, "pause", d, "error", cause)
	w.d.pausing(w.job.Name, step, nameOf(t), attempt, d, cause)
	return w.run.Pause(ctx, d)
}

// backoff returns the pause after an attempt.
func backoff(r *config.Retry, attempt int) time.Duration {
	pause := time.Duration(r.Backoff)
	for range attempt - 1 {
		if pause *= 2; pause >= time.Duration(r.MaxBackoff) {
			break
		}
	}
	return min(pause, time.Duration(r.MaxBackoff))
}
