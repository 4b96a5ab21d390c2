package capture

import (
	"fmt"
	"slices"
	"testing"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/tracefmt"
)

// kept is a writer that keeps what is written, briefly.
type kept []string

func (k *kept) Write(e *tracefmt.Event) error {
	text := fmt.Sprintf("%s %s %d", e.Kind, e.Name, e.Time)
	if e.Kind == tracefmt.Complete {
		text += fmt.Sprintf("+%d", e.Dur)
	}
	*k = append(*k, text)
	return nil
}
func (k *kept) Flush() error { return nil }
func (k *kept) Close() error { return nil }

// TestFollow: the trace after another one begins with what was open, in the order in which it began, and with what the
// wall clock said last; the anchor of the trace stays the one that there always is.
func TestFollow(t *testing.T) {
	rec := trace.NewRecorder(trace.Config{})
	var first, second kept
	x := newExporter(&first, rec)
	begin := func(kind trace.Kind, id, parent, task trace.ID, name string) trace.Record {
		return trace.Record{Kind: kind, Phase: trace.PhaseBegin, ID: id, Parent: parent, Task: task, Name: name, Start: 10}
	}
	records := []trace.Record{
		begin(trace.KindTask, 1, 0, 1, "task"), begin(trace.KindSpan, 9, 1, 1, "outer"), begin(trace.KindSpan, 3, 9, 1, "inner"),
		{Kind: trace.KindClock, Start: 11, Unix: 1}, {Kind: trace.KindClock, Start: 12, Unix: 2},
		begin(trace.KindAsync, 2, 1, 1, "async"), begin(trace.KindAsync, 4, 1, 1, "ended"), {Kind: trace.KindAsync, Phase: trace.PhaseEnd, ID: 4, Task: 1, Name: "ended", Start: 10, End: 12},
	}
	if err := x.export(records, 20); err != nil {
		t.Fatal(err)
	}
	y := x.follow(&second, rec)
	if got, want := slices.Clone(second), (kept{"clock  0", second[1], "track task 0", "begin task 10", "begin outer 10", "begin inner 10",
		"async instant async 10", "clock  12"}); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	second = nil
	if err := y.export([]trace.Record{{Kind: trace.KindSpan, Phase: trace.PhaseEnd, ID: 3, Task: 1, Name: "inner", Start: 10, End: 30}}, 30); err != nil {
		t.Fatal(err)
	}
	if got := second[0]; got != "end inner 30" {
		t.Errorf("got %q", got)
	}
}
