package critical_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/critical"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/timeline"
	"pgregory.net/rapid"
)

// of returns the trace of some events, and their normal form.
func of(events []tracefmt.Event) (*critical.Trace, *timeline.Timeline) {
	var tl timeline.Timeline
	for i := range events {
		tl.Add(&events[i])
	}
	var t critical.Trace
	for e := range tl.Events() {
		t.Add(e)
	}
	return &t, &tl
}

// slice returns a slice from start to end; an end of -1 is none. Its ID is its name.
func slice(track tracefmt.TrackID, start, end int64, name, parent string) tracefmt.Event {
	e := tracefmt.Event{Kind: tracefmt.Complete, Track: track, Time: start, Dur: end - start, Name: name, ID: name, Parent: parent}
	if end < 0 {
		e.Kind, e.Dur = tracefmt.Begin, 0
	}
	return e
}

// anonymous returns slices without IDs.
func anonymous(events ...tracefmt.Event) []tracefmt.Event {
	for i := range events {
		events[i].ID = ""
	}
	return events
}

// queued returns a slice that takes up a message from a queue.
func queued(e tracefmt.Event) tracefmt.Event {
	e.Attrs = []tracefmt.Attr{{Key: "span.kind", Value: tracefmt.String("consumer")}}
	return e
}

// arrow returns the two points of an arrow.
func arrow(key string, from tracefmt.TrackID, left int64, to tracefmt.TrackID, arrived int64) []tracefmt.Event {
	return []tracefmt.Event{
		{Kind: tracefmt.FlowStart, Track: from, Time: left, Key: key},
		{Kind: tracefmt.FlowEnd, Track: to, Time: arrived, Key: key},
	}
}

func twoProcesses() []tracefmt.Event {
	return []tracefmt.Event{{Kind: tracefmt.Process, Track: 1}, {Kind: tracefmt.Process, Track: 2}}
}

func text(p *critical.Path) string {
	var parts []string
	for _, s := range p.Segments {
		parts = append(parts, fmt.Sprintf("%s%s %d-%d", strings.Repeat(".", s.Depth), s.Slice.Name, s.Start, s.Start+s.Dur))
	}
	return strings.Join(parts, ", ")
}

