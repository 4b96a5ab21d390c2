package zfssend

import (
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"slices"
	"sync"
	"time"
)

// ReceiveOptions say how a stream is received. The zero value is plain "zfs receive": new filesystems are mounted, an
// interrupted receive leaves nothing, and nothing that exists is overwritten.
type ReceiveOptions struct {
	Unmounted bool // don't mount what is received (-u)
	Resumable bool // keep the state of an interrupted receive (-s)
	// Force rolls the destination back to its newest snapshot first, and for a full stream destroys what is there (-F).
	// It destroys newer snapshots without a word.
	Force   bool
	Set     map[string]string // properties to set (-o)
	Exclude []string          // properties of the stream to ignore, or to inherit (-x)

	// Expect, if not nil, is what the stream has to be. Another one is refused before zfs sees any of it.
	Expect *Expect
	// Verify checks the stream's checksums and its structure on the way. Its last record, on which zfs commits, is held
	// back until the input has ended with io.EOF and all was right.
	Verify bool

	// Direct lets zfs receive read zfs send's own pipe, if the input is a SendStream and both run here, unwrapped. Nothing
	// passes through this process then, which takes no time for it, and makes a replication on two busy processors an eighth
	// faster. In return, Receive waits for the stream's first record and starts zfs receive only then, so that it is for
	// streams of many MiB, and a receive that fails at once does so later. Which processes end, and why, is as without it, also
	// if this one is killed. Statistics come from the kernel: bytes are right at the end, times of waiting are estimates.
	//
	// What can't be direct isn't, without a word but Stats.Direct: what is verified, packages, all on systems other than Linux,
	// and all on a kernel where zfs send can't be ended while somebody has its pipe (openzfs#12500).
	Direct bool
}

func (o ReceiveOptions) args(dataset string) (args []string, err error) {
	for _, flag := range []struct {
		set  bool
		name string
	}{{o.Unmounted, "-u"}, {o.Resumable, "-s"}, {o.Force, "-F"}} {
		if flag.set {
			args = append(args, flag.name)
		}
	}
	set := slices.Sorted(maps.Keys(o.Set))
	for _, property := range slices.Concat(set, o.Exclude) {
		if err := checkProperty(property); err != nil { // {"a=b": "c"} would set another one than it says
			return nil, err
		}
	}
	for _, property := range set {
		args = append(args, "-o", property+"="+o.Set[property])
	}
	for _, property := range o.Exclude {
		args = append(args, "-x", property)
	}
	return append(args, dataset), nil
}

var (
	errUnread = errors.New("zfs receive exited 0 without reading its input to the end")
	errNoEnd  = errors.New("zfs receive exited 0, but its input did not end")
)

// Receive is a running zfs receive, the mirror of [SendStream]. It copies its input to zfs by itself, or lets zfs read it: see
// [ReceiveOptions].Direct.
//
//	        end of input            exit 0
//	Open ----------------> Draining ----> Complete
//	 |  |                   |  |
//	 |  | any other exit    |  | any other exit
//	 |  +-------------------|--+--------> Failed
//	 |                      |
//	 |  Close, context,     |
//	 |  failure of input    |
//	 +----------+-----------+
//	            v          reaped
//	        Canceling -----------------> Canceled
//	            |                           ^
//	            | not reaped in time        | reaped later
//	            +--------> Abandoned -------+
//
// The end of the input, io.EOF, lets zfs finish. Close, the context, and an input that fails with any other error kill
// it: it never takes the end of a failed send for that of a complete one. Still, zfs commits a snapshot when it has
// read the stream's last record, not at the end of its input. If the sender fails after that, the stream is Canceled
// or Failed, and the destination may have the snapshot.
//
// All methods may be called at any time.
type Receive struct {
	transfer
	input      io.ReadCloser
	gate       *gate   // if the stream is verified, or something expected of it
	direct     *direct // if the stream doesn't pass through us
	closeInput func() error
	stdin      *os.File      // our write end; nil, whose Close does nothing, if the stream is direct
	fed        chan struct{} // closed when nothing reads the input any more
	whole      bool          // the input was read to its end; may be read after fed
}

// Receive starts zfs receive of the stream that input delivers, into a dataset or snapshot. Its parent should exist:
// without one, zfs searches all of the pool before it says so.
//
// Receive owns input, also if it returns an error. It closes it exactly once, when it ends in any way, and at once
// when zfs dies. Close of input must return soon and unblock a Read, as that of SendStream, net.Conn and pipes does.
func (c *Client) Receive(ctx context.Context, dataset string, input io.ReadCloser, o ReceiveOptions) (*Receive, error) {
	r, err := newReceive(ctx, c, dataset, input, o)
	if err != nil {
		input.Close()
		return nil, err
	}
	return r, nil
}

