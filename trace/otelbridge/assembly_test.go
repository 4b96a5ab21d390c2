package otelbridge

import (
	"log/slog"
	"testing"
	"time"

	"github.com/spanstack/spanstack/trace"
)

// TestSteppedClock: a step of the wall clock changes neither how long a span was nor the order in it, and what begins
// after it has the new time.
func TestSteppedClock(t *testing.T) {
	rec := trace.NewRecorder(trace.Config{})
	a := newAssembly(rec, ExportConfig{})
	epoch, hour := rec.Epoch(), int64(time.Hour)
	task := func(id trace.ID, start, end int64) trace.Record {
		return trace.Record{Kind: trace.KindTask, ID: id, Task: id, Name: "task", Start: start, End: end, Trace: trace.TraceID{1}}
	}
	spans := a.add([]trace.Record{
		{Kind: trace.KindClock, Start: 0, Unix: epoch.UnixNano()},
		task(1, 1000, 9000),
		{Kind: trace.KindClock, Start: 5000, Unix: epoch.UnixNano() + 5000 - hour},
		{Kind: trace.KindEvent, Parent: 1, Task: 1, Name: "after the step", Start: 7000, End: 7000},
		task(2, 6000, 8000),
		{Kind: trace.KindClock, Start: 20_000, Unix: epoch.UnixNano() + 20_000},
		task(3, 21_000, 22_000),
	})
	if len(spans) != 3 {
		t.Fatalf("%d spans", len(spans))
	}
	for i, want := range []struct{ start, end time.Duration }{
		{1000, 9000}, {6000 - time.Hour, 8000 - time.Hour}, {21_000, 22_000}} {
		if start, end := spans[i].StartTime.Sub(epoch.Round(0)), spans[i].EndTime.Sub(epoch.Round(0)); start != want.start || end != want.end {
			t.Errorf("span %d is from %v to %v, want %v to %v", i, start, end, want.start, want.end)
		}
	}
	if at := spans[0].Events[0].Time.Sub(epoch.Round(0)); at != 7000 {
		t.Errorf("the event is at %v", at)
	}
}

// TestBounds: what is remembered of spans that don't end is bounded, and what is left out is counted.
func TestBounds(t *testing.T) {
	a := newAssembly(trace.NewRecorder(trace.Config{}), ExportConfig{})
	var records []trace.Record
	for range 1000 {
		records = append(records, trace.Record{Kind: trace.KindEvent, Parent: 7, Name: "event"}, trace.Record{Kind: trace.KindLink, Parent: 7})
	}
	a.add(records)
	spans := a.add([]trace.Record{{Kind: trace.KindTask, ID: 7, Task: 7, Trace: trace.TraceID{1}}})
	if len(spans) != 1 || len(spans[0].Events) != 128 || spans[0].DroppedEvents != 872 || len(spans[0].Links) != 128 || spans[0].DroppedLinks != 872 {
		t.Errorf("%d spans, %+v", len(spans), spans)
	}
	if a.n != 0 || len(a.parts) != 0 {
		t.Errorf("%d parts are left of %d spans", a.n, len(a.parts))
	}
	for i := range 2 * maxParts { // of spans whose ends are lost
		a.add([]trace.Record{{Kind: trace.KindEvent, Parent: trace.ID(1000 + i), Name: "event"}})
	}
	if a.n > maxParts || len(a.parts) > maxParts || len(a.order) > 3*maxParts || a.orphans.Swap(0) != maxParts {
		t.Errorf("%d parts of %d spans (%d in order) are remembered, %d orphans", a.n, len(a.parts), len(a.order), a.orphans.Load())
	}
	last := trace.ID(1000 + 2*maxParts)
	a.add([]trace.Record{{Kind: trace.KindEvent, Parent: last, Name: "event"}})
	if s := a.add([]trace.Record{{Kind: trace.KindTask, ID: last, Task: last, Trace: trace.TraceID{1}}}); len(s[0].Events) != 1 {
		t.Error("after many ends were lost, the events of new spans are lost, too")
	}
	a.orphans.Store(0)
	for i := range 40_000 {
		id := trace.ID(100 + i)
		a.add([]trace.Record{{Kind: trace.KindTask, ID: id, Task: id, Trace: trace.TraceID{1}}})
	}
	if len(a.hosts) > maxGone+1 {
		t.Errorf("%d tasks are remembered", len(a.hosts))
	}
	if s := a.add([]trace.Record{{Kind: trace.KindSpan, ID: 5, Task: 101, Attrs: []slog.Attr{slog.Int("a", 1)}}}); len(s) != 0 || a.orphans.Load() != 1 {
		t.Errorf("%v, %d orphans", s, a.orphans.Load())
	}
}
