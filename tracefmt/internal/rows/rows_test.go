package rows_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/rows"
)

// rowsOf returns the rows of events as text, and what was lost.
func rowsOf(events ...tracefmt.Event) (list []string, losses []tracefmt.Loss) {
	m := rows.NewMaker(func(r *rows.Row) {
		list = append(list, fmt.Sprintf("%s %s %d+%d depth %d error %q %v", r.Kind, r.Name, r.Start, r.Dur, r.Depth, r.Error, r.Attrs))
	})
	for i := range events {
		m.Add(&events[i])
	}
	m.Finish()
	return list, m.Losses()
}

func slice(start, dur int64, name string, attrs ...tracefmt.Attr) tracefmt.Event {
	return tracefmt.Event{Kind: tracefmt.Complete, Track: 1, Time: start, Dur: dur, Name: name, Attrs: attrs}
}

func begin(at int64, name string, attrs ...tracefmt.Attr) tracefmt.Event {
	return tracefmt.Event{Kind: tracefmt.Begin, Track: 1, Time: at, Name: name, Attrs: attrs}
}

func end(at int64, attrs ...tracefmt.Attr) tracefmt.Event {
	return tracefmt.Event{Kind: tracefmt.End, Track: 1, Time: at, Attrs: attrs}
}

func async(kind tracefmt.Kind, at int64, name, key string) tracefmt.Event {
	return tracefmt.Event{Kind: kind, Track: 1, Time: at, Name: name, Key: key}
}

func TestRows(t *testing.T) {
	text := func(key, value string) tracefmt.Attr { return tracefmt.Attr{Key: key, Value: tracefmt.String(value)} }
	for name, c := range map[string]struct {
		events []tracefmt.Event
		want   string
		lost   string
	}{
		"complete, in order": {
			events: []tracefmt.Event{slice(0, 100, "a"), slice(0, 40, "b"), slice(10, 20, "c"), slice(40, 60, "d"), slice(50, tracefmt.Open, "e"), slice(60, 1, "f"), slice(200, 1, "g")},
			want: `slice a 0+100 depth 0 error "" []|slice b 0+40 depth 1 error "" []|slice c 10+20 depth 2 error "" []|slice d 40+60 depth 1 error "" []|` +
				`slice e 50+-1 depth 2 error "" []|slice f 60+1 depth 3 error "" []|slice g 200+1 depth 1 error "" []`,
		},
		"begun": {
			events: []tracefmt.Event{begin(0, "a", text("k", "1"), text("l", "2")), begin(1, "b"), slice(2, 5, "c"), end(9), end(10, text("k", "3"), text("error", "no"))},
			want:   `slice c 2+5 depth 2 error "" []|slice b 1+8 depth 1 error "" []|slice a 0+10 depth 0 error "no" [{l 2} {k 3}]`,
		},
		"open": {
			events: []tracefmt.Event{begin(5, "b"), async(tracefmt.AsyncBegin, 3, "a", "k"), begin(7, "c")},
			want:   `async a 3+-1 depth 0 error "" []|slice b 5+-1 depth 0 error "" []|slice c 7+-1 depth 1 error "" []`,
		},
		"async, ended by name": {
			events: []tracefmt.Event{async(tracefmt.AsyncBegin, 0, "a", "k"), async(tracefmt.AsyncBegin, 1, "b", "k"), async(tracefmt.AsyncEnd, 5, "a", "k"), async(tracefmt.AsyncEnd, 9, "b", "k")},
			want:   `async a 0+5 depth 0 error "" []|async b 1+8 depth 1 error "" []`,
		},
		"no error": {
			events: []tracefmt.Event{slice(0, 1, "a", tracefmt.Attr{Key: "error", Value: tracefmt.Bool(false)}), slice(0, 1, "b", tracefmt.Attr{Key: "error", Value: tracefmt.Bool(true)})},
			want:   `slice a 0+1 depth 0 error "" [{error false}]|slice b 0+1 depth 1 error "true" []`,
		},
		"nonsense": {
			events: []tracefmt.Event{end(1), async(tracefmt.AsyncEnd, 1, "a", "k"), begin(5, "a"), end(4), {Kind: tracefmt.FlowStart, Track: 1}, {}, {Kind: tracefmt.Clock, Time: 9, Unix: 9}},
			want:   `slice a 5+0 depth 0 error "" []`,
			lost: "async end without a begin (1x)|end before its begin, moved to it (1x)|end without a begin (1x)|event of unknown kind (1x)|" +
				"point of a flow (1x)|step of the wall clock (1x)",
		},
		"anchored": {
			events: []tracefmt.Event{{Kind: tracefmt.Clock, Time: 100, Unix: 1000}, slice(150, 1, "a"), slice(math.MaxInt64, 1, "b")},
			want:   `slice a 1050+1 depth 0 error "" []`,
			lost:   "time out of range (1x)",
		},
		"anchor out of range": {
			events: []tracefmt.Event{{Kind: tracefmt.Clock, Time: -100, Unix: math.MaxInt64}, slice(150, 1, "a")},
			want:   `slice a 150+1 depth 0 error "" []`,
			lost:   "wall clock out of range (1x)",
		},
	} {
		got, losses := rowsOf(c.events...)
		if text := strings.Join(got, "|"); text != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, text, c.want)
		}
		var lost []string
		for _, l := range losses {
			lost = append(lost, l.String())
		}
		if text := strings.Join(lost, "|"); text != c.lost {
			t.Errorf("%s: lost\n%s\nwant\n%s", name, text, c.lost)
		}
	}
}

