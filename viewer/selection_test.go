package viewer_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
)

// twoProcesses is a trace in which a slice, "send", starts something in another process; around and beside it are others.
func twoProcesses() []tracefmt.Event {
	slice := func(track tracefmt.TrackID, name string, start, end int64, id, parent string) tracefmt.Event {
		return tracefmt.Event{Kind: tracefmt.Complete, Track: track, Name: name, Time: start, Dur: end - start, ID: id, Parent: parent}
	}
	return []tracefmt.Event{
		{Kind: tracefmt.Process, Track: 1, Name: "here"}, {Kind: tracefmt.Track, Track: 2, Process: 1, Name: "main"},
		{Kind: tracefmt.Process, Track: 3, Name: "there"}, {Kind: tracefmt.Track, Track: 4, Process: 3, Name: "main"},
		{Kind: tracefmt.Track, Track: 5, Process: 3, Name: "other"},
		slice(2, "replicate", 0, 100, "r", ""), slice(2, "send", 10, 60, "s", "r"), slice(2, "splice", 20, 40, "", ""),
		slice(2, "check", 70, 90, "c", "r"), slice(4, "receive", 12, 80, "x", "s"), slice(4, "write", 30, 50, "", ""),
		slice(5, "stranger", 15, 50, "y", ""),
	}
}

// keyOf returns the key of the slice that has a name.
func keyOf(c *client, name string) string {
	c.t.Helper()
	var found struct{ Hits []struct{ Key string } }
	c.get(&found, "search", "q", name, "in", "names")
	if len(found.Hits) != 1 {
		c.t.Fatalf("%s is found %d times", name, len(found.Hits))
	}
	return found.Hits[0].Key
}

// TestSelection: what a slice has started is its own, also in other processes, and what is around it isn't.
func TestSelection(t *testing.T) {
	_, c := view(t, write(t, "perfetto", twoProcesses()))
	type row struct {
		Name        string
		Total, Self int64
		Children    []row
	}
	var sums struct {
		Total int64
		Rows  []row
	}
	send := []any{"slice", keyOf(c, "send"), "from", 10, "to", 60}
	c.get(&sums, "aggregate", send...)
	got := map[string][2]int64{}
	for _, r := range sums.Rows {
		got[r.Name] = [2]int64{r.Total, r.Self}
	}
	want := map[string][2]int64{"send": {50, 30}, "splice": {20, 20}, "receive": {48, 28}, "write": {20, 20}}
	if len(got) != len(want) {
		t.Errorf("by name: %v, want %v", got, want)
	}
	for name, numbers := range want {
		if got[name] != numbers {
			t.Errorf("%s: %v, want %v", name, got[name], numbers)
		}
	}
	c.get(&sums, "aggregate", append(send, "by", "path")...)
	if len(sums.Rows) != 1 || sums.Rows[0].Name != "send" || sums.Total != 50 || len(sums.Rows[0].Children) != 2 {
		t.Errorf("by path: %+v", sums)
	}
	part := c.ask("GET", "/api/download"+query(append(send, "format", "jsonl")...), "")
	var names []string
	for _, e := range eventsOf(t, bytes.NewReader(part.Body.Bytes())) {
		if e.Kind == tracefmt.Complete {
			names = append(names, e.Name)
		}
	}
	slices.Sort(names)
	if !slices.Equal(names, []string{"receive", "replicate", "send", "splice", "write"}) {
		t.Errorf("saved are %q: want the tracks of what it has started, and no others", names)
	}
	for _, target := range []string{"aggregate?slice=9:9:9", "download?format=csv&slice=9:9:9"} {
		if w := c.ask("GET", "/api/"+target, ""); w.Code != 404 {
			t.Errorf("%s: %d, though that slice isn't there", target, w.Code)
		}
	}
}
