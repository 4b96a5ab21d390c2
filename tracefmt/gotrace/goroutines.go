package gotrace

import (
	"strconv"

	"github.com/spanstack/spanstack/tracefmt"
	"golang.org/x/exp/trace"
)

var stateNames = map[trace.GoState]string{
	trace.GoRunnable: "runnable", trace.GoRunning: "running", trace.GoWaiting: "waiting", trace.GoSyscall: "syscall",
}

func (r *Reader) goroutine(id trace.GoID) *goroutine {
	if r.recent != nil && r.recentID == id {
		return r.recent
	}
	g := r.goroutines[id]
	if g == nil {
		g = &goroutine{}
		r.goroutines[id] = g
	}
	r.recent, r.recentID = g, id
	return g
}

// located returns the goroutine that an event happened on, and declares its track if it has none yet. What happened on
// none is the process's.
func (r *Reader) located(e *trace.Event) *goroutine {
	id := e.Goroutine()
	if id == trace.NoGoroutine {
		return &r.nowhere
	}
	g := r.goroutine(id)
	if g.track == 0 {
		r.meet(id, e.Stack())
		r.last++
		g.track = r.last
		r.declare(g, id)
	}
	return g
}

// declare tells what is known of a goroutine's track.
func (r *Reader) declare(g *goroutine, id trace.GoID) {
	e := r.emit(tracefmt.Track, g.track, 0)
	e.Process, e.SourceID, e.Name = processTrack, tracefmt.Int64(int64(id)), g.title(id)
	if g.label != "" {
		e.Attrs = append(e.Attrs, tracefmt.Attr{Key: AttrLabel, Value: tracefmt.String(g.label)})
	}
}

func (r *Reader) declareStates(g *goroutine, id trace.GoID) {
	e := r.emit(tracefmt.Track, g.states, 0)
	e.Process, e.SourceID = processTrack, tracefmt.String("states of "+strconv.FormatInt(int64(id), 10))
	e.Name = g.title(id) + " (states)"
}

func (g *goroutine) title(id trace.GoID) string {
	if g.name == "" {
		return "goroutine " + strconv.FormatInt(int64(id), 10)
	}
	return g.name
}

func (r *Reader) label(l trace.Label) {
	if l.Resource.Kind != trace.ResourceGoroutine {
		return
	}
	id := l.Resource.Goroutine()
	if g := r.goroutine(id); g.label != l.Label {
		if g.label = l.Label; g.track != 0 {
			r.declare(g, id)
		}
	}
}

// transition handles a goroutine's change of state.
func (r *Reader) transition(s *trace.StateTransition, time int64) {
	id := s.Resource.Goroutine()
	from, to := s.Goroutine()
	if to == trace.GoNotExist {
		if g := r.goroutines[id]; g != nil {
			r.endOf(g, time)
			delete(r.goroutines, id)
			r.recent = nil
		}
		return
	}
	if !r.States {
		if from == trace.GoNotExist || from == trace.GoUndetermined {
			r.meet(id, s.Stack)
		}
		return
	}
	g := r.meet(id, s.Stack)
	if g.states == 0 {
		r.last++
		g.states = r.last
		r.declareStates(g, id)
	}
	if to == g.state {
		return // a generation repeats it
	}
	r.endState(g, time)
	g.state, g.since, g.reason = to, time, s.Reason
}

// meet notes the function that a goroutine started with: the outermost frame of its stack, or of the one that it begins
// with.
func (r *Reader) meet(id trace.GoID, stack trace.Stack) *goroutine {
	g := r.goroutine(id)
	if g.name != "" || stack == trace.NoStack {
		return g
	}
	for frame := range stack.Frames() {
		g.name = frame.Func
	}
	if g.name == "" {
		return g
	}
	if g.track != 0 {
		r.declare(g, id)
	}
	if g.states != 0 {
		r.declareStates(g, id)
	}
	return g
}

// endOf ends what a goroutine leaves open.
func (r *Reader) endOf(g *goroutine, time int64) {
	for range g.regions {
		e := r.emit(tracefmt.End, g.track, time)
		e.Attrs = append(e.Attrs, clipped)
	}
	r.endState(g, time)
}

// endState adds the slice of a state that a goroutine was in until now.
func (r *Reader) endState(g *goroutine, time int64) {
	if g.states != 0 && stateNames[g.state] != "" {
		r.stateSlice(g, time-g.since)
	}
}

func (r *Reader) stateSlice(g *goroutine, dur int64) {
	e := r.emit(tracefmt.Complete, g.states, g.since)
	e.Dur, e.Name, e.Category = dur, stateNames[g.state], CategoryState
	if g.reason != "" {
		e.Attrs = append(e.Attrs, tracefmt.Attr{Key: AttrReason, Value: tracefmt.String(g.reason)})
	}
}
