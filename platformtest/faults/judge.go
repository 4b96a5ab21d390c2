package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spanstack/spanstack/zfssend"
)

// look looks at the destination after an attempt, judges what was seen, and decides how to go on.
func (a *attempt) look(ctx context.Context) (*zfssend.Dataset, error) {
	d, err := a.destination(ctx, a.step)
	if err != nil {
		return nil, err
	}
	have := find(d, a.step.to().name)
	a.Committed = have != nil
	a.Token = -1
	if d != nil {
		a.Token = received(d.ResumeToken)
	}
	a.Problem = a.judge(have)
	partial := d != nil && d.ResumeToken != ""
	switch {
	case have != nil && a.Complete:
		a.Recovery = "none needed"
	case have != nil:
		a.Recovery = "the destination had it already"
	case !partial:
		a.Recovery = "started again"
	case a.stale():
		a.Recovery = recoveryGaveUp
		if err = a.abortPartial(ctx, d); err == nil {
			return a.destination(ctx, a.step)
		}
	default:
		a.Recovery = fmt.Sprintf("resumed after %d bytes", a.Token)
	}
	return d, err
}

const recoveryGaveUp = "gave up the partial state, started again"

// stale reports whether the attempt showed that there is no going on from the destination's partial state.
func (a *attempt) stale() bool {
	switch {
	case a.fault == nil:
	case a.fault.name == tokenMangled:
		return false // that was us
	case a.fault.spoils && a.Struck >= 0:
		return true
	}
	switch cause := causeOf(a.root); cause {
	case zfssend.ResumeStale, zfssend.ResumableState, zfssend.Unexpected:
		return true
	default:
		// Nothing of this attempt explains it, so it is there to stay.
		return a.fault == nil && a.token != "" && cause != zfssend.Busy
	}
}

// abortPartial drops what an interrupted receive has left.
func (a *attempt) abortPartial(ctx context.Context, d *zfssend.Dataset) error {
	if d == nil || d.ResumeToken == "" {
		return nil
	}
	return zfs.AbortReceive(ctx, a.target())
}

// judge returns what should not be, "" if all is as it should. have is the snapshot at the destination, if there is one.
func (a *attempt) judge(have *zfssend.Version) string {
	a.mu.Lock()
	list := slices.Clone(a.complaints)
	a.mu.Unlock()
	switch {
	case a.Complete && have == nil:
		list = append(list, "both ends say that it is complete, but the destination hasn't got the snapshot")
	case have != nil && have.GUID != a.step.to().guid:
		list = append(list, fmt.Sprintf("the destination's snapshot has the GUID %d, not %d", have.GUID, a.step.to().guid))
	}
	if a.fault != nil && a.counts() && !a.lenient {
		if complaint := a.fault.judge(a); complaint != "" {
			list = append(list, complaint)
		}
	}
	if complaint := a.unexplained(); complaint != "" {
		list = append(list, complaint)
	}
	return strings.Join(list, "; ")
}

// unexplained returns what is wrong with an attempt that failed although no fault was to make it fail: "" if there is nothing
// wrong with it. What the faults before it have left is no reason: where there is no going on from it, it was given up.
func (a *attempt) unexplained() string {
	switch {
	case a.Complete, a.counts(), a.lenient:
		return ""
	case causeOf(a.root) == zfssend.Busy:
		return "" // what was killed is going away
	}
	return "it failed, but no fault was to make it fail: " + a.Root
}
