package trigger

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
)

// A list is a writer that keeps what is written, and fails at the event called bad.
type list struct {
	events []string
	closed bool
}

var errBad = errors.New("bad event")

func (l *list) Write(e *tracefmt.Event) error {
	if e.Name == "bad" {
		return errBad
	}
	l.events = append(l.events, fmt.Sprintf("%s@%d/%d", e.Name, e.Time, e.Track))
	return nil
}
func (l *list) Flush() error { return nil }
func (l *list) Close() error { l.closed = true; return nil }

func TestMarker(t *testing.T) {
	process := tracefmt.Event{Kind: tracefmt.Process, Track: 1, Name: "p"}
	clock := tracefmt.Event{Kind: tracefmt.Clock, Time: 99, Name: "c"} // belongs to the start, whatever its time
	span := func(id string, track tracefmt.TrackID, at int64) tracefmt.Event {
		return tracefmt.Event{Kind: tracefmt.Begin, Track: track, Time: at, Name: id, ID: id}
	}
	at := func(name, span string, at int64) mark {
		return mark{span, tracefmt.Event{Kind: tracefmt.Instant, Name: name, Time: at}}
	}
	for _, test := range []struct {
		name   string
		marks  []mark
		events []tracefmt.Event
		want   string
	}{
		{"none", nil, []tracefmt.Event{process, span("a", 2, 5)}, "p@0/1 a@5/2"},
		{"of the process", []mark{at("m", "", 7)}, []tracefmt.Event{process, clock, span("a", 2, 5), span("b", 3, 9)}, "p@0/1 c@99/0 a@5/2 m@7/1 b@9/3"},
		{"of a span", []mark{at("m", "a", 7)}, []tracefmt.Event{process, span("a", 2, 5), span("b", 3, 9)}, "p@0/1 a@5/2 m@7/2 b@9/3"},
		{"at the same time", []mark{at("m", "a", 5)}, []tracefmt.Event{process, span("a", 2, 5), span("b", 2, 5), span("c", 2, 6)}, "p@0/1 a@5/2 b@5/2 m@5/2 c@6/2"},
		{"after all", []mark{at("m", "a", 7)}, []tracefmt.Event{process, span("a", 2, 5)}, "p@0/1 a@5/2 m@7/2"},
		{"sorted", []mark{at("n", "a", 8), at("m", "", 7)}, []tracefmt.Event{process, span("a", 2, 5), span("b", 2, 9)}, "p@0/1 a@5/2 m@7/1 n@8/2 b@9/2"},
		{"its span comes late", []mark{at("m", "b", 7)}, []tracefmt.Event{process, span("a", 2, 9), span("b", 3, 5), span("c", 3, 10)}, "p@0/1 a@9/2 b@5/3 m@7/3 c@10/3"},
		{"its span is lost", []mark{at("m", "x", 7)}, []tracefmt.Event{process, span("a", 2, 9)}, "p@0/1 a@9/2 m@7/1"},
	} {
		out := new(list)
		m := newMarker(out, test.marks)
		for _, e := range test.events {
			if err := m.Write(&e); err != nil {
				t.Fatal(err)
			}
		}
		if err := m.Close(); err != nil || !out.closed {
			t.Errorf("%s: Close: %v", test.name, err)
		}
		if got := strings.Join(out.events, " "); got != test.want {
			t.Errorf("%s:\n%s, want\n%s", test.name, got, test.want)
		}
	}
	m := newMarker(new(list), []mark{at("bad", "", 1)})
	if err := m.Write(&tracefmt.Event{Kind: tracefmt.Instant, Time: 2}); !errors.Is(err, errBad) {
		t.Errorf("Write: %v", err)
	}
	out := new(list)
	if err := newMarker(out, []mark{at("bad", "", 1)}).Close(); !errors.Is(err, errBad) || !out.closed {
		t.Errorf("Close: %v", err)
	}
}
