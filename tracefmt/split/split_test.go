package split_test

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/split"
	"github.com/spanstack/spanstack/tracefmt/timeline"
)

// part keeps the events that are written to it; each has 100 bytes.
type part struct {
	events []tracefmt.Event
	closed bool
}

func (p *part) Write(e *tracefmt.Event) error {
	p.events = append(p.events, *e.Clone())
	return nil
}
func (p *part) Flush() error { return nil }
func (p *part) Close() error { p.closed = true; return nil }
func (p *part) Size() int64  { return int64(len(p.events)) * 100 }

// list reads a trace that is in memory.
type list []tracefmt.Event

func (l *list) Next() (*tracefmt.Event, error) {
	if len(*l) == 0 {
		return nil, io.EOF
	}
	e := &(*l)[0]
	*l = (*l)[1:]
	return e, nil
}

type fataler interface{ Fatalf(string, ...any) }

// parts splits events.
func parts(t fataler, events []tracefmt.Event, o split.Options) (all []*part, losses []tracefmt.Loss) {
	w := split.NewWriter(o, func(n int) (split.Part, error) {
		if len(all)+1 != n || n > 1 && !all[n-2].closed {
			t.Fatalf("part %d is opened after %d, or before those are closed", n, len(all))
		}
		all = append(all, &part{})
		return all[n-1], nil
	})
	for i := range events {
		if err := w.Write(&events[i]); err != nil {
			t.Fatalf("Write: %v", err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	return all, w.Losses()
}

// outline returns a part's timed events as text.
func outline(p *part) string {
	var b strings.Builder
	for _, e := range p.events {
		if e.Kind.Timed() {
			fmt.Fprintf(&b, "%v %s@%d ", e.Kind, e.Name, e.Time)
		}
	}
	return strings.TrimSpace(b.String())
}

func TestEvery(t *testing.T) {
	events := []tracefmt.Event{
		{Kind: tracefmt.Clock, Unix: 5},
		{Kind: tracefmt.Process, Track: 1, Name: "p"},
		{Kind: tracefmt.Track, Track: 2, Process: 1, Name: "a"},
		{Kind: tracefmt.Track, Track: 3, Process: 1, Name: "idle"},
		{Kind: tracefmt.Complete, Track: 2, Time: 100, Dur: 25, Name: "long"},
		{Kind: tracefmt.Begin, Track: 2, Time: 101, Name: "open"},
		{Kind: tracefmt.AsyncBegin, Track: 2, Time: 102, Name: "async", Key: "k"},
		{Kind: tracefmt.FlowStart, Track: 2, Time: 103, Name: "arrow", Key: "k"},
		{Kind: tracefmt.FlowEnd, Track: 2, Time: 111, Name: "arrow", Key: "k"},
		{Kind: tracefmt.Complete, Track: 2, Time: 112, Dur: 3, Name: "short"},
		{Kind: tracefmt.End, Track: 2, Time: 123},
		{Kind: tracefmt.AsyncEnd, Track: 2, Time: 124, Name: "async", Key: "k"},
		{Kind: tracefmt.Log, Track: 2, Time: 160, Name: "late"},
	}
	all, losses := parts(t, events, split.Options{Every: 10})
	want := []string{
		"clock @0 complete long@100 begin open@101 async begin async@102 flow start arrow@103",
		"clock @0 complete long@100 begin open@101 async begin async@102 complete short@112",
		"clock @0 complete long@100 begin open@101 async begin async@102 end @123 async end async@124",
		"clock @0 log late@160",
	}
	if len(all) != len(want) {
		t.Fatalf("%d parts, want %d", len(all), len(want))
	}
	for i, p := range all {
		if got := outline(p); got != want[i] {
			t.Errorf("part %d is\n  %s\nwant\n  %s", i+1, got, want[i])
		}
	}
	if len(losses) != 1 || losses[0].Count != 1 {
		t.Errorf("losses: %v, want the end of the arrow", losses)
	}
	for _, e := range all[0].events {
		if e.Name == "idle" {
			t.Error("a track is declared on which nothing happens")
		}
	}
}

// TestParts checks what holds for all traces and all ways to split them as they go by.
func TestParts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := fmttest.Events(t)
		o := split.Options{Every: rapid.Int64Range(1, 1e8).Draw(t, "every")}
		if rapid.Bool().Draw(t, "by size") {
			o = split.Options{Size: rapid.Int64Range(1, 3000).Draw(t, "size")}
		}
		all, losses := parts(t, events, o)
		next := timed(events)
		for i, p := range all {
			complete(t, p)
			for _, e := range timed(p.events) {
				for len(next) > 0 && lost(next[0], p) {
					next = next[1:]
					if len(losses) == 0 {
						t.Fatalf("a point of an arrow is gone, and not counted")
					}
				}
				if len(next) > 0 && same(e, next[0]) {
					next = next[1:]
				} else if i == 0 || e.Kind != tracefmt.Begin && e.Kind != tracefmt.Complete && e.Kind != tracefmt.AsyncBegin {
					t.Fatalf("part %d has %v %q at %d, which isn't next, and no slice that was open", i+1, e.Kind, e.Name, e.Time)
				}
			}
			if o.Size > 0 && i < len(all)-1 && p.Size() < o.Size {
				t.Fatalf("part %d has %d bytes, and isn't the last", i+1, p.Size())
			}
		}
		for len(next) > 0 && isPoint(next[0]) {
			next = next[1:]
		}
		if len(next) > 0 {
			t.Fatalf("%d events are in no part, the first is %v %q", len(next), next[0].Kind, next[0].Name)
		}
	})
}

