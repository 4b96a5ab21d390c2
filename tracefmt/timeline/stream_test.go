package timeline_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/chrome"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/timeline"
)

// listReader reads a list, and then an error. As others, it reuses its event.
type listReader struct {
	events []tracefmt.Event
	err    error
	event  tracefmt.Event
}

func (l *listReader) Next() (*tracefmt.Event, error) {
	if len(l.events) == 0 {
		if l.err != nil {
			return nil, l.err
		}
		return nil, io.EOF
	}
	attrs := append(l.event.Attrs[:0], l.events[0].Attrs...)
	l.event = l.events[0]
	l.event.Attrs = attrs
	l.events = l.events[1:]
	return &l.event, nil
}

func stream(t testing.TB, window int, events ...tracefmt.Event) (text []string, losses []tracefmt.Loss) {
	t.Helper()
	s := timeline.NewStream(&listReader{events: events}, window)
	all, err := fmttest.ReadAll(s)
	if err != nil {
		t.Fatal(err)
	}
	for i := range all {
		e := &all[i]
		line := fmt.Sprintf("%v %d", e.Kind, e.Time)
		if e.Name != "" {
			line += " " + e.Name
		}
		text = append(text, line)
	}
	return text, s.Losses()
}

func TestStream(t *testing.T) {
	begin := func(at int64, name string) tracefmt.Event {
		return tracefmt.Event{Kind: tracefmt.Begin, Track: 1, Time: at, Name: name}
	}
	end := func(at int64, name string) tracefmt.Event {
		return tracefmt.Event{Kind: tracefmt.End, Track: 1, Time: at, Name: name}
	}
	whole := func(at, dur int64, name string) tracefmt.Event {
		return tracefmt.Event{Kind: tracefmt.Complete, Track: 1, Time: at, Dur: dur, Name: name}
	}
	open := func(at int64) tracefmt.Event {
		return tracefmt.Event{Kind: tracefmt.Instant, Track: 1, Time: at, Name: "open", Category: tracefmt.CategoryOpen}
	}
	for _, tt := range []struct {
		name   string
		events []tracefmt.Event
		want   []string
		losses string
	}{
		{"before 0", []tracefmt.Event{whole(-5, 1, "a"), whole(-3, 1, "b")}, []string{"complete -5 a", "complete -3 b"}, "[]"},
		{"in order", []tracefmt.Event{begin(1, "a"), end(2, "")}, []string{"begin 1 a", "end 2"}, "[]"},
		{"children first", []tracefmt.Event{whole(2, 1, "inner"), whole(1, 5, "outer"), whole(1, 9, "outermost")},
			[]string{"complete 1 outermost", "complete 1 outer", "complete 2 inner"}, "[]"},
		{"end of an outer slice", []tracefmt.Event{begin(1, "a"), begin(2, "b"), begin(3, "c"), end(4, "a"), end(5, "b")},
			[]string{"begin 1 a", "begin 2 b", "begin 3 c", "end 4", "end 4", "end 4 a"},
			"[end without a begin (1x) slice without an end, ended with the one around it (2x)]"},
		{"later than the window", []tracefmt.Event{whole(10, 1, "a"), whole(20, 1, "b"), whole(30, 1, "c"), whole(40, 1, "d"), whole(5, 1, "late")},
			[]string{"complete 10 a", "complete 5 late", "complete 20 b", "complete 30 c", "complete 40 d"},
			"[order of an event that came very late (1x)]"},
		{"marks", []tracefmt.Event{begin(1, "a"), open(2), open(3), open(4)}, []string{"begin 1 a", "instant 4 open"}, "[]"},
		{"marks of what has ended", []tracefmt.Event{begin(1, "a"), open(2), end(3, "a")}, []string{"begin 1 a", "end 3 a"}, "[]"},
		{"an anchor, and a later clock", []tracefmt.Event{{Kind: tracefmt.Clock, Time: 100}, whole(5, 1, "a"), {Kind: tracefmt.Clock, Time: 3}},
			[]string{"clock 100", "clock 3", "complete 5 a"}, "[]"},
	} {
		got, losses := stream(t, 4, tt.events...)
		if !slices.Equal(got, tt.want) || fmt.Sprint(losses) != tt.losses {
			t.Errorf("%s: %q, losses %v\nwant %q, losses %s", tt.name, got, losses, tt.want, tt.losses)
		}
	}
}

// TestStreamError: an error comes after everything that was read before it.
func TestStreamError(t *testing.T) {
	broken := errors.New("broken")
	s := timeline.NewStream(&listReader{events: fmttest.Sample(), err: broken}, 0)
	all, err := fmttest.ReadAll(s)
	if err != broken || len(all) < len(fmttest.Sample())-2 {
		t.Errorf("%d events, then %v", len(all), err)
	}
	if _, err := s.Next(); err != broken {
		t.Errorf("the error isn't sticky: %v", err)
	}
}