func newReceive(ctx context.Context, c *Client, dataset string, input io.ReadCloser, o ReceiveOptions) (*Receive, error) {
	if _, err := parse(dataset, 0, '@'); err != nil {
		return nil, err
	}
	args, err := o.args(dataset)
	if err != nil {
		return nil, err
	}
	r := &Receive{input: input, closeInput: sync.OnceValue(input.Close), fed: make(chan struct{})}
	r.expect, r.held = o.Expect, o.Verify
	stdin, err := r.open(ctx, c, o)
	if err != nil {
		return nil, &Error{Op: opReceive, Object: dataset, ExitCode: -1, Err: err}
	}
	err = r.start(ctx, c, opReceive, dataset, args, stdin, nil)
	stdin.Close() // only zfs may have it, or writing would go on after its death
	if err != nil {
		r.stdin.Close()
		r.direct.close()
		return nil, err
	}
	if r.direct != nil {
		_ = r.look(r.direct.head) // it is acceptable
	}
	unbind := context.AfterFunc(ctx, func() { r.cancel(Canceled, context.Cause(ctx)) })
	if c.StallTimeout > 0 {
		go r.watch(c.StallTimeout, &r.writing, r.cancel)
	}
	go r.feed()
	go func() {
		defer unbind()
		r.wait()
	}()
	return r, nil
}

// open returns what zfs is to read.
func (r *Receive) open(ctx context.Context, c *Client, o ReceiveOptions) (stdin *os.File, err error) {
	if o.Direct {
		if stdin := r.takeOver(ctx, c); stdin != nil {
			return stdin, nil
		}
	}
	if o.Verify || o.Expect != nil {
		same := func(err error) error { return err }
		r.gate = newGate(&r.transfer, r.readInput, same, same, same)
		r.gate.verifier.ParseOnly = !o.Verify
	}
	stdin, r.stdin, r.pipeSize, err = newPipe()
	return stdin, err
}

// feed copies the input to zfs.
func (r *Receive) feed() {
	defer close(r.fed)
	if r.direct != nil {
		if r.direct.follow(); r.whole {
			r.startWait(&r.writing) // until it exits
		}
		return
	}
	switch readErr, writeErr := r.carry(); {
	case writeErr != nil: // zfs is about to exit, or has. It knows why.
		r.startWait(&r.writing)
	case readErr == io.EOF:
		r.whole = true
		r.startWait(&r.writing) // until it exits
		r.on(evEOF)
		r.stdin.Close()
	default:
		r.cancel(causeOf(readErr), readErr)
	}
}

// carry returns io.EOF as readErr at the end of the input, and either of them otherwise.
func (r *Receive) carry() (readErr, writeErr error) {
	if stream, ok := r.input.(*SendStream); ok && r.gate == nil {
		f := flow{from: stream, to: r.stdin, via: &r.transfer}
		return f.run()
	}
	next := r.gate.next
	if r.gate == nil {
		next = r.copier()
	}
	for {
		piece, readErr := next(nil)
		if len(piece) > 0 {
			n, err := r.write(r.stdin, piece)
			r.count(n)
			if err != nil {
				return nil, err
			}
		}
		if readErr != nil {
			return readErr, nil
		}
	}
}

// readInput reads from the input, on the clock.
func (r *Receive) readInput(p []byte, _ *transfer) (int, error) { return r.read(r.input, p) }

// copier returns the input piece by piece.
func (r *Receive) copier() func(*transfer) ([]byte, error) {
	buf := make([]byte, copyBuffer)
	return func(*transfer) ([]byte, error) {
		n, err := r.readInput(buf, nil)
		if refusal := r.look(buf[:n]); refusal != nil {
			return nil, refusal
		}
		return buf[:n], err
	}
}

// wait reaps zfs, and then ends what feeds it.
func (r *Receive) wait() {
	ok := r.child.wait()
	if r.direct == nil {
		r.endWait(&r.writing)
	} else {
		r.settleInput() // it may be that zfs send has failed first
	}
	switch {
	case !ok:
		r.on(evFailure)
	case !r.settleInput():
		r.fail(errNoEnd)
	case !r.whole:
		r.fail(errUnread)
	default:
		r.on(evSuccess)
	}
	r.on(evCancel) // what is still open now has failed
	r.stdin.Close()
	r.closeInput()
	r.settleInput()
	r.direct.close()
	r.endWait(&r.writing) // feed may have begun another one
	r.finish()
}

// settleInput waits for the end of feed, and reports whether it came in time. zfs receive exits when it has the last
// record; the sender needs a moment more to exit, and must not be disturbed then.
func (r *Receive) settleInput() bool {
	timer := time.NewTimer(r.grace)
	defer timer.Stop()
	select {
	case <-r.fed:
		return true
	case <-timer.C:
		return false
	}
}

// Wait waits for the end of the stream and returns nil if it is complete, an *[Error] otherwise. If zfs fails, Wait
// returns its error as soon as the input is closed, also if that stalls. After it, nothing is left of the stream but, if the error Is
// [ErrAbandoned], a goroutine that goes on waiting for zfs.
func (r *Receive) Wait() error {
	r.settle()
	return r.Err()
}

// Close kills zfs unless it has exited, closes the input, and waits until zfs is reaped, for at most [Client.Grace].
// It returns nil if the stream was complete or Close itself ended it, its failure otherwise, and an error that Is
// [ErrAbandoned] if zfs isn't gone in time. It may be called several times.
func (r *Receive) Close() error {
	r.cancel(Canceled, os.ErrClosed)
	r.settle()
	return r.outcome()
}

// cancel ends a live stream before its time, in the same order as [SendStream.cancel].
func (r *Receive) cancel(why Cause, cause error) {
	if !r.interrupt(why, cause) {
		return
	}
	r.child.kill()
	r.stdin.Close()
	go r.closeInput() // which may wait for its own zfs, within its own bound; wait waits for it
	r.waitForChild()
}
