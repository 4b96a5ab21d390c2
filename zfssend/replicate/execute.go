package replicate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/zfssend"
)

// Replicator plans and executes replications. The zero value does so between datasets of this host. Its fields must
// not change while it works; then it may be used concurrently, but not for one destination twice.
type Replicator struct {
	Source, Destination zfssend.Client

	// Verify checks each stream's checksums on the way, and lets the destination have its end only when zfs send has
	// succeeded.
	Verify bool

	// Progress, if not nil, is called a few times a second and at the end of each step, on one goroutine at a time.
	Progress func(Progress)
}

// Progress says how far a plan's execution is.
type Progress struct {
	Step  int // index into Plan.Steps
	Bytes int64
}

const progressInterval = 200 * time.Millisecond

// Result is what a step did.
type Result struct {
	Step     Step
	Bytes    int64
	Duration time.Duration
	Send     zfssend.Stats // ReadWait is the time spent waiting for the sender
	Receive  zfssend.Stats // WriteWait is the time spent waiting for the receiver
	Warnings string        // what zfs receive wrote to stderr although it succeeded
}

// StepError is the error of a step. It unwraps to Err, and to zfssend.ErrAbandoned if either end was.
type StepError struct {
	Plan  *Plan
	Index int   // of the step
	Err   error // the root cause: Send, Receive, or the cause of the context's end

	Send, Receive error // what became of either end; nil if it didn't fail
}

// Error implements error.
func (e *StepError) Error() string {
	text := fmt.Sprintf("replicate %s to %s: ", e.Plan.Source, e.Plan.Destination)
	if n := len(e.Plan.Steps); n > 1 {
		text += fmt.Sprintf("step %d of %d: ", e.Index+1, n)
	}
	return text + e.Err.Error()
}

// Unwrap returns the root cause, and ErrAbandoned, which is no cause but concerns whoever waits for zfs.
func (e *StepError) Unwrap() []error {
	errs := []error{e.Err}
	if errors.Is(e.Send, zfssend.ErrAbandoned) || errors.Is(e.Receive, zfssend.ErrAbandoned) {
		errs = append(errs, zfssend.ErrAbandoned)
	}
	return errs
}

// Plan lists both datasets and plans the replication of source to destination. The error is a *[Conflict] or that of
// a listing. It takes four zfs processes, and one more if the destination doesn't exist.
func (r *Replicator) Plan(ctx context.Context, source, destination string) (plan *Plan, err error) {
	start := trace.WithSpan
	if trace.FromContext(ctx) == nil {
		start = trace.WithTask
	}
	ctx, span := start(ctx, "plan", slog.String("source", source), slog.String("destination", destination))
	defer span.EndErr(&err)

	if source == destination && slices.Equal(r.Source.Command, r.Destination.Command) { // elsewhere it may be a copy, of the same name
		return nil, &Conflict{Kind: SameDataset, Source: source, Destination: destination}
	}
	src, err := r.Source.Dataset(ctx, source)
	if err != nil {
		return nil, err
	}
	dst, err := r.Destination.Dataset(ctx, destination)
	if errors.Is(err, zfssend.NotFound) {
		dst = &zfssend.Dataset{Name: destination}
		err = r.checkParent(ctx, source, destination, err)
	}
	if err != nil {
		return nil, err
	}
	plan, err = NewPlan(*src, *dst)
	if err == nil {
		span.SetAttrs(slog.Int("steps", len(plan.Steps)), slog.String("base", plan.Base))
	}
	return plan, err
}

// checkParent makes sure that there is a dataset for the destination to be created in. zfs receive would find out by
// itself, but only after a walk through all of the pool, which can take minutes.
func (r *Replicator) checkParent(ctx context.Context, source, destination string, notFound error) error {
	above := parent(destination)
	if above == "" {
		return notFound // a pool
	}
	_, err := r.Destination.List(ctx, above, zfssend.ListOptions{WithoutVersions: true})
	if errors.Is(err, zfssend.NotFound) {
		return &Conflict{Kind: NoParent, Source: source, Destination: destination}
	}
	return err
}

