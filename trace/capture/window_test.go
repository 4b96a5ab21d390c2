package capture

import (
	"slices"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
)

// TestWindow: a profile of a time has nothing of what was before it, and all of what is open at its end.
func TestWindow(t *testing.T) {
	var got kept
	at := int64(100)
	w := newWindow(&got, func() int64 { return at })
	open := []tracefmt.Attr{{Key: "open", Value: tracefmt.Bool(true)}}
	for _, e := range []tracefmt.Event{
		{Kind: tracefmt.Clock, Unix: 5},
		{Kind: tracefmt.Begin, Track: 1, Time: 10, Name: "task"},
		{Kind: tracefmt.Begin, Track: 1, Time: 120, Name: "span"},
		{Kind: tracefmt.Complete, Track: 1, Time: 20, Dur: 90, Name: "across"},
		{Kind: tracefmt.Complete, Track: 1, Time: 20, Dur: 70, Name: "before"},
		{Kind: tracefmt.Complete, Track: 1, Time: 130, Dur: 5, Name: "within"},
		{Kind: tracefmt.AsyncInstant, Track: 1, Time: 30, Name: "ends", Key: "a", Attrs: open},
		{Kind: tracefmt.AsyncInstant, Track: 1, Time: 30, Name: "stays", Key: "b", Attrs: open},
		{Kind: tracefmt.AsyncBegin, Track: 1, Time: 30, Name: "ends", Key: "a"},
		{Kind: tracefmt.AsyncEnd, Track: 1, Time: 150, Name: "ends", Key: "a"},
		{Kind: tracefmt.AsyncBegin, Track: 1, Time: 140, Name: "ends", Key: "a"},
		{Kind: tracefmt.AsyncEnd, Track: 1, Time: 150, Name: "ends", Key: "a"},
		{Kind: tracefmt.End, Track: 1, Time: 160},
	} {
		if err := w.Write(&e); err != nil {
			t.Fatal(err)
		}
	}
	at = 200
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	want := kept{"clock  0", "begin task 100", "begin span 120", "complete across 100+10", "complete within 130+5",
		"async begin ends 100", "async begin stays 100", "async end ends 150", "async begin ends 140", "async end ends 150",
		"end  160", "end  200", "async end stays 200"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