func TestPath(t *testing.T) {
	join := func(lists ...[]tracefmt.Event) []tracefmt.Event { return slices.Concat(lists...) }
	for name, c := range map[string]struct {
		events  []tracefmt.Event
		want    string
		clipped int
	}{
		"alone": {[]tracefmt.Event{slice(1, 5, 10, "a", "")}, "a 5-10", 0},
		"nested on a track": {anonymous(slice(1, 0, 10, "a", ""), slice(1, 1, 4, "b", ""), slice(1, 2, 3, "c", ""), slice(1, 6, 9, "d", "")),
			"a 0-1, .b 1-2, ..c 2-3, .b 3-4, a 4-6, .d 6-9, a 9-10", 0},
		"the last of several": {[]tracefmt.Event{slice(1, 0, 10, "a", ""), slice(2, 1, 5, "b", "a"), slice(3, 1, 9, "c", "a"), slice(4, 3, 8, "d", "a")},
			"a 0-1, .c 1-9, a 9-10", 0},
		"one after the other": {[]tracefmt.Event{slice(1, 0, 10, "a", ""), slice(2, 1, 4, "b", "a"), slice(3, 4, 9, "c", "a"), slice(4, 2, 5, "d", "a")},
			"a 0-1, .b 1-4, .c 4-9, a 9-10", 0},
		"the first of those that end together": {[]tracefmt.Event{slice(1, 0, 10, "a", ""), slice(2, 3, 9, "b", "a"), slice(3, 1, 9, "c", "a"), slice(4, 1, 9, "d", "a")},
			"a 0-1, .c 1-9, a 9-10", 0},
		"without duration": {[]tracefmt.Event{slice(1, 0, 10, "a", ""), slice(2, 5, 5, "b", "a"), slice(3, 0, 0, "c", "a"), slice(4, 10, 10, "d", "a")},
			"a 0-10", 0},
		"never ended": {[]tracefmt.Event{slice(1, 0, -1, "a", ""), slice(2, 5, -1, "b", "a"), slice(3, 6, 20, "c", "b")},
			"a 0-5, .b 5-6, ..c 6-20", 0},
		"async": {[]tracefmt.Event{slice(1, 0, 10, "a", ""),
			{Kind: tracefmt.AsyncBegin, Track: 1, Time: 2, Name: "up", ID: "u", Parent: "a"}, slice(2, 3, 5, "b", "u"),
			{Kind: tracefmt.AsyncEnd, Track: 1, Time: 7, Name: "up", ID: "u"}},
			"a 0-2, .up 2-3, ..b 3-5, .up 5-7, a 7-10", 0},
		"outlives its parent, waited for further out": {[]tracefmt.Event{slice(1, 0, 10, "a", ""), slice(1, 1, 3, "start", "a"), slice(2, 2, 8, "b", "start")},
			"a 0-2, .b 2-8, a 8-10", 0},
		"outlives all": {[]tracefmt.Event{slice(1, 0, 10, "a", ""), slice(2, 2, 12, "b", "a"), slice(3, 3, 4, "c", "a")}, "a 0-3, .c 3-4, a 4-10", 0},
		"begins before its parent": {[]tracefmt.Event{slice(1, 0, 10, "a", ""), slice(2, 4, 8, "b", "a"), slice(3, 2, 6, "c", "b")},
			"a 0-4, ..c 4-6, .b 6-8, a 8-10", 1},
		"clocks of another process": {join(twoProcesses(), []tracefmt.Event{slice(1, 10, 20, "a", ""), slice(2, 8, 22, "b", "a"), slice(2, 15, 21, "c", "b")}),
			".b 10-20", 1},
		"a queue to another process": {join(twoProcesses(), []tracefmt.Event{slice(1, 10, 20, "a", ""),
			queued(slice(2, 12, 22, "b", "a")), queued(slice(2, 12, 14, "c", "a"))}), "a 10-12, .c 12-14, a 14-20", 0},
		"outside in another process": {join(twoProcesses(), []tracefmt.Event{slice(1, 10, 20, "a", ""), slice(2, 30, 35, "b", "a"), slice(2, 1, 2, "c", "a")}),
			"a 10-20", 0},
		"an arrow starts what has no parent": {join(anonymous(slice(1, 0, 10, "a", ""), slice(2, 3, 8, "b", "")), arrow("x", 1, 2, 2, 3)),
			"a 0-3, .b 3-8, a 8-10", 0},
		"an arrow to the next slice": {[]tracefmt.Event{slice(1, 0, 10, "a", ""), slice(2, 3, 8, "b", ""),
			{Kind: tracefmt.FlowStart, Track: 1, Time: 2, Key: "x"}, {Kind: tracefmt.FlowEnd, Track: 2, Time: 3, Key: "x", BindNext: true}},
			"a 0-3, .b 3-8, a 8-10", 0},
		"an arrow tells of waiting": {join(anonymous(slice(1, 0, 10, "a", ""), slice(2, 1, 20, "b", ""), slice(2, 2, 4, "c", "")), arrow("x", 2, 7, 1, 8)),
			"a 0-1, .b 1-2, ..c 2-4, .b 4-7, a 7-10", 0},
		"to and fro": {join(anonymous(slice(1, 0, 10, "a", ""), slice(2, -5, 20, "b", "")),
			arrow("1", 1, 2, 2, 3), arrow("2", 2, 4, 1, 4), arrow("3", 1, 5, 2, 6), arrow("4", 2, 8, 1, 9)),
			"a 0-2, .b 2-4, a 4-5, .b 5-8, a 8-10", 0},
		"a worker's job waits for who sends it": {join(anonymous(slice(1, 0, 10, "a", ""), slice(2, -5, 20, "loop", ""), slice(2, 5, 9, "job", "")),
			arrow("1", 1, 4, 2, 5), arrow("2", 2, 9, 1, 9)),
			"a 0-4, .loop 4-5, ..job 5-9, a 9-10", 0},
		"until the end of all times": {[]tracefmt.Event{slice(1, 0, 5, "first", ""),
			{Kind: tracefmt.Complete, Track: 1, Time: math.MaxInt64 - 100, Dur: 500, Name: "a", ID: "a"}, slice(2, math.MaxInt64-40, math.MaxInt64-10, "b", "a")},
			"a 9223372036854775707-9223372036854775767, .b 9223372036854775767-9223372036854775797, a 9223372036854775797-9223372036854775807", 0},
		"parents in a circle": {[]tracefmt.Event{slice(1, 0, 10, "a", "b"), slice(2, 1, 9, "b", "a")}, "a 0-1, .b 1-9, a 9-10", 0},
	} {
		trace, _ := of(c.events)
		s := trace.Find("a")
		if s == nil {
			t.Fatalf("%s: no slice", name)
		}
		p := trace.Path(s)
		if got := text(p); got != c.want || p.Clipped != c.clipped {
			t.Errorf("%s: got\n%s, %d clipped; want\n%s, %d", name, got, p.Clipped, c.want, c.clipped)
		}
		if again := text(trace.Path(s)); again != c.want {
			t.Errorf("%s: the second time\n%s", name, again)
		}
	}
}

