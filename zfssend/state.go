package zfssend

// State is where a [SendStream] or [Receive] is in its life.
type State uint8

const (
	StateOpen      State = iota // the stream flows
	StateDraining               // the stream's end has passed through the pipe, but zfs hasn't exited
	StateComplete               // all has passed and zfs exited with 0
	StateFailed                 // zfs ended otherwise, by itself
	StateCanceling              // we gave up and killed zfs, which is not reaped yet
	StateCanceled               // we gave up, and zfs is reaped
	StateAbandoned              // as StateCanceling, but for longer than the bound; a goroutine goes on waiting
)

var stateNames = [...]string{"open", "draining", "complete", "failed", "canceling", "canceled", "abandoned"}

// String returns the state's name in lower case.
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return "invalid"
}

// live reports whether the outcome is still open.
func (s State) live() bool { return s == StateOpen || s == StateDraining }

// settled reports whether nobody should wait any longer. Only StateAbandoned is settled but not final.
func (s State) settled() bool { return s.final() || s == StateAbandoned }

// final reports whether nothing will change any more.
func (s State) final() bool {
	return s == StateComplete || s == StateFailed || s == StateCanceled
}

// event is what moves a stream from state to state.
type event uint8

const (
	evEOF     event = iota // the stream's end has passed through the pipe
	evBadEnd               // likewise, but the stream isn't whole, whatever zfs exits with
	evSuccess              // zfs is reaped, and did what it should
	evFailure              // zfs is reaped, and did not
	evCancel               // Close, the context or the stream's other end gave up
	evOverdue              // zfs wasn't reaped within the bound after evCancel
)

// life is the state machine of a stream: its state, and what became of zfs. zfs may be gone while the state is still
// open, since a pipe holds data that outlive their writer.
type life struct {
	state  State
	reaped reaped
	bad    bool // the stream has ended without being whole
}

type reaped uint8

const (
	notReaped reaped = iota
	succeeded
	failed
)

// on returns the life after ev. What doesn't apply changes nothing: events come from several goroutines.
func (l life) on(ev event) life {
	switch ev {
	case evEOF:
		if l.state == StateOpen {
			l.state = StateDraining
		}
	case evBadEnd:
		if l.state == StateOpen {
			l.state, l.bad = StateDraining, true
		}
	case evSuccess:
		l.reaped = succeeded
	case evFailure:
		l.reaped = failed
	case evCancel:
		switch {
		case !l.state.live():
		case l.reaped == failed:
			l.state = StateFailed // it had failed before anybody gave up
		default:
			l.state = StateCanceling
		}
	case evOverdue:
		if l.state == StateCanceling {
			l.state = StateAbandoned
		}
	}
	if l.reaped == notReaped {
		return l
	}
	switch l.state {
	case StateDraining:
		l.state = StateComplete
		if l.reaped == failed || l.bad {
			l.state = StateFailed
		}
	case StateCanceling, StateAbandoned:
		l.state = StateCanceled // whatever the status: it was not asked for any more
	}
	return l
}
