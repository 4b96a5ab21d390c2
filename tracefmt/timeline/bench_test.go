package timeline_test

import (
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/timeline"
)

// traceOf returns the events of a trace with slices that nest, as begins and ends or whole, and log lines: track by
// track, or in the order of time.
func traceOf(n int, whole, byTrack bool) []tracefmt.Event {
	const tracks = 8
	var events []tracefmt.Event
	add := func(i int) {
		track := tracefmt.TrackID(i%tracks + 2)
		if byTrack {
			track = tracefmt.TrackID(i/(n/tracks+1) + 2)
		}
		at := int64(i) * 1000
		if byTrack {
			at = int64(i%(n/tracks+1)) * 1000 * tracks
		}
		name := [...]string{"read", "write", "wait", "send"}[i%4]
		e := tracefmt.Event{Track: track, Time: at, Name: name, Category: "op", Attrs: []tracefmt.Attr{
			{Key: "n", Value: tracefmt.Int64(int64(i))}, {Key: "dataset", Value: tracefmt.String("tank/db")}}}
		switch {
		case whole:
			e.Kind, e.Dur = tracefmt.Complete, 3000
			events = append(events, e)
		default:
			e.Kind = tracefmt.Begin
			end := tracefmt.Event{Kind: tracefmt.End, Track: track, Time: at + 700}
			events = append(events, e, end)
		}
		if i%4 == 0 {
			events = append(events,
				tracefmt.Event{Kind: tracefmt.Log, Track: track, Time: at + 100, Name: "a line", Severity: 9})
		}
	}
	for i := range n {
		add(i)
	}
	return events
}

// BenchmarkTimeline puts 100,000 slices into normal form.
func BenchmarkTimeline(b *testing.B) {
	for _, bb := range []struct {
		name           string
		whole, byTrack bool
		memory         int64
	}{
		{"sorted", true, false, 0}, {"begins", false, false, 0},
		{"track-by-track", true, true, 0}, {"begins-track-by-track", false, true, 0},
		{"sorted-on-disk", true, false, 4 << 20}, {"begins-track-by-track-on-disk", false, true, 4 << 20},
	} {
		events := traceOf(100_000, bb.whole, bb.byTrack)
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				t := timeline.Timeline{Memory: bb.memory}
				for i := range events {
					t.Add(&events[i])
				}
				for range t.Events() {
				}
				t.Close()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(events)), "ns/event")
		})
	}
}
