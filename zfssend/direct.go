package zfssend

import (
	"context"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/spanstack/spanstack/zfssend/zstream"
)

// direct is a stream that doesn't pass through us: zfs receive reads the pipe of zfs send. What a relay would see is
// seen from outside: how much zfs send has written, how much of that is still in the pipe, and which of the two has
// ended.
type direct struct {
	from *SendStream
	to   *Receive
	// pipe is a read end of our own, which is never read. With it, zfs receive may die without breaking the pipe, so
	// that zfs send ends because we end it, as without direct. It isn't known to the runtime's poller, which each write
	// would wake up.
	pipe *os.File

	head    []byte // of the stream: its first record
	passed  int64  // bytes that zfs receive has read
	waiting side   // that is waited for
}

// side is one end of a direct stream.
type side uint8

const (
	noSide side = iota
	sendSide
	receiveSide
)

// A direct stream is looked at often when it is young, and then less often: each time costs what moving some MiB does.
const (
	directFirst = 10 * time.Millisecond
	directMost  = 100 * time.Millisecond
)

// takeOver returns the read end of the sender's own pipe, for zfs receive; nil if the stream has to pass through us,
// which then also finds out what is wrong with it. It waits for the stream's first record, until ctx is done.
func (r *Receive) takeOver(ctx context.Context, c *Client) *os.File {
	s, ok := r.input.(*SendStream)
	if !ok || r.held || s.gate != nil || s.child.wrapped || len(c.Command) > 1 || s.bytes.Load() > 0 {
		return nil
	}
	if _, err := exec.LookPath(c.command()[0]); err != nil {
		return nil // which is better told before the stream begins
	}
	unbind := context.AfterFunc(ctx, func() { s.cancel(Canceled, context.Cause(ctx)) })
	defer unbind()
	head := s.peek()
	if len(head) < zstream.HeaderSize || !r.acceptable(s, head) {
		return nil
	}
	stdin, pipe := s.reopen()
	if stdin == nil {
		return nil
	}
	d := &direct{from: s, to: r, pipe: pipe, head: head}
	if !s.writesItself() {
		stdin.Close()
		pipe.Close()
		return nil
	}
	_ = s.look(head) // it is acceptable
	s.pipe.Close()
	for _, t := range []*transfer{&s.transfer, &r.transfer} {
		t.direct.Store(true)
	}
	r.direct, r.pipeSize = d, s.pipeSize
	return stdin
}

// writesItself reports whether it is zfs send's own process that has written the stream's first record, which isn't a
// package's. On a kernel where it writes from a taskq, it isn't, and SIGKILL doesn't end it as long as anybody has the
// read end (openzfs#12500): there, that stays with us.
func (s *SendStream) writesItself() bool {
	const patience, interval = 20 * time.Millisecond, time.Millisecond // a write counts a moment after it can be read
	for rest := patience; rest > 0; rest -= interval {
		if s.child.streamed() >= zstream.HeaderSize {
			return true
		}
		time.Sleep(interval)
	}
	return false
}

// acceptable reports whether a stream that begins with head may go to zfs receive, and no more of it has to be looked
// at. Of a package, the program writes the first record and not the kernel, so that it doesn't tell who writes the
// others.
func (r *Receive) acceptable(s *SendStream, head []byte) bool {
	b, err := zstream.ParseBegin(head)
	if err != nil || b.Compound || dangerous(&b) != nil {
		return false
	}
	for _, expect := range []*Expect{s.expect, r.expect} {
		if expect != nil && expect.check(&b, &b, new(opening)) != nil {
			return false
		}
	}
	return true
}

// follow is what [Receive.feed] does for other streams.
func (d *direct) follow() {
	s, r := d.from, d.to
	interval := directFirst
	timer := time.NewTimer(interval)
	defer timer.Stop()
	defer d.wait(noSide, true)
	sent, received := s.child.reaped, r.child.reaped
	for {
		select {
		case <-sent:
			sent = nil
		case <-received:
			received = nil
			if !r.child.succeeded() && !d.broken() {
				return // zfs receive has failed by itself
			}
		case <-timer.C:
			interval = min(interval*3/2, directMost)
			timer.Reset(interval)
		}
		pending, open := d.measure()
		if open && pending == 0 && d.broken() {
			d.measure() // what zfs send wrote since: with its end seen, the stream may be complete at once
			s.on(evEOF)
		}
		switch {
		case !s.State().live(), sent == nil && (!s.child.succeeded() || open && pending == 0):
			d.end()
			return
		case !open, sent == nil && received == nil: // nobody will read what is left
			return
		}
	}
}

// end ends the stream as zfs send has, or who cancelled it.
func (d *direct) end() {
	s, r := d.from, d.to
	s.on(evEOF)
	if err := s.outOf(s.awaitEnd()); err != io.EOF {
		r.cancel(causeOf(err), err)
		return
	}
	r.whole = true
	r.on(evEOF)
}

// close gives up the pipe, once zfs send is gone, or has been abandoned. There may be none.
func (d *direct) close() {
	if d != nil {
		d.pipe.Close()
	}
}

// measure brings the measurements of both ends up to date. It returns what is in the pipe, as long as that is open.
func (d *direct) measure() (pending int64, open bool) {
	s, r := d.from, d.to
	over, written := s.child.exited(), s.child.streamed()
	if pending, open = d.pending(); !open || written < 0 {
		return pending, open
	}
	passed := written - pending // too low if zfs send has written meanwhile
	if !over {
		passed = max(passed, d.passed)
	}
	moved := passed > d.passed
	d.passed = passed
	s.reach(passed)
	r.reach(passed)
	switch {
	case pending == 0:
		d.wait(sendSide, moved)
	case !moved || pending >= int64(s.pipeSize)/2:
		d.wait(receiveSide, moved)
	default:
		d.wait(noSide, moved)
	}
	return pending, open
}

// wait sets the clocks of both ends: side is waited for. If the same one was before, it is another wait if something
// has moved.
func (d *direct) wait(side side, moved bool) {
	if side == d.waiting && !moved {
		return
	}
	d.waiting = side
	for _, m := range []*meter{&d.from.meter, &d.to.meter} {
		m.endWait(&m.reading)
		m.endWait(&m.writing)
		switch side {
		case sendSide:
			m.startWait(&m.reading)
		case receiveSide:
			m.startWait(&m.writing)
		}
	}
}
