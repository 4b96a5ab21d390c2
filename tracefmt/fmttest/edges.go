package fmttest

import (
	"math"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
)

// unmatchedEnds checks that ends without a begin are counted and harm nothing else.
func (s suite) unmatchedEnds(t *testing.T) {
	good := []tracefmt.Event{
		{Kind: tracefmt.Process, Track: 1, SourceID: tracefmt.Int64(1), Name: "p"},
		{Kind: tracefmt.Track, Track: 2, Process: 1, SourceID: tracefmt.Int64(1), Name: "a"},
		{Kind: tracefmt.Begin, Track: 2, Time: 10, Name: "one"},
		{Kind: tracefmt.End, Track: 2, Time: 20},
	}
	events := append(good[:4:4], tracefmt.Event{Kind: tracefmt.End, Track: 2, Time: 30},
		tracefmt.Event{Kind: tracefmt.AsyncEnd, Track: 2, Time: 30, Category: "c", Key: "k"})
	data, losses := s.write(t, events)
	if len(losses) == 0 {
		t.Error("an end without a begin isn't counted")
	}
	Diff(t, "what is left", s.content(s.read(t, data)), s.content(good))
}

func (s suite) largeNumbers(t *testing.T) {
	const far = math.MaxInt64 / 2000 * 1000
	attrs := []tracefmt.Attr{
		{Key: "a", Value: tracefmt.Int64(math.MaxInt64)}, {Key: "b", Value: tracefmt.Int64(math.MinInt64)},
		{Key: "c", Value: tracefmt.Uint64(math.MaxUint64)}, {Key: "d", Value: tracefmt.Float64(math.MaxFloat64)},
		{Key: "e", Value: tracefmt.Float64(math.SmallestNonzeroFloat64)}, {Key: "f", Value: tracefmt.Float64(0)},
		{Key: "g", Value: tracefmt.Float64(math.Copysign(0, -1))}, {Key: "h", Value: tracefmt.Float64(1 << 60)},
		{Key: "i", Value: tracefmt.Int64(1<<53 + 1)},
	}
	events := []tracefmt.Event{
		{Kind: tracefmt.Process, Track: 1, SourceID: tracefmt.Int64(math.MaxInt64), Name: "p"},
		{Kind: tracefmt.Track, Track: 2, Process: 1, SourceID: tracefmt.Int64(math.MaxInt64), Name: "a", Order: math.MinInt64},
		{Kind: tracefmt.Complete, Track: 2, Time: -far, Dur: far + 1, Name: "long", Attrs: attrs},
		{Kind: tracefmt.Complete, Track: 2, Time: 1753000000_123456789, Dur: 1, Name: "ns of an epoch"},
		{Kind: tracefmt.Complete, Track: 2, Time: far, Dur: far - 1, Name: "late"},
	}
	s.same(t, events)
	if s.Keeps&tracefmt.KeepsAttrs == 0 {
		return
	}
	for _, f := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		e := tracefmt.Event{Kind: tracefmt.Complete, Track: 2, Attrs: []tracefmt.Attr{{Key: "x", Value: tracefmt.Float64(f)}}}
		data, losses := s.write(t, []tracefmt.Event{e})
		back := s.read(t, data)
		if got := back[len(back)-1].Attr("x"); got.Kind() != tracefmt.Float64Value && (len(losses) == 0 || got.IsZero()) {
			t.Errorf("%v comes back as %v, and the loss isn't counted", f, got)
		}
	}
}

var oddStrings = []string{
	"", " ", "a b 7", "a;b", "#", "%3B", `"`, `\`, `\u0041`, "\n", "\r\n", "\t", "\x00", "\x01\x1f\x7f", "/", "</script>",
	"\u2028\u2029", "\ufeff", "\ufffd", "é", "e\u0301", "日本語", "😀", "\U0010ffff", "null", "{}", "spanstack.id",
	strings.Repeat("long ", 20_000),
}

func (s suite) oddStrings(t *testing.T) {
	events := []tracefmt.Event{{Kind: tracefmt.Process, Track: 1, SourceID: tracefmt.String("p\"\n"), Name: "p\"\n"}}
	for i, text := range oddStrings {
		id := tracefmt.TrackID(i + 2)
		when := int64(i) * 100
		events = append(events,
			tracefmt.Event{Kind: tracefmt.Track, Track: id, Process: 1, SourceID: tracefmt.Int64(int64(i)), Name: text},
			tracefmt.Event{Kind: tracefmt.Begin, Track: id, Time: when, Name: text, Category: "c" + text, ID: text, Parent: text,
				Attrs: []tracefmt.Attr{{Key: "k" + text, Value: tracefmt.String(text)}}},
			tracefmt.Event{Kind: tracefmt.Log, Track: id, Time: when + 1, Name: text, Severity: tracefmt.SeverityInfo},
			tracefmt.Event{Kind: tracefmt.Counter, Track: id, Time: when + 1, Name: text, Key: text,
				Attrs: []tracefmt.Attr{{Key: text, Value: tracefmt.Int64(1)}}},
			tracefmt.Event{Kind: tracefmt.FlowStart, Track: id, Time: when + 2, Name: text, Category: text, Key: "f" + text},
			tracefmt.Event{Kind: tracefmt.FlowEnd, Track: id, Time: when + 3, Name: text, Category: text, Key: "f" + text},
			tracefmt.Event{Kind: tracefmt.AsyncBegin, Track: id, Time: when + 4, Name: text, Category: text, Key: "k" + text},
			tracefmt.Event{Kind: tracefmt.AsyncEnd, Track: id, Time: when + 5, Name: text, Category: text, Key: "k" + text},
			tracefmt.Event{Kind: tracefmt.End, Track: id, Time: when + 10})
	}
	s.same(t, events)

	// What isn't UTF-8 may come back with replacement characters, but must not break anything.
	bad := "a\xffb\xc3"
	data, _ := s.write(t, []tracefmt.Event{{Kind: tracefmt.Complete, Track: 1, Dur: 5, Name: bad,
		Attrs: []tracefmt.Attr{{Key: bad, Value: tracefmt.String(bad)}}}})
	back := s.read(t, data)
	if got := back[len(back)-1].Name; got != bad && got != "a\ufffdb\ufffd" {
		t.Errorf("a name that isn't UTF-8 comes back as %q", got)
	}
}

// empty writes a trace without events.
func (s suite) empty(t *testing.T) {
	data, losses := s.write(t, nil)
	if len(losses) > 0 {
		t.Errorf("losses: %v", losses)
	}
	for _, e := range s.read(t, data) {
		if e.Kind.Timed() {
			t.Errorf("there is a %v in an empty trace", e.Kind)
		}
	}
}