func timed(events []tracefmt.Event) (list []tracefmt.Event) {
	for _, e := range events {
		if e.Kind.Timed() && e.Kind != tracefmt.Clock {
			list = append(list, e)
		}
	}
	return list
}

func same(a, b tracefmt.Event) bool {
	return a.Kind == b.Kind && a.Track == b.Track && a.Time == b.Time && a.Name == b.Name && a.ID == b.ID && a.Key == b.Key
}

func isPoint(e tracefmt.Event) bool { return e.Kind == tracefmt.FlowStep || e.Kind == tracefmt.FlowEnd }

// lost reports whether an event is a point of an arrow that the part doesn't have.
func lost(e tracefmt.Event, p *part) bool {
	if !isPoint(e) {
		return false
	}
	for _, other := range p.events {
		if same(e, other) {
			return false
		}
	}
	return true
}

// complete checks that a part can stand alone.
func complete(t fataler, p *part) {
	if !p.closed {
		t.Fatalf("a part isn't closed")
	}
	declared := map[tracefmt.TrackID]bool{0: true}
	open := map[tracefmt.TrackID]int{}
	async, arrows := map[string]int{}, map[string]bool{}
	for _, e := range p.events {
		switch e.Kind {
		case tracefmt.Process:
			declared[e.Track] = true
		case tracefmt.Track:
			if !declared[e.Process] {
				t.Fatalf("track %d comes before its process", e.Track)
			}
			declared[e.Track] = true
		case tracefmt.Begin:
			open[e.Track]++
		case tracefmt.End:
			if open[e.Track]--; open[e.Track] < 0 {
				t.Fatalf("an end without a begin at %d", e.Time)
			}
		case tracefmt.AsyncBegin:
			async[e.AsyncKey()]++
		case tracefmt.AsyncEnd:
			if async[e.AsyncKey()]--; async[e.AsyncKey()] < 0 {
				t.Fatalf("an async end without a begin at %d", e.Time)
			}
		case tracefmt.FlowStart:
			arrows[e.Key] = true
		case tracefmt.FlowStep, tracefmt.FlowEnd:
			if !arrows[e.Key] {
				t.Fatalf("a point of an arrow without a start at %d", e.Time)
			}
		}
		if !declared[e.Track] {
			t.Fatalf("track %d isn't declared", e.Track)
		}
	}
}

// TestGroups checks that each event is in one group, and only there.
func TestGroups(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := list(fmttest.Events(t))
		var tl timeline.Timeline
		if _, err := tl.Read(&l); err != nil {
			t.Fatal(err)
		}
		for _, by := range []func(*timeline.Timeline) ([]*split.Group, []tracefmt.Loss){split.ByProcess, split.ByTrace} {
			groups, losses := by(&tl)
			seen := map[*tracefmt.Event]int{}
			for _, g := range groups {
				p := &part{closed: true}
				for e := range g.Events() {
					p.events = append(p.events, *e)
					seen[e]++
				}
				complete(t, p)
			}
			for e := range tl.Events() {
				isWhole := e.Track == 0 || !e.Kind.Timed()
				isArrow := e.Kind == tracefmt.FlowStart || isPoint(*e)
				if n := seen[e]; n != 1 && !isWhole && !(isArrow && n == 0 && len(losses) > 0) {
					t.Fatalf("%v %q is in %d groups", e.Kind, e.Name, n)
				}
			}
		}
	})
}

