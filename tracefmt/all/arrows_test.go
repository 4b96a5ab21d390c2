package all_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
)

// distributed is a trace of several services, from Zipkin's own tests.
const distributed = "../zipkin/testdata/yelp.json"

// TestArrows: of a distributed trace, formats that have arrows show one from each parent to its child in another process.
// What they say, on which tracks and when, is read back with the category changed, so that the readers don't leave them out.
func TestArrows(t *testing.T) {
	events := inputs(t)[tracefmt.Lookup("zipkin")][distributed]
	slice := map[string]*tracefmt.Event{}
	var want []string
	for i := range events {
		if e := &events[i]; e.Kind == tracefmt.Complete {
			slice[e.ID] = e
			if p := slice[e.Parent]; p != nil && p.Track != e.Track {
				first := beginOf(events)
				want = append(want, fmt.Sprintf("%s -> %s, %d -> %d", p.Name, e.Name, min(e.Time, p.Time+p.Dur-1)-first, e.Time-first))
			}
		}
	}
	if len(want) != 7 {
		t.Errorf("%d spans have a parent in another process: %q", len(want), want)
	}
	slices.Sort(want)
	for _, name := range []string{"chrome", "perfetto", "fxt"} {
		f := tracefmt.Lookup(name)
		data := written(t, f, events)
		back, err := fmttest.ReadAll(f.NewReader(bytes.NewReader(data)))
		if err != nil {
			t.Fatal(err)
		}
		if n := len(slices.DeleteFunc(back, func(e tracefmt.Event) bool { return e.Kind != tracefmt.FlowStart && e.Kind != tracefmt.FlowEnd })); n > 0 {
			t.Errorf("%s: %d flow points came back that the trace doesn't have", name, n)
		}
		got := arrows(t, f, bytes.ReplaceAll(data, []byte("spanstack.lane"), []byte("spanstack.test")))
		if !slices.Equal(got, want) {
			t.Errorf("%s: arrows\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// beginOf returns when the first slice begins.
func beginOf(events []tracefmt.Event) int64 {
	i := slices.IndexFunc(events, func(e tracefmt.Event) bool { return e.Kind == tracefmt.Complete })
	return events[i].Time
}

func written(t *testing.T, f *tracefmt.Format, events []tracefmt.Event) []byte {
	t.Helper()
	var out bytes.Buffer
	w := f.NewWriter(&out)
	for i := range events {
		if err := w.Write(&events[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// arrows returns the arrows between tracks in a file, with the innermost slices at their ends.
func arrows(t *testing.T, f *tracefmt.Format, data []byte) (list []string) {
	t.Helper()
	events, err := normal(f.NewReader(bytes.NewReader(data)))
	if err != nil {
		t.Fatal(err)
	}
	innermost := func(at *tracefmt.Event) string {
		var in *tracefmt.Event
		for i := range events {
			if e := &events[i]; e.Kind == tracefmt.Complete && e.Track == at.Track && e.Time <= at.Time && at.Time <= e.Time+e.Dur &&
				(in == nil || e.Time >= in.Time) {
				in = e
			}
		}
		if in == nil {
			return "nothing"
		}
		return in.Name
	}
	first := beginOf(events)
	starts := map[string]*tracefmt.Event{}
	for i := range events {
		switch e := &events[i]; e.Kind {
		case tracefmt.FlowStart:
			starts[e.Key] = e
		case tracefmt.FlowEnd:
			if s := starts[e.Key]; s != nil && s.Track != e.Track {
				list = append(list, fmt.Sprintf("%s -> %s, %d -> %d", innermost(s), innermost(e), s.Time-first, e.Time-first))
			}
		}
	}
	slices.Sort(list)
	return list
}

// TestArrowsInViewers: chrome://tracing lets an arrow begin and end at the innermost slice of its moment. Of the traces of
// all formats, that is the parent, and the child or one of its own that begins with it.
func TestArrowsInViewers(t *testing.T) {
	type event struct {
		Name, Ph, Cat, ID string
		Ts, Dur           float64 // µs
		Pid, Tid          any
		Args              map[string]any
	}
	chrome := tracefmt.Lookup("chrome")
	n := 0
	for f, files := range inputs(t) {
		for name, events := range files {
			if !f.Spans {
				continue
			}
			var all []event
			if err := json.Unmarshal(written(t, chrome, events), &all); err != nil {
				t.Fatal(err)
			}
			innermost := func(at event) (in event) {
				for _, e := range all {
					if e.Ph == "X" && e.Pid == at.Pid && e.Tid == at.Tid && e.Ts <= at.Ts && (at.Ts < e.Ts+e.Dur || at.Ts == e.Ts) {
						in = e // later ones are further in
					}
				}
				return in
			}
			parent := map[string]string{}
			for _, e := range all {
				if e.Ph == "X" {
					id, _ := e.Args["spanstack.id"].(string)
					parent[id], _ = e.Args["spanstack.parent"].(string)
				}
			}
			for _, e := range all {
				if e.Cat != "spanstack.lane" {
					continue
				}
				n++
				want := e.ID
				if e.Ph == "s" {
					want = parent[e.ID]
				}
				in := innermost(e)
				for e.Ph == "f" && in.Ts == e.Ts && in.Args["spanstack.id"] != want {
					id, _ := in.Args["spanstack.parent"].(string)
					i := slices.IndexFunc(all, func(e event) bool { return e.Ph == "X" && e.Args["spanstack.id"] == id })
					if i < 0 {
						break
					}
					in = all[i]
				}
				if in.Args["spanstack.id"] != want {
					t.Errorf("%s: the arrow to %s has its point %q at %s (%v), want %s", name, e.ID, e.Ph, in.Name, in.Args["spanstack.id"], want)
				}
			}
		}
	}
	if n < 50 {
		t.Errorf("only %d points of arrows", n)
	}
}
