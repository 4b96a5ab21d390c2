package replicate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/zstream"
)

// Result is what a step did.
type Result struct {
	Step     Step
	Bytes    int64
	Waited   time.Duration // for its turn
	Duration time.Duration // since then
	Send     zfssend.Stats // ReadWait is the time spent waiting for the sender
	Receive  zfssend.Stats // WriteWait is the time spent waiting for the receiver
	Warnings string        // what zfs receive wrote to stderr although it succeeded
}

// StepError is the error of a step. It unwraps to Err, and to zfssend.ErrAbandoned if either end was.
type StepError struct {
	Plan  *DatasetPlan
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

// step runs one step as a span, with the two ends as its tasks.
func (x *execution) step(ctx context.Context, plan *DatasetPlan, index int) (result Result, err error) {
	step := plan.Steps[index]
	ctx, span := trace.WithSpan(ctx, "step", slog.String("step", step.String()),
		slog.String("source", plan.Source), slog.String("destination", plan.Destination))
	defer span.EndErr(&err)
	result = Result{Step: step}
	err = x.pipe(ctx, plan, index, &result)
	span.SetAttrs(slog.Int64("bytes", result.Bytes))
	if x.OnStep != nil {
		x.OnStep(ctx, plan, result, err)
	}
	return result, err
}

// pipe sends one step to its receiver.
func (x *execution) pipe(ctx context.Context, plan *DatasetPlan, index int, result *Result) (err error) {
	step := plan.Steps[index]
	failed := func(send, receive error) error {
		err := zfssend.RootCause(send, receive)
		if errors.Is(err, zfssend.Canceled) && ctx.Err() != nil {
			err = context.Cause(ctx) // it ends both ends, in any order
		}
		return &StepError{Plan: plan, Index: index, Err: err, Send: send, Receive: receive}
	}
	queued := time.Now()
	pass, err := x.streams.wait(ctx)
	start := time.Now()
	result.Waited = start.Sub(queued)
	if err != nil {
		return failed(err, nil)
	}
	defer pass()
	send, err := x.source().Send(ctx, plan.Source+step.To(), x.Options.send(step))
	if err != nil {
		return failed(err, nil)
	}
	go func() { <-send.Done(); pass() }() // what is left is up to zfs receive
	done := x.progress.begin(plan, index, send)
	defer func() { done(result, err) }()
	receive, err := x.destination().Receive(ctx, plan.Destination, x.Options.limit(send), x.receive(plan, step))
	if err != nil {
		return failed(send.Err(), err)
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

// limit returns a sender as the limiter lets it pass.
func (o *Options) limit(send zfssend.Sender) io.ReadCloser {
	if o.Limit == nil {
		return send
	}
	return limited{send, o.Limit}
}

// send returns how a step is sent.
func (o *Options) send(step Step) zfssend.SendOptions {
	s := zfssend.SendOptions{
		From:          step.From,
		Intermediates: len(step.Snapshots) > 1,
		Raw:           step.Raw,
		LargeBlock:    !o.NoLargeBlock && !step.Raw, // -w implies them
		Embedded:      !o.NoEmbedded && !step.NoEmbedded && !step.Raw,
		Compressed:    !o.NoCompressed && !step.Raw,
		Properties:    o.Properties,
		Token:         step.Token,
		Verify:        o.Verify,
		Expect:        step.expect(o),
	}
	if token, err := zstream.ParseToken(step.Token); step.Token != "" && err == nil {
		s.LargeBlock, s.Embedded, s.Compressed, s.Properties = token.LargeBlocks, token.Embedded, token.Compressed, false
	}
	return s
}

// receive returns how a step is received. What comes from another host is looked at here, too.
func (r *Replicator) receive(plan *DatasetPlan, step Step) zfssend.ReceiveOptions {
	full := step.From == "" && step.Token == ""
	o := zfssend.ReceiveOptions{
		Unmounted: !r.Options.Mount,
		Resumable: true,
		Force:     full && plan.replaces,
		Direct:    full, // a full stream is a long one as a rule
	}
	if full {
		o.Set = r.Options.newProperties(plan)
	}
	if r.Options.Properties && step.Token == "" {
		o.Exclude = r.Options.ignored(plan)
	}
	if !zfssend.SameHost(r.source(), r.destination()) {
		o.Expect = step.expect(&r.Options)
	}
	return o
}

// newProperties returns what a new dataset gets.
func (o *Options) newProperties(plan *DatasetPlan) map[string]string {
	set := make(map[string]string, len(o.Set)+1)
	for name, value := range o.Set {
		set[name] = value
	}
	if _, given := set["canmount"]; !given && !o.Mount && !plan.Volume {
		set["canmount"] = "noauto"
	}
	return set
}

// ignored returns the properties of a stream that a dataset doesn't get.
func (o *Options) ignored(plan *DatasetPlan) []string {
	list := o.Exclude
	if _, given := o.Set["mountpoint"]; !given && !o.Mount && !plan.Volume {
		list = append(list[:len(list):len(list)], "mountpoint")
	}
	return list
}
