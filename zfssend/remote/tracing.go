package remote

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"

	"github.com/spanstack/spanstack/trace"
)

// A request carries W3C Trace Context. The ID stack is the member of the tracestate that package otelbridge puts there, too,
// or, where it is longer than a member may be, a header of its own.
const (
	headerParent = "Traceparent"
	headerState  = "Tracestate"
	headerStack  = "Spanstack-Stack"

	stackMember    = "spanstack"
	maxStackMember = 256      // W3C Trace Context, section 3.3.1.3.2
	maxTraceHeader = 2 * 1024 // of anything longer, nothing is believed
)

// inject puts the span of ctx into the headers of a request.
func inject(ctx context.Context, h http.Header) {
	span := trace.FromContext(ctx)
	ref := span.Ref()
	if ref.Trace.IsZero() || ref.Span == 0 {
		return
	}
	flags := 0
	if span.Sampled() {
		flags = 1
	}
	h.Set(headerParent, fmt.Sprintf("00-%v-%016x-%02x", ref.Trace, uint64(ref.Span), flags))
	stack, state := span.Stack(), span.TraceState()
	if len(stack) > maxStackMember {
		h.Set(headerStack, stack)
	} else {
		state = strings.TrimSuffix(stackMember+"="+stack+","+state, ",")
	}
	if state != "" {
		h.Set(headerState, state)
	}
}

// extract returns a context in which tasks go on from the span that the headers name, ctx itself if there is none.
func extract(ctx context.Context, h http.Header) context.Context {
	r, ok := parseParent(h.Get(headerParent))
	if !ok {
		return ctx
	}
	var rest []string
	if state := h.Get(headerState); len(state) <= maxTraceHeader {
		for member := range strings.SplitSeq(state, ",") {
			member = strings.TrimSpace(member)
			if stack, ours := strings.CutPrefix(member, stackMember+"="); ours {
				r.Stack = stack
			} else if member != "" {
				rest = append(rest, member)
			}
		}
	}
	if stack := h.Get(headerStack); stack != "" && len(stack) <= maxTraceHeader {
		r.Stack = stack
	}
	r.State = strings.Join(rest, ",")
	return trace.WithRemote(ctx, r) // which believes no stack that can't be one
}

// parseParent parses a traceparent: W3C Trace Context, section 3.2.
func parseParent(s string) (r trace.Remote, ok bool) {
	const length = 2 + 1 + 32 + 1 + 16 + 1 + 2
	if len(s) < length || s[:2] == "ff" || s[2] != '-' || s[35] != '-' || s[52] != '-' ||
		len(s) > length && (s[:2] == "00" || s[length] != '-') || s != strings.ToLower(s) {
		return r, false
	}
	var span [8]byte
	var flags [1]byte
	for _, part := range []struct {
		into []byte
		text string
	}{{r.Trace[:], s[3:35]}, {span[:], s[36:52]}, {flags[:], s[53:55]}} {
		if _, err := hex.Decode(part.into, []byte(part.text)); err != nil {
			return r, false
		}
	}
	r.Span, r.Unsampled = trace.ID(binary.BigEndian.Uint64(span[:])), flags[0]&1 == 0
	return r, !r.Trace.IsZero() && r.Span != 0
}
