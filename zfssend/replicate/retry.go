package replicate

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/zfssend"
)

// patience decides whether a dataset is worth another try.
type patience struct {
	retries int // that are left without progress
	most    int
	wait1   time.Duration // the next wait
	first   time.Duration
	replans int // that are left for a plan that was out of date, without a wait
	reached reach
}

// reach is how far a dataset has come.
type reach struct {
	steps          int    // that succeeded
	object, offset uint64 // to which an interrupted receive has come; not its count of bytes, which grows with each try by a record
}

func newPatience(o *Options) *patience {
	first := cmp.Or(o.Backoff, DefaultBackoff)
	return &patience{retries: o.Retries, most: o.Retries, wait1: first, first: first, replans: 1}
}

// note makes it start anew if the dataset has come further: a stream is worth to be resumed as long as it gets on.
func (p *patience) note(now reach) {
	further := cmp.Or(cmp.Compare(now.steps, p.reached.steps), cmp.Compare(now.object, p.reached.object), cmp.Compare(now.offset, p.reached.offset))
	if further > 0 {
		p.reached, p.retries, p.wait1, p.replans = now, p.most, p.first, 1
	}
}

// wait waits before another try, and reports whether there should be one.
func (p *patience) wait(ctx context.Context, plan *DatasetPlan, err error) bool {
	switch {
	case ctx.Err() != nil:
		return false
	case (outOfDate(err) || plan.glanced && errors.Is(err, zfssend.DestinationModified)) && p.replans > 0:
		p.replans--
		return true
	case !mayPass(err) || p.retries == 0:
		return false
	}
	p.retries--
	pause := p.wait1/2 + rand.N(p.wait1/2+1)
	p.wait1 = min(2*p.wait1, maxBackoff)
	ctx, span := trace.WithSpan(ctx, "backoff", slog.Duration("pause", pause))
	defer span.End()
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// outOfDate reports whether a failure may be one of the plan: what was listed has changed.
func outOfDate(err error) bool {
	for _, cause := range []zfssend.Cause{zfssend.NotFound, zfssend.NotMatching, zfssend.ResumeStale, zfssend.ResumableState,
		zfssend.Unexpected, zfssend.AlreadyExists} {
		if errors.Is(err, cause) {
			return true
		}
	}
	return false
}

// mayPass reports whether a failure may pass by itself.
func mayPass(err error) bool {
	for _, cause := range []error{zfssend.Busy, zfssend.Stalled, zfssend.BadStream, zfssend.BrokenPipe, zfssend.ErrTransport} {
		if errors.Is(err, cause) {
			return true
		}
	}
	return false
}