// TestRepeatedKeys wants the last value of a key, also among many.
func TestRepeatedKeys(t *testing.T) {
	var attrs []tracefmt.Attr
	for i := range 100 {
		attrs = append(attrs, tracefmt.Attr{Key: fmt.Sprint(i % 50), Value: tracefmt.Int64(int64(i))})
	}
	for _, n := range []int{20, 100} {
		var got []tracefmt.Attr
		m := rows.NewMaker(func(r *rows.Row) { got = slices.Clone(r.Attrs) })
		e := slice(0, 1, "a", attrs[len(attrs)-n:]...)
		m.Add(&e)
		if len(got) != min(n, 50) || got[len(got)-1] != attrs[99] {
			t.Errorf("of %d attributes: %v", n, got)
		}
	}
}

func TestPlaces(t *testing.T) {
	var got []string
	m := rows.NewMaker(func(r *rows.Row) {
		got = append(got, fmt.Sprintf("%s: %s(%v)/%s(%v) %s %s %s %s", r.Name, r.Process, r.PID, r.Track, r.TID, r.ID, r.Parent, r.TraceID, r.Clock))
	})
	for _, e := range []tracefmt.Event{
		{Kind: tracefmt.Process, Track: 1, Name: "p", SourceID: tracefmt.Int64(7)},
		{Kind: tracefmt.Track, Track: 2, Process: 1, SourceID: tracefmt.String("t")},
		{Kind: tracefmt.Track, Track: 2, Process: 1, Name: "named later"},
		{Kind: tracefmt.Complete, Track: 2, Name: "a", ID: "i", Parent: "j", Attrs: []tracefmt.Attr{{Key: "trace_id", Value: tracefmt.String("x")}}},
		{Kind: tracefmt.Log, Track: 1, Name: "b", Parent: "i"},
		{Kind: tracefmt.Instant, Name: "c"},
		{Kind: tracefmt.Instant, Track: 9, Name: "d"},
		{Kind: tracefmt.AsyncInstant, Track: 2, Name: "e", Key: "k"},
	} {
		m.Add(&e)
	}
	want := "a: p(7)/named later(t) i j x trace|b: p(7)/()  i  trace|c: ()/()    trace|d: ()/()    trace|e: p(7)/named later(t)  k  trace"
	if text := strings.Join(got, "|"); text != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
}

// TestNestingIsBounded has slices that lie in each other without end.
func TestNestingIsBounded(t *testing.T) {
	var n rows.Nesting
	for i := range int64(20_000) {
		e := slice(i, tracefmt.Open, "a")
		if depth := n.Depth(&e); depth > 1<<13 {
			t.Fatalf("depth %d", depth)
		}
	}
}
