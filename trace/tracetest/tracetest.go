package tracetest

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/trace"
)

// Context returns a context with a recorder of the test's own. A misuse of package trace fails the test, with the
// place of the call.
func Context(t testing.TB) context.Context {
	t.Helper()
	return trace.WithRecorder(t.Context(), trace.NewRecorder(trace.Config{
		Logger:    slog.New(slog.DiscardHandler),
		OnAnomaly: func(a trace.Anomaly) { t.Errorf("%v", a) },
	}))
}

// Lenient is like [Context], but misuse doesn't fail the test. It is for tests of misuse.
func Lenient(t testing.TB) context.Context {
	t.Helper()
	return trace.WithRecorder(t.Context(), trace.NewRecorder(trace.Config{Logger: slog.New(slog.DiscardHandler)}))
}

// NoLeaks fails the test if tasks or spans of ctx's recorder are open. Call it at the end, or defer it.
func NoLeaks(t testing.TB, ctx context.Context) {
	t.Helper()
	for _, r := range trace.RecorderFromContext(ctx).Active() {
		t.Errorf("%s %q (%v) was not ended", r.Kind, r.Name, r.ID)
	}
}

// Tree renders all tasks, spans, events and log lines of ctx's recorder as an indented tree, siblings in the order of
// their start, without times and IDs:
//
//	task replicate dataset=tank/home
//	  span zfs list
//	    event retry n=1
//	  task step error="exit status 1"
//
// What is still open is marked "(open)".
func Tree(ctx context.Context) string {
	records := trace.RecorderFromContext(ctx).Snapshot()
	children := map[trace.ID][]trace.Record{}
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
	var b strings.Builder
	var walk func(parent trace.ID, indent string)
	walk = func(parent trace.ID, indent string) {
		list := children[parent]
		slices.SortStableFunc(list, func(a, b trace.Record) int { return cmp.Compare(a.Start, b.Start) })
		for _, r := range list {
			b.WriteString(indent + line(r) + "\n")
			if r.ID != 0 {
				walk(r.ID, indent+"  ")
			}
		}
	}
	walk(0, "")
	return b.String()
}

func line(r trace.Record) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", r.Kind, r.Name)
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
