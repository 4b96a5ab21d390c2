package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spanstack/spanstack/zfssend"
)

// A fault is something that goes wrong, and what has to be seen then.
type fault struct {
	name string
	does string // what is done, in a few words
	sees string // what must be seen

	// harmless says that the attempt has to succeed nevertheless.
	harmless bool
	// spoils says that there is no going on from the partial state that is left.
	spoils bool
	// enough is how many times it may strike while all attempts are complete nevertheless. After that it never had an
	// effect. 0 means usuallyEnough.
	enough int
	routes []route       // those that it can strike on; nil: all
	verify verify        // by the receiver
	early  bool          // strikes in the first third, since it needs time
	begun  bool          // strikes when zfs receive has begun to receive
	delay  time.Duration // of each piece that passes after it has struck
	stall  time.Duration
	grace  time.Duration

	fits    func(*attempt) bool                    // nil: always
	prepare func(*attempt) error                   // before the streams start
	strike  func(*attempt, []byte) ([]byte, error) // see tap; nil if it is there from the start
	mend    func(*attempt) error                   // after the streams, whether it has struck or not
	want    func(*attempt) string                  // what is wrong with what was seen, "" if nothing is; nil: nothing more
}

type verify uint8

const (
	verifyAny verify = iota
	verifyOn
	verifyOff
)

// judge returns what is wrong with what was seen.
func (f *fault) judge(a *attempt) string {
	if f.harmless && !a.Complete {
		return "it failed, but should have succeeded: " + a.Root
	}
	if f.want == nil {
		return ""
	}
	return f.want(a)
}

// between are the routes on which a fault can change what is read, or stop the stream at an exact place.
var between = []route{tapped, socket}

// long reports whether so much of the stream is left that pipes and caches can't hold it: what strikes early has an effect then.
func long(a *attempt) bool { return a.size-max(a.Resumed, 0) > 2<<20 }

// faults is the table of all faults.
var faults = slices.Concat(processFaults, streamFaults, destinationFaults, sourceFaults)

// lookUp returns the fault of a name, nil if there is none.
func lookUp(name string) *fault {
	for _, f := range faults {
		if f.name == name {
			return f
		}
	}
	return nil
}

// A deck deals faults at random, but none a second time before each has been dealt that fits.
type deck struct {
	rand  *rand.Rand
	all   []*fault
	dealt map[*fault]int
	tame  bool // all are harmless
}

func newDeck(r *rand.Rand, only []string) *deck {
	d := &deck{rand: r, dealt: make(map[*fault]int)}
	for _, f := range faults {
		if len(only) == 0 || slices.Contains(only, f.name) {
			d.all = append(d.all, f)
		}
	}
	d.tame = !slices.ContainsFunc(d.all, func(f *fault) bool { return !f.harmless })
	return d
}

// draw returns a fault that fits; nil if none does. Harmless ones come last in a step, since they end it.
func (d *deck) draw(a *attempt, last bool) *fault {
	fitting := slices.DeleteFunc(slices.Clone(d.all), func(f *fault) bool {
		return f.harmless && !last && !d.tame || f.fits != nil && !f.fits(a)
	})
	if len(fitting) == 0 {
		return nil
	}
	d.rand.Shuffle(len(fitting), func(i, j int) { fitting[i], fitting[j] = fitting[j], fitting[i] })
	best := slices.MinFunc(fitting, func(a, b *fault) int { return cmp.Compare(d.rank(a, last), d.rank(b, last)) })
	d.dealt[best]++
	return best
}

// rank is the lower the more a fault's turn it is.
func (d *deck) rank(f *fault, last bool) int {
	rank := 2 * d.dealt[f]
	if f.fits == nil {
		rank++ // it has more chances than those that don't fit everywhere
	}
	if last && !f.harmless {
		rank += 1 << 20
	}
	return rank
}

