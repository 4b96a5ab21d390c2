package timeline_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/spanstack/spanstack/tracefmt"
	_ "github.com/spanstack/spanstack/tracefmt/all"
	"github.com/spanstack/spanstack/tracefmt/chrome"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/timeline"
)

// result is all that a Timeline tells.
type result struct {
	events    []string
	losses    []tracefmt.Loss
	aligned   []timeline.Alignment
	placement timeline.Placement
}

// merged puts traces into normal form with a budget.
func merged(t rapid.TB, memory int64, dir string, traces [][]tracefmt.Event, set func(*timeline.Timeline)) (r result) {
	t.Helper()
	tl := &timeline.Timeline{Memory: memory, Dir: dir}
	defer tl.Close()
	for _, events := range traces {
		if _, err := tl.Read(&listReader{events: events}); err != nil {
			t.Fatal(err)
		}
	}
	set(tl)
	r.aligned = tl.Alignments()
	for e := range tl.Events() {
		r.events = append(r.events, textOf(e))
	}
	if err := tl.Err(); err != nil {
		t.Fatal(err)
	}
	r.losses, r.placement = tl.Losses(), tl.Placement()
	return r
}

// textOf returns all that there is of an event.
func textOf(e *tracefmt.Event) string {
	c := *e
	c.Attrs = nil
	return fmt.Sprintf("%+v %v", c, e.Attrs)
}

// compare compares what comes of traces in memory and on disk.
func compare(t rapid.TB, memory int64, traces [][]tracefmt.Event, set func(*timeline.Timeline)) {
	t.Helper()
	want := merged(t, 0, spillDir, traces, set)
	got := merged(t, memory, spillDir, traces, set)
	if !slices.Equal(got.events, want.events) {
		for i := range max(len(got.events), len(want.events)) {
			if i >= len(got.events) || i >= len(want.events) || got.events[i] != want.events[i] {
				t.Fatalf("with %d bytes, event %d of %d and %d:\n%v\nwant:\n%v", memory, i,
					len(got.events), len(want.events),
					got.events[i:min(i+3, len(got.events))], want.events[i:min(i+3, len(want.events))])
			}
		}
	}
	if fmt.Sprint(got.losses, got.aligned, got.placement) != fmt.Sprint(want.losses, want.aligned, want.placement) {
		t.Fatalf("with %d bytes: %v %v %+v\nwant: %v %v %+v", memory,
			got.losses, got.aligned, got.placement, want.losses, want.aligned, want.placement)
	}
	if left, _ := filepath.Glob(filepath.Join(spillDir, "*")); len(left) > 0 {
		t.Fatalf("left behind: %v", left)
	}
}

// budgets are so small that there are runs of single events, merges in several passes, and events that don't fit.
var budgets = []int64{1, 2000, 20_000}

// spillDir is where temporary files are.
var spillDir string

// TestSpill: on disk, a trace has the same normal form as in memory, event for event.
func TestSpill(t *testing.T) {
	spillDir = t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		events := tangle(t, 0)
		if rapid.Bool().Draw(t, "regular") {
			events = fmttest.Events(t)
		}
		memory := rapid.SampledFrom(budgets).Draw(t, "memory")
		compare(t, memory, [][]tracefmt.Event{events}, func(*timeline.Timeline) {})
	})
}

// TestSpillMerge: so have several traces and logs, with messages between them and lines that are there twice.
func TestSpillMerge(t *testing.T) {
	spillDir = t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		var traces [][]tracefmt.Event
		for i := range rapid.IntRange(2, 4).Draw(t, "inputs") {
			switch rapid.IntRange(0, 3).Draw(t, "sort") {
			case 0:
				traces = append(traces, fmttest.Events(t))
			case 1:
				traces = append(traces, lines(t))
			default:
				traces = append(traces, tangle(t, i))
			}
		}
		by := timeline.AlignBy(rapid.IntRange(0, 2).Draw(t, "by"))
		moved := rapid.IntRange(-1, 3).Draw(t, "moved")
		compare(t, rapid.SampledFrom(budgets).Draw(t, "memory"), traces, func(tl *timeline.Timeline) {
			tl.AlignBy(by)
			if moved >= 0 {
				tl.SetOffset(moved, 17)
			}
		})
	})
}

