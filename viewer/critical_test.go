package viewer

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/viewer/internal/index"
)

// listed is a Reader of a list of events.
type listed []tracefmt.Event

func (l *listed) Next() (*tracefmt.Event, error) {
	if len(*l) == 0 {
		return nil, io.EOF
	}
	e := &(*l)[0]
	*l = (*l)[1:]
	return e, nil
}

// TestCriticalLimits looks for the critical path of a slice beside which more and more has to be left out: what it can't have
// waited for first, and then, which is told, what it may have.
func TestCriticalLimits(t *testing.T) {
	defer func(most int) { maxCritical = most }(maxCritical)
	events := listed{{Kind: tracefmt.Process, Track: 1, SourceID: tracefmt.Int64(1), Name: "p"}}
	for i, name := range []string{"waits", "sends", "other"} {
		events = append(events, tracefmt.Event{Kind: tracefmt.Track, Track: tracefmt.TrackID(i + 2), Process: 1, Name: name})
	}
	events = append(events, tracefmt.Event{Kind: tracefmt.Complete, Track: 2, Time: 0, Dur: 10_000, Name: "wait", ID: "w"},
		tracefmt.Event{Kind: tracefmt.Complete, Track: 2, Time: 10, Dur: 20, Name: "inner", ID: "i", Parent: "w"},
		tracefmt.Event{Kind: tracefmt.FlowStart, Track: 3, Time: 9005, Name: "message", Key: "m"},
		tracefmt.Event{Kind: tracefmt.FlowEnd, Track: 2, Time: 9006, Name: "message", Key: "m"})
	for i := range int64(500) {
		for track := tracefmt.TrackID(3); track <= 4; track++ {
			events = append(events, tracefmt.Event{Kind: tracefmt.Complete, Track: track, Time: i * 20, Dur: 19, Name: fmt.Sprint("work on ", track)})
		}
	}
	x, err := index.Load(context.Background(), &events, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := x.Snapshot()
	p, _ := s.Lookup("w")
	for most, want := range map[int]string{
		2000: "wait 0-10, inner 10-30, wait 30-9000, work on 3 9000-9005, wait 9005-10000; 0 left",
		700:  "wait 0-10, inner 10-30, wait 30-9000, work on 3 9000-9005, wait 9005-10000; 0 left",
		300:  "wait 0-10, inner 10-30, wait 30-10000; 1 left",
		1:    "there are more than 1 slices that it may have waited for: choose a shorter one",
	} {
		maxCritical = most
		path, left, err := criticalPath(context.Background(), s, p)
		got := fmt.Sprint(err)
		if err == nil {
			var parts []string
			for _, seg := range path.Segments {
				parts = append(parts, fmt.Sprintf("%s %d-%d", seg.Slice.Name, seg.Start, seg.Start+seg.Dur))
			}
			got = fmt.Sprintf("%s; %d left", strings.Join(parts, ", "), left)
		}
		if got != want {
			t.Errorf("among %d: %s\nwant %s", most, got, want)
		}
	}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, err := criticalPath(cancelled, s, p); err == nil {
		t.Error("it goes on when nobody waits for it")
	}
}

// TestCriticalSameID: the two sides of a call may have one ID. The path of each is found, and leads to slices by what they are.
func TestCriticalSameID(t *testing.T) {
	events := listed{{Kind: tracefmt.Process, Track: 1, SourceID: tracefmt.Int64(1), Name: "p"},
		{Kind: tracefmt.Track, Track: 2, Process: 1, Name: "client"},
		{Kind: tracefmt.Track, Track: 3, Process: 1, Name: "server"},
		{Kind: tracefmt.Complete, Track: 2, Time: 0, Dur: 1000, Name: "call", ID: "1"},
		{Kind: tracefmt.Complete, Track: 3, Time: 0, Dur: 900, Name: "serve", ID: "1"},
		{Kind: tracefmt.Complete, Track: 3, Time: 100, Dur: 300, Name: "read", ID: "2", Parent: "1"},
	}
	x, err := index.Load(context.Background(), &events, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := x.Snapshot()
	for track, name := range map[tracefmt.TrackID]string{2: "call", 3: "serve"} {
		p, ok := s.Locate(track, 0, "1", name)
		if at, _ := s.Slice(p); !ok || at.Name != name {
			t.Errorf("%s is located at %+v, %v", name, at, ok)
		}
		path, _, err := criticalPath(context.Background(), s, p)
		if err != nil {
			t.Fatal(err)
		}
		for _, seg := range path.Segments {
			of := segmentOf(s, seg)
			if q, ok := s.Find(of.Key); !ok || of.Name != seg.Slice.Name {
				t.Errorf("of %s: %+v is %v", name, of, q)
			} else if at, _ := s.Slice(q); at.Name != of.Name {
				t.Errorf("of %s: %s leads to %s", name, of.Name, at.Name)
			}
		}
	}
	last, _ := s.Lookup("1")
	if p, ok := s.Locate(9, 5, "1", "renamed"); !ok || p != last {
		t.Errorf("by its ID alone: %v, %v", p, ok)
	}
}

// TestEndOfTime: what lasts until the end of all times has its links, its lines and its critical path.
func TestEndOfTime(t *testing.T) {
	const end = math.MaxInt64
	events := listed{
		{Kind: tracefmt.Complete, Track: 1, Time: 0, Dur: 5, Name: "early", ID: "e"},
		{Kind: tracefmt.Complete, Track: 1, Time: end - 100, Dur: 100, Name: "late", ID: "l"},
		{Kind: tracefmt.Instant, Track: 1, Time: end - 50, Name: "link", Category: tracefmt.CategoryLink, Parent: "l",
			Attrs: []tracefmt.Attr{{Key: "link.span", Value: tracefmt.String("e")}}},
		{Kind: tracefmt.Log, Track: 1, Time: end, Name: "the last line", Parent: "l"},
	}
	x, err := index.Load(context.Background(), &events, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := x.Snapshot()
	p, _ := s.Lookup("l")
	links, err := linksOf(context.Background(), s, p)
	if err != nil || len(links) != 1 || links[0].To.Name != "early" {
		t.Errorf("links: %+v, %v", links, err)
	}
	path, _, err := criticalPath(context.Background(), s, p)
	if err != nil || len(path.Segments) != 1 || path.Segments[0].Dur != 100 {
		t.Errorf("critical path: %+v, %v", path, err)
	}
	r := &request{Request: httptest.NewRequest("GET", "/", nil), snap: s}
	if n := r.countLogs(p); n != 2 {
		t.Errorf("it has %d marks, want the link and the line", n)
	}
}

// TestSumsAreCancelled: a difference ends when nobody waits for it any more.
func TestSumsAreCancelled(t *testing.T) {
	var events listed
	for i := range int64(20_000) {
		events = append(events, tracefmt.Event{Kind: tracefmt.Complete, Track: 1, Time: i * 10, Dur: 5, Name: "x"})
	}
	x, err := index.Load(context.Background(), &events, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	c := compared{snap: x.Snapshot()}
	if err := c.sumUp(ctx, true); err != context.Canceled {
		t.Errorf("cancelled: %v", err)
	}
	if err := c.sumUp(context.Background(), true); err != nil || len(c.longest) != 1 || c.sum.Processes[0].Root.Children[0].Count != 20_000 {
		t.Errorf("%v, %v", c.longest, err)
	}
}

// TestAggregateSelf: time in which several slices are inside of one counts once, and slices that go on beside each other on a track
// for them don't take time of each other.
func TestAggregateSelf(t *testing.T) {
	point := func(kind tracefmt.Kind, at int64, key, name string) tracefmt.Event {
		return tracefmt.Event{Kind: kind, Track: 1, Time: at, Category: "net", Key: key, Name: name}
	}
	slice := func(start, dur int64, name string) tracefmt.Event {
		return tracefmt.Event{Kind: tracefmt.Complete, Track: 2, Time: start, Dur: dur, Name: name}
	}
	events := listed{
		slice(0, 100, "outer"), slice(10, 40, "b"), slice(20, 50, "c"), slice(75, 5, "d"),
		point(tracefmt.AsyncBegin, 0, "1", "get"), point(tracefmt.AsyncBegin, 10, "2", "get"), point(tracefmt.AsyncEnd, 20, "2", "get"),
		point(tracefmt.AsyncBegin, 30, "1", "dns"), point(tracefmt.AsyncEnd, 40, "1", "dns"), point(tracefmt.AsyncEnd, 100, "1", "get"),
	}
	x, err := index.Load(context.Background(), &events, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, byPath := range []bool{false, true} {
		a, err := aggregate(context.Background(), x.Snapshot(), selection{window: index.Everything}, byPath)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		var walk func(n *node)
		walk = func(n *node) {
			for _, c := range n.sorted() {
				got = append(got, fmt.Sprintf("%s %d of %d", c.name, c.self, c.total))
				walk(c)
			}
		}
		walk(&a.root)
		slices.Sort(got)
		want := []string{"b 40 of 40", "c 50 of 50", "d 5 of 5", "dns 10 of 10", "get 100 of 110", "outer 35 of 100"}
		if !slices.Equal(got, want) || a.total != 210 {
			t.Errorf("by path %v: %q, total %d; want %q", byPath, got, a.total, want)
		}
	}
}
