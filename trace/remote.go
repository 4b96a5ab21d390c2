package trace

import (
	"context"
	"strings"
	"sync/atomic"

	"github.com/spanstack/spanstack/internal/logslot"
)

// Remote describes a span of another process, on whose behalf this one works.
type Remote struct {
	Ref
	Stack     string // its ID stack there, which prefixes those here; "": only its ID does
	State     string // what other tracers want to be passed on with the trace: tracestate, of W3C Trace Context, section 3.3
	Unsampled bool   // the trace isn't to be exported; the flight recorder has it all the same
}

// A lineage is what goes with a trace besides its ID. nil is that of a trace that began here.
type lineage struct {
	state     string
	unsampled bool
}

// maxState is how much of a tracestate is passed on, in bytes: W3C Trace Context, section 3.3.1.5.
const maxState = 512

// WithRemote returns a context whose root tasks are children of a span in another process: they have its trace ID, and
// their ID stacks begin with its own. Nothing is recorded for it.
func WithRemote(ctx context.Context, r Remote) context.Context {
	rec := RecorderFromContext(ctx)
	h := &host{rec: rec, shard: rec.pickShard(), trace: r.Trace}
	h.host, h.outer, h.id, h.kind, h.flags = h, outerOf(ctx), r.Span, kindRemote, flagEnded|flagRecorded
	if r.State != "" || r.Unsampled {
		h.lineage = &lineage{state: r.State, unsampled: r.Unsampled}
		if len(r.State) > maxState {
			h.lineage.state = "" // members can't be told apart from here, and half of one must not be passed on
		}
	}
	stack := r.Stack
	if !validStack(stack) {
		stack = string(r.Span.append([]byte{stackTask})) + string(stackTask)
	}
	h.extras().stack.Store(&stack)
	return (*spanContext)(&h.Span)
}

// validStack reports whether a text from elsewhere may become a part of our ID stacks: it looks like one, and isn't
// longer than one can be.
func validStack(s string) bool {
	return len(s) > 1 && len(s) <= (MaxStack+2)*(idWidth+1) && s[0] == stackTask && s[len(s)-1] == stackTask &&
		strings.Trim(s, idAlphabet+"/.~+0189") == ""
}

// A Hook lets the spans of another tracer and ours be each other's parents, although neither knows the other: see
// [Recorder.SetHook].
type Hook struct {
	Key any // by which the other tracer finds its innermost span in a context

	// Value returns what the other tracer finds under Key in the context of one of our spans.
	Value func(*Span) any

	// Span returns which of our spans stands for a value under Key: the one that Value was called with, or one that
	// was made for a span of the other tracer. It returns nil for values that have none.
	Span func(value any) *Span
}

// hooked says that some recorder has a hook, so that programs without one never pay for it.
var hooked atomic.Bool

// SetHook makes contexts with spans of r answer for another tracer's key, and [FromContext] find the innermost span
// of both tracers. It should be called before the first span is started. nil removes the hook.
func (r *Recorder) SetHook(h *Hook) {
	r.hook.Store(h)
	if h != nil {
		hooked.Store(true)
		logslot.Mix()
	}
}
