package zfssend

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/zfssend/zstream"
)

// transfer is what SendStream and Receive have in common: a zfs process, the life of the stream that passes through
// its pipe, and the task that shows both in traces.
type transfer struct {
	meter
	child *child
	grace time.Duration
	task  *trace.Span
	log   *slog.Logger // of the task
	done  chan struct{}

	held    bool    // the stream's end is held back until it is known to be right
	opening opening // what is known of the stream
	expect  *Expect // if not nil, what it has to be

	mu      sync.Mutex // guards what follows; never held while anything waits or does I/O
	changed sync.Cond  // of life
	life    life
	cause   error          // why it was cancelled, or why it failed although zfs exited with 0
	why     Cause          // the same in one word, if it was cancelled
	bad     error          // why the stream isn't whole, though it has ended
	over    bool           // its end has passed
	begin   *zstream.Begin // the stream's first record, once it has passed
}

// start starts zfs and its task. The task is detached from the caller's, since an abandoned process outlives that.
func (t *transfer) start(ctx context.Context, c *Client, op, object string, args []string, stdin, stdout *os.File) (err error) {
	t.grace, t.done, t.changed.L = c.grace(), make(chan struct{}), &t.mu
	taskCtx, task := trace.WithTask(context.WithoutCancel(ctx), "zfs "+op, slog.String("dataset", object), c.commandLine(op, args))
	t.task, t.log = task, logging.GetLogger(taskCtx, subsystem)
	defer func() {
		if err != nil {
			t.task.EndErr(&err)
		}
	}()
	if ctx.Err() != nil {
		return &Error{Op: op, Object: object, ExitCode: -1, Cause: Canceled, Err: context.Cause(ctx)}
	}
	t.started = time.Now()
	if t.child, err = c.start(t.task, op, object, args, stdin, stdout, t.direct.Load()); err != nil {
		return err
	}
	t.task.SetAttrs(t.child.pid())
	t.child.logStart(t.log)
	return nil
}

// on moves the life on, and returns the state that it comes to.
func (t *transfer) on(ev event) State {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.life = t.life.on(ev)
	t.over = t.over || ev == evEOF
	t.changed.Broadcast()
	return t.life.state
}

// fail is on(evFailure) for a zfs that exited with 0 nevertheless.
func (t *transfer) fail(cause error) {
	t.mu.Lock()
	if t.cause == nil {
		t.cause = cause
	}
	t.mu.Unlock()
	t.on(evFailure)
}

// interrupt marks a live stream as cancelled and reports whether it was live: then the caller has to end it.
func (t *transfer) interrupt(why Cause, cause error) bool {
	t.mu.Lock()
	live := t.life.state.live()
	if live {
		t.life = t.life.on(evCancel)
		if t.life.state != StateFailed {
			t.cause, t.why = cause, why
		}
		t.changed.Broadcast()
	}
	t.mu.Unlock()
	if live {
		t.task.Event("cancel", slog.Any("cause", cause))
	}
	return live
}

// waitForChild waits until the child of an interrupted stream is gone, or abandons it to the goroutine that goes on
// waiting for it.
func (t *transfer) waitForChild() {
	if !t.child.end(t.grace) && t.on(evOverdue) == StateAbandoned {
		t.task.Event("abandoned")
	}
}

// await waits for a state and returns the one that it found.
func (t *transfer) await(wanted func(State) bool) State {
	t.mu.Lock()
	defer t.mu.Unlock()
	for !wanted(t.life.state) {
		t.changed.Wait()
	}
	return t.life.state
}

// settle waits until nothing is left of the stream, or until it is abandoned.
func (t *transfer) settle() {
	if t.await(State.settled) != StateAbandoned {
		<-t.done
	}
}

// finish ends the task of a stream whose state is final.
func (t *transfer) finish() {
	t.task.SetAttrs(t.child.exitAttrs()...)
	t.task.SetAttrs(t.meter.attrs()...)
	t.task.SetAttrs(slog.String("state", t.State().String()))
	t.log.Debug("ended", "state", t.State(), "bytes", t.Stats().Bytes)
	err := t.outcome()
	t.task.EndErr(&err)
	close(t.done)
}

// State returns the current state.
func (t *transfer) State() State {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.life.state
}

// Err returns nil while the stream is open or draining and when it is complete, and an *[Error] otherwise. It doesn't
// change any more once Done is closed.
func (t *transfer) Err() error {
	t.mu.Lock()
	state, cause, why, bad, over := t.life.state, t.cause, t.why, t.bad, t.over
	t.mu.Unlock()
	if state.live() || state == StateComplete {
		return nil
	}
	e := t.child.failure()
	if cause != nil {
		e.Err = cause
	}
	switch {
	case state != StateFailed:
		e.Cause = why
	case bad != nil && e.ExitCode == 0:
		e.Cause, e.Err = BadStream, bad
	}
	e.Abandoned = state == StateAbandoned
	e.MaybeCommitted = t.maybeCommitted(e, over)
	return e
}

// maybeCommitted reports whether the receiver of a stream that failed may have its snapshot. zfs receive commits when it reads the
// stream's last record; if it fails by itself after that, it says so and exits with 1.
func (t *transfer) maybeCommitted(e *Error, over bool) bool {
	if t.bytes.Load() == 0 && !t.direct.Load() { // or more has been read since they were counted
		return false
	}
	if t.child.op == opSend {
		return over && !t.held
	}
	return (over || !t.held) && (e.ExitCode == 0 || e.Signal != 0 || e.Abandoned)
}

// causeOf says why a stream was given up that could not be read on: because of what it is, or of what gave it up before.
func causeOf(reason error) Cause {
	_, bad := errors.AsType[*zstream.Error](reason)
	switch {
	case errors.Is(reason, Unexpected): // maybe as the reason of a zstream.Error
		return Unexpected
	case bad:
		return BadStream
	case errors.Is(reason, ErrStalled):
		return Stalled
	default:
		return Canceled
	}
}

// outcome is Err without the consequence of the owner's own Close.
func (t *transfer) outcome() error {
	if t.State() == StateCanceled && errors.Is(t.reason(), os.ErrClosed) {
		return nil
	}
	return t.Err()
}

func (t *transfer) reason() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.cause
}

// Done is closed once nothing is left of the stream: it was read to its end or given up, and zfs is reaped. State and
// Err are final then.
func (t *transfer) Done() <-chan struct{} { return t.done }

// PID returns the process ID of zfs. Once Done is closed it can be another process's.
func (t *transfer) PID() int { return t.child.cmd.Process.Pid }

// Stderr returns what zfs has written to stderr so far: its first 8 KiB and its last 24 KiB. What a successful zfs
// leaves here are warnings; some are serious, see [PropertyDenied].
func (t *transfer) Stderr() string { return t.child.stderr.String() }
