package otelbridge

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/spanstack/spanstack/trace"
)

// StackMember is the key of the tracestate's member that has the ID stack: W3C Trace Context, section 3.3.
const StackMember = "spanstack"

// maxStackMember is the length of a member's value, in bytes: W3C Trace Context, section 3.3.1.3.2.
const maxStackMember = 256

// Propagator is W3C Trace Context with the ID stack: what another process does for a span of this one has an ID stack
// that begins with the span's. Any other propagator for the traceparent header will do, too; then the stack begins with
// the span's ID alone. The zero value is ready for use.
type Propagator struct{ propagation.TraceContext }

// Inject implements propagation.TextMapPropagator.
func (p Propagator) Inject(ctx context.Context, carrier propagation.TextMapCarrier) {
	sc := oteltrace.SpanContextFromContext(ctx)
	if stack := trace.Stack(ctx); sc.IsValid() && len(stack) <= maxStackMember {
		if state, err := sc.TraceState().Insert(StackMember, stack); err == nil {
			ctx = oteltrace.ContextWithSpanContext(ctx, sc.WithTraceState(state))
		}
	}
	p.TraceContext.Inject(ctx, carrier)
}