// failed wants the attempt to have failed because of one of these, and the destination to be without the snapshot.
func failed(a *attempt, causes ...zfssend.Cause) string {
	switch {
	case a.Complete:
		return "it is complete, but can't be"
	case a.Committed:
		return "it failed, but the destination has the snapshot"
	}
	return because(a, causes...)
}

// because wants an attempt that failed to have done so because of one of these.
func because(a *attempt, causes ...zfssend.Cause) string {
	if a.Complete || len(causes) == 0 || slices.Contains(causes, causeOf(a.root)) {
		return ""
	}
	return fmt.Sprintf("the root cause is %q, want one of %v: %s", causeOf(a.root), causes, a.Root)
}

// killed wants the root cause to be that one of these was ended by the signal. It may have committed nevertheless: the kernel
// doesn't look for signals between the last records, if they are there.
func killed(a *attempt, signal syscall.Signal, ops ...string) string {
	if a.Complete {
		return completeIfInexact(a, ops...)
	}
	e, ok := errors.AsType[*zfssend.Error](a.root)
	if !ok || e.Signal != signal || !slices.Contains(ops, e.Op) {
		return fmt.Sprintf("the root cause isn't %v: %s", signal, a.Root)
	}
	return ""
}

// completeIfInexact wants zfs receive, if it was ended in the middle of the stream, not to be complete. Where the place isn't
// exact, the stream may have been over.
func completeIfInexact(a *attempt, ops ...string) string {
	if a.Complete && a.exact() && slices.Contains(ops, "receive") {
		return "it is complete, but zfs receive was ended before the end"
	}
	return ""
}

// kill sends a signal to those of the ends that still run.
func (a *attempt) kill(signal syscall.Signal, ends ...finishedProcess) {
	sent := false
	for _, e := range ends {
		if isDone(e.Done()) || isZombie(e.PID()) {
			a.detail("pid %d had ended", e.PID())
			continue
		}
		if err := syscall.Kill(e.PID(), signal); err != nil {
			a.detail("kill %d: %v", e.PID(), err)
			continue
		}
		sent = true
	}
	if !sent {
		a.miss("")
	}
}

// missIfOver says that the fault has missed if all of these ends are over.
func (a *attempt) missIfOver(ends ...finishedProcess) {
	if !slices.ContainsFunc(ends, func(e finishedProcess) bool { return !isDone(e.Done()) }) {
		a.miss("it was over")
	}
}

type finishedProcess interface {
	PID() int
	Done() <-chan struct{}
}

