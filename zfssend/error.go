package zfssend

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// ErrAbandoned is matched by errors about a zfs process that was killed but didn't end within [Client.Grace]. A
// goroutine goes on waiting for it.
var ErrAbandoned = errors.New("zfs was killed but has not ended yet")

// Error says what became of a zfs command. It unwraps to its Cause and to Err: to the context's cause after a
// cancellation, to [os.ErrClosed] after Close.
type Error struct {
	Op       string         // the subcommand: "send", "receive", "list", ...
	Object   string         // the dataset or snapshot that it was about
	Args     []string       // the whole command line
	PID      int            // 0 if it didn't start
	ExitCode int            // -1 if it didn't exit, or is not known to have
	Signal   syscall.Signal // that ended it; 0 if none did
	Stderr   string         // head (8 KiB) and tail (24 KiB) of what it wrote there
	Cause    Cause          // what that means, as far as it is understood
	Err      error          // why it was cancelled, or didn't start; may be nil

	// Token is the token of the state that a failed receive has kept, to go on from there ([SendOptions.Token]). It is also a
	// property of the destination.
	Token string

	// Abandoned says that it was killed but had not ended within [Client.Grace]. The error then matches ErrAbandoned.
	Abandoned bool

	// MaybeCommitted says that the stream's last record may have passed before this failure, so that the receiver may have the
	// snapshot nevertheless. With Verify, a SendStream's never has.
	MaybeCommitted bool

	// Needs are the permissions that the operation needs, as "zfs allow" names them, if Cause is PermissionDenied.
	// Missing are those of them that the user hasn't got, as far as that could be found out; it never is for streams.
	Needs, Missing []string
}

// Error returns one line.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: ", e.Op, e.Object)
	switch {
	case e.Cause == Canceled && errors.Is(e.Err, os.ErrClosed):
		b.WriteString("closed")
	case e.Cause == Canceled:
		fmt.Fprintf(&b, "canceled: %v", e.Err)
	case e.ended():
		fmt.Fprintf(&b, "%v", e.Err)
	case e.Signal != 0:
		fmt.Fprintf(&b, "zfs was ended by a signal: %v", e.Signal)
	case e.ExitCode > 0:
		fmt.Fprintf(&b, "zfs exited %d", e.ExitCode)
	default:
		fmt.Fprintf(&b, "%v", e.Err)
	}
	if !e.ended() && e.Stderr != "" {
		b.WriteString(": " + oneLine(e.Stderr))
	}
	b.WriteString(e.permissions())
	if e.Abandoned {
		fmt.Fprintf(&b, "; pid %d: %v", e.PID, ErrAbandoned)
	}
	switch {
	case e.MaybeCommitted && e.Op == opReceive:
		b.WriteString("; " + e.Object + " may have the snapshot")
	case e.MaybeCommitted:
		b.WriteString("; a receiver may have the snapshot nevertheless")
	}
	return b.String()
}

// ended reports whether we ended zfs, so that how it did and what it wrote is of no interest.
func (e *Error) ended() bool {
	return e.Cause == Canceled || e.Cause == Stalled || e.Cause == Unexpected || causeOf(e.Err) == BadStream
}

// permissions returns a clause about the permissions that are missing, or might be.
func (e *Error) permissions() string {
	switch {
	case len(e.Missing) > 0:
		return "; missing permissions: " + strings.Join(e.Missing, ",")
	case len(e.Needs) > 0:
		return "; it needs the permissions " + strings.Join(e.Needs, ",")
	default:
		return ""
	}
}

// reason returns what Error does, without operation and object.
func (e *Error) reason() string { return strings.TrimPrefix(e.Error(), e.Op+" "+e.Object+": ") }

// asError returns the *Error that err is: all that comes from running a command is one.
func asError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{ExitCode: -1, Err: err}
}

// Unwrap returns Cause and Err as far as they are set, and ErrAbandoned where it applies.
func (e *Error) Unwrap() []error {
	var errs []error
	if e.Cause != Unknown {
		errs = append(errs, e.Cause)
	}
	if e.Err != nil {
		errs = append(errs, e.Err)
	}
	if e.Abandoned {
		errs = append(errs, ErrAbandoned)
	}
	return errs
}

// oneLine returns stderr without line breaks, cut to a size that fits a log line.
func oneLine(stderr string) string {
	const limit = 600
	s := strings.Join(strings.FieldsFunc(stderr, func(r rune) bool { return r == '\n' || r == '\r' || r == '\t' }), " ")
	s = strings.TrimSpace(s)
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit/2], "") + " [...] " + strings.ToValidUTF8(s[len(s)-limit/2:], "")
	}
	return s
}

// RootCause returns the error that explains why a pipeline of a send and a receive failed, given that of either end;
// nil if neither failed. The other one is mostly noise: the end that fails first takes the other with it, as a broken
// pipe or a truncated stream.
//
// From the best explanation to the worst: the receiver's own failure, the sender's own, anything between them, a
// receiver that complains about the stream, an end that was cancelled or lost its pipe, and one that was closed, which
// is what the other one does with it. Two of a kind: the sender's.
func RootCause(send, receive error) error {
	if weight(receive) > weight(send) {
		return receive
	}
	return send
}

func weight(err error) int {
	e, ok := errors.AsType[*Error](err)
	switch {
	case err == nil:
		return 0
	case !ok:
		return 4
	case e.Cause == Canceled && errors.Is(e.Err, os.ErrClosed):
		return 1
	case e.Cause == Canceled, e.Cause == BrokenPipe, e.Op == opSend && e.Signal == syscall.SIGPIPE, e.Op == opReceive && ofSend(e.Err):
		return 2
	case e.Cause == BadStream && e.Op == opReceive && !e.ended():
		return 3
	case e.Op == opSend:
		return 5
	default:
		return 6
	}
}

// ofSend reports whether an error is that of a send, which came to the receiver as that of its input: also one that was given
// up since it stalled, or wasn't whole, which the receiver then says of itself.
func ofSend(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Op == opSend
}
