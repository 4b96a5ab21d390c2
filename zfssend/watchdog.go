package zfssend

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrStalled is matched by the errors of streams that were given up because zfs did nothing for longer than
// [Client.StallTimeout]. The error is a *[StallError].
var ErrStalled = errors.New("zfs has stalled")

// StallError says what zfs was doing when it was given up.
type StallError struct {
	For       time.Duration   // how long it had been waited for
	Bytes     int64           // that had passed until then
	Processes []ProcessStatus // zfs, after what wraps it; empty where they can't be looked at
}

// Error returns one line, such as "zfs has stalled: nothing for 5m0s after 1048576 bytes; pid 77 (zfs) in state D,
// taskq_wait_id".
func (e *StallError) Error() string {
	text := fmt.Sprintf("%v: nothing for %v after %d bytes", ErrStalled, e.For.Round(time.Millisecond), e.Bytes)
	for _, p := range e.Processes {
		text += "; " + p.String()
	}
	return text
}

// Is reports that the error is an ErrStalled.
func (e *StallError) Is(target error) bool { return target == ErrStalled }

// ProcessStatus is what a process is doing: see proc_pid_stat(5) and proc_pid_stack(5).
type ProcessStatus struct {
	PID, Parent int
	Name        string
	State       string   // "R": running, "S": sleeping, "D": sleeping and deaf to signals, "Z": zombie, ...
	WaitChannel string   // the kernel's function that it sleeps in; "" if it doesn't, or isn't known
	Stack       []string // of the kernel, innermost function first; only root may read it

	group   int    // the process group
	started string // tells processes apart that have the same number, one after the other
}

// String returns a few words, such as "pid 77 (zfs) in state D, taskq_wait_id".
func (p ProcessStatus) String() string {
	text := fmt.Sprintf("pid %d (%s) in state %s", p.PID, p.Name, p.State)
	if p.WaitChannel != "" {
		text += ", " + p.WaitChannel
	}
	if len(p.Stack) > 0 {
		text += " [" + strings.Join(p.Stack, " < ") + "]"
	}
	return text
}

// watchTicks is into how many parts a timeout is divided.
const watchTicks = 8

// vigil is how long a wait has been watched. Time is counted in ticks, and not by the clock: after a sleep, of its machine or by
// Ctrl-Z, a program finds that much time has passed, but a single tick, and zfs could do nothing in it either.
type vigil struct {
	since int64 // when the wait began
	ticks int
}

// tick is told at each tick since when there has been a wait, 0 if there is none. It reports whether it has lasted for watchTicks.
func (v *vigil) tick(since int64) bool {
	if since == 0 || since != v.since {
		*v = vigil{since: since}
		return false
	}
	v.ticks++
	return v.ticks >= watchTicks
}

// watch gives the stream up if zfs is waited for longer than the timeout. The wait is for its output, its input, or its
// exit; that somebody else is slow is no fault of zfs's.
func (t *transfer) watch(timeout time.Duration, zfs *pause, giveUp func(Cause, error)) {
	ticker := time.NewTicker(max(timeout/watchTicks, time.Millisecond))
	defer ticker.Stop()
	var v vigil
	for {
		select {
		case <-t.done:
			return
		case <-ticker.C:
		}
		if !v.tick(zfs.since.Load()) {
			continue
		}
		if lasting := t.lasting(zfs); lasting > timeout {
			giveUp(Stalled, &StallError{For: lasting, Bytes: t.bytes.Load(), Processes: t.child.look()})
			return
		}
	}
}
