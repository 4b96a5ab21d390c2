package capture

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/tracefmt"
)

// eventBatch is how many events an [Events] hands on at a time, at most.
const eventBatch = 1024

// Events is a live trace as events, for who reads it within the program: what [OpenStream] would have, without the work
// of writing bytes and reading them again. It is a [tracefmt.Reader] for one goroutine, and Close may be called by
// another one.
type Events struct {
	cancel context.CancelFunc
	once   sync.Once
	closed chan struct{} // by once, when nothing is read any more
	ended  chan struct{} // when nothing is written any more
	err    error         // of the writing, then

	full chan *tracefmt.Batch
	free chan *tracefmt.Batch
	rest *tracefmt.Batch // what Next goes through, from number next on
	next int
}

// OpenEvents returns what StreamLast writes, as events. Whoever has it closes it. As with a stream, the program isn't
// delayed by who reads it slowly, or not at all: what it is too late for is lost, and an event says where, and how much.
func OpenEvents(ctx context.Context, rec *trace.Recorder, last time.Duration) *Events {
	ctx, cancel := context.WithCancel(ctx)
	s := &Events{cancel: cancel, closed: make(chan struct{}), ended: make(chan struct{}),
		full: make(chan *tracefmt.Batch), free: make(chan *tracefmt.Batch, 1), rest: new(tracefmt.Batch)}
	go func() {
		defer close(s.ended)
		p := pumpLast(&eventWriter{to: s, current: new(tracefmt.Batch)}, rec, last)
		if err := p.run(ctx.Done()); err != nil {
			s.err = fmt.Errorf("stream trace: %w", err)
			return
		}
		s.err = p.w.Close()
	}()
	return s
}

// Next implements [tracefmt.Reader]. After the end of the context it returns io.EOF, and after Close it may return
// io.ErrClosedPipe.
func (s *Events) Next() (*tracefmt.Event, error) {
	for s.next == len(s.rest.Events) {
		s.rest.Reset()
		select {
		case s.free <- s.rest:
		default: // there is one already
		}
		select {
		case s.rest = <-s.full:
			s.next = 0
		case <-s.ended:
			s.rest, s.next = new(tracefmt.Batch), 0
			if s.err != nil {
				return nil, s.err
			}
			return nil, io.EOF
		}
	}
	s.next++
	return &s.rest.Events[s.next-1], nil
}

// Close ends it, and waits until nothing of it is left. It may be called while Next blocks, and twice.
func (s *Events) Close() error {
	s.cancel()
	s.once.Do(func() { close(s.closed) })
	<-s.ended
	return nil
}

// eventWriter is the other end of an Events.
type eventWriter struct {
	to      *Events
	current *tracefmt.Batch
}

// Write implements [tracefmt.Writer].
func (w *eventWriter) Write(e *tracefmt.Event) error {
	w.current.Add(e)
	if len(w.current.Events) == eventBatch {
		return w.Flush()
	}
	return nil
}

// Flush hands on what was written, and waits until it is taken.
func (w *eventWriter) Flush() error {
	if len(w.current.Events) == 0 {
		return nil
	}
	select {
	case w.to.full <- w.current:
	case <-w.to.closed:
		return io.ErrClosedPipe
	}
	select {
	case w.current = <-w.to.free:
	default:
		w.current = new(tracefmt.Batch)
	}
	return nil
}

// Close implements [tracefmt.Writer].
func (w *eventWriter) Close() error { return w.Flush() }
