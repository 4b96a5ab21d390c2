package viewer

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/spanstack/spanstack/internal/backoff"
	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/viewer/internal/index"
)

const (
	// publishInterval is how often what came is shown: a little more often than it is told (see eventInterval), so that each time there is more.
	publishInterval = 200 * time.Millisecond
	// publishShare is how many times as long as it took to show what came it takes at least until that is done again: there has to be time
	// to take in what comes.
	publishShare = 4
)

// follow follows a live trace, until ctx ends. Each stream is a trace of its own: a process begins one with what its flight
// recorder holds, so that after a break little is missing, and nothing of a process that was restarted goes on. What was
// before is shown until the next one is there.
func (t *trace) follow(ctx context.Context) {
	var waits backoff.Waits
	for {
		connected, err := t.connect(ctx)
		if ctx.Err() != nil {
			t.end()
			return
		}
		if err == nil {
			err = errors.New("the process has ended, or closed the connection")
		}
		state := StateReconnecting
		if errors.Is(err, ErrRefused) && !connected {
			state = StateFailed
		}
		t.update(func() {
			t.state, t.err = state, err
			t.clock.stop()
		})
		if connected {
			waits.Reset()
		}
		if state == StateFailed {
			return
		}
		if !waits.Wait(ctx) {
			t.end()
			return
		}
	}
}

// end says that nothing more comes.
func (t *trace) end() {
	t.update(func() {
		t.state, t.err = StateEnded, nil
		t.clock.stop()
	})
}

// connect follows one stream to its end.
func (t *trace) connect(ctx context.Context) (connected bool, err error) {
	in, err := t.open(ctx)
	if err != nil {
		return false, err
	}
	defer in.Close()
	defer context.AfterFunc(ctx, func() { in.Close() })() // ends a Read that blocks
	input, err := t.read(in)
	if err != nil {
		return false, err
	}
	f := newFeed(input)
	t.update(t.goOn)
	s := &session{trace: t, feed: f, index: index.New(index.Config{MaxBytes: t.keep}), clock: startClock()}
	s.run(ctx)
	return true, f.err
}

// goOn says that events come. Who calls it has the lock.
func (t *trace) goOn() {
	t.state, t.err = StateLive, nil
	if t.paused {
		t.state = StatePaused
	}
}

func (t *trace) isPaused() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.paused
}

// A session is one stream of events that are shown as they come.
type session struct {
	trace *trace
	feed  *feed
	index *index.Index
	clock clock
	past  bool // it is no process's, and its time isn't the present one
	fresh bool // there are events that aren't published
	shown bool // it is what the page shows

	skipped int64 // events that were left out since the pause began
	last    int64 // the latest time of an event, on the stream's clock
}

// run takes in what comes until the stream ends, and publishes it now and then. When ctx ends, what still comes is dropped.
func (s *session) run(ctx context.Context) {
	tick := time.NewTicker(publishInterval)
	defer tick.Stop()
	for done := ctx.Done(); ; {
		select {
		case b, ok := <-s.feed.full:
			if !ok {
				s.end()
				return
			}
			s.take(b, ctx.Err() != nil)
		case <-tick.C:
			if b := s.feed.partial(); b != nil {
				s.take(b, false)
			}
			began := time.Now()
			s.publish()
			tick.Reset(max(publishInterval, publishShare*time.Since(began)))
		case <-done:
			tick.Stop()
			done = nil
		}
	}
}

// end publishes the last of a stream.
func (s *session) end() {
	if s.past {
		s.losses()
		s.show(s.index.Finish())
		return
	}
	s.publish()
}

// take takes in a batch of events, or drops it.
func (s *session) take(b *tracefmt.Batch, drop bool) {
	defer s.feed.giveBack(b)
	if drop {
		return
	}
	s.trace.events.Add(int64(len(b.Events)))
	paused := s.trace.isPaused()
	if !paused {
		s.resume()
	}
	for i := range b.Events {
		e := &b.Events[i]
		if e.Kind.Timed() && e.Kind != tracefmt.Clock {
			s.last = max(s.last, e.Until())
		}
		if paused && skippable(e.Kind) {
			s.skipped++
			continue
		}
		s.index.Add(e)
	}
	if !s.past {
		s.clock.saw(s.last)
	}
	s.fresh = true
}

// skippable reports whether an event can be left out without making others wrong: begins and ends can't.
func skippable(k tracefmt.Kind) bool {
	switch k {
	case tracefmt.Complete, tracefmt.Instant, tracefmt.Log, tracefmt.Counter, tracefmt.AsyncInstant,
		tracefmt.FlowStart, tracefmt.FlowStep, tracefmt.FlowEnd:
		return true
	}
	return false
}

// resume marks where events were left out.
func (s *session) resume() {
	if s.skipped == 0 {
		return
	}
	s.index.Lost(s.skipped, "left out during a pause", s.last)
	s.skipped = 0
}

// publish shows what came. The first time, it takes the place of what was shown of another stream.
func (s *session) publish() {
	if !s.fresh {
		s.trace.changed.give() // the time goes on
		return
	}
	s.fresh = false
	if s.clock.known {
		s.index.Reach(s.clock.now())
	}
	s.losses()
	s.show(s.index.Publish())
}

// losses takes in what the reader lost.
func (s *session) losses() {
	if lost, ok := s.feed.losses(); ok {
		s.index.Reading(lost)
	}
}

// show shows a snapshot.
func (s *session) show(snap *index.Snapshot) {
	s.trace.update(func() {
		if !s.shown {
			s.shown = true
			s.trace.session++
		}
		s.trace.snap, s.trace.clock = snap, s.clock
	})
}

// A clock tells what time it is in a process that is followed: it is the time of an event that just came, and goes on. Of several
// events, that which took the shortest time to come counts.
type clock struct {
	began   time.Time
	lag     time.Duration // from an event to when it came, on two clocks that began at different times
	known   bool
	stopped int64 // what it says for ever, if it isn't 0
}

func startClock() clock { return clock{began: time.Now()} }

// saw notes that an event of that time has come just now.
func (c *clock) saw(at int64) {
	if lag := time.Since(c.began) - time.Duration(at); !c.known || lag < c.lag {
		c.lag, c.known = lag, true
	}
}

// now returns the time in ns on the clock of the process.
func (c *clock) now() int64 {
	switch {
	case c.stopped != 0:
		return c.stopped
	case !c.known:
		return 0
	}
	return int64(time.Since(c.began) - c.lag)
}

// stop makes it show the present time for ever.
func (c *clock) stop() {
	if c.known {
		c.stopped = c.now()
	}
}

// live pauses, follows or stops a live trace.
func (v *Viewer) live(w http.ResponseWriter, r *request) error {
	do := r.text("do")
	if !slices.Contains([]string{"pause", "follow", "stop"}, do) {
		r.fail("do=%.100q: want pause, follow or stop", do)
	}
	if r.err != nil {
		return r.err
	}
	t := r.trace
	if !t.source.Live {
		return badRequest("%s is no live trace", t.source.Title)
	}
	t.update(func() {
		if do == "stop" {
			t.stop()
			return
		}
		t.paused = do == "pause"
		if t.state == StateLive || t.state == StatePaused {
			t.goOn()
		}
	})
	_, _ = io.Copy(io.Discard, r.Body) // there is nothing in it that matters
	return answer(w, t.news())
}
