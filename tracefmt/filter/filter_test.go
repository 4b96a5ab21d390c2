package filter_test

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/filter"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/timeline"
)

// list reads a trace that is in memory, and then fails with err.
type list struct {
	events []tracefmt.Event
	err    error
}

func (l *list) Next() (*tracefmt.Event, error) {
	if len(l.events) == 0 {
		if l.err != nil {
			return nil, l.err
		}
		return nil, io.EOF
	}
	e := &l.events[0]
	l.events = l.events[1:]
	return e, nil
}

// trace is a root task with two spans, and another task on its own track, which the second span starts.
func trace() []tracefmt.Event {
	return []tracefmt.Event{
		{Kind: tracefmt.Clock, Unix: 1_000_000_000},
		{Kind: tracefmt.Process, Track: 1, SourceID: tracefmt.Int64(7), Name: "p"},
		{Kind: tracefmt.Track, Track: 2, Process: 1, SourceID: tracefmt.Int64(1), Name: "main"},
		{Kind: tracefmt.Track, Track: 3, Process: 1, SourceID: tracefmt.Int64(2), Name: "step"},
		{Kind: tracefmt.Process, Track: 4, SourceID: tracefmt.Int64(8), Name: "other"},
		{Kind: tracefmt.Track, Track: 5, Process: 4, SourceID: tracefmt.Int64(2), Name: "elsewhere"},
		{Kind: tracefmt.Complete, Track: 5, Time: 0, Dur: 1000, Name: "apart", Category: "task", ID: "x"},
		{Kind: tracefmt.Begin, Track: 2, Time: 0, Name: "tank/all", Category: "task", ID: "a"},
		{Kind: tracefmt.Complete, Track: 2, Time: 100, Dur: 100, Name: "list", Category: "span", ID: "b", Parent: "a",
			Attrs: []tracefmt.Attr{{Key: "n", Value: tracefmt.Int64(12)}}},
		{Kind: tracefmt.Log, Track: 2, Time: 150, Name: "in list", Parent: "b"},
		{Kind: tracefmt.Begin, Track: 2, Time: 300, Name: "send", Category: "span", ID: "c", Parent: "a"},
		{Kind: tracefmt.FlowStart, Track: 2, Time: 310, Name: "start", Category: "task", Key: "d"},
		{Kind: tracefmt.Begin, Track: 3, Time: 320, Name: "tank/db", Category: "task", ID: "d", Parent: "c"},
		{Kind: tracefmt.FlowEnd, Track: 3, Time: 320, Name: "start", Category: "task", Key: "d"},
		{Kind: tracefmt.Instant, Track: 3, Time: 350, Name: "in db"},
		{Kind: tracefmt.Counter, Track: 1, Time: 360, Name: "bytes", Attrs: []tracefmt.Attr{{Key: "n", Value: tracefmt.Int64(1)}}},
		{Kind: tracefmt.Complete, Track: 3, Time: 370, Dur: 10, Name: "write", Category: "span"},
		{Kind: tracefmt.AsyncBegin, Track: 3, Time: 380, Name: "upload", Category: "async", ID: "e", Parent: "d"},
		{Kind: tracefmt.AsyncEnd, Track: 3, Time: 480, Name: "upload", Category: "async", ID: "e",
			Attrs: []tracefmt.Attr{{Key: "n", Value: tracefmt.String("many")}}},
		{Kind: tracefmt.End, Track: 3, Time: 500, Attrs: []tracefmt.Attr{{Key: "error", Value: tracefmt.String("no space")}}},
		{Kind: tracefmt.End, Track: 2, Time: 600},
		{Kind: tracefmt.Log, Track: 2, Time: 700, Name: "after"},
		{Kind: tracefmt.Instant, Track: 1, Time: 800, Name: "whole process"},
		{Kind: tracefmt.End, Track: 2, Time: 900},
	}
}

func globs(t testing.TB, patterns ...string) (list []filter.Glob) {
	for _, p := range patterns {
		g, err := filter.ParseGlob(p)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, g)
	}
	return list
}

func attrs(t testing.TB, conditions ...string) (list []filter.Attr) {
	for _, c := range conditions {
		a, err := filter.ParseAttr(c)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, a)
	}
	return list
}

