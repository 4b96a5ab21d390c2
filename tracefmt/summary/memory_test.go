package summary

import (
	"fmt"
	"slices"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
)

// TestMemory checks that what is kept for slices with IDs doesn't grow with their number.
func TestMemory(t *testing.T) {
	var s Summary
	for i := range 4 * remembered {
		e := tracefmt.Event{Kind: tracefmt.Complete, Track: 1, Time: int64(i) * 10, Dur: 5, Name: "same", ID: fmt.Sprint(i)}
		s.Add(&e)
	}
	if len(s.ids) > remembered+2 || len(s.ended) > remembered {
		t.Errorf("%d IDs and %d ended slices are remembered", len(s.ids), len(s.ended))
	}
	s.Finish()
	n := s.Processes[0].Root.Children[0]
	if n.Count != 4*remembered || n.Ended.values != nil || len(n.Ended.buckets) != 1 {
		t.Errorf("%d slices, %d values and %d buckets kept", n.Count, len(n.Ended.values), len(n.Ended.buckets))
	}
}

// TestManyPaths has more paths than are told apart. What is one too many is counted with others, and as a loss.
func TestManyPaths(t *testing.T) {
	s := Summary{nodes: maxNodes - 2}
	for i := range 10 {
		e := tracefmt.Event{Kind: tracefmt.Complete, Track: 1, Time: int64(i) * 10, Dur: 5, Name: fmt.Sprint(i % 5), ID: fmt.Sprint(i)}
		s.Add(&e)
	}
	s.Finish()
	var got []string
	for path := range s.Processes[0].Paths() {
		n := path[len(path)-1]
		got = append(got, fmt.Sprint(n.Name, " ", n.Count, " ", n.Total))
	}
	if want := "[(others) 6 30 0 2 10 1 2 10]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
	if losses := s.Losses(); len(losses) != 1 || losses[0].Count != 6 {
		t.Errorf("losses: %v", losses)
	}
}

// TestDeepPaths has slices that are inside of each other: the paths to those that are deepest would take too much, so they
// are counted together.
func TestDeepPaths(t *testing.T) {
	const depth = 50
	s := Summary{weight: maxWeight - 10*(10+1)/2*(frameBytes+1)} // as much as a chain of ten takes is left
	for i := range int64(depth) {
		s.Add(&tracefmt.Event{Kind: tracefmt.Complete, Track: 1, Time: i, Dur: 2 * (depth - i), Name: "n", ID: fmt.Sprint(i)})
	}
	s.Finish()
	var got []string
	for path := range s.Processes[0].Paths() {
		n := path[len(path)-1]
		got = append(got, fmt.Sprint(len(path), " ", n.Name, " ", n.Count))
	}
	if want := []string{"1 n 1", "2 n 1", "10 n 1", "11 (others) 40"}; len(got) != 11 || !slices.Equal(slices.Concat(got[:2], got[9:]), want) {
		t.Errorf("got %q, want 11, with %q", got, want)
	}
	if losses := s.Losses(); len(losses) != 1 || losses[0].Count != depth-10 {
		t.Errorf("losses: %v", losses)
	}
}
