package trace_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/tracetest"
)

// TestRandomPrograms runs random sequences of starts and ends, rightly and wrongly nested, and compares what was
// recorded with a model: the tree of parents, which misuse never changes, and each span's kind.
func TestRandomPrograms(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		base := tracetest.Lenient(t)
		type node struct {
			ctx      context.Context
			span     *trace.Span
			name     string
			children []*node
			ended    bool
		}
		root := &node{ctx: base}
		all := []*node{root}
		for i := range rapid.IntRange(1, 40).Draw(rt, "operations") {
			n := all[rapid.IntRange(0, len(all)-1).Draw(rt, "on")]
			if n != root && rapid.Bool().Draw(rt, "end") {
				n.span.End()
				n.ended = true
				continue
			}
			start := []func(context.Context, string) (context.Context, *trace.Span){
				func(ctx context.Context, s string) (context.Context, *trace.Span) { return trace.WithTask(ctx, s) },
				func(ctx context.Context, s string) (context.Context, *trace.Span) { return trace.WithSpan(ctx, s) },
				func(ctx context.Context, s string) (context.Context, *trace.Span) { return trace.WithAsyncSpan(ctx, s) },
			}[rapid.IntRange(0, 2).Draw(rt, "kind")]
			c := &node{name: fmt.Sprint("n", i)}
			c.ctx, c.span = start(n.ctx, c.name)
			n.children = append(n.children, c)
			all = append(all, c)
		}
		rec := trace.RecorderFromContext(base)
		open := 0
		for _, n := range all[1:] {
			if !n.ended {
				open++
			}
		}
		got := 0
		for _, r := range rec.Active() {
			if r.Phase == trace.PhaseBegin {
				got++
			}
		}
		if got != open {
			rt.Fatalf("%d spans active, want %d", got, open)
		}
		var want strings.Builder
		var walk func(n *node, indent string)
		walk = func(n *node, indent string) {
			for _, c := range n.children {
				mark := ""
				if !c.ended {
					mark = " (open)"
				}
				fmt.Fprintf(&want, "%s%s%s\n", indent, c.name, mark)
				walk(c, indent+"  ")
			}
		}
		walk(root, "")
		var recorded strings.Builder
		for _, line := range strings.SplitAfter(tracetest.Tree(t, base), "\n") {
			trimmed := strings.TrimLeft(line, " ")
			kind, rest, _ := strings.Cut(trimmed, " ")
			if kind == "task" || kind == "span" || kind == "async" {
				recorded.WriteString(line[:len(line)-len(trimmed)] + rest)
			}
		}
		if recorded.String() != want.String() {
			rt.Fatalf("recorded:\n%s\nwant:\n%s", recorded.String(), want.String())
		}
		// Strict spans of one task must nest: that is what a picture of it relies on.
		spans := map[trace.ID][]trace.Record{}
		for _, r := range rec.Snapshot() {
			if r.Kind == trace.KindSpan && r.Phase != trace.PhaseBegin {
				spans[r.Task] = append(spans[r.Task], r)
			}
		}
		for _, list := range spans {
			for i, a := range list {
				for _, b := range list[i+1:] { // b starts later
					if b.Start < a.End && b.End > a.End {
						rt.Fatalf("%q and %q overlap without nesting", a.Name, b.Name)
					}
				}
			}
		}
	})
}
