package summary_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/summary"
	"github.com/spanstack/spanstack/tracefmt/timeline"
)

// list reads a list of events.
type list []tracefmt.Event

func (l *list) Next() (*tracefmt.Event, error) {
	if len(*l) == 0 {
		return nil, io.EOF
	}
	e := &(*l)[0]
	*l = (*l)[1:]
	return e, nil
}

// streamed sums up what a timeline.Stream delivers.
func streamed(t rapid.TB, events []tracefmt.Event) *summary.Summary {
	var s summary.Summary
	from := timeline.NewStream((*list)(&events), 0)
	for {
		e, err := from.Next()
		if err == io.EOF {
			s.Finish()
			return &s
		} else if err != nil {
			t.Fatal(err)
		}
		s.Add(e)
	}
}

// added sums up events as they come.
func added(events []tracefmt.Event) *summary.Summary {
	var s summary.Summary
	for i := range events {
		s.Add(&events[i])
	}
	s.Finish()
	return &s
}

// TestStream: with ends of their own, slices add up to the same as whole ones.
func TestStream(t *testing.T) {
	same := func(t *rapid.T, events []tracefmt.Event) {
		var whole, stream strings.Builder
		var line timeline.Timeline
		for i := range events {
			line.Add(&events[i])
		}
		if err := sumOf(&line).WriteText(&whole, summary.Style{}); err != nil {
			t.Fatal(err)
		}
		if err := streamed(t, events).WriteText(&stream, summary.Style{}); err != nil {
			t.Fatal(err)
		}
		if whole.String() != stream.String() {
			t.Fatalf("streamed\n%s\nwhole\n%s", stream.String(), whole.String())
		}
	}
	t.Run("any", rapid.MakeCheck(func(t *rapid.T) { same(t, fmttest.Events(t)) }))
	t.Run("deep", rapid.MakeCheck(func(t *rapid.T) { same(t, nested(t)) }))
}

// nested draws slices of a track that nest, with ends of their own or not, and some that never end.
func nested(t *rapid.T) []tracefmt.Event {
	var events []tracefmt.Event
	now := int64(0)
	tick := func() int64 { now += rapid.Int64Range(1, 5).Draw(t, "step"); return now }
	var slice func(depth int, mayStay bool)
	slice = func(depth int, mayStay bool) {
		e := tracefmt.Event{Kind: tracefmt.Complete, Track: 1, Time: tick(), Name: string(rune('a' + rapid.IntRange(0, 3).Draw(t, "name")))}
		if rapid.Bool().Draw(t, "failed") {
			e.Attrs = []tracefmt.Attr{{Key: tracefmt.AttrError, Value: tracefmt.Bool(true)}}
		}
		begins, ends := rapid.Bool().Draw(t, "begins"), !mayStay || rapid.IntRange(0, 3).Draw(t, "ends") > 0
		at := len(events)
		events = append(events, e)
		for range rapid.IntRange(0, 3).Draw(t, "inner") {
			if depth < 5 {
				slice(depth+1, mayStay && begins && !ends)
			}
		}
		switch {
		case !begins:
			events[at].Dur = tick() - e.Time
		case ends:
			end := tracefmt.Event{Kind: tracefmt.End, Track: 1, Time: tick()}
			if rapid.Bool().Draw(t, "named") {
				end.Name = e.Name
			}
			if rapid.Bool().Draw(t, "failed at the end") {
				end.Attrs = []tracefmt.Attr{{Key: tracefmt.AttrError, Value: tracefmt.Bool(rapid.Bool().Draw(t, "error"))}}
			}
			events = append(events, end)
			fallthrough
		default:
			events[at].Kind = tracefmt.Begin
		}
	}
	for range rapid.IntRange(0, 5).Draw(t, "slices") {
		slice(0, true)
	}
	return events
}