// processFaults are what happens to processes and those who own them.
var processFaults = []*fault{
	{
		name: "kill-send", does: "kill -9 of zfs send", sees: "the sender was killed; nothing is complete",
		strike: func(a *attempt, rest []byte) ([]byte, error) {
			a.kill(syscall.SIGKILL, a.stream)
			return rest, nil
		},
		want: func(a *attempt) string { return killed(a, syscall.SIGKILL, "send") },
	},
	{
		name: "kill-receive", does: "kill -9 of zfs receive", sees: "the receiver was killed; its state is kept",
		strike: func(a *attempt, rest []byte) ([]byte, error) {
			a.kill(syscall.SIGKILL, a.receive)
			return rest, nil
		},
		want: func(a *attempt) string { return killed(a, syscall.SIGKILL, "receive") },
	},
	{
		name: "kill-both", does: "kill -9 of zfs send and zfs receive", sees: "one of them was killed",
		strike: func(a *attempt, rest []byte) ([]byte, error) {
			a.kill(syscall.SIGKILL, a.stream, a.receive)
			return rest, nil
		},
		want: func(a *attempt) string { return killed(a, syscall.SIGKILL, "send", "receive") },
	},
	{
		name: "term-receive", does: "SIGTERM to zfs receive", sees: "the receiver was ended by it",
		strike: func(a *attempt, rest []byte) ([]byte, error) {
			a.kill(syscall.SIGTERM, a.receive)
			return rest, nil
		},
		want: func(a *attempt) string { return killed(a, syscall.SIGTERM, "receive") },
	},
	{
		name: "close-send", does: "SendStream.Close", sees: "canceled",
		strike: func(a *attempt, rest []byte) ([]byte, error) {
			a.missIfOver(a.stream)
			a.stream.Close()
			return rest, nil
		},
		// Over a socket, what was sent before is still received; its end is that of a truncated stream.
		want: func(a *attempt) string { return because(a, zfssend.Canceled, zfssend.BadStream) },
	},
	{
		name: "close-receive", does: "Receive.Close", sees: "canceled",
		strike: func(a *attempt, rest []byte) ([]byte, error) {
			a.missIfOver(a.receive)
			go a.receive.Close() // it waits for who reads, which is here
			return rest, await(a.ctx, "Close to begin", func() bool {
				s := a.receive.State()
				return s != zfssend.StateOpen && s != zfssend.StateDraining
			})
		},
		want: func(a *attempt) string { return cmp.Or(completeIfInexact(a, "receive"), because(a, zfssend.Canceled)) },
	},
	{
		name: "cancel", does: "the context of both ends", sees: "canceled",
		strike: func(a *attempt, rest []byte) ([]byte, error) {
			a.missIfOver(a.stream, a.receive)
			a.cancel(errors.New("the fault's cancellation"))
			return rest, nil
		},
		want: func(a *attempt) string { return because(a, zfssend.Canceled) },
	},
	{
		name: "stop-send", does: "SIGSTOP to zfs send, for ever", sees: "stalled, after 3 s",
		stall: stallTimeout, early: true, fits: long,
		strike: func(a *attempt, rest []byte) ([]byte, error) {
			a.kill(syscall.SIGSTOP, a.stream)
			return rest, nil
		},
		want: func(a *attempt) string { return stalled(a, "send") },
	},
	{
		name: "stop-receive", does: "SIGSTOP to zfs receive, for ever", sees: "stalled, after 3 s",
		stall: stallTimeout, early: true, fits: long,
		strike: func(a *attempt, rest []byte) ([]byte, error) {
			a.kill(syscall.SIGSTOP, a.receive)
			return rest, nil
		},
		want: func(a *attempt) string { return stalled(a, "receive") },
	},
}

// usuallyEnough is the usual value of fault.enough. What strikes in the middle of a stream rarely comes too late.
const usuallyEnough = 3

// oftenComplete is that of faults whose attempts are complete in a quarter of all cases, since the rest of the stream was
// small, or the place was before anything had begun.
const oftenComplete = 8

// stallTimeout has to be longer than what a healthy zfs needs for anything, on a slow machine.
const stallTimeout = 3 * time.Second

func stalled(a *attempt, op string) string {
	if a.Complete { // it had ended before it was stopped
		return ""
	}
	e, ok := errors.AsType[*zfssend.Error](a.root)
	if !ok || !errors.Is(e, zfssend.ErrStalled) || e.Op != op {
		return "the root cause isn't that " + op + " stalled: " + a.Root
	}
	return ""
}

