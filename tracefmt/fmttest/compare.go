package fmttest

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
)

// Content is what a stream of events says, in a form in which streams from different readers can be compared: tracks
// go by their names' sources instead of by number, and repeated metadata is merged.
type Content struct {
	Meta  []string // sorted
	Timed []string // in the order of the stream
}

func (c Content) String() string {
	return strings.Join(c.Meta, "\n") + "\n\n" + strings.Join(c.Timed, "\n")
}

// ContentOf returns the content of events, as far as keeps says that a format keeps it.
func ContentOf(events []tracefmt.Event, keeps tracefmt.Feature) Content {
	known := make(map[tracefmt.TrackID]*tracefmt.Event)
	for i := range events {
		e := &events[i]
		if e.Kind != tracefmt.Process && e.Kind != tracefmt.Track {
			continue
		}
		old := known[e.Track]
		if old == nil {
			known[e.Track] = e.Clone()
			continue
		}
		if e.Name != "" {
			old.Name = e.Name
		}
		if !e.SourceID.IsZero() {
			old.SourceID = e.SourceID
		}
		if e.Order != 0 {
			old.Order = e.Order
		}
		for _, a := range e.Attrs {
			old.Attrs = slices.DeleteFunc(old.Attrs, func(b tracefmt.Attr) bool { return a.Key == b.Key })
			old.Attrs = append(old.Attrs, a)
		}
	}
	place := func(id tracefmt.TrackID) string {
		e := known[id]
		switch {
		case id == 0:
			return "whole"
		case e == nil:
			return fmt.Sprintf("undeclared %d", id)
		case e.Kind == tracefmt.Track && known[e.Process] != nil:
			return fmt.Sprintf("%v/%v", known[e.Process].SourceID, e.SourceID)
		}
		return e.SourceID.String()
	}
	var c Content
	for id, e := range known {
		if keeps&tracefmt.KeepsTracks != 0 {
			c.Meta = append(c.Meta, fmt.Sprintf("%v %s %q order %d %s", e.Kind, place(id), e.Name, e.Order, attrText(e.Attrs)))
		}
	}
	slices.Sort(c.Meta)
	for i := range events {
		if e := &events[i]; e.Kind.Timed() && Kept(e.Kind, keeps) {
			c.Timed = append(c.Timed, text(e, place, keeps))
		}
	}
	return c
}

// Kept reports whether a format with these features keeps events of this kind at all.
func Kept(k tracefmt.Kind, keeps tracefmt.Feature) bool {
	switch k {
	case tracefmt.Clock:
		return keeps&tracefmt.KeepsClock != 0
	case tracefmt.Instant:
		return keeps&tracefmt.KeepsInstants != 0
	case tracefmt.Log:
		return keeps&tracefmt.KeepsLogs != 0
	case tracefmt.Counter:
		return keeps&tracefmt.KeepsCounters != 0
	case tracefmt.FlowStart, tracefmt.FlowStep, tracefmt.FlowEnd:
		return keeps&tracefmt.KeepsFlows != 0
	case tracefmt.AsyncBegin, tracefmt.AsyncInstant, tracefmt.AsyncEnd:
		return keeps&tracefmt.KeepsAsync != 0
	case tracefmt.Begin, tracefmt.End, tracefmt.Complete:
		return keeps&tracefmt.KeepsTimes != 0
	}
	return true
}

// text writes an event with the fields that its kind has.
func text(e *tracefmt.Event, place func(tracefmt.TrackID) string, keeps tracefmt.Feature) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v", e.Kind)
	if e.Kind != tracefmt.Clock && keeps&tracefmt.KeepsTracks != 0 {
		fmt.Fprintf(&b, " on %s", place(e.Track))
	}
	fmt.Fprintf(&b, " at %d", e.Time)
	switch e.Kind {
	case tracefmt.Clock:
		fmt.Fprintf(&b, " unix %d", e.Unix)
		return b.String()
	case tracefmt.End:
	default:
		fmt.Fprintf(&b, " %q cat %q", e.Name, e.Category)
		if keeps&tracefmt.KeepsIDs != 0 {
			fmt.Fprintf(&b, " id %q parent %q", e.ID, e.Parent)
		}
		if e.Key != "" && e.Key != e.ID {
			fmt.Fprintf(&b, " key %q", e.Key)
		}
	}
	switch e.Kind {
	case tracefmt.Complete:
		fmt.Fprintf(&b, " dur %d", e.Dur)
	case tracefmt.Log:
		fmt.Fprintf(&b, " severity %v", e.Severity)
	case tracefmt.FlowEnd:
		fmt.Fprintf(&b, " next %v", e.BindNext)
	}
	if keeps&tracefmt.KeepsAttrs != 0 {
		b.WriteString(" " + attrText(e.Attrs))
	}
	return b.String()
}

func attrText(attrs []tracefmt.Attr) string {
	var b strings.Builder
	b.WriteString("{")
	for _, a := range attrs {
		fmt.Fprintf(&b, " %q:%d:%q", a.Key, a.Value.Kind(), a.Value.String())
	}
	return b.String() + " }"
}

// ReadAll returns copies of all events of r, and the error that ended them: nil at the regular end.
func ReadAll(r tracefmt.Reader) ([]tracefmt.Event, error) {
	var events []tracefmt.Event
	for {
		e, err := r.Next()
		if err == io.EOF {
			return events, nil
		}
		if err != nil {
			return events, err
		}
		events = append(events, *e.Clone())
	}
}

// Diff fails the test if two contents differ, and shows the first difference.
func Diff(t testing.TB, what string, got, want Content) {
	t.Helper()
	diffLines(t, what+", metadata", got.Meta, want.Meta)
	diffLines(t, what+", events", got.Timed, want.Timed)
}

func diffLines(t testing.TB, what string, got, want []string) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			t.Fatalf("%s: %d, want %d; the first missing is\n  %.600s", what, len(got), len(want), want[i])
		case i >= len(want):
			t.Fatalf("%s: %d, want %d; the first too many is\n  %.600s", what, len(got), len(want), got[i])
		case got[i] != want[i]:
			t.Fatalf("%s: number %d is\n  %.600s\nwant\n  %.600s", what, i, got[i], want[i])
		}
	}
}
