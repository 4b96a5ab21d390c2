package daemon

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/tracefmt"
	_ "github.com/spanstack/spanstack/tracefmt/chrome" // which agents write
	"github.com/spanstack/spanstack/zfssend/remote"
)

// farSpans brings what agents do for a run into the recorder, as async spans, while it happens. So whoever looks at the daemon sees
// both sides, by all that looks at its recorder: a file, a live trace, the flight recorder, and what is open.
type farSpans struct {
	ctx context.Context // of the run

	mu     sync.Mutex
	agents []*farAgent
}

// settle is how long the last records of an agent may take to come.
const settle = 600 * time.Millisecond

// fewStreams is how many streams at a time are too few for one of them to be a trace.
const fewStreams = 8

// follow follows an agent until end. That it may not be seen is no reason not to work, and said at level debug only: nobody has asked for a trace.
func (f *farSpans) follow(_ context.Context, host *remote.Host, name string) {
	if host.Agent().MaxStreams < fewStreams {
		return
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(f.ctx))
	in, err := host.Trace(ctx)
	if err != nil {
		logging.GetLogger(f.ctx, subsystem).Debug("what the other host's agent does isn't in traces", "host", name, "error", err)
		stop()
		return
	}
	a := &farAgent{ctx: f.ctx, host: name, clock: host.Clock, stop: stop, ended: make(chan struct{})}
	f.mu.Lock()
	f.agents = append(f.agents, a)
	f.mu.Unlock()
	go func() {
		defer close(a.ended)
		defer in.Close()
		a.read(in)
	}()
}

// end waits for what agents have done until now, and follows them no longer. It is called before the connections are closed.
func (f *farSpans) end() {
	f.mu.Lock()
	agents := f.agents
	f.agents = nil
	f.mu.Unlock()
	if len(agents) == 0 {
		return
	}
	_, span := trace.WithSpan(f.ctx, "disconnect")
	defer span.End()
	time.Sleep(settle)
	for _, a := range agents {
		a.stop()
		<-a.ended // by that, or since the connection has ended
	}
}

// farAgent makes spans of an agent's trace, of which one goroutine reads.
type farAgent struct {
	ctx   context.Context // of the run, to whose trace the spans belong
	host  string
	clock func() (ahead, bound time.Duration)
	stop  context.CancelFunc
	ended chan struct{}

	epoch  time.Time                        // the agent's clock at the time 0 of its trace
	known  map[string]*trace.Span           // by ID, the last ones
	order  []string                         // of known, the oldest first
	stacks map[tracefmt.TrackID][]farOpened // of what is open
	open   int
}

// farOpened is an open span of the agent. Its span is nil if it isn't ours.
type farOpened struct {
	span  *trace.Span
	at    int64     // when it began, in the agent's trace
	begun time.Time // and on this host's clock
}

// Bounds of what is believed of an agent.
const (
	maxFarOpen  = 1000
	maxFarKnown = 4096
)

var errFarOpen = errors.New("more spans are open than an agent can have")

// read reads an agent's trace to its end, and ends what is open then.
func (a *farAgent) read(in io.Reader) {
	a.known, a.stacks = make(map[string]*trace.Span), make(map[tracefmt.TrackID][]farOpened)
	r := tracefmt.Lookup("chrome").NewReader(in)
	e, err := r.Next()
	for ; err == nil; e, err = r.Next() {
		if err = a.event(e); err != nil {
			break
		}
	}
	for _, stack := range a.stacks {
		for _, o := range stack {
			o.span.SetAttrs(slog.String("end", "unknown"))
			o.span.End()
		}
	}
}