// Execute runs the plan's steps one after the other and returns what those did that succeeded. It stops at the first
// one that fails, with a *[StepError]. When it returns, all its zfs processes are gone, but for those that an error
// which Is zfssend.ErrAbandoned tells about.
func (r *Replicator) Execute(ctx context.Context, plan *Plan) ([]Result, error) {
	var results []Result
	for i := range plan.Steps {
		result, err := r.step(ctx, plan, i)
		if err != nil {
			return results, err
		}
		results = append(results, result)
	}
	return results, nil
}

// step runs one step as a span, with the two ends and the reporting of progress as its tasks.
func (r *Replicator) step(ctx context.Context, plan *Plan, index int) (Result, error) {
	step := plan.Steps[index]
	g, ctx := trace.WithTaskGroup(ctx, "step", slog.String("step", step.String()),
		slog.String("source", plan.Source), slog.String("destination", plan.Destination))
	span := trace.FromContext(ctx)
	result := Result{Step: step}
	err := r.pipe(ctx, g, plan, index, &result)
	span.SetAttrs(slog.Int64("bytes", result.Bytes))
	span.SetError(err)
	g.Wait()
	return result, err
}

// pipe sends one step to its receiver.
func (r *Replicator) pipe(ctx context.Context, g *trace.Group, plan *Plan, index int, result *Result) error {
	step, start := plan.Steps[index], time.Now()
	failed := func(send, receive error) error {
		err := zfssend.RootCause(send, receive)
		if errors.Is(err, zfssend.Canceled) && ctx.Err() != nil {
			err = context.Cause(ctx) // it ends both ends, in any order
		}
		return &StepError{Plan: plan, Index: index, Err: err, Send: send, Receive: receive}
	}
	send, err := r.Source.Send(ctx, plan.Source+step.To(), zfssend.SendOptions{
		From:          step.From,
		Intermediates: len(step.Snapshots) > 1,
		Raw:           step.Raw,
		Verify:        r.Verify,
		Expect:        step.expect(),
	})
	if err != nil {
		return failed(err, nil)
	}
	receive, err := r.Destination.Receive(ctx, plan.Destination, send, zfssend.ReceiveOptions{
		Unmounted: true,
		Resumable: true,
		Direct:    step.From == "", // a full stream is a long one as a rule
	})
	if err != nil {
		return failed(send.Err(), err)
	}
	if r.Progress != nil {
		ended := make(chan struct{})
		defer close(ended)
		g.Go("progress", func(context.Context) error {
			r.report(index, send, ended)
			return nil
		})
	}
	err = receive.Wait()
	result.Send, result.Receive = send.Stats(), receive.Stats()
	result.Bytes, result.Duration = result.Receive.Bytes, time.Since(start)
	result.Warnings = receive.Stderr()
	if err != nil {
		return failed(send.Err(), err)
	}
	return nil
}

// expect returns what the step's stream has to be, nil if its GUIDs aren't known.
func (s Step) expect() *zfssend.Expect {
	if len(s.GUIDs) == 0 {
		return nil
	}
	return &zfssend.Expect{
		ToGUID: s.GUIDs[len(s.GUIDs)-1], FromGUID: s.FromGUID, Raw: s.Raw, Package: len(s.GUIDs) > 1, Members: s.GUIDs,
	}
}

// report calls Progress until the step has ended, and then once more.
func (r *Replicator) report(index int, stream *zfssend.SendStream, ended <-chan struct{}) {
	ticker := time.NewTicker(progressInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			r.Progress(Progress{Step: index, Bytes: stream.Stats().Bytes})
		case <-ended:
			r.Progress(Progress{Step: index, Bytes: stream.Stats().Bytes})
			return
		}
	}
}
