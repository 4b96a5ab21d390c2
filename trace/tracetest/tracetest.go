package tracetest

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/spanstack/spanstack/trace"
)

// Strict returns a context with a recorder of the test's own. A misuse of package trace fails the test, with the place
// of the call, and so does what is open when the test and its cleanups are over.
func Strict(t testing.TB) context.Context {
	t.Helper()
	ctx := trace.WithRecorder(t.Context(), trace.NewRecorder(trace.Config{
		Logger:    slog.New(slog.DiscardHandler),
		OnAnomaly: func(a trace.Anomaly) { t.Errorf("%v", a) },
	}))
	t.Cleanup(func() { NoLeaks(t, ctx) })
	return ctx
}

// Lenient is like [Strict], but nothing fails the test. It is for tests of misuse.
func Lenient(t testing.TB) context.Context {
	t.Helper()
	return trace.WithRecorder(t.Context(), trace.NewRecorder(trace.Config{Logger: slog.New(slog.DiscardHandler)}))
}

// NoLeaks fails the test if tasks or spans are open in the recorders of the contexts, or, without any, in the default
// recorder. Call it at the end, or defer it.
func NoLeaks(t testing.TB, ctxs ...context.Context) {
	t.Helper()
	recorders := []*trace.Recorder{trace.Default()}
	if len(ctxs) > 0 {
		recorders = recorders[:0]
		for _, ctx := range ctxs {
			recorders = append(recorders, trace.RecorderFromContext(ctx))
		}
	}
	for _, rec := range recorders {
		for _, r := range rec.Active() {
			if r.Phase == trace.PhaseBegin && r.Name != trace.StartedWhileOff {
				t.Errorf("%s %q (%v) was not ended", r.Kind, r.Name, r.ID)
			}
		}
	}
}

// Tree renders all tasks, spans and instants of ctx's recorder as an indented tree, siblings in the order of
// their start, without times and IDs:
//
//	task replicate dataset=tank/home
//	  span zfs list
//	    event retry n=1
//	  task step error="exit status 1"
//
// What is still open is marked "(open)". Tasks that are started by [trace.WithTaskGroup] and [trace.Go] are in the order
// of those calls; for tasks that goroutines start themselves, the order is that in which they happened to run: see
// [SortedTree].
func Tree(t testing.TB, ctx context.Context) string {
	return render(t, ctx, func(a, b node) int { return cmp.Compare(a.start, b.start) })
}

// SortedTree is like [Tree], but sibling tasks and async spans come after spans and instants, and are sorted by their
// text, so that it does not matter in which order they ran.
func SortedTree(t testing.TB, ctx context.Context) string {
	return render(t, ctx, func(a, b node) int {
		if a.concurrent && b.concurrent {
			return cmp.Compare(a.text, b.text)
		}
		if a.concurrent != b.concurrent {
			return map[bool]int{false: -1, true: 1}[a.concurrent]
		}
		return cmp.Compare(a.start, b.start)
	})
}

// node is a rendered record with everything below it.
type node struct {
	start      int64
	concurrent bool
	text       string
}

func render(t testing.TB, ctx context.Context, order func(a, b node) int) string {
	if t != nil {
		t.Helper()
	}
	children := map[trace.ID][]trace.Record{}
	records := trace.RecorderFromContext(ctx).Snapshot()
	known := map[trace.ID]bool{}
	for _, r := range records {
		known[r.ID] = true
	}
	for _, r := range records {
		if r.Kind == trace.KindClock {
			continue
		}
		parent := r.Parent
		if !known[parent] {
			parent = 0
		}
		children[parent] = append(children[parent], r)
	}
	var walk func(parent trace.ID, indent string) string
	walk = func(parent trace.ID, indent string) string {
		var nodes []node
		for _, r := range children[parent] {
			n := node{r.Start, r.Kind == trace.KindTask || r.Kind == trace.KindAsync, indent + line(r) + "\n"}
			if r.ID != 0 {
				n.text += walk(r.ID, indent+"  ")
			}
			nodes = append(nodes, n)
		}
		slices.SortStableFunc(nodes, order)
		var b strings.Builder
		for _, n := range nodes {
			b.WriteString(n.text)
		}
		return b.String()
	}
	return walk(0, "")
}

func line(r trace.Record) string {
	var b strings.Builder
	b.WriteString(r.Kind.String())
	if r.Name != "" {
		b.WriteString(" " + oneLine(r.Name))
	}
	if r.Kind == trace.KindCounter {
		b.WriteString("=" + r.Value.String())
	}
	for _, a := range r.Attrs {
		if r.Kind == trace.KindAnomaly && a.Key == "site" {
			continue // changes with every edit of the file
		}
		fmt.Fprintf(&b, " %s=%s", a.Key, quoted(a.Value.String()))
	}
	switch r.Status {
	case trace.StatusError:
		b.WriteString(" error=" + quoted(r.Err))
	case trace.StatusCancelled:
		b.WriteString(" cancelled=" + quoted(r.Err))
	}
	if r.Phase == trace.PhaseBegin {
		b.WriteString(" (open)")
	}
	return b.String()
}

func quoted(s string) string {
	if s == "" || strings.ContainsAny(s, " \t\n\"=") {
		return fmt.Sprintf("%q", s)
	}
	return s
}

// oneLine quotes a name that would break the lines of a tree.
func oneLine(s string) string {
	if strings.ContainsFunc(s, unicode.IsControl) {
		return fmt.Sprintf("%q", s)
	}
	return s
}