// TestStreamNormal: in normal form, a trace is the same whether or not it was streamed before, if the window is large
// enough for its disorder.
func TestStreamNormal(t *testing.T) {
	normal := func(r *rapid.T, from tracefmt.Reader) string {
		var line timeline.Timeline
		if _, err := line.Read(from); err != nil {
			r.Fatal(err)
		}
		var out bytes.Buffer
		w := chrome.NewWriter(&out)
		if _, err := line.WriteTo(w); err != nil {
			r.Fatal(err)
		}
		w.Close()
		return out.String()
	}
	rapid.Check(t, func(r *rapid.T) {
		events := fmttest.Events(r)
		window := rapid.SampledFrom([]int{1000, 5000}).Draw(r, "window")
		got := normal(r, timeline.NewStream(&listReader{events: events}, window))
		if want := normal(r, &listReader{events: events}); got != want {
			r.Fatalf("streamed:\n%s\nwant:\n%s", got, want)
		}
	})
}

// TestStreamMemory: what is held is bounded, also if texts are long.
func TestStreamMemory(t *testing.T) {
	long := string(bytes.Repeat([]byte("x"), 1<<20))
	var held, most int
	r := readerFunc(func() (*tracefmt.Event, error) {
		if held++; held > 5000 {
			return nil, io.EOF
		}
		return &tracefmt.Event{Kind: tracefmt.Instant, Time: int64(held), Name: long}, nil
	})
	s := timeline.NewStream(r, 0)
	for n := 0; ; n++ {
		if _, err := s.Next(); err != nil {
			break
		}
		most = max(most, held-n)
	}
	if most > 40 {
		t.Errorf("%d events with a text of 1 MiB each are held", most)
	}
}

type readerFunc func() (*tracefmt.Event, error)

func (f readerFunc) Next() (*tracefmt.Event, error) { return f() }

// BenchmarkStream: in order, children before their parents, and thread by thread.
func BenchmarkStream(b *testing.B) {
	for name, at := range map[string]func(i int64) int64{
		"sorted":           func(i int64) int64 { return i * 1000 },
		"children-first":   func(i int64) int64 { return i*1000 - i%4/3*10_000 },
		"thread-by-thread": func(i int64) int64 { return i % (1 << 16) * 1000 },
		"shuffled":         func(i int64) int64 { return i*1000 + i*7919%5000*1000 },
	} {
		b.Run(name, func(b *testing.B) {
			n := int64(0)
			event := tracefmt.Event{Kind: tracefmt.Complete, Track: 1, Dur: 500, Name: "span",
				Attrs: []tracefmt.Attr{{Key: "n", Value: tracefmt.Int64(1)}, {Key: "s", Value: tracefmt.String("text")}}}
			s := timeline.NewStream(readerFunc(func() (*tracefmt.Event, error) { event.Time = at(n); n++; return &event, nil }), 0)
			b.ReportAllocs()
			for b.Loop() {
				s.Next()
			}
		})
	}
}

// order reads events with these times through a window, and says how many came late.
func order(t *testing.T, window int, times []int64) (late int64) {
	t.Helper()
	var events []tracefmt.Event
	for _, at := range times {
		events = append(events, tracefmt.Event{Kind: tracefmt.Instant, Track: 1, Time: at, Name: "i"})
	}
	s := timeline.NewStream(&listReader{events: events}, window)
	if got, err := fmttest.ReadAll(s); err != nil || len(got) != len(times) {
		t.Fatalf("%d events, %v; want %d", len(got), err, len(times))
	}
	for _, l := range s.Losses() {
		late += l.Count
	}
	return late
}

// TestWindowAdapts has disorder that grows, after a long stretch in order: a window that became small becomes large again.
func TestWindowAdapts(t *testing.T) {
	var times []int64
	for i := range int64(100_000) { // in order
		times = append(times, 10*i)
	}
	for back := int64(100); back <= 6000; back = back * 3 / 2 { // one that is so many places late, again and again
		for range 3 * back {
			times = append(times, 10*int64(len(times)))
		}
		times = append(times, 10*(int64(len(times))-back)-5)
	}
	if late := order(t, 0, times); late != 0 {
		t.Errorf("%d events came late", late)
	}
	times = append(times[:100_000], 10*(100_000-500)-5) // fewer places than any window has
	if late := order(t, 0, times); late != 0 {
		t.Errorf("%d events came late after a stretch in order", late)
	}
	times[100_000] = 5
	if late := order(t, 0, times); late != 1 {
		t.Errorf("%d events came late, want the one that did", late)
	}
}