// event takes in an event.
func (a *farAgent) event(e *tracefmt.Event) error {
	switch e.Kind {
	case tracefmt.Clock:
		a.epoch = time.Unix(0, e.Unix-e.Time)
	case tracefmt.Begin:
		if a.open++; a.open > maxFarOpen {
			return errFarOpen
		}
		a.stacks[e.Track] = append(a.stacks[e.Track], a.begin(e))
	case tracefmt.End:
		stack := a.stacks[e.Track]
		if len(stack) == 0 {
			break
		}
		a.open--
		a.stacks[e.Track] = stack[:len(stack)-1]
		a.finish(stack[len(stack)-1], e, e.Time)
	case tracefmt.Complete:
		a.finish(a.begin(e), e, e.Until())
	case tracefmt.Log:
		if s := a.known[e.Parent]; s != nil {
			s.Log(a.timeOf(e.Time), slog.Level(e.Severity)-slog.Level(tracefmt.SeverityInfo), e.Name, farAttrs(e)...)
		}
	case tracefmt.Instant:
		if s := a.known[e.Parent]; s != nil {
			s.EventAt(a.timeOf(e.Time), e.Name, farAttrs(e)...)
		}
	}
	return nil
}

// timeOf returns a time of the agent's trace on this host's clock. It is reckoned from now, so that a wall clock that was set since the
// recorder began does no harm.
func (a *farAgent) timeOf(ns int64) time.Time {
	ahead, _ := a.clock()
	now := time.Now()
	return now.Add(a.epoch.Add(time.Duration(ns) - ahead).Sub(now.Round(0)))
}

// begin begins a span, if it is one of the run: an agent that listens has others. That it is asked for its trace isn't of interest.
func (a *farAgent) begin(e *tracefmt.Event) (o farOpened) {
	run := trace.FromContext(a.ctx).Ref().Trace
	id, err := trace.ParseID(e.ID)
	parent, parentErr := trace.ParseID(e.Parent)
	ours := a.known[e.Parent] != nil || e.Attr("trace_id").String() == run.String()
	if err != nil || parentErr != nil || !ours || a.epoch.IsZero() || e.Name == "agent trace" {
		return o
	}
	o.at, o.begun = e.Time, a.timeOf(e.Time)
	ctx := trace.WithRemote(a.ctx, trace.Remote{Ref: trace.Ref{Trace: run, Span: parent}})
	c := trace.AsyncConfig{Ref: trace.Ref{Trace: run, Span: id}, Start: o.begun}
	_, o.span = c.Begin(ctx, e.Name, append(farAttrs(e), slog.String(hostKey, a.host))...)
	if len(a.order) == maxFarKnown {
		delete(a.known, a.order[0])
		a.order = a.order[1:]
	}
	a.known[e.ID], a.order = o.span, append(a.order, e.ID)
	return o
}

// finish ends a span.
func (a *farAgent) finish(o farOpened, e *tracefmt.Event, at int64) {
	if o.span == nil {
		return
	}
	if e.Kind == tracefmt.End {
		o.span.SetAttrs(farAttrs(e)...)
	}
	if e.Failed() {
		o.span.SetError(errors.New(e.Attr(tracefmt.AttrError).String()))
	}
	o.span.EndAt(o.begun.Add(time.Duration(at - o.at)))
}

// hostKey is the attribute of spans that aren't of this host: the number of a process in it is one of that host.
const hostKey = "agent.host"

// ElsewhereOf returns the host that a span is of, "" for this one.
func ElsewhereOf(r *trace.Record) string {
	for _, a := range r.Attrs {
		if a.Key == hostKey {
			return a.Value.String()
		}
	}
	return ""
}

// farAttrs returns an event's attributes, without those that spans have otherwise.
func farAttrs(e *tracefmt.Event) (attrs []slog.Attr) {
	for _, at := range e.Attrs {
		switch at.Key {
		case "trace_id", tracefmt.AttrError:
			continue
		}
		attrs = append(attrs, slog.Any(at.Key, farValue(at.Value)))
	}
	return attrs
}

func farValue(v tracefmt.Value) any {
	switch v.Kind() {
	case tracefmt.BoolValue:
		b, _ := v.Bool()
		return b
	case tracefmt.Int64Value:
		n, _ := v.Int64()
		return n
	case tracefmt.Uint64Value:
		n, _ := v.Uint64()
		return n
	case tracefmt.Float64Value:
		f, _ := v.Float64()
		return f
	case tracefmt.RawValue:
		return trace.JSON(v.String())
	}
	return v.String()
}
