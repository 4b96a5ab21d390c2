package fmttest

import (
	"bytes"
	"io"
	"slices"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"pgregory.net/rapid"
)

func (s suite) roundTrip(t *testing.T) {
	if s.Keeps == 0 {
		t.Skip("the format declares that it keeps no events; see Stable")
	}
	s.same(t, Sample())
}

// concurrent checks that spans of one track that overlap come back on it, with their parents, as do those whose parents are
// on other tracks.
func (s suite) concurrent(t *testing.T) {
	if s.Keeps&tracefmt.KeepsTimes == 0 {
		t.Skip("the format declares that it keeps no slices")
	}
	events := Sample()[:6]
	span := func(start, end int64, id, parent string) {
		events = append(events, tracefmt.Event{Kind: tracefmt.Complete, Track: 2, Time: start, Dur: end - start,
			Name: "span " + id, Category: tracefmt.CategorySpan, ID: id, Parent: parent})
	}
	span(1000, 9000, "a", "")
	span(1500, 6000, "b", "a")
	span(2000, 7000, "c", "a")        // overlaps its sibling
	span(2500, 3000, "d", "c")        // on its parent's lane
	span(4000, 4500, "other", "")     // has nothing to do with what it is in the time of
	span(5000, 12_000, "late", "a")   // outlives its parent
	span(13_000, 14_000, "lost", "x") // of a parent that isn't there
	for i := range int64(20) {
		span(20_000+i, 30_000+i, "many"+string('a'+rune(i)), "")
	}
	for i, track := range []tracefmt.TrackID{3, 5, 5} { // its children elsewhere: on another track, and in another process
		events = append(events, tracefmt.Event{Kind: tracefmt.Complete, Track: track, Time: 40_000 + int64(i)*100, Dur: 1000, Name: "elsewhere",
			Category: tracefmt.CategorySpan, ID: "elsewhere" + string('a'+rune(i)), Parent: "manyt"})
	}
	s.same(t, events)
}

func (s suite) randomRoundTrip(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		events := s.possible(Events(r))
		var out bytes.Buffer
		w := s.NewWriter(&out)
		for i := range events {
			if err := w.Write(&events[i]); err != nil {
				r.Fatalf("Write: %v", err)
			}
		}
		if err := w.Close(); err != nil {
			r.Fatalf("Close: %v", err)
		}
		back, err := ReadAll(s.NewReader(bytes.NewReader(out.Bytes())))
		if err != nil {
			r.Fatalf("reading back: %v\n%s", err, out.Bytes())
		}
		if got, want := s.content(back).String(), s.content(events).String(); got != want {
			r.Fatalf("read back:\n%s\nwant:\n%s", got, want)
		}
		if losses := tracefmt.LossesOf(w); s.Keeps == tracefmt.KeepsAll && len(losses) > 0 {
			r.Fatalf("losses: %v", losses)
		}
	})
}

// deterministic checks that the same events become the same bytes, and some without any.
func (s suite) deterministic(t *testing.T) {
	for _, events := range [][]tracefmt.Event{Sample(), nil} {
		once, _ := s.write(t, events)
		again, _ := s.write(t, events)
		if len(once) == 0 || !bytes.Equal(once, again) {
			t.Errorf("writing the same %d events twice gives %d and %d different bytes", len(events), len(once), len(again))
		}
	}
}

// random writes valid streams of events, and expects no errors.
func (s suite) random(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		w := s.NewWriter(io.Discard)
		for _, e := range Events(r) {
			if err := w.Write(&e); err != nil {
				r.Fatalf("Write: %v", err)
			}
		}
		if err := w.Close(); err != nil {
			r.Fatalf("Close: %v", err)
		}
	})
}

// stable checks that writing is deterministic, and that what is read back is written as the same bytes.
func (s suite) stable(t *testing.T) {
	once, _ := s.write(t, Sample())
	again, _ := s.write(t, Sample())
	if !bytes.Equal(once, again) {
		t.Error("writing the same events twice gives different bytes")
	}
	if back, _ := s.write(t, s.read(t, once)); !bytes.Equal(once, back) {
		t.Errorf("writing what was read gives different bytes:\n%s\nwant:\n%s", back, once)
	}
}

// losses checks that kinds of events that aren't kept are counted, and that nothing else is.
func (s suite) losses(t *testing.T) {
	if _, losses := s.write(t, Sample()); s.Keeps == tracefmt.KeepsAll && len(losses) > 0 {
		t.Errorf("declares to keep all, but lost %v", losses)
	}
	for _, e := range Sample() {
		if Kept(e.Kind, s.Keeps) || e.Kind == tracefmt.Clock && s.Keeps&tracefmt.KeepsClock == 0 {
			continue
		}
		switch e.Kind {
		case tracefmt.Begin, tracefmt.End, tracefmt.Complete, tracefmt.AsyncBegin, tracefmt.AsyncEnd, tracefmt.Process, tracefmt.Track:
			continue // they leave a trace, if not all of it
		}
		data, losses := s.write(t, []tracefmt.Event{e})
		if s.NewReader != nil && slices.ContainsFunc(s.read(t, data), func(back tracefmt.Event) bool {
			return back.Kind == e.Kind && back.Name == e.Name
		}) {
			continue // it comes back, if not exactly
		}
		if len(losses) == 0 {
			t.Errorf("%v isn't kept, and not counted either", e.Kind)
		}
	}
}

// timeOrder writes events whose times go back and forth.
func (s suite) timeOrder(t *testing.T) {
	events := []tracefmt.Event{
		{Kind: tracefmt.Process, Track: 1, SourceID: tracefmt.Int64(1), Name: "p"},
		{Kind: tracefmt.Track, Track: 2, Process: 1, SourceID: tracefmt.Int64(1), Name: "a"},
		{Kind: tracefmt.Complete, Track: 2, Time: 5000, Dur: 10, Name: "late"},
		{Kind: tracefmt.Complete, Track: 2, Time: -300, Dur: 100, Name: "before zero"},
		{Kind: tracefmt.Complete, Track: 2, Time: 20, Dur: 7, Name: "early"},
		{Kind: tracefmt.Complete, Track: 2, Time: 10, Dur: 100, Name: "around early"},
	}
	s.same(t, events)
}
