package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/zfssend/replicate"
)

// progressLine shows on a terminal how far a replication is: one line for all of it, with what takes longest at the moment.
type progressLine struct {
	all   *mpb.Progress
	bar   *mpb.Bar
	start time.Time
	now   atomic.Pointer[replicate.Progress]
	total atomic.Int64 // bytes, as zfs estimates them; 0: not known

	cancel    context.CancelFunc
	estimated chan struct{}
}

// newProgress begins to show the execution of a plan. How much it is, it asks zfs meanwhile.
func newProgress(ctx context.Context, w io.Writer, r *replicate.Replicator, plan *replicate.Plan) *progressLine {
	p := &progressLine{all: mpb.New(mpb.WithOutput(w), mpb.WithWidth(20)), start: time.Now(), estimated: make(chan struct{})}
	p.now.Store(&replicate.Progress{Total: plan.Steps()})
	p.bar = p.all.AddSpinner(0,
		mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return describeProgress(*p.now.Load(), time.Now()) })),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return p.amount() })))
	r.Progress = func(now replicate.Progress) {
		p.now.Store(&now)
		p.bar.SetCurrent(now.Bytes)
	}
	ctx, p.cancel = context.WithCancel(context.WithoutCancel(ctx)) // it may end after the task that it is started from
	plan = plan.Clone()
	trace.Go(ctx, "estimate sizes", func(ctx context.Context) {
		defer close(p.estimated)
		if err := r.Estimate(ctx, plan); err != nil {
			return // there is no time of arrival then, and nothing else is lost
		}
		if bytes, all := plan.Estimated(); all {
			p.total.Store(bytes)
		}
	})
	return p
}

// stop ends it.
func (p *progressLine) stop() {
	p.cancel()
	<-p.estimated
	p.bar.SetTotal(-1, true)
	p.all.Wait()
}

// amount says how much has come, how fast, and when it will be all.
func (p *progressLine) amount() string {
	return describeAmount(p.now.Load().Bytes, p.total.Load(), time.Since(p.start))
}

func describeAmount(bytes, total int64, elapsed time.Duration) string {
	text := byteCount(bytes)
	if total > 0 {
		text += " of about " + byteCount(max(total, bytes))
	}
	text += fmt.Sprintf(", %s/s, %v", perSecond(bytes, elapsed), elapsed.Truncate(time.Second))
	if left := total - bytes; left > 0 && bytes > 0 {
		text += fmt.Sprintf(", %v left", time.Duration(float64(elapsed)*float64(left)/float64(bytes)).Truncate(time.Second))
	}
	return text
}

// describeProgress names the step that runs the longest.
func describeProgress(p replicate.Progress, now time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d of %d steps", p.Steps, p.Total)
	if len(p.Active) > 0 {
		a := p.Active[0]
		fmt.Fprintf(&b, ", %s %s", a.Plan.Destination, a.Plan.Steps[a.Step])
		if age := now.Sub(a.Since); age > 10*time.Second {
			fmt.Fprintf(&b, " for %v", age.Truncate(time.Second))
		}
		if others := len(p.Active) - 1; others > 0 {
			fmt.Fprintf(&b, " and %d more", others)
		}
	}
	b.WriteString(" ")
	return b.String()
}
