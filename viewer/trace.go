package viewer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/viewer/internal/index"
)

// A State says what becomes of a trace.
type State string

const (
	StateLoading      State = "loading"      // it is being read
	StateLoaded       State = "loaded"       // all of it is there
	StateLive         State = "live"         // it grows
	StatePaused       State = "paused"       // what comes is left out
	StateReconnecting State = "reconnecting" // the process doesn't answer: what is there is what was before
	StateEnded        State = "ended"        // it was stopped
	StateFailed       State = "failed"       // what could be read is there
)

// Status says how far a trace is.
type Status struct {
	Title    string
	State    State
	Progress float64 // 0 to 1; less than 0 if there is no telling
	Events   int64   // that were read
	Err      error   // what went wrong, with StateFailed and StateReconnecting
}

// A trace is one of those that a viewer shows.
type trace struct {
	source  Source
	keep    int64 // bytes of what may never end; 0 is all
	changed *notice
	stop    context.CancelFunc // ends it

	events atomic.Int64 // that were read
	done   counted      // bytes that were read

	mu      sync.Mutex
	state   State
	err     error
	format  string
	size    int64     // bytes; 0 if it isn't known
	input   io.Closer // what is being read
	closed  bool
	paused  bool // somebody wants it so
	session int  // how many streams there were
	snap    *index.Snapshot
	clock   clock
}

func newTrace(s Source, keep int64, changed *notice, stop context.CancelFunc) *trace {
	t := &trace{source: s, keep: keep, changed: changed, stop: stop, state: StateLoading}
	if s.Live {
		t.snap = index.New(index.Config{}).Snapshot() // nothing yet, which is all that there is
	}
	return t
}

// run reads it, until it is there or ctx ends.
func (t *trace) run(ctx context.Context) {
	defer t.stop()
	if t.source.Live {
		t.follow(ctx)
		return
	}
	snap, err := t.load(ctx)
	t.update(func() { // at once: a page that is told of one without the other would draw twice
		if snap != nil {
			t.snap, t.session = snap, 1
		}
		t.state, t.err = StateLoaded, nil
		if err != nil {
			t.state, t.err = StateFailed, err
		}
	})
}

// update changes something under the lock, and tells that.
func (t *trace) update(change func()) {
	t.mu.Lock()
	change()
	t.mu.Unlock()
	t.changed.give()
}

// open opens the source, for as long as ctx lasts. Its input ends with ctx, or when close is called.
func (t *trace) open(ctx context.Context) (*Input, error) {
	in, err := t.source.Open(ctx)
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		in.Close()
		return nil, context.Canceled
	}
	t.input, t.size = in, in.Size
	return in, nil
}

// close ends the input.
func (t *trace) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	if t.input != nil {
		t.input.Close()
	}
}

// read begins to read an input, of which it finds the format if that isn't known.
func (t *trace) read(in *Input) (*tracefmt.Input, error) {
	if in.Events != nil {
		return &tracefmt.Input{Reader: &stated{Reader: in.Events}}, nil
	}
	t.done.Reader = in
	input := &tracefmt.Input{Format: in.Format}
	if in.Format != nil {
		input.Reader = in.Format.NewReader(&t.done)
	} else {
		var err error
		if input, err = tracefmt.NewReader(&t.done); err != nil {
			return nil, err
		}
	}
	input.Reader = &stated{Reader: input.Reader}
	t.update(func() { t.format = input.Format.Name })
	return input, nil
}

// load reads a trace that ends, or may do so. It returns what there is, unless that is shown already.
func (t *trace) load(ctx context.Context) (*index.Snapshot, error) {
	in, err := t.open(ctx)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	if in.Size <= 0 {
		return nil, t.pour(ctx, in)
	}
	input, err := t.read(in)
	if err != nil {
		return nil, err
	}
	r := &counting{Input: input, total: &t.events}
	x, err := index.Load(ctx, r, func(int64) { t.changed.give() })
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return x.Snapshot(), err
}

// counting counts the events that are read by many at a time.
type counting struct {
	*tracefmt.Input
	total *atomic.Int64
}

func (c *counting) ReadEvents(buf []tracefmt.Event) ([]tracefmt.Event, error) {
	events, err := c.Input.ReadEvents(buf)
	c.total.Add(int64(len(events)))
	return events, err
}

// snapshot returns what there is, or nil.
func (t *trace) snapshot() *index.Snapshot {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.snap
}

// status returns how far it is.
func (t *trace) status() Status {
	t.mu.Lock()
	defer t.mu.Unlock()
	return Status{Title: t.source.Title, State: t.state, Progress: t.progress(), Events: t.events.Load(), Err: t.err}
}

func (t *trace) progress() float64 {
	switch {
	case t.state != StateLoading:
		return 1
	case t.size <= 0:
		return -1
	}
	return min(1, float64(t.done.n.Load())/float64(t.size))
}

// explain words the error for the page. Who calls it has the lock.
func (t *trace) explain() string {
	title, err := t.source.Title, t.err
	switch {
	case err == nil:
		return ""
	case t.source.Live: // whose title is a long address, and stands beside it
		return err.Error()
	}
	text := fmt.Sprintf("read %s: %v", title, err)
	if syntax, ok := errors.AsType[*tracefmt.SyntaxError](err); ok {
		text = fmt.Sprintf("read %s: %s", title, syntax.Detail())
	}
	if errors.Is(err, tracefmt.ErrUnknownFormat) {
		return text + `; "trace-convert formats" lists what can be read`
	}
	return text
}