func TestFind(t *testing.T) {
	trace, _ := of([]tracefmt.Event{slice(1, 0, 10, "get a", ""), slice(2, 0, 20, "get b", ""), slice(2, 1, 15, "put *", "get b"),
		slice(3, 0, 20, "later, as long", "")})
	for pattern, want := range map[string]string{"": "get b", "get*": "get b", "get a": "get a", "*a": "get a", "?et ?": "get b", "put *": "put *",
		"*t*": "get b", "*p*t*": "put *", "none": "nothing", "get": "nothing", "*x*": "nothing", "?": "nothing", "get b*": "get b", "*long": "later, as long"} {
		s := trace.Longest()
		if pattern != "" {
			s = trace.Find(pattern)
		}
		got := "nothing"
		if s != nil {
			got = s.Name
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", pattern, got, want)
		}
	}
	empty, _ := of(nil)
	if empty.Longest() != nil || empty.Find("*") != nil {
		t.Error("there is a slice in an empty trace")
	}
}

// check checks what every path has.
func check(t *rapid.T, p *critical.Path) {
	at, sum := p.Slice.Start, int64(0)
	for _, s := range p.Segments {
		if s.Start != at || s.Dur <= 0 {
			t.Fatalf("a segment at %d of %d ns, want one at %d: %s", s.Start, s.Dur, at, text(p))
		}
		at += s.Dur
		sum += s.Dur
	}
	if sum != p.Slice.Duration() {
		t.Fatalf("segments of %d ns in all, want %d: %s", sum, p.Slice.Duration(), text(p))
	}
	byName := int64(0)
	for _, s := range p.ByName() {
		byName += s.Dur
	}
	if byName != sum {
		t.Fatalf("%d ns by name, want %d", byName, sum)
	}
}

// TestAnyTrace looks at the paths of all slices of traces with everything in them.
func TestAnyTrace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := fmttest.Events(t)
		for i := range events { // more arrows and parents than usual
			switch e := &events[i]; e.Kind {
			case tracefmt.FlowStart, tracefmt.FlowStep, tracefmt.FlowEnd:
				e.Key, e.Name, e.Category = rapid.SampledFrom([]string{"1", "2"}).Draw(t, "key"), "", ""
			case tracefmt.Begin, tracefmt.Complete, tracefmt.AsyncBegin:
				e.ID = fmt.Sprint("s", i)
				e.Parent = fmt.Sprint("s", rapid.IntRange(0, len(events)).Draw(t, "parent"))
			}
		}
		trace, tl := of(events)
		for e := range tl.Events() {
			if e.ID != "" && (e.Kind == tracefmt.Begin || e.Kind == tracefmt.Complete || e.Kind == tracefmt.AsyncBegin) {
				check(t, trace.Path(trace.Find(e.ID)))
			}
		}
	})
}

// TestTree compares the paths of trees with those that a simple function finds.
func TestTree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 15).Draw(t, "slices")
		events := []tracefmt.Event{slice(1, 0, 100, "0", "")}
		for i := 1; i < n; i++ {
			parent := events[rapid.IntRange(0, len(events)-1).Draw(t, "parent")]
			if parent.Dur < 2 {
				continue
			}
			start := rapid.Int64Range(parent.Time, parent.Time+parent.Dur-1).Draw(t, "start")
			end := rapid.Int64Range(start+1, parent.Time+parent.Dur).Draw(t, "end")
			events = append(events, slice(tracefmt.TrackID(i+1), start, end, fmt.Sprint(i), parent.ID))
		}
		trace, _ := of(events)
		p := trace.Path(trace.Longest())
		check(t, p)
		owner := map[int64]string{} // of each ns
		for _, s := range p.Segments {
			for at := s.Start; at < s.Start+s.Dur; at++ {
				owner[at] = s.Slice.Name
			}
		}
		for at := int64(0); at < 100; at++ {
			if want := simple(events, events[0], at, 0, 100); owner[at] != want {
				t.Fatalf("at %d is %q, want %q, in %s", at, owner[at], want, text(p))
			}
		}
	})
}

