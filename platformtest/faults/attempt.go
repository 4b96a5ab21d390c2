package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/zstream"
)

// An attempt is one zfs send into one zfs receive, with at most one fault.
type attempt struct {
	*campaign
	injection
	fault *fault // nil: none
	rand  *rand.Rand
	step  *step
	size  int64  // of the step's whole stream
	token string // of the destination, to go on from; "" to start from the beginning
	plain bool   // expect nothing of the stream, so that zfs sees all of it as it comes

	ctx     context.Context
	cancel  context.CancelCauseFunc
	stream  *zfssend.SendStream
	receive *zfssend.Receive
	conn    *connection

	root    error
	started time.Time
	zinject int      // handlers that zinject has been asked for
	before  accesses // to devices that were made slow
	lenient bool     // what was to be refused wasn't, so that anything may come of it
	undo    []func() // what mend does besides

	ready    chan struct{} // closed when both ends are there, so that a fault can strike
	striking sync.Mutex    // held while it does
	over     bool          // it is too late for that

	mu         sync.Mutex // guards what follows, Detail and Missed
	complaints []string   // of what should not be
}

// source and target are the names of the snapshot that is sent and the dataset that it is received into.
func (a *attempt) source() string  { return a.src + "/" + a.step.dataset.name }
func (a *attempt) sending() string { return a.source() + a.step.to().name }
func (a *attempt) target() string  { return a.dst + "/" + a.step.dataset.name }

// errHung ends an attempt that takes too long.
var errHung = errors.New("the harness lost its patience")

// run runs the attempt and mends what the fault has broken. An error is one of the harness itself.
func (a *attempt) run(ctx context.Context) error {
	a.started = time.Now()
	a.Struck, a.ready = -1, make(chan struct{})
	a.ctx, a.cancel = context.WithCancelCause(ctx)
	defer a.cancel(nil)
	if a.fault != nil && a.fault.prepare != nil {
		if err := a.fault.prepare(a); err != nil {
			return errors.Join(err, a.mend(ctx))
		}
	}
	serr, rerr := a.transfer()
	a.root = zfssend.RootCause(serr, rerr)
	a.Complete = serr == nil && rerr == nil
	if a.root != nil {
		a.Root = firstLine(a.root)
	}
	err := a.mend(ctx)
	if a.receive != nil {
		err = errors.Join(err, await(ctx, "the end of zfs receive", func() bool { return isDone(a.receive.Done()) }))
	}
	if a.stream != nil {
		a.Send = endOf(a.stream, serr)
		err = errors.Join(err, await(ctx, "the end of zfs send", func() bool { return isDone(a.stream.Done()) }))
	} else if serr != nil {
		a.Send = endOf(nil, serr)
	}
	if a.receive != nil {
		a.Receive = endOf(a.receive, rerr)
	}
	a.Took = duration(time.Since(a.started))
	return err
}

// transfer sends and receives, and returns what became of either end.
func (a *attempt) transfer() (sendErr, receiveErr error) {
	client := zfs
	if a.fault != nil {
		client.StallTimeout, client.Grace = a.fault.stall, a.fault.grace
	}
	var err error
	a.stream, err = client.Send(a.ctx, a.sending(), a.sendOptions())
	if err != nil {
		a.stream = nil
		return err, nil
	}
	input, err := a.input()
	if err != nil {
		a.stream.Close()
		return err, nil
	}
	options := zfssend.ReceiveOptions{Unmounted: true, Resumable: true, Verify: a.VerifyReceive, Direct: true} // where it can be
	if !a.plain {
		options.Expect = a.expect()
	}
	a.receive, err = client.Receive(a.ctx, a.target(), input, options)
	if err != nil {
		return a.stream.Err(), err
	}
	close(a.ready)
	impatience := time.AfterFunc(patience, a.giveUp)
	defer impatience.Stop()
	var strikes sync.WaitGroup
	if a.Route == string(direct) && a.fault != nil {
		strikes.Go(a.strikeAlong)
	}
	receiveErr = a.receive.Wait()
	a.stream.Close()
	if a.conn != nil {
		<-a.conn.done
	}
	strikes.Wait()
	return a.stream.Err(), receiveErr
}

func (a *attempt) sendOptions() zfssend.SendOptions {
	o := a.step.dataset.options
	o.From, o.Token, o.Verify, o.Expect = a.step.from, a.token, a.VerifySend, a.expect()
	return o
}

// expect is what the plan says of the stream.
func (a *attempt) expect() *zfssend.Expect {
	e := &zfssend.Expect{ToGUID: a.step.to().guid, Raw: a.step.dataset.options.Raw}
	if base := a.step.base(); base != nil {
		e.FromGUID = base.guid
	}
	return e
}

