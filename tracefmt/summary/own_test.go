package summary_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/summary"
)

// TestOwn compares own times with those that are counted one by one: of slices on their parents' tracks, on tracks of their own, and of async
// ones, whose ends come with them or later, if they come at all.
func TestOwn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const end = 60
		var made []life
		for range rapid.IntRange(1, 8).Draw(t, "slices") {
			l := life{name: fmt.Sprint(len(made)), parent: -1, end: end, track: len(made)}
			l.kind = rapid.SampledFrom([]kind{whole, whole, ended, open, async, openAsync}).Draw(t, "kind")
			from := int64(0)
			if len(made) > 0 {
				l.parent = rapid.IntRange(-1, len(made)-1).Draw(t, "parent")
			}
			if l.parent >= 0 {
				if from = made[l.parent].start + 1; from > end-2 {
					continue
				}
			}
			if l.start = rapid.Int64Range(from, end-2).Draw(t, "start"); l.kind.ends() {
				l.end = rapid.Int64Range(l.start+1, end-1).Draw(t, "end")
			}
			made = append(made, l)
		}
		made = nestSome(made)
		events := eventsOf(made, end)
		for how, s := range map[string]*summary.Summary{"whole": sum(events), "as they come": added(events)} {
			for i := range made {
				n := s.Processes[0].Root
				for _, name := range pathOf(made, i) {
					n = n.Children[slices.IndexFunc(n.Children, func(c *summary.Node) bool { return c.Name == name })]
				}
				if want := ownOf(made, i); n.Own != want {
					t.Fatalf("%s: %d has own time %d, want %d: %+v", how, i, n.Own, want, made)
				}
			}
		}
	})
}

type kind string

const (
	whole     kind = "whole"
	ended     kind = "ended"
	open      kind = "open"
	async     kind = "async"
	openAsync kind = "open async"
)

func (k kind) ends() bool { return k != open && k != openAsync }

// life is a slice that lives from start to end.
type life struct {
	name          string
	kind          kind
	parent, track int // the parent's number, or -1
	start, end    int64
}

// nestSome puts whole slices onto the tracks of their parents, if they are inside of these and nobody else is there yet.
func nestSome(made []life) []life {
	for i, l := range made {
		if l.parent < 0 || l.kind != whole {
			continue
		}
		p := made[l.parent]
		alone := !slices.ContainsFunc(made, func(o life) bool { return o.name != p.name && o.track == p.track })
		if p.kind == whole && alone && p.start <= l.start && l.end <= p.end {
			made[i].track = p.track
		}
	}
	return made
}

// eventsOf returns the events of slices, in the order of time, up to an instant at the end.
func eventsOf(made []life, end int64) []tracefmt.Event {
	events := []tracefmt.Event{{Kind: tracefmt.Instant, Track: 1, Time: end}}
	for _, l := range made {
		e := tracefmt.Event{Track: tracefmt.TrackID(l.track + 1), Time: l.start, Name: l.name, ID: l.name}
		if l.parent >= 0 {
			e.Parent = made[l.parent].name
		}
		last := tracefmt.Event{Track: e.Track, Time: l.end, Name: l.name, ID: l.name}
		switch l.kind {
		case whole:
			e.Kind, e.Dur = tracefmt.Complete, l.end-l.start
		case ended, open:
			e.Kind, last.Kind = tracefmt.Begin, tracefmt.End
		default:
			e.Kind, last.Kind = tracefmt.AsyncBegin, tracefmt.AsyncEnd
		}
		if events = append(events, e); l.kind == ended || l.kind == async {
			events = append(events, last)
		}
	}
	slices.SortStableFunc(events, func(a, b tracefmt.Event) int { return cmp.Compare(a.Time, b.Time) })
	return events
}

func pathOf(made []life, i int) (path []string) {
	for ; i >= 0; i = made[i].parent {
		path = append(path, made[i].name)
	}
	slices.Reverse(path)
	return path
}

// ownOf counts the moments at which a slice lives, and none of those below it.
func ownOf(made []life, i int) (own int64) {
	for at := made[i].start; at < made[i].end; at++ {
		if !slices.ContainsFunc(made, func(l life) bool { return l.parent == i && l.start <= at && at < l.end }) {
			own++
		}
	}
	return own
}
