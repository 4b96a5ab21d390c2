package daemon

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/tracetest"
	"github.com/spanstack/spanstack/tracefmt"
)

// farTraceOf is what an agent writes: these events, on its clock, which is ahead by an hour.
func farTraceOf(t *testing.T, events ...tracefmt.Event) *bytes.Buffer {
	t.Helper()
	out := &bytes.Buffer{}
	w := tracefmt.Lookup("chrome").NewWriter(out)
	for i, e := range append([]tracefmt.Event{{Kind: tracefmt.Clock, Unix: time.Now().Add(time.Hour).UnixNano()},
		{Kind: tracefmt.Process, Track: 1, Name: "zferry"}}, events...) {
		if i > 1 {
			e.Track = 2
		}
		if err := w.Write(&e); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil { // and no Close: the connection ends
		t.Fatal(err)
	}
	return out
}

// TestFarSpans: what an agent did for a run is below the span that asked for it, at its time; what it did for others isn't there.
func TestFarSpans(t *testing.T) {
	ctx := tracetest.Strict(t)
	begun := time.Now()
	ctx, task := trace.WithTask(ctx, "job")
	run := []tracefmt.Attr{{Key: "trace_id", Value: tracefmt.String(task.Ref().Trace.String())}}
	root, id := task.ID().String(), func(n trace.ID) string { return (1<<40 + n).String() }
	in := farTraceOf(t,
		tracefmt.Event{Kind: tracefmt.Begin, Time: 1e6, Name: "agent trace", ID: id(1), Parent: root, Attrs: run},
		tracefmt.Event{Kind: tracefmt.Begin, Time: 2e6, Name: "agent receive", ID: id(2), Parent: root, Attrs: run},
		tracefmt.Event{Kind: tracefmt.Log, Time: 3e6, Name: "hello", Parent: id(2), Severity: tracefmt.SeverityWarn},
		tracefmt.Event{Kind: tracefmt.Complete, Time: 3e6, Dur: 2e6, Name: "zfs receive", ID: id(3), Parent: id(2), Attrs: []tracefmt.Attr{
			{Key: "process.pid", Value: tracefmt.Int64(7)}, {Key: tracefmt.AttrError, Value: tracefmt.String("no space")}}},
		tracefmt.Event{Kind: tracefmt.Complete, Time: 3e6, Dur: 2e6, Name: "for another run", ID: id(4), Parent: id(99)},
		tracefmt.Event{Kind: tracefmt.Complete, Time: 3e6, Dur: 2e6, Name: "without an ID", Parent: id(2)},
		tracefmt.Event{Kind: tracefmt.End, Time: 9e6, Attrs: []tracefmt.Attr{{Key: "bytes", Value: tracefmt.Int64(5)}}},
		tracefmt.Event{Kind: tracefmt.Begin, Time: 9e6, Name: "agent send", ID: id(5), Parent: root, Attrs: run},
	)
	a := &farAgent{ctx: ctx, host: "nas", clock: func() (time.Duration, time.Duration) { return time.Hour, 0 }}
	a.read(in)
	task.End()
	tree := tracetest.SortedTree(t, ctx)
	for _, want := range []string{"agent receive", "bytes=5", "zfs receive", "no space", "hello", "agent send", "end=unknown", "agent.host=nas"} {
		if !strings.Contains(tree, want) {
			t.Errorf("there is no %q", want)
		}
	}
	for _, other := range []string{"agent trace", "for another run", "without an ID"} {
		if strings.Contains(tree, other) {
			t.Errorf("there is %q", other)
		}
	}
	for _, r := range trace.RecorderFromContext(ctx).Snapshot() {
		if r.Name != "zfs receive" {
			continue
		}
		at := trace.RecorderFromContext(ctx).Epoch().Add(time.Duration(r.Start))
		if d := at.Sub(begun); d < 0 || d > time.Minute || r.End-r.Start != 2e6 || ElsewhereOf(&r) != "nas" {
			t.Errorf("it began %v after the test, and took %d ns: %+v", d, r.End-r.Start, r)
		}
	}
	if t.Failed() {
		t.Log(tree)
	}
}

// TestFarSpansHostile: an agent can't have as much open as it likes, and what isn't a trace is the end of it.
func TestFarSpansHostile(t *testing.T) {
	ctx := tracetest.Strict(t)
	ctx, task := trace.WithTask(ctx, "job")
	defer task.End()
	run := []tracefmt.Attr{{Key: "trace_id", Value: tracefmt.String(task.Ref().Trace.String())}}
	var events []tracefmt.Event
	for i := range maxFarOpen + 100 {
		events = append(events, tracefmt.Event{Kind: tracefmt.Begin, Time: int64(i), Name: "agent x", ID: trace.ID(1<<40 + i).String(), Parent: task.ID().String(), Attrs: run})
	}
	clock := func() (time.Duration, time.Duration) { return 0, 0 }
	a := &farAgent{ctx: ctx, host: "nas", clock: clock}
	a.read(farTraceOf(t, events...))
	if a.open != maxFarOpen+1 || len(a.known) != maxFarOpen {
		t.Errorf("%d open, %d known", a.open, len(a.known))
	}
	events = events[:0]
	for i := range maxFarKnown + 100 {
		events = append(events, tracefmt.Event{Kind: tracefmt.Complete, Time: int64(i), Name: "agent x", ID: trace.ID(1<<41 + i).String(), Parent: task.ID().String(), Attrs: run})
	}
	a = &farAgent{ctx: ctx, host: "nas", clock: clock}
	a.read(farTraceOf(t, events...))
	if len(a.known) != maxFarKnown || len(a.order) != maxFarKnown {
		t.Errorf("%d known, %d in order", len(a.known), len(a.order))
	}
	for _, text := range []string{"", "[", "no trace", `[{"ph":"E","ts":1,"pid":1,"tid":1},`, `[{"ph":"B"},{"ph":`, fmt.Sprint(events)} {
		a := &farAgent{ctx: ctx, host: "nas", clock: clock}
		a.read(strings.NewReader(text))
		if len(a.known) > 0 {
			t.Errorf("%.20s: %d known", text, len(a.known))
		}
	}
}