// TestSpillDivide: what is divided is the same, too.
func TestSpillDivide(t *testing.T) {
	spillDir = t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		events, n := tangle(t, 0), rapid.IntRange(1, 5).Draw(t, "parts")
		divided := func(memory int64) (text []string) {
			tl := timeline.Timeline{Memory: memory, Dir: spillDir}
			defer tl.Close()
			for i := range events {
				tl.Add(&events[i])
			}
			for i, p := range tl.Divide(n, func(number int, e *tracefmt.Event, add func(int)) {
				add(number % n)
				if e.Kind == tracefmt.Log {
					add(0)
				}
			}) {
				for e := range p.Events() {
					text = append(text, fmt.Sprint(i, textOf(e)))
				}
			}
			if err := tl.Err(); err != nil {
				t.Fatal(err)
			}
			return text
		}
		want := divided(0)
		memory := rapid.SampledFrom(budgets).Draw(t, "memory")
		if got := divided(memory); !slices.Equal(got, want) {
			t.Fatalf("with %d bytes:\n%q, want\n%q", memory, got, want)
		}
	})
}

// TestSpillErrors: what can't be spilled is an error of everything that follows.
func TestSpillErrors(t *testing.T) {
	tl := timeline.Timeline{Memory: 1, Dir: filepath.Join(t.TempDir(), "none")}
	_, err := tl.Read(&listReader{events: fmttest.Sample()})
	if _, ok := errors.AsType[*timeline.SpillError](err); !ok || tl.Err() != err {
		t.Errorf("Read: %v, Err: %v", err, tl.Err())
	}
	if _, err := fmttest.ReadAll(tl.NewReader()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Next: %v", err)
	}
	if _, err := tl.WriteTo(chrome.NewWriter(io.Discard)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("WriteTo: %v", err)
	}
	closed := timeline.Timeline{Memory: 1, Dir: t.TempDir()}
	if _, err := closed.Read(&listReader{events: fmttest.Sample()}); err != nil {
		t.Fatal(err)
	}
	r := closed.NewReader()
	closed.Close()
	if _, err := fmttest.ReadAll(r); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// TestSpillFiles: so have all traces that tests have, alone and with the next one.
func TestSpillFiles(t *testing.T) {
	const maxInput, most = 256 << 10, 5000
	spillDir = t.TempDir()
	files, err := filepath.Glob("../*/testdata/*")
	if err != nil || len(files) < 50 {
		t.Fatalf("%d files (%v)", len(files), err)
	}
	var traces [][]tracefmt.Event
	for _, path := range files {
		if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() || info.Size() > maxInput {
			continue
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if r, err := tracefmt.NewReader(f); err == nil {
			events, _ := fmttest.ReadAll(r) // what there is before an error
			traces = append(traces, events[:min(len(events), most)])
		}
		f.Close()
	}
	if len(traces) < 30 {
		t.Errorf("%d traces", len(traces))
	}
	for i := range traces {
		alone, both := traces[i:i+1], traces[i:min(i+2, len(traces))]
		compare(t, 64<<10, alone, func(*timeline.Timeline) {})
		compare(t, 1<<10, both, func(*timeline.Timeline) {})
	}
}

// tangle returns events of few times, names, tracks, and IDs, so that much of it collides.
func tangle(t *rapid.T, input int) (events []tracefmt.Event) {
	few := func(what string, n int) int { return rapid.IntRange(0, n-1).Draw(t, what) }
	id := func(what string) string {
		if few(what+"?", 3) == 0 {
			return ""
		}
		return fmt.Sprintf("id-of-a-span-%d", few(what, 12)) // shared by the inputs
	}
	events = append(events, tracefmt.Event{Kind: tracefmt.Process, Track: 1, Name: "p", SourceID: tracefmt.Int64(7)})
	for i := range 3 {
		events = append(events, tracefmt.Event{Kind: tracefmt.Track, Track: tracefmt.TrackID(i + 2), Process: 1,
			SourceID: tracefmt.Int64(int64(i))})
	}
	if few("anchor", 2) == 0 {
		unix := int64(1000 + input*few("ahead", 50))
		events = append(events, tracefmt.Event{Kind: tracefmt.Clock, Time: 3, Unix: unix})
	}
	kinds := []tracefmt.Kind{tracefmt.Begin, tracefmt.Begin, tracefmt.Begin, tracefmt.End, tracefmt.End,
		tracefmt.Complete, tracefmt.Complete, tracefmt.Instant, tracefmt.Log, tracefmt.FlowStart, tracefmt.FlowStep,
		tracefmt.FlowEnd, tracefmt.AsyncBegin, tracefmt.AsyncInstant, tracefmt.AsyncEnd, tracefmt.Clock,
		tracefmt.Counter, tracefmt.Invalid}
	for range few("events", 60) {
		e := tracefmt.Event{Kind: kinds[few("kind", len(kinds))], Track: tracefmt.TrackID(few("track", 4) + 1),
			Time: int64(few("time", 12)), Name: []string{"", "a", "b"}[few("name", 3)]}
		for range few("attrs", 3) {
			e.Attrs = append(e.Attrs, tracefmt.Attr{Key: []string{"k", "l", "trace_id"}[few("key", 3)],
				Value: []tracefmt.Value{{}, tracefmt.Bool(true), tracefmt.Float64(0.5), tracefmt.Uint64(1<<64 - 1),
					tracefmt.Int64(-1), tracefmt.String("t"), tracefmt.RawJSON("[1]")}[few("value", 7)]})
		}
		switch e.Kind {
		case tracefmt.Begin:
			e.ID, e.Parent = id("id"), id("parent")
		case tracefmt.Complete:
			e.Dur = []int64{tracefmt.Open, 0, 1, 2, 5, 9, 1<<63 - 1}[few("dur", 7)]
			e.ID, e.Parent = id("id"), id("parent")
		case tracefmt.Instant:
			e.Category = []string{"", tracefmt.CategoryOpen}[few("open", 2)]
		case tracefmt.Log:
			e.Parent, e.Severity = id("parent"), 9
		case tracefmt.AsyncBegin, tracefmt.AsyncInstant, tracefmt.AsyncEnd,
			tracefmt.FlowStart, tracefmt.FlowStep, tracefmt.FlowEnd:
			e.Key = []string{"x", "local:y", "id-of-a-span-1"}[few("flow", 3)]
			e.BindNext = e.Kind == tracefmt.FlowEnd && few("next", 2) == 0
		case tracefmt.Clock:
			e.Unix = int64(few("unix", 100))
		}
		events = append(events, e)
	}
	return events
}

// lines returns those of a log.
func lines(t *rapid.T) (events []tracefmt.Event) {
	few := func(what string, n int) int { return rapid.IntRange(0, n-1).Draw(t, what) }
	events = append(events, tracefmt.Event{Kind: tracefmt.Process, Track: 1, Name: "log"},
		tracefmt.Event{Kind: tracefmt.Track, Track: 2, Process: 1, Name: "root"},
		tracefmt.Event{Kind: tracefmt.Clock, Unix: 1000})
	for range few("lines", 40) {
		e := tracefmt.Event{Kind: tracefmt.Log, Track: tracefmt.TrackID(few("track", 2) + 1),
			Time: int64(few("time", 20)), Name: []string{"a", "b"}[few("message", 2)], Severity: 9}
		if few("in a span", 4) > 0 {
			e.Parent = fmt.Sprintf("id-of-a-span-%d", few("parent", 15))
			e.Attrs = []tracefmt.Attr{{Key: tracefmt.AttrStack, Value: tracefmt.String(
				fmt.Sprintf("/id-of-a-span-%d.%s/", few("root", 15), e.Parent))}}
		}
		events = append(events, e)
	}
	return events
}