func bound(t testing.TB, text string) filter.Bound {
	b, err := filter.ParseBound(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// names returns the names of all timed events, without their ends and clocks, and those of the tracks declared.
func names(t testing.TB, events []tracefmt.Event) string {
	var timed, meta []string
	for _, e := range events {
		switch e.Kind {
		case tracefmt.Process, tracefmt.Track:
			meta = append(meta, e.Name)
		case tracefmt.Clock, tracefmt.End, tracefmt.AsyncEnd:
		default:
			timed = append(timed, e.Name)
		}
	}
	return strings.Join(timed, ", ") + " | " + strings.Join(meta, ", ")
}

// TestConditions has the tracks in the order of their first events where the Reader streams, else in their own.
func TestConditions(t *testing.T) {
	for _, test := range []struct {
		what string
		o    filter.Options
		want string
	}{
		{"all", filter.Options{}, "apart, tank/all, list, in list, send, start, tank/db, start, in db, bytes, write, upload, after, whole process" +
			" | other, elsewhere, p, main, step"},
		{"a task", filter.Options{Tasks: globs(t, "tank/d?")}, "tank/db, in db, write, upload | p, step"},
		{"a task with others", filter.Options{Tasks: globs(t, "tank/a*")},
			"tank/all, list, in list, send, start, tank/db, start, in db, write, upload, after | p, main, step"},
		{"two tasks", filter.Options{Tasks: globs(t, "tank/db", "apart")}, "apart, tank/db, in db, write, upload | p, step, other, elsewhere"},
		{"no task", filter.Options{Tasks: globs(t, "send")}, " | "},
		{"a span", filter.Options{Spans: globs(t, "l*t")}, "list, in list | p, main"},
		{"a span in a task", filter.Options{Spans: globs(t, "*"), Tasks: globs(t, "apart")}, "apart | other, elsewhere"},
		{"attribute", filter.Options{Attrs: attrs(t, "n")}, "list, in list, upload | p, main, step"},
		{"attribute's value", filter.Options{Attrs: attrs(t, "n=12")}, "list, in list | p, main"},
		{"attribute's other value", filter.Options{Attrs: attrs(t, "n!=12", "n")}, "upload | p, step"},
		{"attribute's text", filter.Options{Attrs: attrs(t, "error~sp.ce$")}, "tank/db, in db | p, step"},
		{"attribute's other text", filter.Options{Attrs: attrs(t, "n!~1", "n")}, "upload | p, step"},
		{"duration", filter.Options{MinDuration: 300}, "apart, tank/all, send, bytes, after, whole process | p, main, other, elsewhere"},
		{"depth", filter.Options{MaxDepth: 1}, "apart, tank/all, tank/db, in db, bytes, after, whole process | p, main, step, other, elsewhere"},
		{"from", filter.Options{From: filter.AfterBegin(650)}, "apart, tank/all, after, whole process | p, main, other, elsewhere"},
		{"to", filter.Options{To: filter.BeforeEnd(900)}, "apart, tank/all, list | p, main, other, elsewhere"},
		{"percentages", filter.Options{From: bound(t, "10%"), To: bound(t, "15%")}, "apart, tank/all, list, in list | p, main, other, elsewhere"},
		{"wall clock", filter.Options{From: filter.At(1_000_000_305), To: filter.At(1_000_000_315)}, "apart, tank/all, send, start | other, elsewhere, p, main"},
	} {
		t.Run(test.what, func(t *testing.T) {
			r := filter.NewReader(&list{events: trace()}, test.o)
			events, err := fmttest.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			got := names(t, events)
			if got != test.want {
				t.Errorf("got\n  %s\nwant\n  %s", got, test.want)
			}
		})
	}
}

func TestCounts(t *testing.T) {
	r := filter.NewReader(&list{events: trace()}, filter.Options{Spans: globs(t, "list")})
	if _, err := fmttest.ReadAll(r); err != nil {
		t.Fatal(err)
	}
	counts := r.Counts()
	if got, want := counts.String(), "1 of 7 slices, 1 of 2 log lines, 0 of 2 instants, 0 of 2 points of arrows, 0 of 1 values of counters"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestClip(t *testing.T) {
	for _, o := range []filter.Options{
		{From: filter.AfterBegin(340), To: filter.AfterBegin(400), Clip: true},
		{From: filter.At(1_000_000_340), To: filter.At(1_000_000_400), Clip: true},
	} {
		events, err := fmttest.ReadAll(filter.NewReader(&list{events: trace()}, o))
		if err != nil {
			t.Fatal(err)
		}
		var tl timeline.Timeline
		if _, err := tl.Read(&list{events: events}); err != nil {
			t.Fatal(err)
		}
		want := map[string][2]int64{"apart": {340, 60}, "tank/all": {340, 60}, "send": {340, 60}, "tank/db": {340, 60}, "write": {370, 10}}
		got := 0
		for e := range tl.Events() {
			if e.Kind.Timed() && e.Kind != tracefmt.Clock && (e.Time < 340 || e.Time > 400) {
				t.Errorf("%s %q is at %d", e.Kind, e.Name, e.Time)
			}
			if e.Kind == tracefmt.Complete {
				got++
				if w := want[e.Name]; w != [2]int64{e.Time, e.Dur} {
					t.Errorf("%q is at %d for %d, want %d", e.Name, e.Time, e.Dur, w)
				}
			}
		}
		if got != len(want) {
			t.Errorf("%d slices, want %d", got, len(want))
		}
	}
}

// TestWithin leaves the same of a trace that goes by as of one that is in memory, if its extent is known.
func TestWithin(t *testing.T) {
	extent, err := filter.Survey(&list{events: trace()})
	if want := (filter.Extent{Begin: 0, End: 1000}); err != nil || extent != want {
		t.Fatalf("%v, %v, want %v", extent, err, want)
	}
	for _, pair := range [][2]string{{"+650ns", "100%"}, {"0%", "-900ns"}, {"10%", "15%"}, {"-1us", "1"}} {
		o := filter.Options{From: bound(t, pair[0]), To: bound(t, pair[1])}
		within := o.Within(extent)
		if o.Streams() || !within.Streams() {
			t.Errorf("%v: streams: %v, within %v: %v", pair, o.Streams(), extent, within.Streams())
		}
		var got [2]string
		for i, o := range []filter.Options{o, within} {
			events, err := fmttest.ReadAll(filter.NewReader(&list{events: trace()}, o))
			if err != nil {
				t.Fatal(err)
			}
			got[i], _, _ = strings.Cut(names(t, events), " | ")
		}
		if got[0] != got[1] || got[0] == "" {
			t.Errorf("%v: in memory %q, streamed %q", pair, got[0], got[1])
		}
	}
	failure := errors.New("the disk is on fire")
	if extent, err := filter.Survey(&list{trace(), failure}); err != failure || extent.End != 1000 {
		t.Errorf("input that fails: %v, %v", extent, err)
	}
}

func TestErrors(t *testing.T) {
	noClock := trace()[1:]
	for _, o := range []filter.Options{{From: filter.At(5)}, {From: filter.At(5), MaxDepth: 1}} {
		if _, err := fmttest.ReadAll(filter.NewReader(&list{events: noClock}, o)); !errors.Is(err, filter.ErrNoClock) {
			t.Errorf("without a clock: %v", err)
		}
	}
	if _, err := fmttest.ReadAll(filter.NewReader(&list{events: trace()}, filter.Options{From: bound(t, "50%"), To: bound(t, "40%")})); !errors.Is(err, filter.ErrOrder) {
		t.Errorf("backwards: %v", err)
	}
	failure := errors.New("the disk is on fire")
	for _, o := range []filter.Options{{From: filter.At(0)}, {MaxDepth: 1}} {
		events, err := fmttest.ReadAll(filter.NewReader(&list{trace(), failure}, o))
		if err != failure || len(events) < 5 {
			t.Errorf("input that fails: %d events, %v", len(events), err)
		}
	}
}

func TestParse(t *testing.T) {
	for _, text := range []string{"", "+", "-x", "+-3s", "101%", "-1%", "NaN%", "yesterday", "12.1234567890", "99999999999999999", "2400-01-01T00:00:00Z", "1..2"} {
		if b, err := filter.ParseBound(text); err == nil {
			t.Errorf("bound %q is read as %v", text, b)
		} else if !strings.Contains(err.Error(), text) {
			t.Errorf("bound %q: %v", text, err)
		}
	}
	for text, want := range map[string]filter.Bound{
		"1.5": filter.At(1_500_000_000), "+1m2s": filter.AfterBegin(62e9), "-0.5s": filter.BeforeEnd(5e8),
		"1970-01-01T01:00:00.000000001+01:00": filter.At(1),
	} {
		if got, err := filter.ParseBound(text); err != nil || got != want {
			t.Errorf("bound %q is read as %v (%v), want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "=x", "!=x", "~x", "a~["} {
		if _, err := filter.ParseAttr(text); err == nil {
			t.Errorf("condition %q is taken", text)
		}
	}
	if _, err := filter.ParseGlob(`a\`); err == nil {
		t.Error("a pattern that ends with a backslash is taken")
	}
	for _, test := range []struct {
		pattern, name string
		want          bool
	}{{"a*", "a/b\nc", true}, {"a", "ab", false}, {"a?", "aé", true}, {`a\*`, "a*", true}, {`a\*`, "ab", false}, {"[a]", "[a]", true}, {"*.*", "x.y", true}} {
		if got := globs(t, test.pattern)[0].Match(test.name); got != test.want {
			t.Errorf("%q matches %q: %v", test.pattern, test.name, got)
		}
	}
}

// TestStreamAgrees compares what a Reader leaves as the trace goes by with what it leaves of the whole trace.
func TestStreamAgrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := slices.DeleteFunc(fmttest.Events(t), func(e tracefmt.Event) bool {
			return e.Kind == tracefmt.Clock || e.Kind == tracefmt.FlowStart || e.Kind == tracefmt.FlowStep || e.Kind == tracefmt.FlowEnd
		})
		first := int64(0)
		for i := range events {
			if events[i].Kind.Timed() {
				first = events[i].Time
				break
			}
		}
		for i := range events { // so that the clock's numbers don't overflow
			if events[i].Kind.Timed() {
				events[i].Time -= first
			}
		}
		events = slices.Insert(events, 0, tracefmt.Event{Kind: tracefmt.Clock, Unix: 1})
		edges := []int64{0} // the times of the trace, where it is easy to be off by one
		for _, e := range events {
			edges = append(edges, max(e.Time, 0), max(e.Time+e.Dur, 0))
		}
		when := rapid.OneOf(rapid.SampledFrom(edges), rapid.Int64Range(0, 3e8))
		normal := func(events []tracefmt.Event) []tracefmt.Event {
			var tl timeline.Timeline
			if _, err := tl.Read(&list{events: events}); err != nil {
				t.Fatal(err)
			}
			all, err := fmttest.ReadAll(tl.NewReader())
			if err != nil {
				t.Fatal(err)
			}
			return all
		}
		read := func(o filter.Options) (*filter.Reader, []tracefmt.Event) {
			r := filter.NewReader(&list{events: slices.Clone(events)}, o)
			left, err := fmttest.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			return r, normal(left)
		}
		for range 8 {
			from, until := when.Draw(t, "from"), when.Draw(t, "until")
			from, until = min(from, until), max(from, until)
			o := filter.Options{From: filter.At(from + 1), To: filter.At(until + 1), Clip: rapid.Bool().Draw(t, "clip")}
			streamed, got := read(o)
			o.MaxDepth = 1 << 30
			whole, want := read(o)
			g, w := fmttest.ContentOf(sorted(got), tracefmt.KeepsAll).String(), fmttest.ContentOf(sorted(want), tracefmt.KeepsAll).String()
			if g != w {
				t.Fatalf("from %d to %v: streamed\n%s\nof the whole\n%s", from, o.To, g, w)
			}
			a, b := streamed.Counts(), whole.Counts()
			if a.String() != b.String() {
				t.Fatalf("counted while streaming: %v, of the whole: %v", a.String(), b.String())
			}
		}
	})
}

// sorted orders events of one time, which clipping may bring together in any order.
func sorted(events []tracefmt.Event) []tracefmt.Event {
	slices.SortStableFunc(events, func(a, b tracefmt.Event) int {
		if a.Time != b.Time {
			return int(max(-1, min(1, a.Time-b.Time)))
		}
		return strings.Compare(a.Kind.String()+a.Name+a.ID+a.Key, b.Kind.String()+b.Name+b.ID+b.Key)
	})
	return events
}

// TestOnDisk: of a trace on disk the same is left as of one in memory.
func TestOnDisk(t *testing.T) {
	options := []filter.Options{
		{Tasks: globs(t, "*")}, {Spans: globs(t, "*a*", "")}, {Attrs: attrs(t, "n")}, {MinDuration: 10}, {MaxDepth: 1},
		{Tasks: globs(t, "tank/db"), Attrs: attrs(t, "n=many")},
	}
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		events := trace()
		if rapid.Bool().Draw(t, "random") {
			events = fmttest.Events(t)
		}
		o := rapid.SampledFrom(options).Draw(t, "options")
		left := func(memory int64) (fmttest.Content, filter.Counts) {
			tl := timeline.Timeline{Memory: memory, Dir: dir}
			defer tl.Close()
			if _, err := tl.Read(&list{events: events}); err != nil {
				t.Fatal(err)
			}
			r := filter.NewReader(tl.NewReader(), o)
			all, err := fmttest.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			return fmttest.ContentOf(all, tracefmt.KeepsAll), r.Counts()
		}
		got, counts := left(1)
		want, wantCounts := left(0)
		if got.String() != want.String() || counts != wantCounts {
			t.Fatalf("left on disk are\n%s\n%v, want\n%s\n%v", got, &counts, want, &wantCounts)
		}
	})
}
