package index_test

import (
	"context"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
)

// TestRoot: most of a trace is about the longest slice that others are below, or what that is below of; not about one that is
// longer and has to do with no other.
func TestRoot(t *testing.T) {
	on := func(track tracefmt.TrackID, start, dur int64, id, parent string) tracefmt.Event {
		return tracefmt.Event{Kind: tracefmt.Complete, Track: track, Time: start, Dur: dur, Name: "slice " + id, ID: id, Parent: parent}
	}
	threads := append(header(), tracefmt.Event{Kind: tracefmt.Track, Track: 3, Process: 1, Name: "b"})
	for what, c := range map[string]struct {
		events []tracefmt.Event
		want   string
	}{
		"nothing":                      {nil, ""},
		"stacks without IDs":           {[]tracefmt.Event{slice(0, 100, "main"), slice(10, 50, "f")}, ""},
		"IDs that nobody names":        {[]tracefmt.Event{on(2, 0, 100, "a", ""), on(2, 10, 50, "b", "")}, ""},
		"a parent that isn't there":    {[]tracefmt.Event{on(2, 0, 100, "a", "nowhere")}, ""},
		"the longest one is alone":     {[]tracefmt.Event{on(2, 0, 1000, "idle", ""), on(3, 0, 100, "a", ""), on(3, 10, 50, "b", "a")}, "slice a"},
		"a child that is longer":       {[]tracefmt.Event{on(2, 0, 10, "a", ""), on(3, 5, 100, "b", "a"), on(3, 20, 10, "c", "b")}, "slice a"},
		"one after the other":          {[]tracefmt.Event{on(2, 0, 10, "a", ""), on(3, 5, 3, "b", "a"), on(2, 20, 30, "c", ""), on(3, 25, 3, "d", "c")}, "slice c"},
		"it is open":                   {[]tracefmt.Event{on(2, 0, tracefmt.Open, "a", ""), on(3, 5, 100, "b", "a")}, "slice a"},
		"of two circles, one of them":  {[]tracefmt.Event{on(2, 0, 10, "a", "b"), on(3, 5, 3, "b", "a")}, "slice b"},
		"inside of one without any ID": {[]tracefmt.Event{slice(0, 1000, "main"), on(2, 10, 100, "a", ""), on(3, 20, 50, "b", "a")}, "main"},
	} {
		list := append(threads[:len(threads):len(threads)], c.events...)
		s := load(t, list)
		p, ok, err := s.Root(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if v, is := s.Slice(p); ok && is {
			got = v.Name
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", what, got, c.want)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, err := load(t, threads).Root(ctx); err == nil {
		t.Error("it doesn't end")
	}
}
