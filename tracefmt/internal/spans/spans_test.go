package spans_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/internal/spans"
	"github.com/spanstack/spanstack/tracefmt/internal/spans/spanstest"
	"pgregory.net/rapid"
)

// through returns what events are after they were spans, and the spans in short.
func through(events []tracefmt.Event, withLogs bool) (back []tracefmt.Event, text []string, losses []tracefmt.Loss) {
	var m spans.Emitter
	take := func() {
		for e := m.Next(); e != nil; e = m.Next() {
			back = append(back, *e.Clone())
		}
	}
	c := spans.Collector{Span: func(s *spans.Span) {
		text = append(text, fmt.Sprintf("%s %v of %v in %v: %d events, %d links", s.Name, s.ID, s.Parent, s.Trace, len(s.Events), len(s.Links)))
		s.Process = m.Process(s.Resource)
		m.Span(s)
		take()
	}}
	if withLogs {
		c.Log = func(l *spans.Log) {
			text = append(text, fmt.Sprintf("log %s of %v in %v", l.Text, l.Span, l.Trace))
			l.Process = m.Process(l.Resource)
			m.Log(l)
			take()
		}
	}
	for i := range events {
		c.Add(&events[i])
	}
	c.Close()
	return back, text, c.Losses.List()
}

func TestRoundTrip(t *testing.T) {
	back, _, losses := through(fmttest.Sample(), true)
	spanstest.Same(t, back, fmttest.Sample())
	want := "[clock after the first event (1x) counter (2x) flow end (1x) flow start (1x) flow step (1x) order of a track (2x)]"
	if got := fmt.Sprint(losses); got != want {
		t.Errorf("losses %v, want %v", got, want)
	}
	again, _, _ := through(back, true)
	spanstest.Same(t, again, back)
	rapid.Check(t, func(r *rapid.T) {
		events := fmttest.Events(r)
		if events[0].Kind == tracefmt.Clock {
			events[0].Unix &= 1<<62 - 1
		}
		back, _, _ := through(events, true)
		spanstest.Same(r, back, events)
	})
}

func TestTraces(t *testing.T) {
	const given = "0123456789abcdef0123456789abcdee"
	slice := func(at, dur int64, id, parent string, attrs ...tracefmt.Attr) tracefmt.Event {
		return tracefmt.Event{Kind: tracefmt.Complete, Track: 1, Time: at, Dur: dur, Name: strings.TrimLeft(id, "0"), ID: id, Parent: parent, Attrs: attrs}
	}
	trace := tracefmt.Attr{Key: "trace_id", Value: tracefmt.String(given)}
	const a, b, c, d = "000000000000000a", "000000000000000b", "000000000000000c", "000000000000000d"
	for name, test := range map[string]struct {
		events []tracefmt.Event
		want   string
	}{
		"given, the root last":   {[]tracefmt.Event{slice(3, 1, c, b), slice(2, 2, b, a), slice(1, 3, a, "", trace)}, "a " + given + " b " + given + " c " + given},
		"made, the root last":    {[]tracefmt.Event{slice(3, 1, c, b), slice(2, 2, b, a), slice(1, 3, a, "")}, "a " + a + a + " b " + a + a + " c " + a + a},
		"the root isn't there":   {[]tracefmt.Event{slice(3, 1, c, b), slice(2, 2, b, a)}, "b " + a + a + " c " + a + a},
		"a circle":               {[]tracefmt.Event{slice(3, 1, b, a), slice(2, 2, a, b)}, "a " + a + a + " b " + a + a},
		"a circle of one":        {[]tracefmt.Event{slice(3, 1, a, a)}, "a " + a + a},
		"nested":                 {[]tracefmt.Event{slice(1, 9, a, ""), slice(2, 2, b, ""), slice(3, 1, c, ""), slice(5, 2, d, "")}, "a " + a + a + " b " + a + a + " c " + a + a + " d " + a + a},
		"two traces overlapping": {[]tracefmt.Event{slice(1, 9, a, "", trace), slice(2, 2, b, "", tracefmt.Attr{Key: "trace_id", Value: tracefmt.String(c + b)})}, "a " + given + " b " + c + b},
	} {
		var got []string
		c := spans.Collector{Span: func(s *spans.Span) { got = append(got, fmt.Sprintf("%s %v", s.Name, s.Trace)) }}
		for i := range test.events {
			c.Add(&test.events[i])
		}
		c.Close()
		want := strings.Split(test.want, " ")
		for i := 0; i < len(want); i += 2 {
			found := false
			for _, g := range got {
				found = found || g == want[i]+" "+want[i+1]
			}
			if !found {
				t.Errorf("%s: got %q, want %q", name, got, test.want)
			}
		}
	}
}