func TestByTrace(t *testing.T) {
	str := func(v string) []tracefmt.Attr {
		return []tracefmt.Attr{{Key: split.AttrTrace, Value: tracefmt.String(v)}}
	}
	l := list{
		{Kind: tracefmt.Complete, Track: 1, Time: 0, Dur: 10, Name: "root", ID: "a"},
		{Kind: tracefmt.Complete, Track: 2, Time: 1, Dur: 2, Name: "child", ID: "b", Parent: "a"},
		{Kind: tracefmt.Log, Track: 3, Time: 2, Name: "line", Parent: "b"},
		{Kind: tracefmt.Complete, Track: 4, Time: 3, Dur: 2, Name: "otel", ID: "c", Attrs: str("0123")},
		{Kind: tracefmt.Complete, Track: 5, Time: 4, Dur: 2, Name: "otel too", Attrs: str("0123")},
		{Kind: tracefmt.Complete, Track: 5, Time: 4, Dur: 1, Name: "inside"},
		{Kind: tracefmt.Complete, Track: 6, Time: 5, Dur: 1, Name: "circle", ID: "x", Parent: "y"},
		{Kind: tracefmt.Complete, Track: 6, Time: 7, Dur: 1, Name: "circle too", ID: "y", Parent: "x"},
		{Kind: tracefmt.Counter, Track: 1, Time: 8, Name: "bytes"},
	}
	var tl timeline.Timeline
	if _, err := tl.Read(&l); err != nil {
		t.Fatal(err)
	}
	groups, _ := split.ByTrace(&tl)
	var got []string
	for _, g := range groups {
		text := g.Name + ":"
		for e := range g.Events() {
			text += " " + e.Name + ","
		}
		got = append(got, strings.TrimSuffix(text, ","))
	}
	want := "a: root, child, line; 0123: otel, otel too, inside; y: circle, circle too; : bytes"
	if strings.Join(got, "; ") != want {
		t.Errorf("got %s, want %s", strings.Join(got, "; "), want)
	}
}

// TestOnDisk: groups of a trace on disk are those of one in memory.
func TestOnDisk(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		events := fmttest.Events(t)
		by := split.ByProcess
		if rapid.Bool().Draw(t, "by trace") {
			by = split.ByTrace
		}
		told := func(memory int64) (text []string) {
			tl := timeline.Timeline{Memory: memory, Dir: dir}
			defer tl.Close()
			l := list(slices.Clone(events))
			if _, err := tl.Read(&l); err != nil {
				t.Fatal(err)
			}
			groups, losses := by(&tl)
			for _, g := range groups {
				var all []tracefmt.Event
				for e := range g.Events() {
					all = append(all, *e.Clone())
				}
				text = append(text, fmt.Sprint(g.Name, g.Len(), losses, fmttest.ContentOf(all, tracefmt.KeepsAll)))
			}
			if err := tl.Err(); err != nil {
				t.Fatal(err)
			}
			return text
		}
		if got, want := told(1), told(0); !slices.Equal(got, want) {
			t.Fatalf("on disk there are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}

func TestEmpty(t *testing.T) {
	all, _ := parts(t, []tracefmt.Event{{Kind: tracefmt.Process, Track: 1, Name: "p"}}, split.Options{Size: 1})
	if len(all) != 1 || len(all[0].events) != 1 {
		t.Errorf("%d parts, want one with the process", len(all))
	}
}

func TestErrors(t *testing.T) {
	failure := errors.New("the disk is full")
	w := split.NewWriter(split.Options{Size: 1}, func(int) (split.Part, error) { return nil, failure })
	e := tracefmt.Event{Kind: tracefmt.Log}
	for range 2 {
		if err := w.Write(&e); !errors.Is(err, failure) {
			t.Errorf("Write: %v", err)
		}
	}
	if err := w.Close(); !errors.Is(err, failure) {
		t.Errorf("Close: %v", err)
	}
}

// TestMemory checks that what has passed isn't kept.
func TestMemory(t *testing.T) {
	w := split.NewWriter(split.Options{Every: 1e9}, func(int) (split.Part, error) { return &nothing{}, nil })
	before := heap()
	for i := range int64(100_000) {
		for _, e := range []tracefmt.Event{
			{Kind: tracefmt.Complete, Track: 1, Time: i * 1e4, Dur: 1e4, Name: "slice"},
			{Kind: tracefmt.Begin, Track: 2, Time: i * 1e4, Name: "begin"},
			{Kind: tracefmt.End, Track: 2, Time: i*1e4 + 5},
			{Kind: tracefmt.AsyncBegin, Track: 2, Time: i * 1e4, Name: "async", Key: fmt.Sprint(i)},
			{Kind: tracefmt.AsyncEnd, Track: 2, Time: i*1e4 + 9, Name: "async", Key: fmt.Sprint(i)},
		} {
			if err := w.Write(&e); err != nil {
				t.Fatal(err)
			}
		}
	}
	if after := heap(); after > before+2<<20 {
		t.Errorf("the writer holds %d KiB", (after-before)>>10)
	}
	runtime.KeepAlive(w)
}

type nothing struct{}

func (*nothing) Write(*tracefmt.Event) error { return nil }
func (*nothing) Flush() error                { return nil }
func (*nothing) Close() error                { return nil }
func (*nothing) Size() int64                 { return 0 }

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