// input returns the other end of the route.
func (a *attempt) input() (io.ReadCloser, error) {
	var input io.ReadCloser = a.stream
	if a.Route == string(socket) {
		var err error
		if a.conn, err = connect(a.stream); err != nil {
			return nil, err
		}
		input = a.conn
	}
	if a.Route == string(direct) || a.fault == nil {
		return input, nil
	}
	return &tap{ReadCloser: input, at: a.Offset, strike: a.strike, delay: a.fault.delay}, nil
}

// strike lets the fault happen, in the middle of the stream.
func (a *attempt) strike(rest []byte) ([]byte, error) {
	<-a.ready
	return a.strikeAt(a.Offset, rest)
}

func (a *attempt) strikeAt(struck int64, rest []byte) ([]byte, error) {
	a.striking.Lock()
	defer a.striking.Unlock()
	if a.over {
		return rest, nil
	}
	if a.Struck < 0 {
		a.Struck = struck
	}
	if a.fault.strike == nil {
		return rest, nil
	}
	if a.fault.begun && rest != nil {
		a.awaitHunger()
	}
	changed, err := a.fault.strike(a, rest)
	if err == nil || err == io.EOF || err == errCut {
		return changed, err
	}
	a.complain("inject it: %v", err)
	a.miss("")
	return rest, nil
}

// awaitHunger waits until zfs receive waits for more of the stream: what it has had it has understood, as a rule. Which it
// may not get to, if its input was too short for that.
func (a *attempt) awaitHunger() {
	for deadline := time.Now().Add(time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if wchan, _ := os.ReadFile(fmt.Sprintf("/proc/%d/wchan", a.receive.PID())); strings.HasSuffix(string(wchan), "pipe_read") {
			return
		}
	}
}

// strikeAlong lets the fault happen beside a stream that doesn't pass through this process: as soon as the place has passed.
func (a *attempt) strikeAlong() {
	for a.stream.Stats().Bytes < a.Offset {
		select {
		case <-a.receive.Done():
			return
		case <-time.After(time.Millisecond):
		}
	}
	_, _ = a.strikeAt(a.stream.Stats().Bytes, nil) // no fault that says something to the stream goes this way
}

// giveUp ends an attempt that doesn't end.
func (a *attempt) giveUp() {
	a.complain("not over after %v: sender %v, receiver %v; %s", patience, a.stream.State(), a.receive.State(), strings.Join(processes(), "; "))
	a.cancel(errHung)
}

// mend takes back what the fault has done. What it does may not depend on the attempt's own context.
func (a *attempt) mend(ctx context.Context) error {
	a.striking.Lock()
	defer a.striking.Unlock()
	a.over, a.ctx = true, ctx
	var err error
	if a.fault != nil && a.fault.mend != nil {
		err = a.fault.mend(a)
	}
	for _, f := range a.undo {
		f()
	}
	return err
}

// detail adds to what the report tells of the fault.
func (a *attempt) detail(format string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if text := fmt.Sprintf(format, args...); a.Detail != "" && text != "" {
		a.Detail += "; " + text
	} else {
		a.Detail += text
	}
}

// miss says that the fault has struck to no effect, so that it doesn't count.
func (a *attempt) miss(format string, args ...any) {
	a.detail(format, args...)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.Missed = true
}

// complain tells of something that should not be.
func (a *attempt) complain(format string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.complaints = append(a.complaints, fmt.Sprintf(format, args...))
}

// exact reports whether the fault happened just where it was to: the receiver can't have got more than what comes before.
func (a *attempt) exact() bool { return a.Route != string(direct) }

// received returns how much of the stream a token says has been received, -1 without one.
func received(token string) int64 {
	if token == "" {
		return -1
	}
	t, err := zstream.ParseToken(token)
	if err != nil {
		return 0
	}
	return int64(t.Bytes)
}

type finished interface {
	State() zfssend.State
	Stats() zfssend.Stats
}

// endOf describes what became of an end; of one that never was, if f is nil.
func endOf(f finished, err error) end {
	var e end
	if f != nil {
		e.State, e.Bytes = f.State().String(), f.Stats().Bytes
	}
	if err != nil {
		e.Error = firstLine(err)
		e.Cause = causeOf(err).String()
		if z, ok := errors.AsType[*zfssend.Error](err); ok && z.Cause == zfssend.Unknown && z.Signal != 0 {
			e.Cause = z.Signal.String()
		}
	}
	return e
}

// causeOf returns the cause of a stream's failure.
func causeOf(err error) zfssend.Cause {
	if e, ok := errors.AsType[*zfssend.Error](err); ok {
		return e.Cause
	}
	return zfssend.Unknown
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	const most = 400
	if len(line) > most {
		line = line[:most] + " …"
	}
	return line
}

func isDone(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