// simple returns which slice is on the critical path of one from from to to at a moment.
func simple(events []tracefmt.Event, of tracefmt.Event, at, from, to int64) string {
	last := tracefmt.Event{Time: -1, Dur: 1} // the child that ends last
	for _, e := range events {
		end, latest := e.Time+e.Dur, last.Time+last.Dur
		if e.Parent != of.ID || end > to || end <= from {
			continue
		}
		if last.ID == "" || end > latest || end == latest && e.Time < last.Time {
			last = e
		}
	}
	begin, end := max(last.Time, from), last.Time+last.Dur
	switch {
	case last.ID == "", at >= end:
		return of.Name
	case at >= begin:
		return simple(events, last, at, begin, end)
	}
	return simple(events, of, at, from, begin)
}

// TestMark checks that a marked trace is in the normal form, has one slice for each segment, with an arrow from the
// slice that it is of, and all of the trace besides.
func TestMark(t *testing.T) {
	trace, tl := of(fmttest.Sample())
	p := trace.Path(trace.Find("replicate"))
	var marked timeline.Timeline
	var events []string
	for e := range trace.Mark(tl.Events(), p) {
		marked.Add(e)
		events = append(events, fmt.Sprint(*e))
	}
	var normal []string
	var again critical.Trace
	for e := range marked.Events() {
		normal = append(normal, fmt.Sprint(*e))
		again.Add(e)
	}
	slices.Sort(events) // a track more changes the order of metadata
	slices.Sort(normal)
	if !slices.Equal(events, normal) {
		t.Errorf("got\n%s\nits normal form\n%s", strings.Join(events, "\n"), strings.Join(normal, "\n"))
	}
	onTrack, arrows := 0, 0
	for e := range trace.Mark(tl.Events(), p) {
		switch {
		case e.Category == critical.Category && e.Kind == tracefmt.Complete:
			s := p.Segments[onTrack]
			if e.Time != s.Start || e.Dur != s.Dur || e.Name != s.Slice.Name || e.Attr("slice").String() != s.Slice.ID {
				t.Errorf("slice %d is %+v, want one of %+v", onTrack, e, s)
			}
			onTrack++
		case e.Category == critical.Category && e.Kind == tracefmt.FlowStart:
			if s := p.Segments[arrows]; e.Track != s.Slice.Track || e.Time < s.Start || e.Time >= s.Start+s.Dur {
				t.Errorf("arrow %d is %+v, want one of %+v", arrows, e, s)
			}
			arrows++
		}
	}
	if onTrack != len(p.Segments) || arrows != onTrack || onTrack < 5 {
		t.Errorf("%d slices and %d arrows, want %d", onTrack, arrows, len(p.Segments))
	}
	for range trace.Mark(tl.Events(), p) {
		break // and no more
	}
}

func TestJSON(t *testing.T) {
	trace, _ := of(fmttest.Sample())
	var out bytes.Buffer
	if err := trace.WriteJSON(&out, trace.Path(trace.Find("aaaa"))); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Slice    map[string]any
		Clipped  *int
		Segments []map[string]any
		Sums     []map[string]any `json:"by_name"`
	}
	d := json.NewDecoder(&out)
	d.DisallowUnknownFields()
	if err := d.Decode(&got); err != nil {
		t.Fatal(err)
	}
	first := got.Segments[0]
	if got.Slice["name"] != "replicate" || got.Slice["open"] != true || got.Clipped == nil || first["start_ns"] != 1000.0 ||
		first["track"] != "zferry/replicate" || first["depth"] != 0.0 || got.Sums[0]["share"].(float64) < 0.1 {
		t.Errorf("got %+v", got)
	}
}

// TestMany takes hostile shapes: all must be done in a moment.
func TestMany(t *testing.T) {
	const n = 10_000
	shapes := map[string]func(i int64) tracefmt.Event{
		"deep":      func(i int64) tracefmt.Event { return slice(1, i, 10*n-i, "s", "") },
		"staircase": func(i int64) tracefmt.Event { return slice(1, i, n+i, "s", "") },
		"wide":      func(i int64) tracefmt.Event { return slice(tracefmt.TrackID(i+1), i, 2*i, fmt.Sprint(i), "0") },
		"outliving": func(i int64) tracefmt.Event {
			return slice(tracefmt.TrackID(i%100+1), i, 2*n+i, fmt.Sprint(i), fmt.Sprint(i-1))
		},
		"end at once": func(i int64) tracefmt.Event { return slice(1, i, n, "s", "") },
	}
	for name, shape := range shapes {
		var events []tracefmt.Event
		for i := range int64(n) {
			events = append(events, shape(i))
			events = append(events, tracefmt.Event{Kind: tracefmt.FlowStep, Track: 1, Time: i, Key: "f"})
		}
		start := time.Now()
		trace, _ := of(events)
		trace.Path(trace.Longest())
		if d := time.Since(start); d > 10*time.Second {
			t.Errorf("%s: %v", name, d)
		}
	}
}