// TestNested: a slice that names no parent has the one around it, unless its trace says that the two aren't related.
func TestNested(t *testing.T) {
	slice := func(at, dur int64, name string, attrs ...tracefmt.Attr) tracefmt.Event {
		return tracefmt.Event{Kind: tracefmt.Complete, Track: 1, Time: at, Dur: dur, Name: name, ID: "id " + name, Attrs: attrs}
	}
	events := []tracefmt.Event{
		slice(0, 100, "a"), slice(10, 50, "b"), slice(20, 10, "c"), slice(30, 10, "d"), slice(60, 60, "overlaps"),
		slice(70, 5, "e"), slice(80, 1, "other", tracefmt.Attr{Key: "trace_id", Value: tracefmt.String(strings.Repeat("01", 16))}),
		{Kind: tracefmt.Begin, Track: 1, Time: 200, Name: "f", ID: "id f"}, slice(210, 5, "g"),
		{Kind: tracefmt.Instant, Track: 1, Time: 230, Name: "in f"}, {Kind: tracefmt.End, Track: 1, Time: 240}, slice(300, 1, "h"),
	}
	parents := map[spans.ID]string{0: "nothing"}
	var got []string
	c := spans.Collector{Span: func(s *spans.Span) {
		got = append(got, fmt.Sprintf("%s in %s, %d events", s.Name, parents[s.Parent], len(s.Events)))
	}}
	for i := range events {
		id, _ := spans.Number("id " + events[i].Name)
		parents[id] = events[i].Name
		c.Add(&events[i])
	}
	c.Close()
	want := "a in nothing, 0 events; b in a, 0 events; c in b, 0 events; d in b, 0 events; overlaps in nothing, 0 events; " +
		"e in overlaps, 0 events; other in nothing, 0 events; g in f, 0 events; f in nothing, 1 events; h in nothing, 0 events"
	if text := strings.Join(got, "; "); text != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
}

// TestEvents: an event finds its span, whether it comes before or after it.
func TestEvents(t *testing.T) {
	events := []tracefmt.Event{
		{Kind: tracefmt.Process, Track: 2},
		{Kind: tracefmt.Track, Track: 1, Process: 2, Name: "spans"},
		{Kind: tracefmt.Instant, Track: 1, Time: 5, Name: "before", Category: "event", Parent: "000000000000000a"},
		{Kind: tracefmt.Complete, Track: 1, Time: 1, Dur: 9, Name: "span", ID: "000000000000000a"},
		{Kind: tracefmt.Instant, Track: 1, Time: 5, Name: "after", Category: "event", Parent: "000000000000000a"},
		{Kind: tracefmt.Instant, Track: 1, Time: 1, Name: "link", Category: tracefmt.CategoryLink, Parent: "000000000000000a",
			Attrs: []tracefmt.Attr{{Key: "link.span", Value: tracefmt.String("aaaaaaaaaaaab")}}},
		{Kind: tracefmt.Log, Track: 1, Time: 6, Name: "line", Parent: "000000000000000a"},
		{Kind: tracefmt.Instant, Track: 1, Time: 50, Name: "nowhere", Parent: "000000000000000b"},
	}
	back, text, losses := through(events, false)
	if got, want := strings.Join(text, "\n"), "span 000000000000000a of 0000000000000000 in 000000000000000a000000000000000a: 3 events, 1 links"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := fmt.Sprint(losses); got != "[instant outside of a slice (1x)]" {
		t.Errorf("losses: %s", got)
	}
	spanstest.Same(t, back, events[:7])
	back, text, losses = through(events, true)
	if len(text) != 3 || len(losses) > 0 {
		t.Errorf("with logs: %q, %v", text, losses)
	}
	spanstest.Same(t, back, events)
}

func TestNumber(t *testing.T) {
	for text, want := range map[string]string{
		"00000000000000ff": "00000000000000ff true", "00000000000000FF": "00000000000000ff false",
		"aaaaaaaaaaaab": "0000000000000001 false", "p777777777777": "ffffffffffffffff false",
		"": "cbf29ce484222325 false", "a": "af63dc4c8601ec8c false", "0000000000000000": "fc43ef7b36a0d2c5 false",
	} {
		id, exact := spans.Number(text)
		if got := fmt.Sprint(id, " ", exact); got != want && text != "0000000000000000" || id == 0 {
			t.Errorf("Number(%q) = %s, want %s", text, got, want)
		}
	}
}

// TestMemory: neither spans without parents, nor events without spans, nor IDs add up.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("short: it makes many events")
	}
	n := 0
	c := spans.Collector{Span: func(*spans.Span) { n++ }, Log: func(*spans.Log) { n++ }}
	for i := range 100_000 {
		id := fmt.Sprintf("%016x", i+1)
		c.Add(&tracefmt.Event{Kind: tracefmt.Complete, Track: 1, Time: int64(i), Dur: 1, ID: id, Parent: "gone" + id})
		c.Add(&tracefmt.Event{Kind: tracefmt.Instant, Track: 1, Time: int64(i), Parent: "nobody" + id})
	}
	if n < 2*100_000-1<<16-1<<13 {
		t.Errorf("only %d of 200000 were handed out", n)
	}
}