// TestEnds has ends that don't fit, and slices that others end.
func TestEnds(t *testing.T) {
	begin := func(at int64, name string) tracefmt.Event {
		return tracefmt.Event{Kind: tracefmt.Begin, Track: 1, Time: at, Name: name}
	}
	end := func(at int64, name string) tracefmt.Event {
		return tracefmt.Event{Kind: tracefmt.End, Track: 1, Time: at, Name: name}
	}
	whole := func(from, to int64, name string) tracefmt.Event { return slice(1, from, to, name, "", "") }
	const inside, without, order = "[slice without an end, ended with the one around it (1x)]", "[end without a begin (1x)]",
		"[event out of the order of time (1x)]"
	for _, tt := range []struct {
		name   string
		events []tracefmt.Event
		want   string // each path with its total and self time
		losses string
	}{
		{"nested", []tracefmt.Event{begin(0, "a"), begin(10, "b"), whole(12, 15, "c"), end(20, "b"), end(50, "a")},
			"a 50 40, a/b 10 7, a/b/c 3 3", "[]"},
		{"an end without a begin", []tracefmt.Event{begin(0, "a"), end(5, "x"), end(10, "")}, "a 10 10", without},
		{"an outer end", []tracefmt.Event{begin(0, "a"), begin(10, "b"), end(30, "a")}, "a 30 10, a/b 20 20", inside},
		{"never ended in a whole one", []tracefmt.Event{whole(0, 100, "a"), begin(10, "b"), whole(120, 130, "c")},
			"a 100 10, a/b 90 90, c 10 10", inside},
		{"an end after that of the whole one around it", []tracefmt.Event{begin(0, "x"), whole(10, 50, "a"), begin(20, "b"), end(60, ""), end(90, "x")},
			"x 90 50, x/a 40 10, x/a/b 30 30", inside},
		{"a whole one that outlives what was begun around it", []tracefmt.Event{begin(0, "x"), begin(10, "a"), whole(20, 60, "b"), end(50, "a"), end(90, "x")},
			"x 90 50, x/a 40 10, x/a/b 40 40", "[]"},
		{"open to the end", []tracefmt.Event{begin(0, "a"), begin(10, "b"), whole(20, 30, "c")}, "a 30 10, a/b 20 10, a/b/c 10 10", "[]"},
		{"a slice that comes late", []tracefmt.Event{whole(10, 100, "a"), whole(30, 40, "b"), whole(5, 60, "late"), whole(50, 55, "c")},
			"a 90 75, a/b 10 10, a/c 5 5, late 55 55", order},
	} {
		s := added(tt.events)
		var got []string
		for _, p := range s.Processes {
			for path := range p.Paths() {
				var names []string
				for _, n := range path {
					names = append(names, n.Name)
				}
				n := path[len(path)-1]
				got = append(got, fmt.Sprint(strings.Join(names, "/"), " ", n.Total, " ", n.Self))
			}
		}
		if text := strings.Join(got, ", "); text != tt.want || fmt.Sprint(s.Losses()) != tt.losses {
			t.Errorf("%s: %s, losses %v\nwant %s, losses %s", tt.name, text, s.Losses(), tt.want, tt.losses)
		}
	}
}

// TestDeclarations: what is known of a track or a process may come in parts, also after its slices.
func TestDeclarations(t *testing.T) {
	s := added([]tracefmt.Event{
		{Kind: tracefmt.Process, Track: 1, SourceID: tracefmt.Int64(7)}, {Kind: tracefmt.Track, Track: 2, Process: 1},
		{Kind: tracefmt.Track, Track: 3, Process: 1, Name: "first"},
		slice(2, 0, 5, "a", "", ""), slice(3, 0, 5, "b", "", ""),
		{Kind: tracefmt.Process, Track: 1, Name: "p"}, {Kind: tracefmt.Track, Track: 2, Name: "late"}, {Kind: tracefmt.Track, Track: 3},
	})
	p := s.Processes[0]
	find(t, p, "late", "a")
	find(t, p, "first", "b")
	if len(s.Processes) != 1 || p.Name != "p" || p.ID != tracefmt.Int64(7) {
		t.Errorf("process %q %v", p.Name, p.ID)
	}
}

// FuzzSummary: no order of events breaks a summary.
func FuzzSummary(f *testing.F) {
	f.Add([]byte("\x00\x01\x02\x03 abc0123456789"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var s summary.Summary
		slices := int64(0)
		for ; len(data) >= 4; data = data[4:] {
			kinds := []tracefmt.Kind{tracefmt.Begin, tracefmt.End, tracefmt.Complete, tracefmt.AsyncBegin, tracefmt.AsyncEnd}
			e := tracefmt.Event{Kind: kinds[int(data[0])%len(kinds)], Track: tracefmt.TrackID(data[1] % 2), Time: int64(data[2]),
				Dur: int64(data[3]) - 1, Name: []string{"", "a", "b"}[int(data[1])/2%3]}
			if e.Kind != tracefmt.End && e.Kind != tracefmt.AsyncEnd {
				slices++
			}
			s.Add(&e)
		}
		s.Finish()
		for _, p := range s.Processes {
			for path := range p.Paths() {
				slices -= path[len(path)-1].Count
			}
		}
		if slices != 0 {
			t.Errorf("%d slices weren't counted", slices)
		}
	})
}