// streamFaults are what happens to the stream between the two ends.
var streamFaults = []*fault{
	{
		name: "cut-error", does: "the input ends with an error", sees: "canceled; no snapshot",
		routes: between,
		strike: func(*attempt, []byte) ([]byte, error) { return nil, errCut },
		want:   func(a *attempt) string { return failed(a, zfssend.Canceled) },
	},
	{
		name: "cut-end", does: "the input ends, as if the stream were over", sees: "truncated; no snapshot",
		routes: between,
		strike: endHere,
		want:   func(a *attempt) string { return failed(a, zfssend.BadStream, zfssend.Unknown) },
	},
	{
		name: "cut-end-verified", does: "the same, with Verify", sees: "truncated; no snapshot",
		routes: between, verify: verifyOn,
		strike: endHere,
		want:   func(a *attempt) string { return failed(a, zfssend.BadStream) },
	},
	{
		name: "flip-verified", does: "a flipped bit, with Verify", sees: "corrupt; no snapshot",
		routes: between, verify: verifyOn,
		strike: flip,
		want:   func(a *attempt) string { return failed(a, corrupt...) },
	},
	{
		name: "flip", does: "a flipped bit, without Verify", sees: "zfs's own checksum notices; no snapshot",
		routes: between, verify: verifyOff,
		strike: flip,
		want:   unverified,
	},
	{
		name: "gap-verified", does: "bytes that are missing, with Verify", sees: "corrupt; no snapshot",
		routes: between, verify: verifyOn,
		strike: gap,
		want:   func(a *attempt) string { return failed(a, corrupt...) },
	},
	{
		name: "gap", does: "bytes that are missing, without Verify", sees: "zfs notices; no snapshot",
		routes: between, verify: verifyOff,
		strike: gap,
		want:   unverified,
	},
	{
		name: "garbage-verified", does: "noise in place of bytes, with Verify", sees: "corrupt; no snapshot",
		routes: between, verify: verifyOn,
		strike: garbage,
		want:   func(a *attempt) string { return failed(a, corrupt...) },
	},
	{
		name: "socket-close", does: "the connection is closed by the sender", sees: "truncated; no snapshot",
		routes: []route{socket},
		strike: func(a *attempt, rest []byte) ([]byte, error) {
			if err := a.conn.out.CloseWrite(); err != nil {
				a.miss("%v", err) // the sender had written all of it
			}
			return rest, nil
		},
		want: func(a *attempt) string { return because(a, zfssend.BadStream, zfssend.Unknown) },
	},
	{
		name: "socket-reset", does: "the connection is reset", sees: "canceled; no snapshot",
		routes: []route{socket},
		strike: func(a *attempt, rest []byte) ([]byte, error) {
			if err := errors.Join(a.conn.out.SetLinger(0), a.conn.out.Close()); err != nil {
				a.miss("%v", err) // the sender had written all of it
			}
			return rest, nil
		},
		want: func(a *attempt) string { return because(a, zfssend.Canceled) },
	},
	{
		name: "socket-receiver", does: "the connection is closed by the receiver", sees: "canceled; no snapshot",
		routes: []route{socket},
		strike: func(a *attempt, rest []byte) ([]byte, error) {
			a.conn.Close()
			return rest, nil
		},
		want: func(a *attempt) string { return because(a, zfssend.Canceled, zfssend.BadStream) },
	},
}

var errCut = errors.New("the stream was cut")

// corrupt are the causes that a damaged stream may have when we look at it on the way.
var corrupt = []zfssend.Cause{zfssend.BadStream, zfssend.Unexpected}

func endHere(*attempt, []byte) ([]byte, error) { return nil, io.EOF }

func flip(a *attempt, rest []byte) ([]byte, error) {
	bit := a.rand.IntN(8)
	rest[0] ^= 1 << bit
	a.detail("bit %d", bit)
	return rest, nil
}

func gap(a *attempt, rest []byte) ([]byte, error) {
	n := min(1+a.rand.IntN(5000), len(rest))
	a.detail("%d bytes", n)
	return rest[n:], nil
}

func garbage(a *attempt, rest []byte) ([]byte, error) {
	n := min(1+a.rand.IntN(500), len(rest))
	a.detail("%d bytes", n)
	copy(rest, randomBytes(a.rand, int64(n)))
	return rest, nil
}

// unverified wants zfs to have noticed a damage by itself, whatever it calls it. It doesn't look at all of the last record.
func unverified(a *attempt) string {
	if a.Complete && a.Offset >= a.length()-endRecord {
		a.detail("in the last record, where zfs doesn't look")
		return ""
	}
	return failed(a)
}

// endRecord is the size of the last record.
const endRecord = 312

// length is how long this attempt's stream was.
func (a *attempt) length() int64 { return a.Send.Bytes }

// firstWords returns the beginning of a program's complaint.
func firstWords(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	return text[:min(len(text), 160)]
}
