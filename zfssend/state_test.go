package zfssend

import (
	"fmt"
	"testing"
)

// TestLife is the state machine as a table: every state, with every fate of zfs that it can go with, and every event.
func TestLife(t *testing.T) {
	type row struct {
		in  life
		out map[event]life // events that aren't here change nothing
	}
	at := func(s State, r reaped) life { return life{state: s, reaped: r} }
	bad := func(s State, r reaped) life { return life{state: s, reaped: r, bad: true} }
	rows := []row{
		{at(StateOpen, notReaped), map[event]life{
			evEOF:     at(StateDraining, notReaped),
			evBadEnd:  bad(StateDraining, notReaped),
			evSuccess: at(StateOpen, succeeded),
			evFailure: at(StateOpen, failed),
			evCancel:  at(StateCanceling, notReaped),
		}},
		{at(StateOpen, succeeded), map[event]life{ // the pipe still holds data
			evEOF:    at(StateComplete, succeeded),
			evBadEnd: bad(StateFailed, succeeded),
			evCancel: at(StateCanceled, succeeded),
		}},
		{at(StateOpen, failed), map[event]life{
			evEOF:    at(StateFailed, failed),
			evBadEnd: bad(StateFailed, failed),
			evCancel: at(StateFailed, failed),
		}},
		{at(StateDraining, notReaped), map[event]life{
			evSuccess: at(StateComplete, succeeded),
			evFailure: at(StateFailed, failed),
			evCancel:  at(StateCanceling, notReaped),
		}},
		{bad(StateDraining, notReaped), map[event]life{
			evSuccess: bad(StateFailed, succeeded),
			evFailure: bad(StateFailed, failed),
			evCancel:  bad(StateCanceling, notReaped),
		}},
		{bad(StateFailed, succeeded), nil},
		{bad(StateFailed, failed), nil},
		{bad(StateCanceling, notReaped), map[event]life{
			evSuccess: bad(StateCanceled, succeeded),
			evFailure: bad(StateCanceled, failed),
			evOverdue: bad(StateAbandoned, notReaped),
		}},
		{bad(StateCanceled, succeeded), nil},
		{bad(StateCanceled, failed), nil},
		{bad(StateAbandoned, notReaped), map[event]life{
			evSuccess: bad(StateCanceled, succeeded),
			evFailure: bad(StateCanceled, failed),
		}},
		{at(StateComplete, succeeded), nil},
		{at(StateFailed, failed), nil},
		{at(StateCanceling, notReaped), map[event]life{
			evSuccess: at(StateCanceled, succeeded),
			evFailure: at(StateCanceled, failed),
			evOverdue: at(StateAbandoned, notReaped),
		}},
		{at(StateCanceled, succeeded), nil},
		{at(StateCanceled, failed), nil},
		{at(StateAbandoned, notReaped), map[event]life{
			evSuccess: at(StateCanceled, succeeded),
			evFailure: at(StateCanceled, failed),
		}},
	}
	known := make(map[life]bool)
	for _, r := range rows {
		known[r.in] = true
	}
	for _, r := range rows {
		for ev := evEOF; ev <= evOverdue; ev++ {
			if r.in.reaped != notReaped && (ev == evSuccess || ev == evFailure) {
				continue // a process is reaped once
			}
			want, ok := r.out[ev]
			if !ok {
				want = r.in
			}
			got := r.in.on(ev)
			if got != want {
				t.Errorf("%v on event %d: got %v, want %v", r.in, ev, got, want)
			}
			if !known[got] {
				t.Errorf("%v on event %d: %v is not in the table", r.in, ev, got)
			}
			if r.in.state.final() && got != r.in {
				t.Errorf("%v is final, but event %d changed it to %v", r.in, ev, got)
			}
		}
	}
}

func TestStateString(t *testing.T) {
	for s := StateOpen; s <= StateAbandoned; s++ {
		if s.String() == "invalid" || s.live() && s.settled() {
			t.Errorf("state %d: %v, live %v, settled %v", s, s, s.live(), s.settled())
		}
	}
	if got := fmt.Sprint(StateAbandoned + 1); got != "invalid" {
		t.Errorf("got %q", got)
	}
}
